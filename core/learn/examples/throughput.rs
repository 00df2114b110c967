//! Prints how many thousand samples a second one thread turns into gradients, by model and batch, and how many bytes of
//! gradients it averages.
//!
//! `cargo run --release -p heijunka-learn --features std --example throughput`

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a benchmark needs a clock, a file of the system and an output"
)]

use heijunka_learn::{Error, ModelShape, Targets, gradient_sum, initialize, scratch_len};
use heijunka_units::SplitMix64;
use heijunka_units::{Activation, Convolution, Convolutions, Loss, Pooling, ShapeError};
use std::error::Error as StdError;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

const BATCHES: [usize; 5] = [1, 8, 32, 128, 256];
const SECONDS: f64 = 0.2;
const TRIALS: usize = 3;

fn main() -> Result<(), Box<dyn StdError>> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    for widths in [[64, 64, 10].as_slice(), &[784, 256, 10], &[784, 1024, 1024, 10]] {
        let name = widths.iter().map(u32::to_string).collect::<Vec<_>>().join("-");
        if !wanted.is_empty() && !wanted.contains(&name) {
            continue;
        }
        let shape = ModelShape::dense(widths, Activation::Relu, Loss::CrossEntropy)?;
        for batch in BATCHES {
            println!("rate heijunka {name} {batch} {:.2}", best(&shape, batch, batch)? / 1e3);
        }
    }
    for (name, shape) in convolutional()? {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        for batch in BATCHES {
            println!("rate heijunka {name} {batch} {:.2}", best(&shape, batch, batch)? / 1e3);
        }
    }
    Ok(())
}

/// Windows of a process, and of a vibration: rows x columns, convolutions as filters x kernel / stride, layers.
fn convolutional() -> Result<[(&'static str, ModelShape); 2], ShapeError> {
    let layer = |filters, kernel, stride| Convolution { filters, kernel, stride };
    let process = Convolutions::new(24, &[layer(16, 5, 1), layer(16, 5, 1)], Pooling::None)?;
    let vibration = Convolutions::new(3, &[layer(16, 16, 4), layer(32, 8, 2)], Pooling::Max)?;
    let model = |widths: &[u32], convolutions| {
        ModelShape::convolutional(widths, convolutions, Activation::Relu, Loss::CrossEntropy)
    };
    Ok([
        ("30x24-16x5-16x5-64-2", model(&[720, 64, 2], process)?),
        ("1024x3-16x16/4-32x8/2-max-64-4", model(&[3072, 64, 4], vibration)?),
    ])
}

/// The best of several trials: the others were disturbed.
fn best(shape: &ModelShape, batch: usize, block: usize) -> Result<f64, Error> {
    let mut random = SplitMix64::new(1);
    let mut parameters = vec![0.0; shape.parameters()];
    initialize(shape, 1, &mut parameters)?;
    let x: Vec<f32> = (0..batch * shape.inputs()).map(|_| random.normal() as f32).collect();
    let classes: Vec<u32> = (0..batch as u32).map(|row| row % shape.outputs() as u32).collect();
    let mut gradient = vec![0.0; parameters.len()];
    let mut scratch = vec![0.0; scratch_len(shape, block)];
    let mut pass = || -> Result<(), Error> {
        gradient.fill(0.0);
        for first in (0..batch).step_by(block) {
            let rows = first..batch.min(first + block);
            let targets = Targets::Classes(&classes[rows.clone()]);
            let x = &x[rows.start * shape.inputs()..rows.end * shape.inputs()];
            black_box(gradient_sum(shape, black_box(&parameters), x, targets, None, &mut scratch, &mut gradient)?);
        }
        Ok(())
    };
    let mut most = 0.0_f64;
    for _ in 0..TRIALS {
        let (began, mut samples, mut seconds) = (cpu_seconds(), 0, 0.0);
        while seconds < SECONDS {
            pass()?;
            samples += batch;
            if samples % 1024 == 0 || shape.work() > 100_000 {
                seconds = cpu_seconds() - began;
            }
        }
        most = most.max(samples as f64 / seconds);
    }
    Ok(most)
}

/// Seconds this thread has had a processor, by Linux; wall time elsewhere. Other programs disturb it less.
fn cpu_seconds() -> f64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = text.and_then(|text| text.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.map_or_else(|| START.elapsed().as_secs_f64(), |nanoseconds| nanoseconds * 1e-9)
}
