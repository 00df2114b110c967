//! What agents' messages change.

use crate::coordinator::{Coordinator, Output, Phase};
use crate::open::Answer;
use crate::record::Level;
use crate::roster::Member;
use alloc::format;
use alloc::string::String;
use heijunka_units::{AgentId, RunId, Timestamp};
use heijunka_wire::document::Scores;
use heijunka_wire::{
    Assign, Body, Channel, Codec, DataMode, Evidence, Join, PROTOCOL_VERSION, Progress, Purpose, Refusal, Subject,
    decode, limits,
};

/// `45 s`, `30 min`, `8 h`, `2 d 8 h`.
fn long(seconds: u32) -> String {
    let minutes = seconds.div_ceil(60);
    let hours = minutes.div_ceil(60);
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{minutes} min"),
        _ if hours < 48 => format!("{hours} h"),
        _ => format!("{} d {} h", hours / 24, hours % 24),
    }
}

/// A message that is not acceptable; it is counted and forgotten.
pub(crate) struct Rejected;

impl Coordinator {
    pub(crate) fn receive(&mut self, now: Timestamp, channel: Channel, agent: Option<&AgentId>, bytes: &[u8]) {
        if bytes.is_empty() {
            return; // a retained message was cleared
        }
        let frame = match decode(bytes) {
            Ok(frame) if channel.contract().kind == Some(frame.body.kind()) => frame,
            _ => return self.counters.rejected += 1,
        };
        if frame.run != self.run {
            return self.receive_of_another_run(now, frame.run, &frame.body);
        }
        let Some(agent) = agent else { return };
        if let Some(member) = self.roster.members.get_mut(agent) {
            (member.silent_rounds, member.heard) = (0, now);
        }
        let outcome = match frame.body {
            Body::Join(join) => {
                self.on_join(now, agent, join);
                Ok(())
            }
            Body::Gradient(gradient) => self.on_gradient(now, agent, gradient, frame.payload, bytes.len()),
            Body::Evidence(evidence) => match evidence.subject {
                Subject::Survey(content) => self.on_survey(now, agent, content, evidence, frame.payload),
                Subject::Scores(_) => self.on_scores(now, agent, evidence, frame.payload, bytes.len()),
            },
            Body::Spec(_) | Body::Assign(_) | Body::Round(_) | Body::Extra(_) => Err(Rejected),
        };
        if outcome.is_err() {
            self.counters.rejected += 1;
        }
    }

    /// An aggregator alone says that there is a newer run: an agent's word does not end the job.
    fn receive_of_another_run(&mut self, now: Timestamp, run: RunId, body: &Body) {
        match body {
            Body::Spec(_) if run > self.run => return self.outputs.push_back(Output::Superseded(run)),
            // An older aggregator, or an agent that obeys one or nobody, has yet to hear of this run.
            Body::Spec(_) | Body::Join(_) if run < self.run => self.repeat_spec(now),
            // If there really is a newer aggregator, it contradicts.
            _ if run > self.run => self.repeat_spec(now),
            _ => {}
        }
        self.counters.stale += 1;
    }

    fn on_join(&mut self, now: Timestamp, agent: &AgentId, join: Join) {
        if self.phase == Phase::Finished {
            return;
        }
        if join.spec != self.content {
            return self.repeat_spec(now); // it has yet to hear the present spec
        }
        if !self.roster.members.contains_key(agent) && self.roster.is_full() {
            return self.refuse(agent, join, Refusal::Full);
        }
        if !(join.protocol_min..=join.protocol_max).contains(&PROTOCOL_VERSION) {
            return self.refuse(agent, join, Refusal::Protocol);
        }
        if join.rows == 0 {
            return self.refuse(agent, join, Refusal::NoRows);
        }
        let shared = self.trainer.is_some() && self.job.data_mode == DataMode::Shared;
        if shared && *self.shared_digest.get_or_insert(join.data_digest) != join.data_digest {
            return self.refuse(agent, join, Refusal::DifferentData);
        }
        self.enrol(now, agent, join);
        self.answer_join(now, agent, join);
    }

    fn enrol(&mut self, now: Timestamp, agent: &AgentId, join: Join) {
        let known = self.roster.members.get(agent).map(|m| (m.join.session, m.online, m.is_away()));
        match self.roster.members.get_mut(agent) {
            Some(member) if member.join.session == join.session => {
                member.join = join;
                member.online = true;
            }
            Some(member) => {
                let assign = member.assign;
                let (inclusion, samples_per_s) = (member.inclusion, member.samples_per_s);
                let link = member.link;
                *member = Member { assign, inclusion, samples_per_s, link, ..Member::new(join, now, link.codec) };
            }
            None => {
                let codec = Self::first_codec(&self.plan.compact);
                self.roster.members.insert(agent.clone(), Member::new(join, now, codec));
            }
        }
        let away = join.away_s > 0;
        if known == Some((join.session, true, away)) {
            return;
        }
        self.roster.changed = now;
        if away {
            let message = format!("{agent} takes leave as planned, for {}: its hours are over", long(join.away_s));
            self.event(Level::Info, "HJ-103", Some(agent), message, "it comes back by itself");
        } else {
            let message = format!("{agent} is here with {} rows to train on", join.rows);
            self.event(Level::Info, "HJ-101", Some(agent), message, "");
        }
    }

