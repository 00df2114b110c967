//! The connection to the aggregator: when the agent announces itself, what it believes, and whether it is about to leave.

use crate::leaving::Leaving;
use crate::retry::Retry;
use heijunka_units::Timestamp;

/// What is known of the other end.
#[derive(Debug)]
pub(crate) struct Link {
    connected: bool,
    announce: Retry,
    announce_due: bool,
    /// Nothing has come of what is known: the aggregator's next word counts, whatever its number.
    doubtful: bool,
    leaving: Option<Leaving>,
}

impl Link {
    pub(crate) fn new(seed: u64) -> Self {
        let announce = Retry::new(seed);
        Self { connected: false, announce, announce_due: false, doubtful: false, leaving: None }
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.connected
    }

    /// The broker is there. Messages under way may be lost (F2): the aggregator's answer shows what is missing.
    pub(crate) fn connect(&mut self, now: Timestamp, announce: bool) {
        self.connected = true;
        self.announce_now(announce, now);
    }

    pub(crate) fn disconnect(&mut self) {
        self.connected = false;
        self.announce.stop();
    }

    /// Something new has come: the wait for the next announcement begins again, at its shortest.
    pub(crate) fn progress(&mut self, now: Timestamp) {
        self.announce.reset(now);
    }

    /// Announces the agent at once if `wanted`, else after the shortest wait.
    pub(crate) fn announce_now(&mut self, wanted: bool, now: Timestamp) {
        self.announce_due = wanted;
        self.progress(now);
    }

    /// The announcement that was due is answered.
    pub(crate) fn answered(&mut self) {
        self.announce_due = false;
        if let Some(leaving) = &mut self.leaving {
            leaving.answered();
        }
    }

    /// No announcement is due for the present job.
    pub(crate) fn forget(&mut self) {
        self.announce_due = false;
    }

    /// The job is over: nothing is announced until another one comes.
    pub(crate) fn stop(&mut self) {
        self.announce.stop();
    }

    pub(crate) fn is_announcement_due(&self) -> bool {
        self.announce_due
    }

    /// Whether to announce the agent now; the next time is later then.
    pub(crate) fn take_announcement(&mut self, now: Timestamp) -> bool {
        let due = core::mem::take(&mut self.announce_due);
        if due {
            self.announce.back_off(now);
        }
        due
    }

    /// When the next announcement is due.
    pub(crate) fn announce_at(&self) -> Timestamp {
        self.announce.due()
    }

    /// An announcement is not due before the shortest wait from now.
    pub(crate) fn announce_later(&mut self, now: Timestamp) {
        self.announce.put_off(now);
    }

    /// The time for an announcement has come without a word.
    pub(crate) fn doubt(&mut self) {
        (self.announce_due, self.doubtful) = (true, true);
    }

    pub(crate) fn trust(&mut self) {
        self.doubtful = false;
    }

    pub(crate) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    /// The agent's hours are over. `joined`: the aggregator has to know.
    pub(crate) fn leave(&mut self, now: Timestamp, away_s: u32, joined: bool) {
        self.leaving = Some(Leaving::new(away_s));
        self.announce_due |= joined;
        self.progress(now);
    }

    /// The announcement that is being sent says for how many seconds the agent is away: 0 if it stays.
    pub(crate) fn announce_leaving(&mut self) -> u32 {
        self.leaving.as_mut().map_or(0, Leaving::announce)
    }

    /// `None`: the agent stays. Else whether the aggregator has confirmed that it leaves.
    pub(crate) fn leaving(&self) -> Option<bool> {
        self.leaving.as_ref().map(Leaving::is_confirmed)
    }
}
