//! Tests of the codecs through their public interface.

#[cfg(test)]
mod dense;
#[cfg(test)]
mod foreign;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod numbers;
#[cfg(test)]
mod sparse;
#[cfg(test)]
mod training;