    /// The share is the receipt of the join. A round that the agent lacks is published again.
    fn answer_join(&mut self, now: Timestamp, agent: &AgentId, join: Join) {
        let Some(member) = self.roster.members.get_mut(agent) else { return };
        // A whole model that is on its way to it counts, whatever it had when it spoke.
        let whole = self.open.as_ref().is_some_and(|open| open.head.base.is_none());
        if now >= member.snapshot_until && !whole {
            member.holds = join.model;
        }
        let share = member.assign.filter(|assign| assign.spec == self.content && assign.refused.is_none());
        let fresh = Assign {
            session: join.session,
            spec: self.content,
            version: self.allocation,
            samples: 0,
            offset: 0,
            probe: false,
            network_us: 0,
            codec: Codec::default(),
            held_out_offset: 0,
            held_out_rows: 0,
            refused: None,
            untaken: None,
        };
        self.publish_assign(agent, Assign { session: join.session, ..share.unwrap_or(fresh) });
        let Some(expected) = self.open.as_mut().and_then(|open| open.expected.get_mut(agent)) else { return };
        expected.restart(join.session);
        if expected.answer == Answer::Gone {
            expected.answer = Answer::Awaited;
        }
        if expected.is_awaited() {
            if self.lacks_base(agent) {
                self.publish_snapshot(now, agent);
            } else {
                self.repeat_round(now);
            }
        }
        self.publish_extra(agent);
    }

    fn refuse(&mut self, agent: &AgentId, join: Join, refusal: Refusal) {
        let (why, fix) = match refusal {
            Refusal::Protocol => ("speaks another protocol version", "install the same version everywhere"),
            Refusal::DifferentData => (
                "has other rows than the agents before it, but the job's data are shared",
                "give all agents the same file, or set data = \"private\"",
            ),
            Refusal::NoRows => ("has no rows to train on", "check [data] path on that machine"),
            Refusal::Full => ("is one agent too many", "stop an agent, or run a second job"),
        };
        self.event(Level::Warn, "HJ-110", Some(agent), format!("{agent} was refused: it {why}"), fix);
        let assign = Assign {
            session: join.session,
            spec: join.spec,
            version: self.allocation,
            samples: 0,
            offset: 0,
            probe: false,
            network_us: 0,
            codec: Codec::default(),
            held_out_offset: 0,
            held_out_rows: 0,
            refused: Some(refusal),
            untaken: None,
        };
        self.roster.members.remove(agent);
        self.divided.retain(|(divided, _)| divided != agent);
        if let Some(expected) = self.open.as_mut().and_then(|open| open.expected.get_mut(agent)) {
            expected.lose();
        }
        self.publish_assign(agent, assign);
    }

    pub(crate) fn on_offline(&mut self, now: Timestamp, agent: &AgentId) {
        let Some(member) = self.roster.members.get_mut(agent).filter(|member| member.online) else { return };
        member.online = false;
        let planned = member.is_away();
        self.roster.changed = now;
        let expected = self.open.as_mut().and_then(|open| open.expected.get_mut(agent));
        if let Some(expected) = expected.filter(|expected| expected.answer == Answer::Awaited) {
            expected.lose();
        }
        if !planned {
            self.event(Level::Warn, "HJ-102", Some(agent), format!("{agent} left"), "it joins again by itself");
        }
    }

    fn on_survey(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        content: u64,
        evidence: Evidence,
        payload: &[u8],
    ) -> Result<(), Rejected> {
        if content != self.content || self.trainer.is_some() {
            self.counters.late += 1;
            return Ok(());
        }
        let member = self.roster.members.get_mut(agent).filter(|m| m.join.session == evidence.session);
        let member = member.ok_or(Rejected)?;
        let progress = member.incoming.take(evidence.part, payload, limits::DOCUMENT_BYTES_MAX);
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
        if self.open.as_ref().is_some_and(|o| o.head.round == round && o.head.purpose == purpose) {
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
        evidence: Evidence,
        payload: &[u8],
        frame_bytes: usize,
    ) -> Result<(), Rejected> {
        let Subject::Scores(round) = evidence.subject else { return Err(Rejected) };
        let classes = self.trainer.as_ref().map_or(0, |trainer| trainer.classes());
        if !self.is_open(round, Purpose::Score)? {
            return Ok(());
        }
        let open = self.open.as_mut().ok_or(Rejected)?;
        let started = open.started;
        let expected = open.expected.get_mut(agent).filter(|e| e.session == evidence.session).ok_or(Rejected)?;
        expected.bytes_up += frame_bytes as u64;
        if expected.answer == Answer::Delivered {
            self.counters.duplicate += 1;
            return Ok(());
        }
        let progress = expected.incoming.take(evidence.part, payload, limits::DOCUMENT_BYTES_MAX);
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
            }
        }
        Ok(())
    }
}
