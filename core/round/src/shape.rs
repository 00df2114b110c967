//! The model that a job's data and plan make.

use crate::plan::Plan;
use alloc::format;
use alloc::string::{String, ToString};
use heijunka_units::{Convolutions, Loss, PARAMETERS_MAX, Shape, ShapeError, WIDTHS_MAX};
use heijunka_wire::document::{Fitted, Job, Target, Task};
use heijunka_wire::{limits, parts};

/// The model of a plan for fitted data, or in words why there is none.
pub(crate) fn shape_for(plan: &Plan, job: &Job, fitted: &Fitted) -> Result<Shape, String> {
    let too_large = || {
        format!(
            "the model would have more than {} parameters or {} layers, or not fit {} packets of {} bytes",
            PARAMETERS_MAX,
            WIDTHS_MAX - 1,
            limits::PARTS_MAX,
            plan.packet_bytes_max
        )
    };
    let shape = widths(plan, job, fitted).ok_or_else(too_large)?;
    let parameters = match shape.check() {
        Ok(parameters) => parameters,
        Err(ShapeError::TooManyParameters) => return Err(too_large()),
        Err(error) => return Err(described(plan, &error)),
    };
    let fits = parts(parameters * 4, limits::chunk_bytes(plan.packet_bytes_max));
    fits.map(|_| shape).ok_or_else(too_large)
}

fn widths(plan: &Plan, job: &Job, fitted: &Fitted) -> Option<Shape> {
    let outputs = match &fitted.target {
        Target::Scaled { .. } => 1,
        Target::Classes { names, .. } => names.len(),
        Target::Inputs => fitted.input_width().checked_mul(job.window_rows())?,
    };
    let mut widths: heapless::Vec<u32, WIDTHS_MAX> = heapless::Vec::new();
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
fn described(plan: &Plan, error: &ShapeError) -> String {
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
