//! What agents' messages change.

use super::Coordinator;
use crate::collection::{Limits, Taken};
use crate::contract::Output;
use crate::event::Event;
use crate::rejected::{Rejected, Why};
use heijunka_units::{AgentId, Timestamp};
use heijunka_wire::{Body, Channel, DecodeError, Head, Progress, Purpose, ScoresChunk, SurveyChunk, decode, limits};

/// First bytes that are a version rather than noise.
const VERSIONS: core::ops::RangeInclusive<u8> = 1..=9;

impl Coordinator {
    pub(crate) fn receive(&mut self, now: Timestamp, channel: Channel, agent: Option<&AgentId>, bytes: &[u8]) {
        if bytes.is_empty() {
            return; // a retained message was cleared
        }
        let frame = match decode(bytes) {
            Ok(frame) if channel.contract().kind == Some(frame.body.kind()) => frame,
            Ok(_) => return self.counters.rejected.count(Why::WrongTopic),
            Err(DecodeError::Version(version)) => return self.on_other_version(agent, version),
            Err(_) => return self.counters.rejected.count(Why::Undecodable),
        };
        if frame.head != self.head() {
            return self.receive_of_another_start(now, frame.head, &frame.body);
        }
        let Some(agent) = agent else { return };
        if let Some(member) = self.roster.members.get_mut(agent) {
            member.on_message(now);
        }
        let outcome = match frame.body {
            Body::Join(join) => {
                self.on_join(now, agent, join);
                Ok(())
            }
            Body::Gradient(gradient) => self.on_gradient(now, agent, gradient, frame.payload, bytes.len()),
            Body::Survey(chunk) => self.on_survey(now, agent, chunk, frame.payload),
            Body::Scores(chunk) => self.on_scores(now, agent, chunk, frame.payload, bytes.len()),
            Body::Spec(_) | Body::Assign(_) | Body::Round(_) | Body::Extra(_) => Err(Rejected(Why::WrongTopic)),
        };
        if let Err(Rejected(why)) = outcome {
            self.counters.rejected.count(why);
        }
    }

    /// Says once of each agent that it speaks another version: it cannot read a refusal.
    fn on_other_version(&mut self, agent: Option<&AgentId>, version: u8) {
        self.counters.rejected.count(Why::OtherVersion);
        let Some(agent) = agent.filter(|agent| !self.roster.members.contains_key(agent)) else { return };
        if !VERSIONS.contains(&version) || self.admission.has_refused(agent) || !self.admission.refuse(agent) {
            return;
        }
        self.report(Event::OtherVersion { agent: agent.clone(), version });
    }

    /// An aggregator alone says that there is a newer start: an agent's word does not end the job.
    fn receive_of_another_start(&mut self, now: Timestamp, head: Head, body: &Body) {
        match body {
            Body::Spec(_) if head > self.head() => return self.outbox.push(Output::Superseded(head.run)),
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
        if chunk.spec != self.spec.content() || self.trainer.is_some() {
            self.counters.late += 1;
            return Ok(());
        }
        let member = self.roster.members.get_mut(agent).filter(|m| m.join.session == chunk.session);
        let member = member.ok_or(Rejected(Why::OtherSession))?;
        let progress = member.incoming.take(chunk.part, payload, limits::DOCUMENT_BYTES_MAX);
        let Ok(progress) = progress else {
            // Whichever chunk is damaged, the agent sends all of them again.
            member.incoming = Default::default();
            return Err(Rejected(Why::DamagedChunk));
        };
        match progress {
            Progress::Complete => {
                let survey = member.incoming.document();
                member.incoming = Default::default();
                let survey = Some(survey.map_err(|_| Rejected(Why::DamagedContent))?);
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
        if self.open.as_ref().is_some_and(|o| (o.head().round, o.head().purpose()) == (round, purpose)) {
            return Ok(true);
        }
        if round > self.round {
            return Err(Rejected(Why::UnknownRound));
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
        let ranked = classes == 2 || self.scoring.judge().anomaly_quantile.is_some();
        let open = self.open.as_mut().ok_or(Rejected(Why::UnknownRound))?;
        match open.take_scores(now, agent, (chunk, payload, frame_bytes), Limits { classes, ranked })? {
            Taken::Duplicate => self.counters.duplicate += 1,
            Taken::Answered => {
                self.counters.accepted += 1;
                if let Some(member) = self.roster.members.get_mut(agent) {
                    member.answers();
                }
            }
            _ => {}
        }
        Ok(())
    }
}
