//! What an agent computes: the gradient of its share, and scores of held-out rows.
//!
//! ```
//! use heijunka_compute::{Engine, Gradient, InOrder, Problem, RowTargets, Rows, Unhurried};
//! use heijunka_learn::ModelShape;
//! use heijunka_units::{Activation, Loss, Shape};
//!
//! /// y = 2 x for x = 0, 1, 2, ...
//! struct Line;
//!
//! impl Rows for Line {
//!     fn have_classes(&self) -> bool {
//!         false
//!     }
//!     fn gather(&self, indices: &[usize], x: &mut Vec<f32>, targets: &mut RowTargets) -> usize {
//!         *x = indices.iter().map(|index| *index as f32).collect();
//!         *targets = RowTargets::Values(x.iter().map(|x| 2.0 * x).collect());
//!         indices.len()
//!     }
//! }
//!
//! let shape = ModelShape::new(Shape::dense(&[1, 1], Activation::Relu, Loss::MeanSquaredError)?)?;
//! let (model, mut gradient) = ([0.0, 0.0], Gradient::default());
//! let problem = Problem { shape: &shape, rows: &Line, class_weights: &[], target_scale: 1.0, model: &model };
//! Engine::new([Unhurried]).gradient(problem, &[1, 3], &mut InOrder, &mut gradient);
//! // The mean of -2 x 1 and -6 x 3 for the slope, of -2 and -6 for the offset.
//! assert_eq!((gradient.samples, gradient.mean), (2, vec![-10.0, -4.0]));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A share is cut into at most [`RUNS`] runs, by its rows and the model's shape alone. Each [`Lane`] adds the gradients of
//! a run's rows in order, and the runs are added in order. A [`Crew`] runs the lanes, one after the other or each on a thread of its own:
//! that changes no bits.
//!
//! Within a run, pieces are computed at once. Before each piece a [`Governor`] says how many rows it has, or that the
//! share is cancelled or its time is over. The size of the pieces changes no bits, so a share that is done in time has the
//! same bits again.
//!
//! The agent program and the simulator compute with this crate: what is simulated is what runs in a plant. It has no clock and no
//! threads; governor and crew bring them.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod division;
mod engine;
mod governor;
mod lane;
mod rows;
mod settled;
mod steps;

pub use division::{PIECE_ROWS, RUNS, rows_at_once};
pub use engine::{Crew, Engine, Gradient, InOrder};
pub use governor::{Ahead, Governor, Next, Piece, Unhurried};
pub use lane::{Lane, RunSum};
pub use rows::{Problem, RowTargets, Rows};
pub use settled::{Settled, Uncomputable};
pub use steps::LocalSteps;
