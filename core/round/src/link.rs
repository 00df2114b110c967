//! What is known of an agent's link, and the codec that it needs.
//!
//! A link that takes more than a fifth of a round gets the codec that would bring it below; one that gains nothing by it
//! waits for something else than bytes, gets its old codec back and is left alone.

use crate::record::AgentRound;
use heijunka_units::Codec;

/// Rounds between two looks at the links: the first of them settle what the last look changed.
pub(crate) const LOOK_EVERY: u64 = 16;
/// Until rounds are measured, what is not network in them is taken to last so long: a codec is chosen only where the cap of
/// an uplink leaves no doubt.
const FIRST_REST_S: f64 = 1.0;
/// Share of a round that a link may take.
const LINK_SHARE_MAX: f64 = 0.2;
/// Shorter network times are not worth a codec.
const NETWORK_S_MIN: f64 = 0.002;
/// What a codec must have saved of the network's time to be kept.
const SAVED_MIN: f64 = 0.2;
/// Weight of the newest round in the means.
pub(crate) const NEWEST: f64 = 0.2;

/// The codecs of `auto` after `codec` up to `last`, and how many times shorter than `Float32` they are at least.
fn ladder(codec: Codec, last: Codec) -> impl Iterator<Item = (Codec, f64)> {
    let shorter = Codec::ALL.into_iter().filter(move |shorter| *shorter > codec && *shorter <= last);
    shorter.filter_map(|codec| Some((codec, codec.times_shorter()?)))
}

/// What is known of an agent's link.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Link {
    /// How it writes its gradients.
    pub(crate) codec: Codec,
    pub(crate) network_s: f64,
    pub(crate) compute_s: f64,
    pub(crate) rounds: u64,
    /// The codec before the last change, and the network's time then.
    before: Option<(Codec, f64)>,
    /// Fewer bytes made it no faster.
    latency_bound: bool,
}

impl Link {
    pub(crate) fn new(codec: Codec) -> Self {
        Self { codec, ..Self::default() }
    }

    pub(crate) fn observe(&mut self, seen: &AgentRound) {
        let newest = if self.rounds == 0 { 1.0 } else { NEWEST };
        let network_s = (seen.total_s - seen.own_s).max(0.0);
        self.network_s += newest * (network_s - self.network_s);
        self.compute_s += newest * (seen.compute_s - self.compute_s);
        self.rounds += 1;
    }

    /// Looks at what has been seen in rounds of `round_s`: changes to the codec that the link needs, and returns it, unless it
    /// has it. `last`: the shortest that it may have.
    pub(crate) fn look(&mut self, round_s: f64, last: Codec) -> Option<Codec> {
        let codec = self.wish(round_s, last)?;
        let before = (!self.latency_bound).then_some((self.codec, self.network_s));
        *self = Self { codec, before, latency_bound: self.latency_bound, ..Self::default() };
        Some(codec)
    }

    fn wish(&mut self, round_s: f64, last: Codec) -> Option<Codec> {
        if self.latency_bound || self.rounds < LOOK_EVERY / 2 {
            return None;
        }
        if let Some((codec, network_s)) = self.before.take()
            && self.network_s > network_s * (1.0 - SAVED_MIN)
        {
            self.latency_bound = true;
            return Some(codec);
        }
        self.shorter(self.network_s, round_s, last)
    }

    /// The codec that a link needs whose network takes `network_s` of rounds of `round_s`; `None` if it has it.
    fn shorter(&self, network_s: f64, round_s: f64, last: Codec) -> Option<Codec> {
        if network_s / round_s <= LINK_SHARE_MAX || network_s < NETWORK_S_MIN {
            return None;
        }
        let has = self.codec.times_shorter().unwrap_or(1.0);
        // So many times shorter, network / times is the share of rest + network / times that it may be.
        let rest_s = (round_s - network_s).max(1e-6);
        let needed = network_s * (1.0 - LINK_SHARE_MAX) / (LINK_SHARE_MAX * rest_s);
        let enough = |(_, times): &(Codec, f64)| times / has >= needed;
        let next = ladder(self.codec, last).find(enough).or(ladder(self.codec, last).last());
        next.map(|(codec, _)| codec)
    }

    /// Changes to the codec that an announced cap of the uplink needs, through which a gradient takes `dense_s` in full, and
    /// returns it, unless nothing is needed or the link has been looked at.
    pub(crate) fn plan(&mut self, dense_s: f64, last: Codec) -> Option<Codec> {
        let fresh = self.rounds == 0 && self.before.is_none() && !self.latency_bound;
        if !fresh || self.codec != Codec::Float32 {
            return None;
        }
        self.codec = self.shorter(dense_s, FIRST_REST_S + dense_s, last)?;
        Some(self.codec)
    }
}
