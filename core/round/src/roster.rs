//! Who is there, with what data, and who is counted on.

use crate::inclusion::Inclusion;
use crate::incoming::Incoming;
use crate::link::Link;
use alloc::collections::BTreeMap;
use core::time::Duration;
use heijunka_allocate::Announced;
use heijunka_units::{AgentId, ModelVersion, RoundId, Timestamp};
use heijunka_wire::document::Survey;
use heijunka_wire::{Codec, Join, Share, limits};

/// After so many rounds without an answer an agent is no longer waited for, until it sends something.
pub(crate) const SILENT_ROUNDS_MAX: u32 = 2;
/// An agent that sends messages but no answers is dropped after so many rounds that waited for it without result, or when as
/// many deadlines have passed since; after it was dropped once, one is enough.
const MUTE_ROUNDS: u32 = 4;
/// An agent that sends something is waited for again: at once after it was dropped for the first time, then after this time,
/// then twice as long each time, but never longer than that.
const RETURN_BETWEEN: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(960));

/// One agent.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) join: Join,
    pub(crate) online: bool,
    /// Rounds in a row without an answer.
    pub(crate) silent_rounds: u32,
    /// When the first of the rounds began that it has left unanswered, whatever else it sent, and how many of them
    /// waited for it without result.
    unanswered: Option<(Timestamp, u32)>,
    /// Times in a row that it was given up.
    given_up: u32,
    /// Before that time a message is not enough to be waited for.
    back_from: Timestamp,
    pub(crate) survey: Option<Survey>,
    pub(crate) incoming: Incoming,
    pub(crate) share: Option<Share>,
    /// When it last sent something.
    pub(crate) last_seen: Timestamp,
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
            last_seen: now,
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

    /// It sent something: it may be slow, or lack something. An agent that sends much and answers nothing is waited for ever
    /// less often.
    pub(crate) fn on_message(&mut self, now: Timestamp) {
        self.last_seen = now;
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

    /// A round of that beginning and learned deadline was closed without its answer; `waited`: after that deadline.
    /// Returns whether it has been so for longer than a slow machine explains.
    pub(crate) fn leaves_unanswered(
        &mut self,
        now: Timestamp,
        started: Timestamp,
        span: Duration,
        waited: bool,
    ) -> bool {
        let (since, rounds) = self.unanswered.unwrap_or((started, 0));
        let rounds = rounds + u32::from(waited);
        self.unanswered = Some((since, rounds));
        let most = if self.given_up == 0 { MUTE_ROUNDS } else { 1 };
        rounds >= most || now.since(since) > span.saturating_mul(most)
    }

    /// It is no longer waited for.
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
    /// When the last newcomer joined.
    pub(crate) changed: Timestamp,
}

impl Roster {
    pub(crate) fn is_full(&self) -> bool {
        self.members.len() >= limits::AGENTS_MAX
    }

    /// Makes room for a newcomer if no agent is lost by it: the one that has been gone or silent for longest leaves the list.
    /// Returns who that is.
    pub(crate) fn make_room(&mut self) -> Option<AgentId> {
        let idle = |member: &Member| !member.online || member.silent_rounds >= SILENT_ROUNDS_MAX;
        let idle = self.members.iter().filter(|(_, member)| idle(member));
        let oldest = idle.min_by_key(|(_, member)| member.last_seen)?.0.clone();
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
