//! The hours of `train_only` against the wall clock.

use crate::config::Valid;
use crate::hours::{Hours, shown};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::time::{Duration, Instant};
use tracing::warn;

/// The wall clock is looked at so often at least: it may be set, and the machine may have slept.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// How long an agent that takes leave may still be busy with what it is awaited for. Then it goes all the same: the hours
/// are a promise to the machine's first job, and others compute what is missing.
const GRACE: Duration = Duration::from_secs(60);
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
    /// The agent is being stopped.
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
    /// It is time to go, whatever is in hand.
    Late,
}

impl Shift {
    pub(crate) fn new(valid: &Valid) -> Self {
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
        self.away_until().unwrap_or_else(|| "now".to_owned())
    }

    /// The hours are on: work begins.
    pub(crate) fn begin(&mut self) {
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

    /// When the hours begin, as people write it; `None` while they are on.
    pub(crate) fn away_until(&self) -> Option<String> {
        self.begins().map(|begins| shown(&self.zone, begins))
    }

    /// How long to rest at most before the clock is looked at again.
    pub(crate) fn rest(&self) -> Duration {
        self.until(true).map_or(LOOK_EVERY, |until| until.min(LOOK_EVERY))
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
