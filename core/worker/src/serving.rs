//! The agent's share, and the rounds that it serves with it.
//!
//! ```text
//!   enter ─> model comes ─> complete ─┬─> compute_due ─> taken ─> answered ─> next round
//!                                     └─> the share does not count in this round: nothing
//! ```
//!
//! A probe that is being computed when the next round begins is finished first: it is then `probing`, beside the current round.

use crate::current::{Answer, Current};
use core::time::Duration;
use heijunka_units::{AllocationVersion, RoundId, Samples, Timestamp};
use heijunka_wire::{Ask, Assign, DataMode, Extra, Purpose, Refusal, Share, Work};

/// Share and rounds.
#[derive(Debug, Default)]
pub(crate) struct Serving {
    assign: Option<Assign>,
    current: Option<Current>,
    /// An older round whose probe is not yet answered. The current one begins after it.
    probing: Option<Current>,
    compute_due: bool,
    abandon_due: bool,
    /// The agent's own position in its stream of samples (private data).
    cursor: u64,
}

/// Work that the driver is asked for, but for the model.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task {
    Score {
        round: RoundId,
        first: u32,
        rows: u32,
    },
    Compute {
        round: RoundId,
        position: u64,
        samples: Samples,
        local_steps: u16,
        stride: u64,
        learning_rate: f32,
        extra: bool,
        stop_after: Option<Duration>,
    },
}

/// What becomes of another agent's range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExtraStep {
    /// It is not for now.
    None,
    /// It is answered already.
    SendAgain,
    /// It is computed now.
    Begin,
}

impl Serving {
    /// Another job: neither share nor round count there.
    pub(crate) fn forget(&mut self) {
        *self = Self { abandon_due: self.abandon_due || self.is_busy(), cursor: self.cursor, ..Self::default() };
    }

    /// The share, unless it has been refused one.
    pub(crate) fn share(&self) -> Option<Share> {
        self.assign.and_then(|assign| assign.share())
    }

