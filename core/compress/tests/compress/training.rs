//! Training by eight workers with uneven and changing shares: what each codec costs.

use crate::numbers::Random;
use heijunka_compress::{Memory, Rounding, accumulate, encode, encode_sparse};
use heijunka_units::Codec;

const INPUTS: usize = 60;
const CLASSES: usize = 10;
const PARAMETERS: usize = (INPUTS + 1) * CLASSES;
const WORKERS: usize = 8;
const STEPS: usize = 400;
const RATE: f32 = 0.05;
const DECAY: f32 = 0.9;
const HELD_OUT: usize = 1000;

/// How gradients travel, and who keeps the momentum.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Momentum at the aggregator.
    Dense(Codec),
    /// Momentum and residual at the workers (deep gradient compression); kept of a thousand.
    Sparse(Codec, usize),
    /// Momentum at the aggregator, and what is not sent is forgotten.
    Forgetful(Codec, usize),
}

struct World {
    teacher: Vec<f32>,
    random: Random,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self { teacher: random.normals(PARAMETERS), random }
    }

    /// Inputs of uneven scale, the last always 1, and a noisy linear teacher's class.
    fn sample(&mut self) -> ([f32; INPUTS + 1], usize) {
        let mut x = [1.0; INPUTS + 1];
        for (index, x) in x.iter_mut().take(INPUTS).enumerate() {
            *x = self.random.normal() / (1.0 + index as f32 / 10.0);
        }
        let scores = scores(&self.teacher, &x);
        let noisy = scores.map(|score| score + 0.5 * self.random.normal());
        (x, (0..CLASSES).max_by(|a, b| noisy[*a].total_cmp(&noisy[*b])).unwrap())
    }
}

fn scores(parameters: &[f32], x: &[f32; INPUTS + 1]) -> [f32; CLASSES] {
    let mut scores = [0.0; CLASSES];
    for (score, weights) in scores.iter_mut().zip(parameters.chunks(INPUTS + 1)) {
        *score = weights.iter().zip(x).map(|(weight, x)| weight * x).sum();
    }
    scores
}

fn probabilities(scores: [f32; CLASSES]) -> [f32; CLASSES] {
    let most = scores.iter().copied().fold(f32::MIN, f32::max);
    let powers = scores.map(|score| (score - most).exp());
    let sum: f32 = powers.iter().sum();
    powers.map(|power| power / sum)
}

fn mean_gradient(world: &mut World, parameters: &[f32], samples: usize) -> Vec<f32> {
    let mut gradient = vec![0.0; PARAMETERS];
    for _ in 0..samples {
        let (x, class) = world.sample();
        let p = probabilities(scores(parameters, &x));
        for (index, gradient) in gradient.chunks_mut(INPUTS + 1).enumerate() {
            let error = (p[index] - if index == class { 1.0 } else { 0.0 }) / samples as f32;
            gradient.iter_mut().zip(x).for_each(|(gradient, x)| *gradient += error * x);
        }
    }
    gradient
}

/// Mean held-out cross-entropy after training.
fn train(way: Way, seed: u64) -> f64 {
    let mut world = World::new(seed);
    let mut parameters = vec![0.0_f32; PARAMETERS];
    let mut memories = vec![(vec![0.0; PARAMETERS], vec![0.0; PARAMETERS]); WORKERS];
    let (mut momentum, mut bytes) = (vec![0.0; PARAMETERS], vec![0; 8 * PARAMETERS]);
    for step in 0..STEPS {
        let (mut sums, mut weights) = (vec![0.0_f64; PARAMETERS], 0.0);
        for (worker, (residual, corrected)) in memories.iter_mut().enumerate() {
            // From 1 to 8, the fast ones first, and changing.
            let samples = 1 + (worker + step / 50 + world.random.bits() as usize % 2) % WORKERS;
            let mut mean = mean_gradient(&mut world, &parameters, samples);
            let (codec, used) = match way {
                Way::Dense(codec) => {
                    let rounding = Rounding::Stochastic { seed: (step * WORKERS + worker) as u64 };
                    (codec, encode(codec, &mean, rounding, &mut bytes))
                }
                Way::Sparse(codec, per_mille) => {
                    let mut memory = Memory { residual, momentum: corrected };
                    memory.take(&mean, samples as f32, DECAY, false).unwrap();
                    let keep = PARAMETERS * per_mille / 1000;
                    (codec, memory.encode(codec, keep, samples as f32, &mut bytes))
                }
                Way::Forgetful(codec, per_mille) => {
                    (codec, encode_sparse(codec, &mut mean, PARAMETERS * per_mille / 1000, 1.0, &mut bytes))
                }
            };
            accumulate(codec, &bytes[..used.unwrap()], samples as f64, &mut sums).unwrap();
            weights += samples as f64;
        }
        let decay = if matches!(way, Way::Sparse(..)) { 0.0 } else { DECAY };
        for ((parameter, momentum), sum) in parameters.iter_mut().zip(&mut momentum).zip(sums) {
            *momentum = decay * *momentum + (sum / weights) as f32;
            *parameter -= RATE * *momentum;
        }
    }
    held_out_loss(seed, &parameters)
}

fn held_out_loss(seed: u64, parameters: &[f32]) -> f64 {
    let mut world = World::new(seed);
    world.random = Random::new(!seed);
    let losses = (0..HELD_OUT).map(|_| {
        let (x, class) = world.sample();
        -f64::from(probabilities(scores(parameters, &x))[class].ln())
    });
    losses.sum::<f64>() / HELD_OUT as f64
}

fn mean_loss(way: Way) -> f64 {
    const SEEDS: u64 = 3;
    (0..SEEDS).map(|seed| train(way, seed)).sum::<f64>() / SEEDS as f64
}

/// How much more than `float32`'s 0.73.
fn excess(ways: &[Way]) -> Vec<f64> {
    let float32 = mean_loss(Way::Dense(Codec::Float32));
    ways.iter().map(|way| mean_loss(*way) - float32).collect()
}

#[test]
fn dense_codecs_cost_less_than_half_a_hundredth() {
    let excess = excess(&[Way::Dense(Codec::Float16), Way::Dense(Codec::Int8), Way::Dense(Codec::Int4)]);
    assert!(excess.iter().all(|excess| excess.abs() < 0.005), "{excess:?}");
}

/// Three and one percent, within a hundredth; without error feedback more than two tenths are lost.
#[test]
fn sparse_codecs_cost_less_than_a_hundredth_with_error_feedback_alone() {
    let remembering = excess(&[
        Way::Sparse(Codec::SparseInt8, 30),
        Way::Sparse(Codec::SparseSign, 30),
        Way::Sparse(Codec::SparseSign, 10),
    ]);
    assert!(remembering.iter().all(|excess| excess.abs() < 0.01), "{remembering:?}");
    let forgetful = excess(&[Way::Forgetful(Codec::SparseInt8, 30), Way::Forgetful(Codec::SparseSign, 30)]);
    assert!(forgetful.iter().all(|excess| *excess > 0.2), "{forgetful:?}");
}
