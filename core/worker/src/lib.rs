//! The agent's mind: joins the aggregator's job, asks its driver for gradients and scores, and sends them.
//!
//! Call [`Worker::handle`] with each thing that happens, then [`Worker::poll_output`] until it returns
//! [`Output::Wait`]. A tick that comes too early or too often does no harm. Nothing here has a clock, a socket
//! or an allocator: the caller owns the [`Buffers`], whose lengths are the bounds.
//!
//! ```
//! use heijunka_units::Timestamp;
//! use heijunka_wire::Channel;
//! use heijunka_worker::{Buffers, Input, Output, Settings, Worker, gradient_bytes, update_bytes};
//!
//! const PARAMETERS: usize = 100;
//! let [mut model, mut residual, mut momentum] = [[0.0; PARAMETERS]; 3];
//! let (mut gradient, mut update) = ([0; gradient_bytes(PARAMETERS)], [0; update_bytes(PARAMETERS)]);
//! let ([mut spec, mut survey, mut scores], mut packet) = ([[0; 4096]; 3], [0; 1024]);
//! let buffers = Buffers {
//!     model: &mut model,
//!     gradient: &mut gradient,
//!     update: &mut update,
//!     residual: &mut residual,
//!     momentum: &mut momentum,
//!     spec: &mut spec,
//!     survey: &mut survey,
//!     scores: &mut scores,
//!     packet: &mut packet,
//! };
//! let settings = Settings {
//!     agent: "press-07".parse()?,
//!     session: 1,
//!     samples_max: 1000,
//!     threads: 1,
//!     cpu_share_percent: 100,
//!     uplink: None,
//! };
//! let mut worker = Worker::new(settings, buffers);
//! let now = Timestamp::ZERO;
//! worker.handle(now, Input::Connected { session_present: false });
//! let Output::Wait(later) = worker.poll_output(now) else { panic!("it knows no job yet") };
//! // No job has come by then: the worker asks for one.
//! worker.handle(later, Input::Tick);
//! assert!(matches!(worker.poll_output(later), Output::Publish { channel: Channel::Join, .. }));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Each part of the worker is a file with private fields: `link` (connection, announcements), `job` (spec and data),
//! `replica` (the model), `serving` (share and rounds), `answers` (gradients and scores as they are sent), `outgoing`
//! (packets and the cap on the uplink). `worker.rs` and the files under it take inputs to the parts.
#![cfg_attr(not(test), no_std)]

mod answers;
mod current;
mod interface;
mod job;
mod leaving;
mod link;
mod note;
mod outgoing;
mod replica;
mod retry;
mod serving;
#[cfg(test)]
mod tests;
mod uplink;
mod worker;

pub use interface::{Buffers, Input, Output, Prepared, Settings, Status, gradient_bytes, update_bytes};
pub use note::Note;
pub use worker::Worker;
