//! What should never have been sent: noise, damaged copies, lies.

use crate::bus::{Packet, happens};
use crate::world::World;
use alloc::rc::Rc;
use alloc::vec;
use alloc::vec::Vec;
use heijunka_units::SplitMix64;
use heijunka_units::{RoundId, RunId};
use heijunka_wire::{Body, Channel, Frame, Gradient, Head, Payload, Round, decode, encode};

/// Bytes at the front of a frame in which damage is done: the header.
const HEAD_BYTES: u64 = 48;
/// Answers that a liar remembers.
const PAST_ANSWERS: usize = 8;

impl World<'_, '_> {
    /// What follows a message on its topic.
    pub(crate) fn garbage(&mut self, packet: &Packet) -> Vec<Packet> {
        let faults = self.scenario.bus;
        let mut garbage: Vec<Vec<u8>> = Vec::new();
        if packet.channel == Channel::AgentState || packet.bytes.is_empty() {
            return Vec::new();
        }
        if happens(&mut self.random, faults.noise) {
            let length = self.random.next_u64() % 64 + 1;
            garbage.push((0..length).map(|_| self.random.next_u64() as u8).collect());
        }
        if happens(&mut self.random, faults.damage) {
            let damaged = damage(&mut self.random, &packet.bytes);
            garbage.extend(Some(damaged).filter(|bytes| !self.is_a_word(bytes)));
        }
        if happens(&mut self.random, faults.forgery) {
            let forged = damage(&mut self.random, &packet.bytes);
            garbage.extend(Some(forged).filter(|bytes| self.heals(bytes)));
        }
        garbage.into_iter().map(|bytes| Packet { bytes: Rc::from(bytes), ..packet.clone() }).collect()
    }

    /// Whether only an authentication tag could distinguish these bytes from a word of this run or a newer one.
    fn is_a_word(&self, bytes: &[u8]) -> bool {
        decode(bytes).is_ok_and(|frame| frame.head.run >= self.newest_run() || matches!(frame.body, Body::Spec(_)))
    }

    /// Whether a forged word of the aggregator is one that the worker gets over by itself. It obeys a forged end, a
    /// forged refusal and a newer run or start, and has no room for a forged model; no mind can do better.
    fn heals(&self, bytes: &[u8]) -> bool {
        let Ok(Frame { head, body, .. }) = decode(bytes) else { return true };
        let harmless = match body {
            Body::Round(round) => round != Round::Finished,
            Body::Assign(assign) => assign.share().is_some(),
            Body::Spec(spec) => spec.model.parameters().is_some_and(|parameters| parameters < 100_000),
            Body::Extra(_) => true,
            Body::Join(_) | Body::Gradient(_) | Body::Survey(_) | Body::Scores(_) => false,
        };
        harmless && self.aggregators.last().is_some_and(|newest| head <= newest.mind.head())
    }

    /// The newest aggregator's run.
    pub(crate) fn newest_run(&self) -> RunId {
        RunId(self.aggregators.len() as u64)
    }

    /// What a liar says besides an answer.
    pub(crate) fn lies(&mut self, index: usize, packet: &Packet) -> Vec<Packet> {
        if !self.agents[index].machine.lies || packet.channel != Channel::Gradient {
            return Vec::new();
        }
        let lies = decode(&packet.bytes).map(|frame| lies_about(&frame)).unwrap_or_default();
        let agent = &mut self.agents[index];
        let lies = lies.into_iter().map(|bytes| Packet { bytes: Rc::from(bytes), ..packet.clone() });
        let lies = lies.chain(agent.past.iter().cloned()).collect();
        agent.past.push(packet.clone());
        if agent.past.len() > PAST_ANSWERS {
            agent.past.remove(0);
        }
        lies
    }
}

/// More samples than were assigned, numbers that are none, runs that are not this one, rounds that are still to come.
fn lies_about(frame: &Frame<'_>) -> Vec<Vec<u8>> {
    let Body::Gradient(true_one) = frame.body else { return Vec::new() };
    let more = Gradient { samples: true_one.samples + 1000, ..true_one };
    let sooner = Gradient { round: RoundId(true_one.round.0 + 1000), ..true_one };
    let elsewhere = Gradient { session: true_one.session ^ 1, ..true_one };
    let endless: Vec<u8> = frame.payload.chunks(4).flat_map(|_| f32::INFINITY.to_le_bytes()).collect();
    let lies = [
        (frame.head, more, frame.payload),
        (frame.head, sooner, frame.payload),
        (frame.head, elsewhere, frame.payload),
        (frame.head, true_one, &endless),
        (Head { run: frame.head.run.next(), ..frame.head }, true_one, frame.payload),
        (Head::default(), true_one, frame.payload),
    ];
    lies.into_iter().filter_map(|(head, gradient, payload)| as_bytes(head, gradient, payload)).collect()
}

fn as_bytes(head: Head, gradient: Gradient, payload: &[u8]) -> Option<Vec<u8>> {
    let (begin, _) = gradient.part.range()?;
    let mut whole = vec![0; gradient.part.total_bytes as usize];
    whole.get_mut(begin..begin + payload.len())?.copy_from_slice(payload);
    let mut bytes = vec![0; payload.len() + heijunka_wire::limits::HEADER_BYTES_MAX];
    encode(head, &Body::Gradient(gradient), Payload::Bytes(&whole), &mut bytes).ok().map(<[u8]>::to_vec)
}

/// A copy with some bits of its head turned, cut short or grown.
fn damage(random: &mut SplitMix64, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match random.next_u64() % 8 {
        0 => bytes.truncate((random.next_u64() % (bytes.len() as u64)) as usize),
        1 => bytes.push(random.next_u64() as u8),
        _ => {
            for _ in 0..random.next_u64() % 3 + 1 {
                let head = (bytes.len() as u64).min(HEAD_BYTES);
                let place = (random.next_u64() % head) as usize;
                bytes[place] ^= 1 << (random.next_u64() % 8);
            }
        }
    }
    bytes
}
