//! The model that a job's data and plan make, and the same in the terms of the arithmetic.

use crate::plan::Plan;
use alloc::format;
use alloc::string::{String, ToString};
use heijunka_learn::{ModelShape, ShapeError};
use heijunka_wire::document::{Fitted, Job, Target, Task};
use heijunka_wire::{Activation, Convolutions, Loss, Pooling, Shape, limits, parts};

/// The shape of the wire as the arithmetic takes it.
pub fn model_shape(shape: &Shape) -> Result<ModelShape, ShapeError> {
    let activation = match shape.activation {
        Activation::Relu => heijunka_learn::Activation::Relu,
        Activation::Tanh => heijunka_learn::Activation::Tanh,
    };
    let loss = match shape.loss {
        Loss::MeanSquaredError => heijunka_learn::Loss::MeanSquaredError,
        Loss::CrossEntropy => heijunka_learn::Loss::CrossEntropy,
    };
    match &shape.convolutions {
        None => ModelShape::new(&shape.widths, activation, loss),
        Some(convolutions) => {
            ModelShape::convolutional(&shape.widths, learn_convolutions(convolutions)?, activation, loss)
        }
    }
}

fn learn_convolutions(convolutions: &Convolutions) -> Result<heijunka_learn::Convolutions, ShapeError> {
    let pooling = match convolutions.pooling {
        Pooling::None => heijunka_learn::Pooling::None,
        Pooling::Mean => heijunka_learn::Pooling::Mean,
        Pooling::Max => heijunka_learn::Pooling::Max,
    };
    let layers: heapless::Vec<_, { limits::CONVOLUTIONS_MAX }> = convolutions
        .layers
        .iter()
        .map(|layer| heijunka_learn::Convolution {
            filters: layer.filters.into(),
            kernel: layer.kernel.into(),
            stride: layer.stride.into(),
        })
        .collect();
    heijunka_learn::Convolutions::new(convolutions.channels, &layers, pooling)
}

/// The model of a plan for fitted data, or in words why there is none.
pub(crate) fn shape_for(plan: &Plan, job: &Job, fitted: &Fitted) -> Result<Shape, String> {
    let too_large = || {
        format!(
            "the model would have more than {} parameters or {} layers, or not fit {} packets of {} bytes",
            limits::PARAMETERS_MAX,
            limits::WIDTHS_MAX - 1,
            limits::PARTS_MAX,
            plan.packet_bytes_max
        )
    };
    let shape = widths(plan, job, fitted).ok_or_else(too_large)?;
    match model_shape(&shape) {
        Ok(_) | Err(ShapeError::TooManyParameters) => {}
        Err(error) => return Err(told(plan, &error)),
    }
    let bytes = shape.parameters().map(|parameters| parameters * 4);
    let fits = bytes.and_then(|bytes| parts(bytes, limits::chunk_bytes(plan.packet_bytes_max)));
    fits.map(|_| shape).ok_or_else(too_large)
}

fn widths(plan: &Plan, job: &Job, fitted: &Fitted) -> Option<Shape> {
    let outputs = match &fitted.target {
        Target::Scaled { .. } => 1,
        Target::Classes { names, .. } => names.len(),
        Target::Inputs => fitted.input_width().checked_mul(job.window_rows())?,
    };
    let mut widths: heapless::Vec<u32, { limits::WIDTHS_MAX }> = heapless::Vec::new();
    let inputs = fitted.input_width().checked_mul(job.window_rows())?;
    widths.push(u32::try_from(inputs).ok()?).ok()?;
    let hidden = match fitted.target {
        Target::Inputs if plan.hidden.is_empty() => bottleneck(inputs).to_vec(),
        _ => plan.hidden.clone(),
    };
    for hidden in hidden {
        widths.push(hidden).ok()?;
    }
    widths.push(u32::try_from(outputs).ok()?).ok()?;
    let loss = match job.task {
        Task::Regression | Task::Anomaly { .. } => Loss::MeanSquaredError,
        Task::Classification => Loss::CrossEntropy,
    };
    let convolutions = if plan.convolutions.is_empty() {
        None
    } else {
        let channels = u32::try_from(fitted.input_width()).ok()?;
        let layers = heapless::Vec::from_slice(&plan.convolutions).ok()?;
        Some(Convolutions { channels, layers, pooling: plan.pooling })
    };
    Some(Shape { widths, activation: plan.activation, loss, convolutions })
}

/// Hidden layers of an autoencoder of so many inputs: through a third of them, at most 16, so that it has to learn how
/// they hang together rather than to copy them.
fn bottleneck(inputs: usize) -> [u32; 3] {
    let outer = (2 * inputs).clamp(8, 64) as u32;
    let inner = (inputs / 3).clamp(1, 16) as u32;
    [outer, inner, outer]
}

/// A shape's error in the terms of the settings.
fn told(plan: &Plan, error: &ShapeError) -> String {
    match error {
        ShapeError::Kernel { layer: 0, kernel, rows } => {
            format!("[model] kernel = {kernel} is longer than the window, [task] window_rows = {rows}")
        }
        ShapeError::Kernel { layer, kernel, rows } => format!(
            "convolution {} of {}: [model] kernel = {kernel} is longer than the {rows} rows that those before leave of the \
             window; raise [task] window_rows or lower kernel or stride",
            layer + 1,
            plan.convolutions.len()
        ),
        error => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heijunka_wire::Convolution;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        /// A peer that counts parameters and one that computes with them agree on what a model is.
        #[test]
        fn wire_and_arithmetic_count_the_same_parameters(
            widths in proptest::collection::vec(prop_oneof![9 => 0_u32..100, 1 => any::<u32>()], 2..=4),
            channels in prop_oneof![9 => 0_u32..9, 1 => any::<u32>()],
            layers in proptest::collection::vec((0_u16..20, 0_u16..8, 0_u16..4), 0..=3),
            rows in 0_u32..40,
            pooling in proptest::sample::select(vec![Pooling::None, Pooling::Mean, Pooling::Max]),
            convolves: bool,
        ) {
            let mut widths = widths;
            if convolves && rows > 0 {
                widths[0] = rows.saturating_mul(channels);
            }
            let layer = |(filters, kernel, stride)| Convolution { filters, kernel, stride };
            let layers = layers.into_iter().map(layer).collect();
            let shape = Shape {
                widths: widths.into_iter().collect(),
                activation: Activation::Relu,
                loss: Loss::MeanSquaredError,
                convolutions: convolves.then_some(Convolutions { channels, layers, pooling }),
            };
            prop_assert_eq!(shape.parameters(), model_shape(&shape).ok().map(|model| model.parameters()));
        }
    }
}
