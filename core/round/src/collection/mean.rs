//! The weighted mean of a round's gradients: ranges enter it in their order, as soon as all before them are there.
//!
//! So the order of arrival never enters the bits, most of the work is done while others still compute, and a written
//! gradient's memory is given back as soon as it has been added.

use super::pieces::Piece;
use super::range::Range;
use super::{Collection, Memory};
use crate::incoming::Incoming;
use alloc::vec::Vec;
use heijunka_compress::accumulate_checked;
use heijunka_units::AgentId;
use heijunka_wire::Gradient;

/// Buffers of answers that are kept for the next ones.
const ANSWERS_MAX: usize = 256;

/// Weighted sums of gradients.
#[derive(Debug, Default)]
pub(crate) struct WeightedMean {
    /// In the order of the ranges: 8 bytes a parameter, however many agents.
    sums: Vec<f64>,
    /// Sum of the weights.
    weights: f64,
    /// Weighted sum of the mean losses.
    losses: f64,
}

impl WeightedMean {
    /// Of nothing, in memory that was used before.
    pub(crate) fn new(mut sums: Vec<f64>, parameters: usize) -> Self {
        sums.clear();
        sums.resize(parameters, 0.0);
        Self { sums, weights: 0.0, losses: 0.0 }
    }

    /// Adds a mean gradient that has been checked, `weight` times, and returns its largest magnitude. The order of the calls
    /// enters the bits.
    fn add(&mut self, gradient: &Gradient, bytes: &[u8], weight: f64) -> f32 {
        self.weights += weight;
        self.losses += weight * (gradient.loss_sum.unwrap_or_default() / f64::from(gradient.samples));
        accumulate_checked(gradient.codec, bytes, weight, &mut self.sums)
    }

    /// Sum of the weights; 0 if nothing has entered.
    pub(crate) fn weight(&self) -> f64 {
        self.weights
    }

    /// Mean loss of what has entered.
    pub(crate) fn loss(&self) -> f64 {
        self.losses / self.weights
    }

    /// Writes `scale` times the mean gradient.
    pub(crate) fn write(&self, scale: f64, mean: &mut [f32]) {
        let weights = self.weights;
        // As one factor it would round otherwise than the mean of one machine.
        let scaled = |sum: &f64| if scale == 1.0 { sum / weights } else { sum / weights * scale };
        mean.iter_mut().zip(&self.sums).for_each(|(place, sum)| *place = scaled(sum) as f32);
    }

    pub(super) fn into_sums(self) -> Vec<f64> {
        self.sums
    }
}

impl Collection {
    /// Adds every range whose turn it is and that is complete. `weigh`: the weight of an agent's own answer of so many
    /// samples.
    pub(crate) fn add_in_order(&mut self, weigh: &impl Fn(&AgentId, u32) -> f64) {
        self.add_ranges(false, weigh);
    }

    /// Adds what there is of the ranges that have not been added, and yields the mean.
    pub(crate) fn finish(&mut self, weigh: &impl Fn(&AgentId, u32) -> f64) -> WeightedMean {
        self.add_ranges(true, weigh);
        core::mem::take(&mut self.mean)
    }

    fn add_ranges(&mut self, all: bool, weigh: &impl Fn(&AgentId, u32) -> f64) {
        let mut adding = Adding { mean: &mut self.mean, memory: &mut self.memory };
        for (agent, range) in self.ranges.iter_mut().skip(self.added) {
            if !all && !range.is_complete() {
                return;
            }
            self.added += 1;
            adding.add_range(agent, range, &mut self.pieces, |samples| weigh(agent, samples));
        }
    }
}

struct Adding<'a> {
    mean: &'a mut WeightedMean,
    memory: &'a mut Memory,
}

impl Adding<'_> {
    /// An agent's own answer, then what others computed of its range.
    fn add_range(&mut self, agent: &AgentId, range: &mut Range, pieces: &mut [Piece], weight: impl Fn(u32) -> f64) {
        if let Some(gradient) = range.gradient().filter(|_| range.has_own()) {
            let magnitude = self.add(&gradient, range.incoming(), weight(gradient.samples));
            range.entered(magnitude);
        }
        if !range.is_replaced() {
            return;
        }
        let mut own: Vec<&mut Piece> = pieces.iter_mut().filter(|piece| piece.of == *agent).collect();
        own.sort_by_key(|piece| piece.offset);
        for piece in own {
            if let Some(gradient) = piece.gradient {
                piece.magnitude = self.add(&gradient, &mut piece.incoming, f64::from(piece.samples));
            }
        }
    }

    /// Returns the gradient's largest magnitude.
    fn add(&mut self, gradient: &Gradient, incoming: &mut Incoming, weight: f64) -> f32 {
        // It was checked when it was whole.
        let magnitude = if weight > 0.0 { self.mean.add(gradient, incoming.bytes(), weight) } else { 0.0 };
        self.memory.give_back(incoming);
        magnitude
    }
}

impl Memory {
    /// Memory of an earlier answer, or new one.
    pub(super) fn take(&mut self) -> Incoming {
        Incoming::reusing(self.answers.pop().unwrap_or_default())
    }

    fn give_back(&mut self, incoming: &mut Incoming) {
        let bytes = core::mem::take(incoming).into_bytes();
        if self.answers.len() < ANSWERS_MAX && bytes.capacity() > 0 {
            self.answers.push(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_weighs_and_keeps_its_memory() {
        let gradient = |loss_sum| Gradient { loss_sum: Some(loss_sum), ..crate::tests::answer(2) };
        let mut mean = WeightedMean::new(vec![7.0; 9], 1);
        assert_eq!(mean.add(&gradient(4.0), &1.0_f32.to_le_bytes(), 1.0), 1.0);
        assert_eq!(mean.add(&gradient(8.0), &(-3.0_f32).to_le_bytes(), 3.0), 3.0);
        let mut written = [0.0];
        mean.write(1.0, &mut written);
        assert_eq!((written, mean.weight(), mean.loss()), ([-2.0], 4.0, 3.5));
        mean.write(0.5, &mut written);
        assert_eq!(written, [-1.0]);
        assert!(mean.into_sums().capacity() >= 9);
    }
}
