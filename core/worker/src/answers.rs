//! What is answered, as it is sent: gradients written by a codec, and scores.
//!
//! Writing gradients keeps a memory (residual and momentum) in units of summed gradients: a contribution is the mean gradient times the
//! samples with shared data, times 1 with data of one's own, which is what the aggregator makes of it. So uneven and
//! changing shares neither lose nor invent anything. What a lost answer carried of it is taken back.

use heijunka_compress::{Memory, Rounding, add, bytes_max, encode};
use heijunka_units::{Codec, RoundId};
use heijunka_wire::{Train, Untaken};

/// Written answers, and the memory of what was not written.
#[derive(Debug)]
pub(crate) struct Answers<'b> {
    gradient: &'b mut [u8],
    scores: &'b mut [u8],
    residual: &'b mut [f32],
    momentum: &'b mut [f32],
    /// What `gradient` holds of the memory, until that is known to have entered a step, or is written over.
    carried: Option<Carried>,
    /// Residual or momentum are not zero.
    remembers: bool,
}

/// A gradient that has been written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) codec: Codec,
    /// Its length.
    pub(crate) bytes: usize,
}

/// How a gradient is to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Writing {
    pub(crate) codec: Codec,
    pub(crate) train: Train,
    /// Its payload is not read: it only has the length of one that counts.
    pub(crate) probe: bool,
    /// In place of another agent: momentum has been given for this round already.
    pub(crate) extra: bool,
    /// By how much it counts in the memory.
    pub(crate) factor: f32,
    /// Of the rounding: another one for each agent, round and range.
    pub(crate) seed: u64,
    pub(crate) round: RoundId,
    /// Where its range begins.
    pub(crate) offset: u32,
}

/// What the last answer carried of the memory, and what it answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried {
    round: RoundId,
    offset: u32,
    codec: Codec,
    bytes: usize,
    factor: f32,
}

impl Carried {
    pub(crate) fn round(&self) -> RoundId {
        self.round
    }

    /// Whether it is the range of which a step was taken without this agent's answer.
    pub(crate) fn is(&self, untaken: Untaken) -> bool {
        untaken == Untaken { round: self.round, offset: self.offset }
    }
}

impl Written {
    /// It means nothing: the payload is empty.
    pub(crate) const NOTHING: Self = Self { codec: Codec::Float32, bytes: 0 };
}

/// How many of `numbers` are kept, one at least.
fn kept(numbers: usize, train: &Train) -> usize {
    ((numbers as u64 * u64::from(train.kept_ppm) / 1_000_000) as usize).max(1)
}

/// Sends all of the residual, which keeps what the writing rounded away.
fn encode_all(codec: Codec, residual: &mut [f32], factor: f32, out: &mut [u8]) -> Option<usize> {
    residual.iter_mut().for_each(|number| *number /= factor);
    let bytes = encode(codec, residual, Rounding::Nearest, out).ok();
    let sent = bytes.and_then(|bytes| out.get(..bytes)).unwrap_or_default();
    let _ = add(codec, sent, -1.0, residual);
    residual.iter_mut().for_each(|number| *number *= factor);
    bytes
}

impl<'b> Answers<'b> {
    pub(crate) fn new(
        gradient: &'b mut [u8],
        scores: &'b mut [u8],
        residual: &'b mut [f32],
        momentum: &'b mut [f32],
    ) -> Self {
        Self { gradient, scores, residual, momentum, carried: None, remembers: false }
    }

    /// Gradient, scores, residual and momentum.
    pub(crate) fn into_buffers(mut self) -> (&'b mut [u8], &'b mut [u8], &'b mut [f32], &'b mut [f32]) {
        self.forget();
        (self.gradient, self.scores, self.residual, self.momentum)
    }

    /// Most bytes of a gradient.
    pub(crate) fn gradient_bytes_max(&self) -> usize {
        self.gradient.len()
    }

    /// Writes a mean gradient. `None` if there is no room for it.
    pub(crate) fn write(&mut self, gradient: &[f32], writing: &Writing) -> Option<Written> {
        let Writing { codec: wanted, train, factor, .. } = *writing;
        let numbers = gradient.len();
        let kept = kept(numbers, &train);
        if writing.probe {
            let bytes = bytes_max(wanted, numbers, kept).min(self.gradient.len());
            return Some(Written { codec: wanted, bytes });
        }
        self.carried = None;
        let remembers = wanted.is_sparse() || train.momentum > 0.0;
        if !remembers || self.residual.len() < numbers || self.momentum.len() < numbers {
            // Without memory for feedback what is dropped would be lost: 8 bits without bias are the least.
            let wanted = if wanted.is_sparse() { Codec::Int8 } else { wanted };
            let bytes = encode(wanted, gradient, Rounding::Stochastic { seed: writing.seed }, self.gradient).ok()?;
            return Some(Written { codec: wanted, bytes });
        }
        self.remembers = true;
        let mut memory =
            Memory { residual: self.residual.get_mut(..numbers)?, momentum: self.momentum.get_mut(..numbers)? };
        memory.take(gradient, factor, train.momentum, writing.extra).ok()?;
        let out = &mut *self.gradient;
        let bytes = match wanted {
            wanted if wanted.is_sparse() => memory.encode(wanted, kept, factor, out).ok()?,
            wanted => encode_all(wanted, memory.residual, factor, out)?,
        };
        let (round, offset) = (writing.round, writing.offset);
        self.carried = Some(Carried { round, offset, codec: wanted, bytes, factor });
        Some(Written { codec: wanted, bytes })
    }

    /// The gradient that was written.
    pub(crate) fn gradient(&self, written: Written) -> Option<&[u8]> {
        self.gradient.get(..written.bytes)
    }

    /// Keeps a document of scores; `Err` with the room that there is if it does not fit.
    pub(crate) fn keep_scores(&mut self, scores: &[u8]) -> Result<(), usize> {
        let room = self.scores.len();
        self.scores.get_mut(..scores.len()).ok_or(room)?.copy_from_slice(scores);
        Ok(())
    }

    /// The scores that were kept.
    pub(crate) fn scores(&self, bytes: usize) -> Option<&[u8]> {
        self.scores.get(..bytes)
    }

    /// Takes what the last answer carried back into the memory of a model with so many parameters, once, if it is the one that is `meant`.
    pub(crate) fn take_back(&mut self, parameters: Option<usize>, meant: impl FnOnce(&Carried) -> bool) {
        let Some(carried) = self.carried.take_if(|carried| meant(carried)) else { return };
        let Some(parameters) = parameters else { return };
        let Some(residual) = self.residual.get_mut(..parameters) else { return };
        let Some(momentum) = self.momentum.get_mut(..parameters) else { return };
        let Some(bytes) = self.gradient.get(..carried.bytes) else { return };
        // Bytes of our own writing can be read.
        let _ = Memory { residual, momentum }.restore(carried.codec, bytes, carried.factor);
    }

    /// Another job: what is left of this one's gradients means nothing there.
    pub(crate) fn forget(&mut self) {
        self.carried = None;
        if core::mem::take(&mut self.remembers) {
            self.residual.fill(0.0);
            self.momentum.fill(0.0);
        }
    }
}
