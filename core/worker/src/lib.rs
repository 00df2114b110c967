//! The agent's mind: hears of the job, joins it, asks its driver for gradients and scores, and sends them.
//!
//! Call [`Worker::handle`] with whatever happens, then [`Worker::poll_output`] until it returns
//! [`Output::Wait`]. A tick that comes too early or too often does no harm. Nothing here has a clock, a socket
//! or an allocator: the caller owns the [`Buffers`], whose lengths are the bounds.
#![cfg_attr(not(test), no_std)]

mod compact;
mod current;
mod hear;
mod leave;
mod model;
mod note;
mod retry;
mod speak;
#[cfg(test)]
mod tests;
mod uplink;
mod worker;

pub use note::Note;
pub use worker::{Buffers, Input, Output, Prepared, Settings, Status, Worker, gradient_bytes, update_bytes};
