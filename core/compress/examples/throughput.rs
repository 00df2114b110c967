//! Prints how fast each codec encodes and accumulates a million numbers on one thread, in GB/s of binary32, and how many
//! bits a number takes; then how fast 64 such vectors are accumulated, beside copying the same bytes.
//!
//! `cargo run --release -p heijunka-compress --example throughput`

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a benchmark needs a clock, a file of the system and an output"
)]

use heijunka_compress::{Rounding, accumulate, accumulate_checked, bytes_max, encode, encode_sparse};
use heijunka_units::Codec;
use std::error::Error;
use std::hint::black_box;
use std::sync::LazyLock;
use std::time::Instant;

const NUMBERS: usize = 1_000_000;
const PARTS: usize = 64;
/// Kept by the sparse codecs, of a thousand numbers.
const PER_MILLE: [usize; 4] = [100, 30, 10, 3];
const TRIALS: usize = 4;
const SECONDS: f64 = 0.1;
const STOCHASTIC: Rounding = Rounding::Stochastic { seed: 1 };

fn main() -> Result<(), Box<dyn Error>> {
    let numbers = numbers();
    println!("name encode_gb_s accumulate_gb_s bits_per_number");
    let mut copy = numbers.clone();
    let copied = best(NUMBERS, || {
        black_box(&mut copy).copy_from_slice(black_box(&numbers));
        Ok(())
    })?;
    println!("memcpy {copied:.2} {copied:.2} 32.000");
    for codec in Codec::ALL.into_iter().filter(|codec| !codec.is_sparse()) {
        report(codec.as_str(), codec, |out| encode(codec, black_box(&numbers), STOCHASTIC, out))?;
    }
    for codec in Codec::ALL.into_iter().filter(|codec| codec.is_sparse()) {
        for per_mille in PER_MILLE {
            let keep = NUMBERS * per_mille / 1000;
            let mut residual = numbers.clone();
            report(&format!("{}-{}%", codec.as_str(), per_mille as f64 / 10.0), codec, |out| {
                residual.copy_from_slice(&numbers);
                encode_sparse(codec, black_box(&mut residual), keep, 1.0, out)
            })?;
        }
    }
    report_many(&numbers)
}

/// Of about normal distribution, as sums of four uniform numbers from a multiplicative hash.
fn numbers() -> Vec<f32> {
    let uniform = |index: u64| {
        (index.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ index << 17).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 40
    };
    let number = |index: u64| (0..4).map(|part| uniform(4 * index + part) as f32 / (1 << 24) as f32 - 0.5).sum::<f32>();
    (0..NUMBERS as u64).map(number).map(|number| 0.01 * number).collect()
}

fn report<E: Error + 'static>(
    name: &str,
    codec: Codec,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> Result<(), Box<dyn Error>> {
    let mut bytes = vec![0; bytes_max(codec, NUMBERS, NUMBERS)];
    let mut used = 0;
    let encoded = best(NUMBERS, || {
        used = write(&mut bytes)?;
        Ok(())
    })?;
    let bytes = bytes.get(..used).unwrap_or_default();
    let mut sums = vec![0.0; NUMBERS];
    let accumulated = best(NUMBERS, || Ok(accumulate(codec, black_box(bytes), 3.0, &mut sums)?))?;
    println!("{name} {encoded:.2} {accumulated:.2} {:.3}", 8.0 * used as f64 / NUMBERS as f64);
    Ok(())
}

fn report_many(numbers: &[f32]) -> Result<(), Box<dyn Error>> {
    let mut bytes = vec![0; PARTS * 4 * NUMBERS];
    for part in bytes.chunks_mut(4 * NUMBERS) {
        encode(Codec::Float32, numbers, STOCHASTIC, part)?;
    }
    let mut copy = bytes.clone();
    let copied = best(PARTS * NUMBERS, || {
        black_box(&mut copy).copy_from_slice(black_box(&bytes));
        Ok(())
    })?;
    let mut sums = vec![0.0; NUMBERS];
    let accumulated = best(PARTS * NUMBERS, || {
        Ok(bytes
            .chunks(4 * NUMBERS)
            .try_for_each(|part| accumulate(Codec::Float32, black_box(part), 3.0, &mut sums))?)
    })?;
    let checked = best(PARTS * NUMBERS, || {
        let parts = bytes.chunks(4 * NUMBERS);
        parts.for_each(|part| {
            black_box(accumulate_checked(Codec::Float32, black_box(part), 3.0, &mut sums));
        });
        Ok(())
    })?;
    println!("memcpy{PARTS} - {copied:.2} 32.000");
    println!("accumulate{PARTS} - {accumulated:.2} 32.000");
    println!("accumulate-checked{PARTS} - {checked:.2} 32.000");
    Ok(())
}

/// GB/s of `numbers` binary32 numbers in the best of several trials: the others were disturbed. A trial is long enough
/// for a clock that moves with the scheduler's ticks.
fn best(numbers: usize, mut work: impl FnMut() -> Result<(), Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let mut most = 0.0_f64;
    for _ in 0..TRIALS {
        let (began, mut passes, mut seconds) = (cpu_seconds(), 0, 0.0);
        while seconds < SECONDS {
            work()?;
            passes += 1;
            seconds = cpu_seconds() - began;
        }
        most = most.max(4e-9 * (numbers * passes) as f64 / seconds);
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
