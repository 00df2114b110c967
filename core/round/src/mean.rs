//! The round's weighted sums: ranges enter them in their order, as soon as all before them are there.
//!
//! So the order of arrival never enters the bits, most of the work is done while others still compute, and a written
//! gradient is given back as soon as it has been added.

use crate::coordinator::Coordinator;
use crate::gradient::give_back;
use crate::open::{Answer, Expected, Mean, OpenRound};
use crate::pieces::Piece;
use crate::roster::Incoming;
use crate::trainer::Trainer;
use alloc::vec::Vec;
use heijunka_allocate::Weighting;
use heijunka_units::AgentId;
use heijunka_wire::{DataMode, Gradient};

impl Coordinator {
    /// Adds every range whose turn it is and that is complete.
    pub(crate) fn add_in_order(&mut self) {
        let Some(mut open) = self.open.take() else { return };
        self.add_ranges(&mut open, false);
        self.open = Some(open);
    }

    /// Adds what there is of the ranges that have not been added.
    pub(crate) fn add_rest(&mut self, open: &mut OpenRound) {
        self.add_ranges(open, true);
    }

    fn add_ranges(&mut self, open: &mut OpenRound, all: bool) {
        let Some(trainer) = &mut self.trainer else { return };
        let private = self.job.data_mode == DataMode::Private;
        let per_agent = self.policy.weighting() == Weighting::PerAgent;
        let OpenRound { expected, pieces, mean, .. } = open;
        let mut sums = Sums { trainer, mean, spare: &mut self.spare };
        for (agent, expected) in expected.iter_mut().skip(sums.mean.ranges) {
            if !all && !expected.is_complete() {
                return;
            }
            sums.mean.ranges += 1;
            let member = self.roster.members.get(agent);
            let weight = |samples: u32| match member {
                // Each machine's data count by their number of rows, however many it computes in a round and however
                // often it misses one.
                Some(member) if private => member.join.rows as f64 / member.inclusion.probability(),
                Some(_) if per_agent => 1.0,
                Some(_) => f64::from(samples),
                None => 0.0,
            };
            sums.add_range(agent, expected, pieces, weight);
        }
    }

    /// Positions of the stream that the round asked for.
    pub(crate) fn asked(&self, open: &OpenRound) -> u64 {
        let Some(train) = open.head.train() else { return 0 };
        u64::from(train.batch_samples).wrapping_mul(u64::from(train.local_steps))
    }
}

struct Sums<'a> {
    trainer: &'a mut Trainer,
    mean: &'a mut Mean,
    spare: &'a mut Vec<Vec<u8>>,
}

impl Sums<'_> {
    /// An agent's own answer, then what others computed of its range.
    fn add_range(
        &mut self,
        agent: &AgentId,
        expected: &mut Expected,
        pieces: &mut [Piece],
        weight: impl Fn(u32) -> f64,
    ) {
        if let (Answer::Delivered, Some(gradient)) = (expected.answer, expected.gradient) {
            expected.magnitude = self.add(&gradient, &mut expected.incoming, weight(gradient.samples));
        }
        if !expected.replaced {
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
        let mut magnitude = 0.0;
        if weight > 0.0 {
            // It was checked when it was whole.
            magnitude = self.trainer.add(gradient.codec, incoming.bytes(), weight);
            self.mean.weights += weight;
            self.mean.loss += weight * (gradient.loss_sum.unwrap_or_default() / f64::from(gradient.samples));
        }
        give_back(self.spare, incoming);
        magnitude
    }
}
