//! Laws of the two minds together, each tried over many seeds. `HEIJUNKA_SEEDS` names how many times as many to try.

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod compact;
#[cfg(test)]
mod diverging;
#[cfg(test)]
mod downlink;
#[cfg(test)]
mod ending;
#[cfg(test)]
mod exact;
#[cfg(test)]
mod helpers;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod pace;
#[cfg(test)]
mod pauses;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod survival;
#[cfg(test)]
mod unbiased;
#[cfg(test)]
mod uplink;
