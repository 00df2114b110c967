//! From one stretch of `train_only` hours to the next: work, take leave, rest, begin anew.

use crate::config::Valid;
use crate::driver::work;
use crate::hours::{Hours, shown};
use crate::people::State;
use heijunka_bus::{BusEvent, Message, Outage};
use heijunka_program::{Service, Signals};
use heijunka_settings::Failure;
use heijunka_wire::{Channel, Topics};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// The wall clock is looked at so often at least: it may be set, and the machine may have slept.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// How long an agent that takes leave may still be busy with what it is awaited for. Then it goes all the same: the hours
/// are a promise to the machine's first job, and others compute what is missing.
const GRACE: Duration = Duration::from_secs(60);
/// How long telling a state may take.
const TELL: Duration = Duration::from_secs(5);

/// The hours against the wall clock.
#[derive(Clone, Debug)]
pub(crate) struct Shift {
    hours: Option<Hours>,
    zone: TimeZone,
    look_at: Instant,
    gone_by: Option<Instant>,
}

/// Why a stretch of work is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Parting {
    /// Somebody stops the agent.
    Stopped,
    /// The hours of `train_only` are.
    HoursOver,
}

/// What the clock says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Nothing new.
    Same,
    /// The hours are over now, and begin again in so many seconds.
    Over { away_s: u32 },
    /// Whoever has not gone by now shall go.
    Late,
}

impl Shift {
    fn new(valid: &Valid) -> Self {
        let zone = TimeZone::try_system().unwrap_or_else(|error| {
            if valid.hours.is_some() {
                warn!("this machine's time zone is not known ({error}): [limits] train_only is taken as UTC");
            }
            TimeZone::UTC
        });
        Self { hours: valid.hours.clone(), zone, look_at: Instant::now(), gone_by: None }
    }

    /// When the hours begin again, as a clock on the wall shows it.
    pub(crate) fn back(&self) -> String {
        self.begins().map_or_else(|| "now".to_owned(), |begins| shown(&self.zone, begins))
    }

    fn begin(&mut self) {
        (self.look_at, self.gone_by) = (Instant::now(), None);
    }

    /// When to look at the clock again.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.hours.as_ref().map(|_| self.gone_by.unwrap_or(self.look_at))
    }

    /// Looks at the clock, if it is time.
    pub(crate) fn look(&mut self) -> Look {
        let now = Instant::now();
        if let Some(gone_by) = self.gone_by {
            return if now >= gone_by { Look::Late } else { Look::Same };
        }
        if self.hours.is_none() || now < self.look_at {
            return Look::Same;
        }
        match self.begins() {
            None => {
                self.look_at = now + self.until(false).map_or(LOOK_EVERY, |until| until.min(LOOK_EVERY));
                Look::Same
            }
            Some(begins) => {
                self.gone_by = Some(now + GRACE);
                let away_s = Timestamp::now().duration_until(begins).as_secs();
                Look::Over { away_s: u32::try_from(away_s).unwrap_or(0).max(1) }
            }
        }
    }

    /// When the hours begin, unless they are on.
    fn begins(&self) -> Option<Timestamp> {
        let hours = self.hours.as_ref()?;
        let now = Timestamp::now();
        if hours.are_on(&self.zone, now) { None } else { hours.next(&self.zone, now, true) }
    }

    /// How long until the hours begin (`on`) or end.
    fn until(&self, on: bool) -> Option<Duration> {
        let now = Timestamp::now();
        let edge = self.hours.as_ref()?.next(&self.zone, now, on)?;
        Duration::try_from(now.duration_until(edge)).ok()
    }
}

/// Works whenever the hours are on, until the agent is stopped.
pub(crate) async fn serve(valid: &Valid) -> Result<(), Failure> {
    let mut service = Service::find(Instant::now());
    let ended = serve_shifts(valid, &mut service).await;
    service.stopping(&ended.as_ref().err().map_or_else(|| "stopped".to_owned(), Failure::to_string));
    ended
}

async fn serve_shifts(valid: &Valid, service: &mut Service) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let mut shift = Shift::new(valid);
    loop {
        if let Some(begins) = shift.begins() {
            let until = shown(&shift.zone, begins);
            info!("[limits] train_only: away until {until}, nothing is sent or computed");
            service.ready(Instant::now(), &format!("away until {until}"));
            tell(valid, State::away(&until)).await;
            if rest(&shift, &mut signals, service).await == Parting::Stopped {
                tell(valid, State::ended("stopped")).await;
                return Ok(());
            }
        }
        shift.begin();
        if work(valid, &mut shift, &mut signals, service).await? == Parting::Stopped {
            return Ok(());
        }
    }
}

/// Waits until the hours begin.
async fn rest(shift: &Shift, signals: &mut Signals, service: &mut Service) -> Parting {
    while shift.begins().is_some() {
        let look = shift.until(true).map_or(LOOK_EVERY, |until| until.min(LOOK_EVERY));
        let due = (Instant::now() + look).min(service.due());
        tokio::select! {
            () = tokio::time::sleep_until(due.into()) => {}
            () = signals.received() => return Parting::Stopped,
        }
        service.turn(Instant::now(), true, || format!("away until {}", shift.back()));
    }
    Parting::HoursOver
}

/// Tells people a state without joining anything. A broker that is out of reach is no reason to wait.
async fn tell(valid: &Valid, state: Vec<u8>) {
    let mut config = valid.bus.clone();
    config.client_id += "-state";
    config.session_expiry = Duration::ZERO;
    let topic = Topics::new(valid.site.clone(), valid.job.clone()).of(Channel::AgentState, &valid.agent);
    let Ok((bus, mut events)) = heijunka_bus::start(config) else { return };
    let mut outage = Outage::default();
    let told = tokio::time::timeout(TELL, async {
        while let Some(event) = events.next().await {
            match event {
                BusEvent::Connected { .. } => return,
                BusEvent::Disconnected { reason, retry_in } => {
                    outage.lost(Instant::now(), &reason, retry_in).into_iter().for_each(|told| warn!("{told}"));
                }
                _ => {}
            }
        }
    });
    if told.await.is_ok() && bus.publish(Message::new(topic.as_str(), state).retained()).is_ok() {
        bus.close(TELL).await;
    }
}
