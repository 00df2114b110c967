//! End to end: the real programs against a real Mosquitto.

mod errors;
mod faults;
mod people;
mod training;
mod trajectory;
mod watch;
