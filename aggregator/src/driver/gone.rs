//! Agents that are gone without having taken part: that is told, but no more often than honest machines give reason to.

use super::Driver;
use crate::people::AgentState;
use heijunka_units::AgentId;
use std::time::{Duration, Instant};

/// So many in a [`WINDOW`]: a login that makes up names is no reason to fill the page and the bus.
const TOLD_MAX: u32 = 20;
const WINDOW: Duration = Duration::from_secs(60);

/// How many were told of since when.
#[derive(Debug, Default)]
pub(super) struct Gone {
    since: Option<Instant>,
    told: u32,
}

impl Gone {
    fn may_tell(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now >= since + WINDOW) {
            *self = Self { since: Some(now), told: 0 };
        }
        self.told = self.told.saturating_add(1);
        self.told <= TOLD_MAX
    }
}

impl Driver<'_> {
    pub(super) fn tell_gone(&mut self, agent: &AgentId, state: &AgentState) {
        let was_here = self.coordinator.members().any(|member| member.online && member.agent == *agent);
        let told = self.progress.tell(|| state.report(agent, was_here));
        if let Some(event) = told.filter(|_| self.gone.may_tell(Instant::now())) {
            self.on_event(&event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_names_is_told_of_a_few_times_a_minute() {
        let (mut gone, begun) = (Gone::default(), Instant::now());
        let told = |gone: &mut Gone, now| (0..1000).filter(|_| gone.may_tell(now)).count();
        assert_eq!((told(&mut gone, begun), told(&mut gone, begun + WINDOW / 2)), (20, 0));
        assert_eq!(told(&mut gone, begun + WINDOW), 20);
    }
}
