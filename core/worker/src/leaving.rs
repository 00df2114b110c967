//! Leaving: the aggregator knows before the agent goes, so that no round waits for it.

/// The agent is about to go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaving {
    /// Seconds until it is back, 1 or more.
    away_s: u32,
    /// A Join has said so.
    announced: bool,
    /// The aggregator has answered it: rounds that it begins from then on do not count on this agent.
    confirmed: bool,
}

impl Leaving {
    pub(crate) fn new(away_s: u32) -> Self {
        Self { away_s: away_s.max(1), announced: false, confirmed: false }
    }

    /// A Join says so; returns the seconds.
    pub(crate) fn announce(&mut self) -> u32 {
        self.announced = true;
        self.away_s
    }

    /// The aggregator has answered a Join: if it said so, that is the receipt.
    pub(crate) fn answered(&mut self) {
        self.confirmed |= self.announced;
    }

    pub(crate) fn is_confirmed(&self) -> bool {
        self.confirmed
    }
}
