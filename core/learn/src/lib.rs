//! Models, losses and optimizers: pure arithmetic on buffers that the caller owns.
//!
//! A model is a [`ModelShape`] and one flat slice of parameters. Linear regression, softmax regression and multi-layer
//! perceptrons are the same thing with more or fewer layers; convolutions over time may come first. Nothing here allocates, and no function depends on time,
//! threads or ambient randomness. Elementary functions come from `libm`, so that they round alike everywhere.
//!
//! ```
//! use heijunka_learn::{ModelShape, Optimizer, OptimizerKind, Targets, gradient_sum, initialize, scratch_len};
//! use heijunka_units::{Activation, Loss};
//!
//! // The line y = 2 x, from three samples.
//! let shape = ModelShape::dense(&[1, 1], Activation::Relu, Loss::MeanSquaredError)?;
//! let mut model = vec![0.0; shape.parameters()];
//! initialize(&shape, 1, &mut model)?;
//! let mut optimizer = Optimizer::new(OptimizerKind::sgd(0.0), Vec::new())?;
//! let mut scratch = vec![0.0; scratch_len(&shape, 3)];
//! for _ in 0..200 {
//!     let mut gradient = vec![0.0; model.len()];
//!     let targets = Targets::Values(&[-2.0, 0.0, 2.0]);
//!     gradient_sum(&shape, &model, &[-1.0, 0.0, 1.0], targets, None, &mut scratch, &mut gradient)?;
//!     optimizer.step(&mut model, &gradient, 0.1)?;
//! }
//! assert!((model[0] - 2.0).abs() < 1e-3);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Floating-point sums depend on their order. Who splits a share among threads therefore cuts it into runs that depend on
//! the share alone, and adds the runs' sums in order. Within a run, [`add_gradient`] adds sample after sample: its bits do
//! not depend on how many are computed at once.
#![cfg_attr(not(test), no_std)]

mod activate;
mod convolution;
mod convolve;
mod error;
pub mod finite;
mod forward_backward;
pub mod init;
#[cfg(feature = "std")]
mod kernel;
pub mod loss;
pub mod metrics;
pub mod optimizer;
pub mod order;
mod product;
pub mod schedule;
mod shape;
pub mod statistics;
mod update;

pub use error::Error;
pub use finite::all_finite;
pub use forward_backward::{BATCH_UNIT, BLOCK, Batch, add_gradient, gradient_sum, predict, scratch_len};
pub use init::initialize;
pub use loss::{Targets, class_of, loss_sum, mean_squared_error};
pub use metrics::Confusion;
pub use optimizer::{Optimizer, OptimizerKind};
pub use order::{Permutation, StreamOrder};
pub use schedule::{Decay, Schedule};
pub use shape::{Kernel, Layer, ModelShape};
pub use statistics::Running;
