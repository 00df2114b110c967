//! The worker: its parts, and the way that inputs take to them.

mod computing;
mod polling;
mod receiving;

use crate::answers::Answers;
use crate::interface::{Buffers, Input, Prepared, Settings, Status};
use crate::job::Job;
use crate::link::Link;
use crate::note::Note;
use crate::outgoing::Outgoing;
use crate::replica::Replica;
use crate::serving::Serving;
use core::time::Duration;
use heapless::Deque;
use heijunka_units::{AgentId, Samples, Timestamp};

/// The agent's mind.
#[derive(Debug)]
pub struct Worker<'b> {
    machine: Machine,
    link: Link,
    job: Job<'b>,
    replica: Replica<'b>,
    serving: Serving,
    answers: Answers<'b>,
    outgoing: Outgoing<'b>,
    notes: Deque<Note, 8>,
    status: Status,
}

/// What the agent says of itself and its machine.
#[derive(Debug)]
struct Machine {
    agent: AgentId,
    session: u64,
    samples_max: Samples,
    threads: u16,
    cpu_share_percent: u8,
}

impl<'b> Worker<'b> {
    /// A worker to which nothing has happened yet.
    pub fn new(settings: Settings, buffers: Buffers<'b>) -> Self {
        let Buffers { model, gradient, update, residual, momentum, spec, survey, scores, packet } = buffers;
        let Settings { agent, session, samples_max, threads, cpu_share_percent, uplink } = settings;
        Self {
            machine: Machine { agent, session, samples_max, threads, cpu_share_percent },
            link: Link::new(session),
            job: Job::new(spec, survey),
            replica: Replica::new(model, update),
            serving: Serving::default(),
            answers: Answers::new(gradient, scores, residual, momentum),
            outgoing: Outgoing::new(packet, uplink),
            notes: Deque::new(),
            status: Status::default(),
        }
    }

    /// Ends the worker and gives the memory back, for another start.
    pub fn into_buffers(self) -> Buffers<'b> {
        let (spec, survey) = self.job.into_buffers();
        let (model, update) = self.replica.into_buffers();
        let (gradient, scores, residual, momentum) = self.answers.into_buffers();
        let packet = self.outgoing.into_packet();
        Buffers { model, gradient, update, residual, momentum, spec, survey, scores, packet }
    }

    /// What the agent is doing.
    pub fn status(&self) -> Status {
        Status { run: self.job.aggregator().run, joined: self.is_joined(), ..self.status }
    }

    /// For how long the cap on the uplink has held messages back until `now`, in all.
    pub fn held(&self, now: Timestamp) -> Duration {
        self.outgoing.held(now)
    }

    /// Time from the last result until now, for `status`.
    pub fn waited(&self, now: Timestamp) -> Duration {
        self.serving.computed_at().map_or(Duration::ZERO, |computed_at| now.since(computed_at))
    }

    /// Whether the agent may go: the aggregator does not count on it, or knows that it leaves and has all answers that it waits for.
    pub fn may_leave(&self) -> bool {
        let Some(confirmed) = self.link.leaving() else { return false };
        let (serving, idle) = (&self.serving, !self.serving.is_busy());
        if !self.link.is_connected() || !self.is_joined() {
            return idle;
        }
        let answered = !serving.is_computation_due() && self.outgoing.answer_next().is_none() && !serving.is_awaited();
        confirmed && idle && answered
    }

    /// Takes note of what happened.
    pub fn handle(&mut self, now: Timestamp, input: Input<'_>) {
        match input {
            Input::Connected { .. } => self.link.connect(now, self.job.is_prepared()),
            Input::Disconnected => {
                self.link.disconnect();
                self.outgoing.idle();
            }
            Input::Frame { channel, bytes } => self.on_frame(now, channel, bytes),
            Input::Prepared { prepared, survey } => self.on_prepared(now, prepared, survey),
            Input::Computed { round, samples, loss_sum, gradient, took } => {
                self.on_computed(now, round, (samples, loss_sum, gradient), took);
            }
            Input::Scored { round, scores } => self.on_scored(now, round, scores),
            Input::Leave { away_s } => self.link.leave(now, away_s, self.is_joined()),
            Input::Sent { packet_bytes } => self.outgoing.charge(packet_bytes, now),
            Input::Tick => {
                if self.link.is_connected() && now >= self.announce_at() {
                    self.link.doubt();
                }
            }
        }
    }

    fn on_prepared(&mut self, now: Timestamp, prepared: Prepared, survey: &[u8]) {
        match self.job.take_prepared(prepared, survey) {
            Ok(true) => self.link.announce_now(self.job.is_prepared(), now),
            Ok(false) => {}
            Err(note) => self.note(note),
        }
    }

    /// The aggregator counts on this agent.
    fn is_joined(&self) -> bool {
        self.serving.share().is_some()
    }

    /// While the agent reads its data, computes, or sends slowly, silence is not a sign of loss.
    fn announce_at(&self) -> Timestamp {
        let preparing = self.job.is_whole() && !self.job.is_prepared();
        let sending = self.outgoing.cap().is_some() && self.has_message();
        let busy = self.serving.is_busy() || preparing || sending;
        if busy { Timestamp::NEVER } else { self.link.announce_at() }
    }

    /// Something is to be sent.
    fn has_message(&self) -> bool {
        self.link.is_announcement_due() || self.outgoing.has_chunks()
    }

    /// A round in which this agent counts is progress; one that it is left out of is not, however many come.
    fn progress_if_it_counts(&mut self, now: Timestamp) {
        if self.serving.counts() {
            self.link.progress(now);
        }
    }

    fn note(&mut self, note: Note) {
        if self.notes.is_full() {
            let _ = self.notes.pop_front();
        }
        let _ = self.notes.push_back(note);
    }
}
