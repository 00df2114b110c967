//! What agents' messages change.

use crate::coordinator::{Coordinator, Output};
use crate::event::Event;
use crate::open::Answer;
use heijunka_units::{AgentId, Timestamp};
use heijunka_wire::document::Scores;
use heijunka_wire::{Body, Channel, DecodeError, Head, Progress, Purpose, ScoresChunk, SurveyChunk, decode, limits};

/// First bytes that are a version rather than noise.
const VERSIONS: core::ops::RangeInclusive<u8> = 1..=9;

/// A message that is not acceptable; it is counted and forgotten.
pub(crate) struct Rejected;

impl Coordinator {
    pub(crate) fn receive(&mut self, now: Timestamp, channel: Channel, agent: Option<&AgentId>, bytes: &[u8]) {
        if bytes.is_empty() {
            return; // a retained message was cleared
        }
        let frame = match decode(bytes) {
            Ok(frame) if channel.contract().kind == Some(frame.body.kind()) => frame,
            Err(DecodeError::Version(version)) => return self.on_other_version(agent, version),
            _ => return self.counters.rejected += 1,
        };
        if frame.head != self.head() {
            return self.receive_of_another_start(now, frame.head, &frame.body);
        }
        let Some(agent) = agent else { return };
        if let Some(member) = self.roster.members.get_mut(agent) {
            member.hear(now);
        }
        let outcome = match frame.body {
            Body::Join(join) => {
                self.on_join(now, agent, join);
                Ok(())
            }
            Body::Gradient(gradient) => self.on_gradient(now, agent, gradient, frame.payload, bytes.len()),
            Body::Survey(chunk) => self.on_survey(now, agent, chunk, frame.payload),
            Body::Scores(chunk) => self.on_scores(now, agent, chunk, frame.payload, bytes.len()),
            Body::Spec(_) | Body::Assign(_) | Body::Round(_) | Body::Extra(_) => Err(Rejected),
        };
        if outcome.is_err() {
            self.counters.rejected += 1;
        }
    }

    /// Says once of each agent that it speaks another version: it cannot read a refusal.
    fn on_other_version(&mut self, agent: Option<&AgentId>, version: u8) {
        self.counters.rejected += 1;
        let Some(agent) = agent.filter(|agent| !self.roster.members.contains_key(agent)) else { return };
        if !VERSIONS.contains(&version) || self.refused.len() >= limits::AGENTS_MAX || self.refused.contains(agent) {
            return;
        }
        self.refused.insert(agent.clone());
        self.report(Event::OtherVersion { agent: agent.clone(), version });
    }

    /// An aggregator alone says that there is a newer start: an agent's word does not end the job.
    fn receive_of_another_start(&mut self, now: Timestamp, head: Head, body: &Body) {
        match body {
            Body::Spec(_) if head > self.head() => return self.outputs.push_back(Output::Superseded(head.run)),
            // An older aggregator, or an agent that obeys one or none, has yet to receive this start's spec.
            Body::Spec(_) | Body::Join(_) if head < self.head() => self.repeat_spec(now),
            // If there really is a newer aggregator, it contradicts.
            _ if head > self.head() => self.repeat_spec(now),
            _ => {}
        }
        self.counters.stale += 1;
    }

    fn on_survey(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        chunk: SurveyChunk,
        payload: &[u8],
    ) -> Result<(), Rejected> {
        if chunk.spec != self.content || self.trainer.is_some() {
            self.counters.late += 1;
            return Ok(());
        }
        let member = self.roster.members.get_mut(agent).filter(|m| m.join.session == chunk.session);
        let member = member.ok_or(Rejected)?;
        let progress = member.incoming.take(chunk.part, payload, limits::DOCUMENT_BYTES_MAX);
        let Ok(progress) = progress else {
            // Whichever chunk is damaged, the agent sends all of them again.
            member.incoming = Default::default();
            return Err(Rejected);
        };
        match progress {
            Progress::Complete => {
                let survey = member.incoming.document();
                member.incoming = Default::default();
                let survey = Some(survey.map_err(|_| Rejected)?);
                // The same once more must not put off the beginning.
                if member.survey != survey {
                    member.survey = survey;
                    self.roster.changed = now;
                }
            }
            Progress::Duplicate => self.counters.duplicate += 1,
            Progress::Incomplete => {}
        }
        Ok(())
    }

    /// Whether the open round is the one that `round` means; else the answer is late or impossible.
    pub(crate) fn is_open(&mut self, round: heijunka_units::RoundId, purpose: Purpose) -> Result<bool, Rejected> {
        if self.open.as_ref().is_some_and(|o| o.head.round == round && o.head.purpose() == purpose) {
            return Ok(true);
        }
        if round > self.round {
            return Err(Rejected);
        }
        self.counters.late += 1;
        Ok(false)
    }

    fn on_scores(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        chunk: ScoresChunk,
        payload: &[u8],
        frame_bytes: usize,
    ) -> Result<(), Rejected> {
        let classes = self.trainer.as_ref().map_or(0, |trainer| trainer.classes());
        if !self.is_open(chunk.round, Purpose::Score)? {
            return Ok(());
        }
        let open = self.open.as_mut().ok_or(Rejected)?;
        let started = open.started;
        let expected = open.expected.get_mut(agent).filter(|e| e.session == chunk.session).ok_or(Rejected)?;
        expected.bytes_up += frame_bytes as u64;
        if expected.answer == Answer::Delivered {
            self.counters.duplicate += 1;
            return Ok(());
        }
        let progress = expected.incoming.take(chunk.part, payload, limits::DOCUMENT_BYTES_MAX);
        match progress.map_err(|_| Rejected)? {
            Progress::Duplicate => self.counters.duplicate += 1,
            Progress::Incomplete => {}
            Progress::Complete => {
                let scores: Scores = expected.incoming.document().map_err(|_| Rejected)?;
                let ranked = (classes == 2 || self.judge.anomaly_quantile.is_some()) && scores.rows > 0;
                if scores.confusion.len() != classes * classes
                    || scores.histogram.is_empty() == ranked
                    || scores.rows > u64::from(expected.assigned)
                {
                    return Err(Rejected);
                }
                expected.scores = Some(scores);
                expected.answer = Answer::Delivered;
                expected.total_s = now.since(started).as_secs_f64();
                self.counters.accepted += 1;
                if let Some(member) = self.roster.members.get_mut(agent) {
                    member.answers();
                }
            }
        }
        Ok(())
    }
}
