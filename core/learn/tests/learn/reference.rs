//! Comparison with the float64 computation of tests/reference/reference.py.

use heijunka_learn::{ModelShape, Optimizer, OptimizerKind, Targets, gradient_sum, loss_sum, predict, scratch_len};
use heijunka_units::{Activation, Loss};
use serde::Deserialize;

#[derive(Deserialize)]
struct Cases {
    gradients: Vec<GradientCase>,
    optimizers: Vec<OptimizerCase>,
    trainings: Vec<TrainingCase>,
}

#[derive(Deserialize)]
struct Problem {
    widths: Vec<u32>,
    activation: String,
    loss: String,
    parameters: Vec<f32>,
    x: Vec<f32>,
    classes: Vec<u32>,
    values: Vec<f32>,
}

#[derive(Deserialize)]
struct GradientCase {
    #[serde(flatten)]
    problem: Problem,
    weights: Option<Vec<f32>>,
    loss_sum: f64,
    gradient: Vec<f64>,
    outputs: Vec<f64>,
}

#[derive(Deserialize)]
struct OptimizerCase {
    kind: Kind,
    rate: f64,
    parameters: Vec<f32>,
    gradients: Vec<Vec<f32>>,
    trajectory: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct TrainingCase {
    #[serde(flatten)]
    problem: Problem,
    kind: Kind,
    rate: f64,
    losses: Vec<f64>,
    trained: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(tag = "rule", rename_all = "lowercase")]
enum Kind {
    Sgd { momentum: f64, nesterov: bool, weight_decay: f64 },
    Adam { beta1: f64, beta2: f64, epsilon: f64, weight_decay: f64 },
}

impl From<&Kind> for OptimizerKind {
    fn from(kind: &Kind) -> Self {
        match *kind {
            Kind::Sgd { momentum, nesterov, weight_decay } => Self::Sgd { momentum, nesterov, weight_decay },
            Kind::Adam { beta1, beta2, epsilon, weight_decay } => Self::Adam { beta1, beta2, epsilon, weight_decay },
        }
    }
}

impl Problem {
    fn shape(&self) -> ModelShape {
        let activation = if self.activation == "relu" { Activation::Relu } else { Activation::Tanh };
        let loss = if self.loss == "cross_entropy" { Loss::CrossEntropy } else { Loss::MeanSquaredError };
        ModelShape::dense(&self.widths, activation, loss).unwrap()
    }

    fn targets(&self) -> Targets<'_> {
        if self.loss == "cross_entropy" { Targets::Classes(&self.classes) } else { Targets::Values(&self.values) }
    }
}

fn cases() -> Cases {
    serde_json::from_str(include_str!("../reference/cases.json")).unwrap()
}

/// Differences up to `tolerance` of the largest number expected are rounding.
fn assert_close(what: &str, found: &[f32], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1.0_f64, |scale, value| scale.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let difference = (f64::from(*found) - expected).abs();
        assert!(difference <= tolerance * scale, "{what}[{index}]: {found}, expected {expected}");
    }
}

#[test]
fn losses_gradients_and_outputs() {
    for GradientCase { problem, weights, loss_sum: expected_loss, gradient: expected, outputs: expected_outputs } in
        cases().gradients
    {
        let name = format!("{:?} {} {}", problem.widths, problem.activation, problem.loss);
        let (shape, weights) = (problem.shape(), weights.as_deref());
        let samples = problem.x.len() / shape.inputs();
        let mut scratch = vec![f32::NAN; scratch_len(&shape, samples)];
        let mut gradient = vec![0.0; shape.parameters()];
        let (parameters, x, targets) = (&problem.parameters, &problem.x, problem.targets());
        let loss = gradient_sum(&shape, parameters, x, targets, weights, &mut scratch, &mut gradient).unwrap();
        assert!(
            (loss - expected_loss).abs() <= 2e-6 * expected_loss.max(1.0),
            "{name}: {loss}, expected {expected_loss}"
        );
        assert_close(&name, &gradient, &expected, 2e-6);

        let mut outputs = vec![0.0; samples * shape.outputs()];
        predict(&shape, parameters, x, &mut scratch, &mut outputs).unwrap();
        assert_close(&name, &outputs, &expected_outputs, 2e-6);
        assert_eq!(loss_sum(&shape, &outputs, targets, weights).unwrap(), loss, "{name}");
    }
}

#[test]
fn twenty_steps_of_each_optimizer() {
    for case in cases().optimizers {
        let kind = OptimizerKind::from(&case.kind);
        let mut parameters = case.parameters;
        let mut optimizer = Optimizer::new(kind, vec![f32::NAN; kind.state_len(parameters.len())]).unwrap();
        for (gradient, expected) in case.gradients.iter().zip(&case.trajectory) {
            optimizer.step(&mut parameters, gradient, case.rate).unwrap();
            assert_close(&format!("{kind:?} step {}", optimizer.steps()), &parameters, expected, 1e-6);
        }
        assert_eq!(optimizer.steps(), 20);
    }
}

#[test]
fn twenty_steps_of_training() {
    for TrainingCase { problem, kind, rate, losses, trained } in cases().trainings {
        let (shape, kind) = (problem.shape(), OptimizerKind::from(&kind));
        let samples = problem.x.len() / shape.inputs();
        let mut parameters = problem.parameters.clone();
        let mut optimizer = Optimizer::new(kind, vec![0.0; kind.state_len(parameters.len())]).unwrap();
        let mut scratch = vec![0.0; scratch_len(&shape, samples)];
        for expected in losses {
            let mut gradient = vec![0.0; parameters.len()];
            let targets = problem.targets();
            let sum =
                gradient_sum(&shape, &parameters, &problem.x, targets, None, &mut scratch, &mut gradient).unwrap();
            assert!((sum / samples as f64 - expected).abs() < 1e-5, "{kind:?}: {sum}, expected {expected} a sample");
            gradient.iter_mut().for_each(|g| *g /= samples as f32);
            optimizer.step(&mut parameters, &gradient, rate).unwrap();
        }
        assert_close(&format!("{kind:?}"), &parameters, &trained, 1e-5);
    }
}
