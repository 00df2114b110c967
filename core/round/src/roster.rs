//! Who is there, with what data, and who is counted on.

use crate::inclusion::Inclusion;
use crate::links::Link;
use crate::open::OpenRound;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_allocate::Announced;
use heijunka_units::{AgentId, ModelVersion, RoundId, Timestamp};
use heijunka_wire::document::{Document, DocumentError, Survey};
use heijunka_wire::{Assembly, Codec, Join, Part, PartError, Progress, Share, limits};

/// After so many rounds without an answer an agent is no longer waited for, until it is heard again.
pub(crate) const SILENT_ROUNDS_MAX: u32 = 2;
/// An agent that is heard but answers nothing is given up after so many rounds that waited for it in vain, or when as many
/// deadlines have passed since; after the first time in vain one is enough.
const MUTE_ROUNDS: u32 = 4;
/// Who is heard again is waited for again: at once after the first time in vain, then after this time, then twice as long
/// each time, but never longer than that.
const RETURN_BETWEEN: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(960));

/// A document that arrives in chunks.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    assembly: Assembly,
    bytes: Vec<u8>,
}

impl Incoming {
    /// With memory that was used before.
    pub(crate) fn reusing(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        Self { assembly: Assembly::new(), bytes }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.assembly.total_bytes().is_some()
    }

    /// What has arrived is of no use.
    pub(crate) fn begin_afresh(&mut self) {
        self.assembly = Assembly::new();
        self.bytes.clear();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the memory back.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn take(&mut self, part: Part, payload: &[u8], bytes_max: usize) -> Result<Progress, PartError> {
        if part.total_bytes as usize > bytes_max {
            return Err(PartError::TooLarge);
        }
        // Memory grows with the chunks that really arrive, not with the size that a peer names.
        let (progress, begin) = self.assembly.accept(part, payload.len(), bytes_max)?;
        if progress != Progress::Duplicate {
            let end = begin + payload.len();
            if self.bytes.len() == begin {
                self.bytes.extend_from_slice(payload);
                return Ok(progress);
            }
            if self.bytes.len() < end {
                self.bytes.resize(end, 0);
            }
            if let Some(place) = self.bytes.get_mut(begin..end) {
                place.copy_from_slice(payload);
            }
        }
        Ok(progress)
    }

    pub(crate) fn document<D: Document>(&self) -> Result<D, DocumentError> {
        D::from_bytes(&self.bytes)
    }
}

/// One agent.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) join: Join,
    pub(crate) online: bool,
    /// Rounds in a row without an answer.
    pub(crate) silent_rounds: u32,
    /// When the first of the rounds began that it has left unanswered, whatever else was heard of it, and how many of them
    /// waited for it in vain.
    unanswered: Option<(Timestamp, u32)>,
    /// Times in a row that it was given up.
    given_up: u32,
    /// Being heard is not enough before.
    back_from: Timestamp,
    pub(crate) survey: Option<Survey>,
    pub(crate) incoming: Incoming,
    pub(crate) share: Option<Share>,
    /// When it was last heard.
    pub(crate) heard: Timestamp,
    /// Samples a second of its last answer; 0 if there was none.
    pub(crate) samples_per_s: f64,
    /// The last round whose timing was taken.
    pub(crate) timed: RoundId,
    /// A round that was closed after so many seconds, before its answer was there.
    pub(crate) missed: Option<(RoundId, f64)>,
    pub(crate) inclusion: Inclusion,
    /// The version of the model that it has, as far as is known.
    pub(crate) holds: Option<ModelVersion>,
    /// The whole model is on its way to it: it is not sent again before.
    pub(crate) snapshot_until: Timestamp,
    pub(crate) snapshot_wait: Duration,
    pub(crate) link: Link,
}

impl Member {
    pub(crate) fn new(join: Join, now: Timestamp, codec: Codec) -> Self {
        Self {
            join,
            online: true,
            silent_rounds: 0,
            unanswered: None,
            given_up: 0,
            back_from: Timestamp::ZERO,
            survey: None,
            incoming: Incoming::default(),
            share: None,
            heard: now,
            samples_per_s: 0.0,
            timed: RoundId(0),
            missed: None,
            inclusion: Inclusion::default(),
            holds: join.model,
            snapshot_until: Timestamp::ZERO,
            snapshot_wait: Duration::ZERO,
            link: Link::new(codec),
        }
    }

    /// The same agent in a new session. What it owes stays: starting again is no answer.
    pub(crate) fn begin_session(&mut self, join: Join, now: Timestamp) {
        let fresh = Self::new(join, now, self.link.codec);
        let silent_rounds = if self.may_return(now) { 0 } else { self.silent_rounds };
        *self = Self {
            silent_rounds,
            unanswered: self.unanswered,
            given_up: self.given_up,
            back_from: self.back_from,
            share: self.share,
            inclusion: self.inclusion,
            samples_per_s: self.samples_per_s,
            link: self.link,
            ..fresh
        };
    }

