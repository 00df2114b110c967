//! Tests of the data crate on small samples.

#[cfg(test)]
mod anomaly;
#[cfg(test)]
mod csv;
#[cfg(test)]
mod detect;
#[cfg(test)]
mod encode;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod help;
#[cfg(test)]
mod idx;
#[cfg(test)]
mod survey;
#[cfg(test)]
mod windows;
