//! `run`: from one stretch of `train_only` hours to the next: work, leave, rest, and work again.

use crate::config::Valid;
use crate::driver::work;
use crate::people::State;
use crate::process::be_nice;
use crate::shift::{Parting, Shift};
use heijunka_bus::{BusEvent, Message, Outage};
use heijunka_program::{Service, Signals, init_logging, runtime};
use heijunka_settings::Failure;
use heijunka_wire::{Channel, Topics};
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// How long publishing a state may take.
const PUBLISH: Duration = Duration::from_secs(5);

/// Runs until the agent is stopped.
pub(crate) fn run(valid: &Valid) -> Result<(), Failure> {
    init_logging(&valid.log)?;
    let runtime = runtime()?;
    be_nice(valid.nice);
    runtime.block_on(serve(valid))
}

/// Works whenever the hours are on, until the agent is stopped.
async fn serve(valid: &Valid) -> Result<(), Failure> {
    let mut service = Service::find(Instant::now());
    let ended = serve_shifts(valid, &mut service).await;
    service.stopping(&ended.as_ref().err().map_or_else(|| "stopped".to_owned(), Failure::to_string));
    ended
}

async fn serve_shifts(valid: &Valid, service: &mut Service) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let mut shift = Shift::new(valid);
    loop {
        if let Some(until) = shift.away_until() {
            info!("[limits] train_only: away until {until}, nothing is sent or computed");
            service.ready(Instant::now(), &format!("away until {until}"));
            publish(valid, State::away(&until)).await;
            if rest(&shift, &mut signals, service).await == Parting::Stopped {
                publish(valid, State::ended("stopped")).await;
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
    while shift.away_until().is_some() {
        let due = (Instant::now() + shift.rest()).min(service.due());
        tokio::select! {
            () = tokio::time::sleep_until(due.into()) => {}
            () = signals.received() => return Parting::Stopped,
        }
        service.turn(Instant::now(), true, || format!("away until {}", shift.back()));
    }
    Parting::HoursOver
}

/// Publishes a state for people without joining anything. Does not wait for a broker that is out of reach.
async fn publish(valid: &Valid, state: Vec<u8>) {
    let mut config = valid.bus.clone();
    config.client_id += "-state";
    config.session_expiry = Duration::ZERO;
    let topic = Topics::new(valid.site.clone(), valid.job.clone()).of(Channel::AgentState, &valid.agent);
    let Ok((bus, mut events)) = heijunka_bus::start(config) else { return };
    let mut outage = Outage::default();
    let connected = tokio::time::timeout(PUBLISH, async {
        while let Some(event) = events.next().await {
            match event {
                BusEvent::Connected { .. } => return,
                BusEvent::Disconnected { reason, retry_in } => {
                    outage.lost(Instant::now(), &reason, retry_in).into_iter().for_each(|line| warn!("{line}"));
                }
                _ => {}
            }
        }
    });
    if connected.await.is_ok() && bus.publish(Message::new(topic.as_str(), state).retained()).is_ok() {
        bus.close(PUBLISH).await;
    }
}
