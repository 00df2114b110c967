//! Who is there, with what data, and who is counted on.

use crate::inclusion::Inclusion;
use crate::links::Link;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_allocate::Announced;
use heijunka_units::{AgentId, ModelVersion, RoundId, Timestamp};
use heijunka_wire::document::{Document, DocumentError, Survey};
use heijunka_wire::{Assembly, Assign, Codec, Join, Part, PartError, Progress, limits};

/// After so many rounds without an answer an agent is no longer waited for, until it is heard again.
pub(crate) const SILENT_ROUNDS_MAX: u32 = 2;

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
    pub(crate) survey: Option<Survey>,
    pub(crate) incoming: Incoming,
    pub(crate) assign: Option<Assign>,
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
            survey: None,
            incoming: Incoming::default(),
            assign: None,
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

    /// Whether it is connected and its hours are not over.
    pub(crate) fn is_here(&self) -> bool {
        self.online && !self.is_away()
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
        self.is_here() && self.join.spec == spec && self.join.rows > 0 && self.silent_rounds < SILENT_ROUNDS_MAX
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
