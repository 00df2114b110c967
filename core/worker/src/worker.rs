//! The worker's state, inputs and outputs.

use crate::compact::{Carried, Written};
use crate::current::{Answer, Current};
use crate::leave::Leaving;
use crate::note::Note;
use crate::retry::Retry;
use crate::uplink::Uplink;
use core::time::Duration;
use heapless::Deque;
use heijunka_units::{AgentId, Cap, ModelVersion, RoundId, RunId, SampleCount, Samples, Timestamp};
use heijunka_wire::{Assembly, Assign, Channel, Durations, Head, Purpose, Share, Spec, limits};

/// Memory that the caller lends. Lengths are bounds: a job that needs more is refused with a note.
#[derive(Debug)]
pub struct Buffers<'b> {
    /// The model of the current round, in parameters.
    pub model: &'b mut [f32],
    /// The share's mean gradient as it is sent, in bytes: 4 for each parameter.
    pub gradient: &'b mut [u8],
    /// The model's difference to the last one as it is sent, in bytes; without room whole models are asked for.
    pub update: &'b mut [u8],
    /// Zeros, as long as the model: what sparse gradients have yet to send. Without room they are sent in 8 bits instead.
    pub residual: &'b mut [f32],
    /// Zeros, as long as the model: the momentum of gradients, where agents give it to them.
    pub momentum: &'b mut [f32],
    /// The job's document, in bytes.
    pub spec: &'b mut [u8],
    /// The survey of the data, in bytes.
    pub survey: &'b mut [u8],
    /// Scores, in bytes.
    pub scores: &'b mut [u8],
    /// One outgoing packet: at least [`limits::PACKET_BYTES_MIN`] bytes.
    pub packet: &'b mut [u8],
}

/// Bytes of [`Buffers::gradient`] for a model of so many parameters.
pub const fn gradient_bytes(parameters: usize) -> usize {
    parameters.saturating_mul(4).saturating_add(64)
}

/// Bytes of [`Buffers::update`] for every update that an aggregator writes.
pub const fn update_bytes(parameters: usize) -> usize {
    parameters.saturating_mul(2).saturating_add(64)
}

/// Shortest and longest wait between two announcements.
pub(crate) const ANNOUNCE_BETWEEN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What does not change while the agent runs.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The agent's name.
    pub agent: AgentId,
    /// Random number of this start.
    pub session: u64,
    /// Largest share that memory allows, in samples.
    pub samples_max: Samples,
    /// Threads that compute.
    pub threads: u16,
    /// Share of the time in which each of them computes, 1 to 100.
    pub cpu_share_percent: u8,
    /// The most that is sent; `None` without a limit.
    pub uplink: Option<Cap>,
}

/// The data are read and encoded for a spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Content of the spec.
    pub spec: u64,
    /// Rows to train on.
    pub rows: SampleCount,
    /// Rows held out.
    pub held_out_rows: SampleCount,
    /// Digest of the rows.
    pub data_digest: u64,
}

/// What happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// The broker is reached.
    Connected {
        /// Whether the broker still had this client's session.
        session_present: bool,
    },
    /// The broker is lost.
    Disconnected,
    /// A message from `spec`, `assign/<agent>`, `round` or `extra/<agent>`.
    Frame {
        /// The topic's channel.
        channel: Channel,
        /// The packet's payload.
        bytes: &'a [u8],
    },
    /// Answer to [`Output::Prepare`].
    Prepared {
        /// What was prepared.
        prepared: Prepared,
        /// The survey's document; empty for a fitted spec.
        survey: &'a [u8],
    },
    /// Answer to [`Output::Compute`].
    Computed {
        /// The round that it answers.
        round: RoundId,
        /// Samples really processed; 0 if none could be.
        samples: Samples,
        /// Sum of their losses.
        loss_sum: f64,
        /// Mean of their gradients.
        gradient: &'a [f32],
        /// Time that it took, on the worker's clock.
        took: Duration,
    },
    /// Answer to [`Output::Score`].
    Scored {
        /// The round that it answers.
        round: RoundId,
        /// The scores' document.
        scores: &'a [u8],
    },
    /// The agent's hours are over: it shall take no further share, and be gone once [`Worker::may_leave`].
    Leave {
        /// Seconds until it is back, at least 1.
        away_s: u32,
    },
    /// The driver has sent something by itself, which the cap on the uplink counts.
    Sent {
        /// The whole packet.
        packet_bytes: usize,
    },
    /// Time passed.
    Tick,
}