    /// Whether the aggregator has answered at all.
    pub(crate) fn is_assigned(&self) -> bool {
        self.assign.is_some()
    }

    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.assign.and_then(|assign| assign.refusal())
    }

    /// The division that the share belongs to.
    pub(crate) fn version(&self) -> Option<AllocationVersion> {
        self.assign.map(|assign| assign.version())
    }

    /// Replaces the share; whether it is another one.
    pub(crate) fn assign(&mut self, assign: Assign) -> bool {
        self.assign.replace(assign) != Some(assign)
    }

    pub(crate) fn current(&self) -> Option<&Current> {
        self.current.as_ref()
    }

    /// Whether the current round is of the division that the share belongs to.
    pub(crate) fn counts(&self) -> bool {
        self.current.map(|current| current.head.allocation) == self.version()
    }

    /// The driver is computing.
    pub(crate) fn is_busy(&self) -> bool {
        self.probing.iter().chain(&self.current).any(Current::is_busy)
    }

    pub(crate) fn is_computation_due(&self) -> bool {
        self.compute_due
    }

    /// Whether to inform the driver now that what it computes is not needed.
    pub(crate) fn take_abandon(&mut self) -> bool {
        core::mem::take(&mut self.abandon_due)
    }

    /// Whether to ask the driver for work now.
    pub(crate) fn take_computation(&mut self) -> bool {
        self.probing.is_none() && core::mem::take(&mut self.compute_due)
    }

    /// Nothing is computed until share and round are compared again.
    pub(crate) fn hold(&mut self) {
        self.compute_due = false;
    }

    /// The present round is left for the next one. Returns its head if its result is missing, and was not asked for in place of
    /// another agent's.
    pub(crate) fn leave_round(&mut self) -> Option<Ask> {
        if let Some(current) = self.current.take_if(|current| current.is_busy() && current.probe) {
            self.probing = Some(current);
        }
        let current = self.current?;
        let asked = current.taken || (self.compute_due && self.probing.is_none());
        if !asked || current.answer.is_some() {
            return None;
        }
        self.abandon_due |= current.taken;
        current.extra.is_none().then_some(current.head)
    }

    /// The next round begins; whether what is left of the last answer is of no use any more.
    pub(crate) fn enter_round(&mut self, round: Ask, now: Timestamp) -> bool {
        self.current = Some(Current::new(round, now));
        self.compute_due = false;
        self.probing.is_none_or(|probing| probing.is_busy())
    }

    /// The round begins from the start with its next chunk.
    pub(crate) fn restart_round(&mut self) {
        self.current = None;
    }

    /// The model of that round is there.
    pub(crate) fn complete(&mut self, round: RoundId) {
        if let Some(current) = self.current.as_mut().filter(|current| current.head.round == round) {
            current.complete = true;
        }
    }

    /// Wants the round's work done once model and share are both there.
    pub(crate) fn begin_if_ready(&mut self, now: Timestamp) {
        let share = self.share();
        let (Some(current), Some(share)) = (self.current.as_mut(), share) else { return };
        if current.extra.is_some() && !current.taken {
            self.compute_due = true;
            return;
        }
        if !current.complete || current.taken || current.head.allocation != share.version {
            return;
        }
        if amount(&current.head, &share) > 0 {
            current.started = now;
            self.compute_due = true;
        }
    }

    /// Another agent's range of the current round. That it comes is the receipt of the answer before.
    pub(crate) fn take_extra(&mut self, extra: Extra, doubtful: bool) -> ExtraStep {
        let share = self.share();
        let Some(current) = self.current.as_mut().filter(|_| self.probing.is_none()) else { return ExtraStep::None };
        let meant = current.complete && current.head.round == extra.round && current.head.digest == extra.digest;
        if !meant || current.head.purpose() != Purpose::Train {
            return ExtraStep::None;
        }
        // An agent that sits the round out may be asked for nothing but this.
        let idle = share.is_some_and(|share| share.samples == 0 && share.version == current.head.allocation);
        match (current.extra_next.or(current.extra), current.answer) {
            // Its own range comes first.
            (None, None) if !idle || current.taken => ExtraStep::None,
            (Some(known), _) if extra.number < known.number && !doubtful => ExtraStep::None,
            (Some(known), Some(_)) if extra.number == known.number => ExtraStep::SendAgain,
            (Some(known), None) if extra.number == known.number => ExtraStep::None,
            (Some(_), None) if current.taken => {
                current.extra_next = Some(extra);
                ExtraStep::None
            }
            _ => ExtraStep::Begin,
        }
    }

    /// Computes another agent's range, in place of anything else in this round.
    pub(crate) fn begin_extra(&mut self, extra: Extra, now: Timestamp) {
        let Some(current) = self.current.as_mut() else { return };
        *current = Current { complete: true, extra: Some(extra), ..Current::new(current.head, now) };
        self.compute_due = true;
    }

    /// The work that is due, which is then in the driver's hands.
    pub(crate) fn start(&mut self, data_mode: DataMode, now: Timestamp) -> Option<Task> {
        let (share, cursor) = (self.share()?, self.cursor);
        let current = self.current.as_mut()?;
        current.taken = true;
        let round = current.head.round;
        let Work::Train(train) = current.head.work else {
            return Some(Task::Score { round, first: share.held_out_offset, rows: share.held_out_rows });
        };
        let samples = current.extra.map_or(share.samples, |extra| extra.samples);
        current.offset = current.extra.map_or(share.offset, |extra| extra.offset);
        current.probe = share.probe && current.extra.is_none();
        let (position, stride) = match data_mode {
            DataMode::Shared => {
                (train.first_position.wrapping_add(u64::from(current.offset)), u64::from(train.batch_samples))
            }
            DataMode::Private => (cursor, u64::from(samples)),
        };
        let stops = train.stop_us > 0 && !current.probe && current.extra.is_none();
        let stop_after = stops.then(|| {
            let stop = Duration::from_micros(u64::from(train.stop_us));
            let network = Duration::from_micros(u64::from(share.network_us));
            stop.saturating_sub(network).saturating_sub(now.since(current.begun))
        });
        let extra = current.extra.is_some();
        let (local_steps, learning_rate) = (train.local_steps, train.learning_rate);
        Some(Task::Compute { round, position, samples, local_steps, stride, learning_rate, extra, stop_after })
    }

    /// The round that the driver's result belongs to.
    pub(crate) fn awaiting(&mut self, round: RoundId, purpose: Purpose) -> Option<&mut Current> {
        let expected = |current: &&mut Current| {
            current.head.round == round && current.head.purpose() == purpose && current.is_busy()
        };
        self.probing.iter_mut().chain(&mut self.current).find(expected)
    }

    /// A probe could not be computed: it must not keep the next round waiting.
    pub(crate) fn drop_probe(&mut self, round: RoundId) {
        self.probing = self.probing.filter(|probing| probing.head.round != round);
    }

    /// The next samples of the agent's own stream come after these.
    pub(crate) fn advance(&mut self, samples: u64) {
        self.cursor = self.cursor.wrapping_add(samples);
    }

    /// The round whose answer is sent first.
    pub(crate) fn answering(&self) -> Option<Current> {
        self.probing.or(self.current)
    }

    /// All of the answer is sent.
    pub(crate) fn answer_sent(&mut self) {
        self.probing = None;
    }

    /// When the gradient of the current round was computed.
    pub(crate) fn computed_at(&self) -> Option<Timestamp> {
        match self.current.and_then(|current| current.answer) {
            Some(Answer::Gradient { computed_at, .. }) => Some(computed_at),
            _ => None,
        }
    }

    /// A round that this agent counts in is not answered, or is about to begin: shares come just before.
    pub(crate) fn is_awaited(&self) -> bool {
        let Some(share) = self.share().filter(|share| !share.probe) else { return false };
        let Some(current) = self.current else { return share.samples > 0 };
        let unanswered = current.head.allocation == share.version && current.answer.is_none();
        amount(&current.head, &share) > 0 && (unanswered || current.head.allocation < share.version)
    }
}

/// Samples or rows that the round asks of the share.
fn amount(round: &Ask, share: &Share) -> u32 {
    match round.purpose() {
        Purpose::Train => share.samples,
        Purpose::Score => share.held_out_rows,
    }
}
