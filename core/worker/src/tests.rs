//! Unit tests of the worker.

mod announcing;
mod bench;
mod memory;
mod serving;
