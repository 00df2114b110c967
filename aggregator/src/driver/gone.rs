//! Agents that are no longer connected: each is reported, and those that never took part only a few times per minute.

use super::Driver;
use crate::people::Absence;
use heijunka_round::Event;
use heijunka_units::AgentId;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// Most reports in a [`WINDOW`]: a login that invents names must not fill the page and the bus.
const REPORTED_MAX: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);

/// How many were reported, and since when.
#[derive(Debug, Default)]
pub(super) struct Gone {
    since: Option<Instant>,
    reported: u32,
}

impl Gone {
    fn may_report(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now >= since + WINDOW) {
            *self = Self { since: Some(now), reported: 0 };
        }
        self.reported = self.reported.saturating_add(1);
        self.reported <= REPORTED_MAX
    }
}

impl Driver<'_> {
    /// Reports an agent that is no longer connected. The mind reports one that took part; of one that could not, it knows
    /// nothing.
    pub(super) fn on_absence(&mut self, agent: &AgentId, absence: Absence) {
        let was_here = self.coordinator.members().any(|member| member.online && member.agent == *agent);
        match absence {
            Absence::Away(reason) => self.progress.print(|| info!("{agent} is away: {reason}")),
            Absence::Lost(reason) if !was_here => {
                if self.gone.may_report(Instant::now()) {
                    self.on_event(&Event::Unable { agent: agent.clone(), reason });
                }
            }
            Absence::Stopped(reason) | Absence::Lost(reason) => {
                self.progress.print(|| warn!("{agent} is offline: {reason}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_names_is_reported_a_few_times_per_minute() {
        let (mut gone, begun) = (Gone::default(), Instant::now());
        let reported = |gone: &mut Gone, now| (0..1000).filter(|_| gone.may_report(now)).count();
        assert_eq!((reported(&mut gone, begun), reported(&mut gone, begun + WINDOW / 2)), (20, 0));
        assert_eq!(reported(&mut gone, begun + WINDOW), 20);
    }
}