/// What to do.
#[must_use]
#[derive(Debug)]
pub enum Output<'w> {
    /// Publish on the agent's own topic of the channel, quality of service 1, not retained.
    Publish {
        /// The topic's channel.
        channel: Channel,
        /// The packet's payload.
        bytes: &'w [u8],
    },
    /// Read and encode the data for the job in `document`, then answer with [`Input::Prepared`].
    Prepare {
        /// The job's header.
        spec: &'w Spec,
        /// The job: a `heijunka_wire::document::Job`.
        document: &'w [u8],
    },
    /// Compute the mean gradient of `samples` samples, then answer with [`Input::Computed`]. There is no other
    /// computation under way that was not abandoned.
    Compute {
        /// The round.
        round: RoundId,
        /// First position in the stream of samples: the aggregator's (shared data) or the agent's own (private).
        position: u64,
        /// How many samples.
        samples: Samples,
        /// The sum of so many mean gradients is wanted: each of `samples` samples, and at the model after a step along the one
        /// before by `learning_rate`.
        local_steps: u16,
        /// The next step's samples begin so much further on.
        stride: u64,
        /// Rate of the steps between.
        learning_rate: f32,
        /// They are another agent's, which was lost.
        extra: bool,
        /// Stop after so long, counted from now, and answer with what is done: one sample at least.
        stop_after: Option<Duration>,
        /// The model.
        model: &'w [f32],
    },
    /// Score held-out rows `first..first + rows`, then answer with [`Input::Scored`].
    Score {
        /// The round.
        round: RoundId,
        /// First held-out row.
        first: u32,
        /// How many.
        rows: u32,
        /// The model.
        model: &'w [f32],
    },
    /// Nobody waits any more for what is being computed.
    Abandon,
    /// Something to tell.
    Note(Note),
    /// Nothing until then, or until something happens.
    Wait(Timestamp),
}

/// What the agent is doing, for `status`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Status {
    /// The run that is obeyed.
    pub run: RunId,
    /// The round last heard of.
    pub round: RoundId,
    /// The same as people count: by the steps of the model.
    pub number: u64,
    /// Samples a round.
    pub share_samples: Samples,
    /// Samples of the global batch.
    pub batch_samples: Samples,
    /// Whether the aggregator counts on this agent.
    pub joined: bool,
    /// Rounds in which its share, or its scores, were computed.
    pub rounds_answered: u64,
    /// Rounds that ended without this agent's result.
    pub rounds_overtaken: u64,
    /// Mean loss of the last share.
    pub loss: f64,
    /// Seconds that the last share took to compute.
    pub compute_seconds: f64,
    /// How the last gradient was written; empty if none was.
    pub gradient_codec: &'static str,
    /// Its length.
    pub gradient_bytes: usize,
}

/// The agent's mind.
#[derive(Debug)]
pub struct Worker<'b> {
    pub(crate) settings: Settings,
    pub(crate) buffers: Buffers<'b>,
    pub(crate) notes: Deque<Note, 8>,
    pub(crate) connected: bool,
    /// The aggregator that is obeyed.
    pub(crate) aggregator: Head,
    /// The spec being assembled or already whole.
    pub(crate) spec: Option<Spec>,
    pub(crate) spec_assembly: Assembly,
    pub(crate) prepare_due: bool,
    pub(crate) prepared: Option<Prepared>,
    pub(crate) survey_bytes: usize,
    pub(crate) assign: Option<Assign>,
    pub(crate) current: Option<Current>,
    /// An older round whose probe is not yet answered. The current one begins after it.
    pub(crate) probing: Option<Current>,
    pub(crate) model_assembly: Assembly,
    /// The version that the model's buffer holds whole.
    pub(crate) held: Option<ModelVersion>,
    /// It has been asked for the model, since updates of what it holds no longer come.
    pub(crate) lacking: bool,
    /// What the gradient's buffer holds of the memory, until that is known to have entered a step, or is written over.
    pub(crate) carried: Option<Carried>,
    /// Residual or momentum are not zero.
    pub(crate) remembers: bool,
    pub(crate) compute_due: bool,
    pub(crate) abandon_due: bool,
    pub(crate) announce_due: bool,
    /// Next chunk of the survey to send, `None` when all are sent.
    pub(crate) survey_next: Option<u16>,
    /// Next chunk of the answer to send.
    pub(crate) answer_next: Option<u16>,
    pub(crate) announce: Retry,
    pub(crate) uplink: Uplink,
    /// Nothing has come of what is known: the aggregator's next word counts, whatever its number.
    pub(crate) doubtful: bool,
    /// The agent's own position in its stream of samples (private data).
    pub(crate) cursor: u64,
    pub(crate) status: Status,
    pub(crate) leaving: Option<Leaving>,
}