    fn may_return(&self, now: Timestamp) -> bool {
        self.silent_rounds < SILENT_ROUNDS_MAX || now >= self.back_from
    }

    /// Something was heard of it: it may be slow, or lack something. An agent that says much and answers nothing comes back
    /// ever less often.
    pub(crate) fn hear(&mut self, now: Timestamp) {
        self.heard = now;
        if self.may_return(now) {
            self.silent_rounds = 0;
        }
    }

    /// It has answered a round, in time or not.
    pub(crate) fn answers(&mut self) {
        (self.silent_rounds, self.unanswered, self.given_up) = (0, None, 0);
    }

    /// It is asked for nothing: it owes nothing.
    pub(crate) fn owes_nothing(&mut self) {
        self.unanswered = None;
    }

    /// The round was closed without its answer. Returns whether it has been so for longer than a slow machine explains.
    pub(crate) fn leaves_unanswered(&mut self, now: Timestamp, open: &OpenRound) -> bool {
        let (since, rounds) = self.unanswered.unwrap_or((open.started, 0));
        let rounds = rounds + u32::from(now >= open.overdue);
        self.unanswered = Some((since, rounds));
        let most = if self.given_up == 0 { MUTE_ROUNDS } else { 1 };
        rounds >= most || now.since(since) > open.span.saturating_mul(most)
    }

    /// Nobody waits for it any more.
    pub(crate) fn give_up(&mut self, now: Timestamp) {
        let (least, most) = RETURN_BETWEEN;
        let wait = match self.given_up {
            0 => Duration::ZERO,
            times => least.saturating_mul(1 << (times - 1).min(16)).min(most),
        };
        (self.back_from, self.unanswered) = (now + wait, None);
        self.given_up = self.given_up.saturating_add(1);
    }

    /// Whether it is connected and its hours are not over.
    pub(crate) fn is_here(&self) -> bool {
        self.online && !self.is_away()
    }

    /// Whether it is here and answers.
    pub(crate) fn is_counted_on(&self) -> bool {
        self.is_here() && self.silent_rounds < SILENT_ROUNDS_MAX
    }

    /// Whether it has said that it takes no share for a while.
    pub(crate) fn is_away(&self) -> bool {
        self.join.away_s > 0
    }

    /// Computing capacity and uplink as it announces them; an answer has `answer_bytes`.
    pub(crate) fn announced(&self, answer_bytes: f64) -> Announced {
        let Join { threads, cpu_share_percent, uplink_bytes_per_s, .. } = self.join;
        let uplink_us = match uplink_bytes_per_s {
            0 => 0,
            cap => (answer_bytes * 1e6 / f64::from(cap)) as u32,
        };
        Announced { capacity: u32::from(threads.max(1)) * u32::from(cpu_share_percent), uplink_us }
    }

    /// Whether the next round may count on it.
    pub(crate) fn is_ready(&self, spec: u64) -> bool {
        self.is_counted_on() && self.join.spec == spec && self.join.rows > 0
    }
}

/// All agents in the order of their names.
#[derive(Debug, Default)]
pub(crate) struct Roster {
    pub(crate) members: BTreeMap<AgentId, Member>,
    /// When the last newcomer was heard.
    pub(crate) changed: Timestamp,
}

impl Roster {
    pub(crate) fn is_full(&self) -> bool {
        self.members.len() >= limits::AGENTS_MAX
    }

    /// Makes room for a newcomer if nobody is lost by it: whoever has been gone or silent for longest leaves the list.
    /// Returns who that is.
    pub(crate) fn make_room(&mut self) -> Option<AgentId> {
        let idle = |member: &Member| !member.online || member.silent_rounds >= SILENT_ROUNDS_MAX;
        let idle = self.members.iter().filter(|(_, member)| idle(member));
        let oldest = idle.min_by_key(|(_, member)| member.heard)?.0.clone();
        self.members.remove(&oldest);
        Some(oldest)
    }

    pub(crate) fn ready(&self, spec: u64) -> impl Iterator<Item = (&AgentId, &Member)> {
        self.members.iter().filter(move |(_, member)| member.is_ready(spec))
    }

    /// Agents that are here.
    pub(crate) fn here(&self) -> usize {
        self.members.values().filter(|member| member.is_here()).count()
    }

    /// Agents that are away until their hours begin.
    pub(crate) fn away(&self) -> usize {
        self.members.values().filter(|member| member.is_away()).count()
    }

    /// Agents that are here and have sent their survey.
    pub(crate) fn surveyed(&self) -> impl Iterator<Item = (&AgentId, &Survey)> {
        self.members
            .iter()
            .filter(|(_, member)| member.is_here())
            .filter_map(|(agent, member)| member.survey.as_ref().map(|survey| (agent, survey)))
    }
}
