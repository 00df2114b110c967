//! Publishing through the outbox, and what is forgotten of it.

use super::Coordinator;
use crate::contract::Phase;
use crate::event::Event;
use crate::outbox::DownlinkView;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_units::AgentId;
use heijunka_wire::Channel;

/// Models that take less time to send are not reported.
const REPORTED_FROM: Duration = Duration::from_secs(1);

impl Coordinator {
    /// How the cap on what is sent is kept to; `None` without one.
    pub fn downlink(&self) -> Option<DownlinkView> {
        self.outbox.downlink()
    }

    pub(crate) fn publish(&mut self, channel: Channel, agent: Option<AgentId>, bytes: Vec<u8>) {
        self.outbox.publish(channel, agent, bytes);
    }

    pub(crate) fn release(&mut self) {
        self.outbox.release(self.phase == Phase::Finished);
    }

    /// What has yet to leave of a round that is over is of no use to any agent, and who was to get it does not have it.
    pub(crate) fn forget_round(&mut self) {
        let of_round = |channel| matches!(channel, Channel::Round | Channel::Snapshot | Channel::Extra);
        self.forget_waiting(of_round);
    }

    /// Everything is about to be sent again.
    pub(crate) fn forget_all(&mut self) {
        self.forget_waiting(|_| true);
    }

    /// What is published next replaces it.
    pub(crate) fn forget_spec(&mut self) {
        self.forget_waiting(|channel| channel == Channel::Spec);
    }

    fn forget_waiting(&mut self, forgotten: impl Fn(Channel) -> bool) {
        for (channel, agent) in self.outbox.forget(forgotten) {
            let members = self.roster.members.iter_mut();
            let lacks = |name: &AgentId| channel == Channel::Round || agent.as_ref() == Some(name);
            if matches!(channel, Channel::Round | Channel::Snapshot) {
                members.filter(|(name, _)| lacks(name)).for_each(|(_, member)| member.holds = None);
            }
        }
    }

    /// The round's clock begins once its model has left.
    pub(crate) fn begin_when_sent(&mut self) {
        let Some(open) = &mut self.open else { return };
        if let Some(held) = self.outbox.hold(open.clock().started()) {
            open.begin_later(held);
        }
    }

    /// Reports what the cap means for a model whose size is known by now.
    pub(crate) fn report_sending(&mut self, parameters: usize) {
        let Some(cap) = self.plan.downlink else { return };
        let (time, patience) = (cap.time(parameters * 4), &self.plan.patience);
        let too_long = time > patience.first_deadline.min(patience.deadline_max);
        if time >= REPORTED_FROM {
            self.report(Event::SlowModel { bits_per_s: cap.rate.bits_per_s(), parameters, time, too_long });
        }
    }
}