impl<'b> Worker<'b> {
    /// A worker that has heard nothing yet.
    pub fn new(settings: Settings, buffers: Buffers<'b>) -> Self {
        let (least, most) = ANNOUNCE_BETWEEN;
        let announce = Retry::new(least, most, settings.session);
        let uplink = Uplink::new(settings.uplink);
        Self {
            settings,
            buffers,
            notes: Deque::new(),
            connected: false,
            aggregator: Head::default(),
            spec: None,
            spec_assembly: Assembly::new(),
            prepare_due: false,
            prepared: None,
            survey_bytes: 0,
            assign: None,
            current: None,
            probing: None,
            model_assembly: Assembly::new(),
            held: None,
            lacking: false,
            carried: None,
            remembers: false,
            compute_due: false,
            abandon_due: false,
            announce_due: false,
            survey_next: None,
            answer_next: None,
            announce,
            uplink,
            doubtful: false,
            cursor: 0,
            status: Status::default(),
            leaving: None,
        }
    }

    /// Ends the worker and gives the memory back, for another start.
    pub fn into_buffers(mut self) -> Buffers<'b> {
        self.forget_memory();
        self.buffers
    }

    /// What the agent is doing.
    pub fn status(&self) -> Status {
        Status { run: self.aggregator.run, joined: self.joined(), ..self.status }
    }

    /// Takes note of what happened.
    pub fn handle(&mut self, now: Timestamp, input: Input<'_>) {
        match input {
            Input::Connected { .. } => {
                self.connected = true;
                // Whatever was on its way may be lost (F2): the aggregator's answer shows what it lacks.
                self.announce_due = self.is_prepared();
                self.announce.reset(now);
            }
            Input::Disconnected => {
                self.connected = false;
                self.announce.stop();
                self.uplink.idle();
            }
            Input::Frame { channel, bytes } => self.hear(now, channel, bytes),
            Input::Prepared { prepared, survey } => self.on_prepared(now, prepared, survey),
            Input::Computed { round, samples, loss_sum, gradient, took } => {
                self.on_computed(now, round, samples, loss_sum, gradient, took);
            }
            Input::Scored { round, scores } => self.on_scored(now, round, scores),
            Input::Leave { away_s } => self.leave(now, away_s),
            Input::Sent { packet_bytes } => self.uplink.charge(packet_bytes, now),
            Input::Tick => {
                if self.connected && now >= self.announce_at() {
                    self.announce_due = true;
                    self.doubtful = true;
                }
            }
        }
    }

    pub(crate) fn note(&mut self, note: Note) {
        if self.notes.is_full() {
            let _ = self.notes.pop_front();
        }
        let _ = self.notes.push_back(note);
    }

    pub(crate) fn spec_is_whole(&self) -> bool {
        self.spec.is_some() && self.spec_assembly.is_complete()
    }

    pub(crate) fn is_prepared(&self) -> bool {
        self.spec_is_whole() && self.spec.as_ref().map(|spec| spec.content) == self.prepared.map(|p| p.spec)
    }

    pub(crate) fn joined(&self) -> bool {
        self.share().is_some()
    }

    /// The share, unless it has been refused one.
    pub(crate) fn share(&self) -> Option<Share> {
        self.assign.and_then(|assign| assign.share())
    }

    /// Bytes of an object's chunks.
    pub(crate) fn chunk_bytes(&self, object_bytes: usize) -> usize {
        let most = limits::chunk_bytes(self.buffers.packet.len() + limits::PACKET_OVERHEAD_BYTES);
        self.uplink.chunk_bytes(object_bytes, most)
    }

    /// For how long the cap on the uplink has held messages back until `now`, in all.
    pub fn held(&self, now: Timestamp) -> Duration {
        self.uplink.held(now)
    }

    fn on_prepared(&mut self, now: Timestamp, prepared: Prepared, survey: &[u8]) {
        if self.spec.as_ref().map(|spec| spec.content) != Some(prepared.spec) {
            return; // another job has been heard of since, and its data were asked for
        }
        let Some(place) = self.buffers.survey.get_mut(..survey.len()) else {
            let bytes_max = self.buffers.survey.len();
            return self.note(Note::NoRoom { bytes: survey.len(), bytes_max });
        };
        place.copy_from_slice(survey);
        self.survey_bytes = survey.len();
        self.prepared = Some(prepared);
        self.announce_due = self.is_prepared();
        self.announce.reset(now);
    }

    /// The driver is computing.
    pub(crate) fn is_busy(&self) -> bool {
        self.probing.iter().chain(&self.current).any(Current::is_busy)
    }

    fn answering(&mut self, round: RoundId, purpose: Purpose) -> Option<&mut Current> {
        let expected = |current: &&mut Current| {
            current.head.round == round && current.head.purpose() == purpose && current.is_busy()
        };
        self.probing.iter_mut().chain(&mut self.current).find(expected)
    }

    fn on_computed(
        &mut self,
        now: Timestamp,
        round: RoundId,
        samples: Samples,
        loss_sum: f64,
        gradient: &[f32],
        took: Duration,
    ) {
        let parameters = self.spec.as_ref().and_then(|spec| spec.model.parameters());
        let Some(current) = self.answering(round, Purpose::Train) else { return };
        if let Some(next) = current.extra_next.take() {
            // Nobody waits for the range that was computed: another one is wanted.
            return self.begin_extra(now, next);
        }
        if samples == 0 || parameters != Some(gradient.len()) {
            // Abandoned, or it could not be computed: a probe must not keep the next round waiting.
            self.probing = self.probing.filter(|probing| probing.head.round != round);
            return;
        }
        let advances = !current.probe && current.extra.is_none();
        // What is no number cannot be averaged, but silence would leave the aggregator waiting.
        let sound = loss_sum.is_finite() && gradient.iter().all(|g| g.is_finite());
        let loss_sum = Some(loss_sum).filter(|_| sound);
        let durations = Durations {
            decode_us: micros(current.started.since(current.begun)),
            compute_us: micros(took),
            encode_us: 0,
        };
        let asked = *current;
        let written = if sound { self.write(&asked, gradient, samples) } else { Some(Written::nothing(0)) };
        let Some(written) = written else { return };
        let held_before = self.uplink.held(now);
        let Some(current) = self.answering(round, Purpose::Train) else { return };
        current.answer =
            Some(Answer::Gradient { samples, loss_sum, durations, computed_at: now, held_before, written });
        // It may have come too late already.
        self.take_back_untaken();
        if advances {
            let steps = asked.head.train().map_or(1, |train| u64::from(train.local_steps));
            self.cursor = self.cursor.wrapping_add(u64::from(samples).wrapping_mul(steps));
        }
        self.status.loss = loss_sum.unwrap_or(f64::INFINITY) / f64::from(samples);
        self.status.compute_seconds = took.as_secs_f64();
        self.status.gradient_codec = written.codec.as_str();
        self.status.gradient_bytes = written.bytes;
        self.status.rounds_answered += u64::from(advances);
        self.answer_ready(now);
    }

    fn on_scored(&mut self, now: Timestamp, round: RoundId, scores: &[u8]) {
        let (bytes, bytes_max) = (scores.len(), self.buffers.scores.len());
        let Some(current) = self.answering(round, Purpose::Score) else { return };
        if bytes > bytes_max {
            return self.note(Note::NoRoom { bytes, bytes_max });
        }
        current.answer = Some(Answer::Scores { bytes });
        let Some(place) = self.buffers.scores.get_mut(..bytes) else { return };
        place.copy_from_slice(scores);
        self.status.rounds_answered += 1;
        self.answer_ready(now);
    }

    fn answer_ready(&mut self, now: Timestamp) {
        self.answer_next = Some(0);
        self.announce.reset(now);
    }
}

pub(crate) fn micros(span: Duration) -> u32 {
    u32::try_from(span.as_micros()).unwrap_or(u32::MAX)
}
