//! Tests of the learning library through its public interface.

#[cfg(test)]
#[cfg(test)]
mod convolution;
#[cfg(test)]
mod gradients;
#[cfg(test)]
mod init;
#[cfg(test)]
mod measures;
#[cfg(test)]
mod optimizer;
#[cfg(test)]
mod order;
#[cfg(test)]
mod ranking;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod schedule;
#[cfg(test)]
mod shape;
