//! Taking leave: the aggregator is told before the agent goes, so that no round waits for it.

use crate::worker::Worker;
use heijunka_units::Timestamp;
use heijunka_wire::Purpose;

/// The agent is about to go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaving {
    /// Seconds until it is back.
    pub(crate) away_s: u32,
    /// A Join has said so.
    pub(crate) told: bool,
    /// The aggregator has answered it: rounds that it begins from then on do not count on this agent.
    pub(crate) received: bool,
}

impl Worker<'_> {
    pub(crate) fn leave(&mut self, now: Timestamp, away_s: u32) {
        self.leaving = Some(Leaving { away_s: away_s.max(1), told: false, received: false });
        self.announce_due |= self.joined();
        self.announce.reset(now);
    }

    /// The answer to a Join that said so is the receipt.
    pub(crate) fn note_receipt(&mut self) {
        if let Some(leaving) = &mut self.leaving {
            leaving.received |= leaving.told;
        }
    }

    /// Whether the agent may go: nobody counts on it, or the aggregator knows that it goes and has all it awaits of it.
    pub fn may_leave(&self) -> bool {
        let Some(leaving) = self.leaving else { return false };
        if !self.connected || !self.joined() {
            return !self.is_busy();
        }
        leaving.received && !self.is_busy() && !self.compute_due && self.answer_next.is_none() && !self.is_awaited()
    }

    /// A round that this agent counts in is not answered, or is about to begin: shares are told just before.
    fn is_awaited(&self) -> bool {
        let Some(assign) = self.share().filter(|assign| !assign.probe) else { return false };
        let Some(current) = self.current else { return assign.samples > 0 };
        let amount = match current.head.purpose() {
            Purpose::Train => assign.samples,
            Purpose::Score => assign.held_out_rows,
        };
        let unanswered = current.head.allocation == assign.version && current.answer.is_none();
        amount > 0 && (unanswered || current.head.allocation < assign.version)
    }
}
