//! Writing gradients: codecs, error feedback and momentum, and taking back what did not count.
//!
//! The memory (residual and momentum) is in units of summed gradients: a contribution is the mean gradient times the
//! samples with shared data, times 1 with data of one's own, which is what the aggregator makes of it. So uneven and
//! changing shares neither lose nor invent anything.

use crate::current::Current;
use crate::note::Note;
use crate::worker::Worker;
use heijunka_compress::{Memory, Rounding, add, bytes_max, encode};
use heijunka_units::{Codec, GOLDEN, RoundId, Samples};
use heijunka_wire::{DataMode, Spec, Train, Untaken};

/// A gradient that has been written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Written {
    pub(crate) codec: Codec,
    /// Its length.
    pub(crate) bytes: usize,
}

/// What the last answer carried of the memory, and what it answered.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Carried {
    pub(crate) round: RoundId,
    /// Where its range begins.
    offset: u32,
    codec: Codec,
    bytes: usize,
    /// By how much the written numbers count in the memory.
    factor: f32,
}

impl Written {
    /// It means nothing: the payload is not looked at.
    pub(crate) fn nothing(bytes: usize) -> Self {
        Self { codec: Codec::Float32, bytes }
    }
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

impl Worker<'_> {
    /// Writes the mean gradient of `samples` samples into the gradient's buffer.
    pub(crate) fn write(&mut self, current: &Current, gradient: &[f32], samples: Samples) -> Option<Written> {
        let spec = self.spec.as_ref()?;
        let (train, numbers) = (current.head.train()?, gradient.len());
        let wanted = self.share()?.codec;
        let kept = kept(numbers, &train);
        if current.probe {
            // It is timed and not looked at: it has the length of one that counts.
            let bytes = bytes_max(wanted, numbers, kept).min(self.buffers.gradient.len());
            return Some(Written { codec: wanted, bytes });
        }
        self.carried = None;
        let remembers = wanted.is_sparse() || train.momentum > 0.0;
        if !remembers || self.buffers.residual.len() < numbers || self.buffers.momentum.len() < numbers {
            // Without memory for feedback what is dropped would be lost: 8 bits without bias are the least.
            let wanted = if wanted.is_sparse() { Codec::Int8 } else { wanted };
            let rounding = Rounding::Stochastic { seed: self.seed(spec, current) };
            let bytes = encode(wanted, gradient, rounding, self.buffers.gradient).ok();
            return self.fitting(bytes).map(|bytes| Written { codec: wanted, bytes });
        }
        let factor = match spec.data_mode {
            DataMode::Shared => samples as f32,
            DataMode::Private => 1.0,
        };
        self.remembers = true;
        let mut memory = Memory {
            residual: self.buffers.residual.get_mut(..numbers)?,
            momentum: self.buffers.momentum.get_mut(..numbers)?,
        };
        let out = &mut *self.buffers.gradient;
        let taken = memory.take(gradient, factor, train.momentum, current.extra.is_some()).ok();
        let bytes = taken.and_then(|()| match wanted {
            wanted if wanted.is_sparse() => memory.encode(wanted, kept, factor, out).ok(),
            wanted => encode_all(wanted, memory.residual, factor, out),
        });
        let bytes = self.fitting(bytes)?;
        let (round, offset) = (current.head.round, current.offset);
        self.carried = Some(Carried { round, offset, codec: wanted, bytes, factor });
        Some(Written { codec: wanted, bytes })
    }

    fn fitting(&mut self, bytes: Option<usize>) -> Option<usize> {
        if bytes.is_none() {
            let bytes_max = self.buffers.gradient.len();
            self.note(Note::NoRoom { bytes: bytes_max, bytes_max });
        }
        bytes
    }

    /// Other bits for each agent, round and range, the same whenever the job is run again.
    fn seed(&self, spec: &Spec, current: &Current) -> u64 {
        let name = heijunka_wire::digest(self.settings.agent.as_str().as_bytes());
        let round = current.head.round.0.wrapping_mul(GOLDEN);
        spec.seed ^ name ^ round ^ u64::from(current.offset).rotate_left(40)
    }

    /// A step was taken without the range that was answered last, if the assignment says so: what the answer carried is
    /// sent another time.
    pub(crate) fn take_back_untaken(&mut self) {
        let untaken = self.share().and_then(|share| share.untaken);
        self.take_back(|carried| untaken == Some(Untaken { round: carried.round, offset: carried.offset }));
    }

    /// Takes what the last answer carried back into the memory, once, if it is the one that is `meant`.
    pub(crate) fn take_back(&mut self, meant: impl FnOnce(&Carried) -> bool) {
        let Some(carried) = self.carried.take_if(|carried| meant(carried)) else { return };
        let Some(parameters) = self.spec.as_ref().and_then(|spec| spec.model.parameters()) else { return };
        let Some(residual) = self.buffers.residual.get_mut(..parameters) else { return };
        let Some(momentum) = self.buffers.momentum.get_mut(..parameters) else { return };
        let Some(bytes) = self.buffers.gradient.get(..carried.bytes) else { return };
        // Bytes of our own writing can be read.
        let _ = Memory { residual, momentum }.restore(carried.codec, bytes, carried.factor);
    }

    /// Another job: what is left of this one's gradients means nothing there.
    pub(crate) fn forget_memory(&mut self) {
        self.carried = None;
        if core::mem::take(&mut self.remembers) {
            self.buffers.residual.fill(0.0);
            self.buffers.momentum.fill(0.0);
        }
    }
}
