//! Unit tests of the worker.

mod announcing;
mod bench;
mod compact;
mod extras;
mod leaving;
mod memory;
mod probes;
mod serving;
mod size;
mod stopping;
mod uplink;
