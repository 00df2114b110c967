//! Several steps of one agent in a round.

use crate::engine::Gradient;
use alloc::vec::Vec;

/// The sum of so many steps' mean gradients is wanted, each of the samples after the last one's and at a model of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalSteps {
    /// So many.
    pub steps: u16,
    /// Where the next step's samples begin, beyond the last one's.
    pub stride: u64,
    /// Learning rate between them.
    pub rate: f32,
}

impl LocalSteps {
    /// The gradient at the model.
    pub const ONE: Self = Self { steps: 1, stride: 0, rate: 0.0 };

    /// Takes the steps: `step` computes the mean gradient of the samples from a position on at a model. Leaves the sum in
    /// `gradient`, and in its `loss_sum` the mean of the steps' sums of losses. `model` is moved, `sum` is memory.
    /// A step without samples ends it all, without samples.
    pub fn take(
        self,
        position: u64,
        model: &mut [f32],
        sum: &mut Vec<f32>,
        gradient: &mut Gradient,
        mut step: impl FnMut(u64, &[f32], &mut Gradient),
    ) {
        gradient.samples = 0;
        sum.clear();
        let mut loss_sum = 0.0;
        for number in 0..u64::from(self.steps) {
            step(position.wrapping_add(number.wrapping_mul(self.stride)), model, gradient);
            if gradient.samples == 0 || self.steps == 1 {
                return;
            }
            loss_sum += gradient.loss_sum / f64::from(self.steps);
            sum.resize(model.len(), 0.0);
            for ((parameter, sum), mean) in model.iter_mut().zip(&mut *sum).zip(&gradient.mean) {
                *sum += mean;
                *parameter -= self.rate * mean;
            }
        }
        core::mem::swap(&mut gradient.mean, sum);
        gradient.loss_sum = loss_sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two parameters; the gradient of a step is the model, its loss the position.
    fn descend(local: LocalSteps, stop_after: usize) -> (Gradient, Vec<u64>) {
        let (mut gradient, mut asked) = (Gradient::default(), Vec::new());
        local.take(10, &mut [1.0, 2.0], &mut Vec::new(), &mut gradient, |position, model, gradient| {
            asked.push(position);
            *gradient = Gradient {
                samples: if asked.len() > stop_after { 0 } else { 4 },
                loss_sum: position as f64,
                mean: model.to_vec(),
            };
        });
        (gradient, asked)
    }

    #[test]
    fn each_step_is_taken_at_the_model_after_the_last() {
        let (gradient, asked) = descend(LocalSteps { steps: 2, stride: 100, rate: 0.5 }, 9);
        assert_eq!(asked, [10, 110]);
        assert_eq!(gradient, Gradient { samples: 4, loss_sum: 60.0, mean: vec![1.5, 3.0] });
        let (one, asked) = descend(LocalSteps::ONE, 9);
        assert_eq!((asked, one), (vec![10], Gradient { samples: 4, loss_sum: 10.0, mean: vec![1.0, 2.0] }));
    }

    #[test]
    fn a_step_that_is_cancelled_ends_all() {
        let (gradient, asked) = descend(LocalSteps { steps: 5, stride: 1, rate: 0.5 }, 2);
        assert_eq!((asked.len(), gradient.samples), (3, 0));
        assert_eq!(descend(LocalSteps { steps: 0, ..LocalSteps::ONE }, 9).0.samples, 0);
    }
}
