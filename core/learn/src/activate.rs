//! Activations and their derivatives.

use heijunka_units::Activation;

/// Inputs whose derivatives are taken at a time where they lie input by input.
const INPUTS: usize = 16;

/// The derivative, given the activation.
pub(crate) fn slope(activation: Activation, unit: f32) -> f32 {
    match activation {
        Activation::Relu if unit > 0.0 => 1.0,
        Activation::Relu => 0.0,
        Activation::Tanh => 1.0 - unit * unit,
    }
}

/// Replaces sums by activations.
pub(crate) fn activate(activation: Activation, units: &mut [f32]) {
    match activation {
        // Unlike max, the comparison lets NaN through.
        Activation::Relu => units.iter_mut().for_each(|z| *z = if *z < 0.0 { 0.0 } else { *z }),
        Activation::Tanh => units.iter_mut().for_each(|z| *z = libm::tanhf(*z)),
    }
}

/// Replaces activations by derivatives before the activation, given pairs of them and those behind it.
pub(crate) fn deactivate<'a>(activation: Activation, pairs: impl Iterator<Item = (&'a mut f32, &'a f32)>) {
    match activation {
        Activation::Relu => pairs.for_each(|(unit, d)| *unit = if *unit > 0.0 { *d } else { 0.0 }),
        Activation::Tanh => pairs.for_each(|(unit, d)| *unit = (1.0 - *unit * *unit) * d),
    }
}

/// The same with those behind it as `[inputs][samples]`, a few inputs of all samples at a time.
pub(crate) fn deactivate_by_input(
    activation: Activation,
    samples: usize,
    inputs: usize,
    units: &mut [f32],
    behind: &[f32],
) {
    for (few, behind) in behind.chunks(INPUTS * samples).enumerate() {
        for (sample, units) in units.chunks_exact_mut(inputs).enumerate() {
            let units = units.iter_mut().skip(few * INPUTS);
            deactivate(activation, units.zip(behind.iter().skip(sample).step_by(samples)));
        }
    }
}
