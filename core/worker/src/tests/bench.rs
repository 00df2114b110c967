//! A worker on the bench: memory, frames of an aggregator, and everything it says.

use crate::{Buffers, Input, Note, Output, Prepared, Settings, Worker, gradient_bytes, update_bytes};
use core::time::Duration;
use heijunka_units::{AgentId, AllocationVersion, ModelVersion, RoundId, RunId, Samples, Start, Timestamp};
use heijunka_wire::{
    Activation, Ask, Assign, Body, Channel, Codec, DataMode, Head, Join, Loss, Model, Part, Payload, Round, Shape,
    Share, Spec, Train, Work, decode, digest, encode, model_digest, parts,
};

pub(super) const SESSION: u64 = 99;
pub(super) const PARAMETERS: usize = 6;
pub(super) const DOCUMENT: &[u8] = b"a job of 20 bytes...";
pub(super) const ROWS: u64 = 500;
/// The aggregator's start.
pub(super) const START: Start = Start::new([7; 16]);

/// What a worker wanted, kept.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    Published(Channel, Body, Vec<u8>),
    Prepare(u64),
    Compute { round: RoundId, position: u64, samples: Samples, stop_after: Option<Duration>, model: Vec<f32> },
    Score { round: RoundId, first: u32, rows: u32 },
    Abandon,
    Note(Note),
}

pub(super) struct Bench {
    pub(super) worker: Worker<'static>,
    pub(super) now: Timestamp,
    pub(super) run: RunId,
    pub(super) start: Start,
    pub(super) wait: Timestamp,
}

impl Bench {
    /// [`Bench::joined`], with no room for what sparse gradients leave.
    pub(super) fn without_residual() -> Self {
        let mut bench = Self::with(PARAMETERS, 64, |_, buffers| buffers.residual = &mut []);
        bench.connect();
        bench.on_spec(true);
        bench.prepared(true);
        bench.on_assign(assign(1));
        bench
    }

    /// With room for `parameters` parameters and `bytes` bytes of each document, and packets of 1 KiB.
    pub(super) fn with_room(parameters: usize, bytes: usize) -> Self {
        Self::with(parameters, bytes, |_, _| {})
    }

    /// [`Bench::with_room`], with something changed.
    pub(super) fn with(
        parameters: usize,
        bytes: usize,
        change: impl FnOnce(&mut Settings, &mut Buffers<'static>),
    ) -> Self {
        let mut buffers = Buffers {
            model: vec![0.0; parameters].leak(),
            gradient: vec![0; gradient_bytes(parameters)].leak(),
            update: vec![0; update_bytes(parameters)].leak(),
            residual: vec![0.0; parameters].leak(),
            momentum: vec![0.0; parameters].leak(),
            spec: vec![0; bytes].leak(),
            survey: vec![0; bytes].leak(),
            scores: vec![0; bytes].leak(),
            packet: vec![0; 1024].leak(),
        };
        let mut settings = Settings {
            agent: AgentId::new("press-07").unwrap(),
            session: SESSION,
            samples_max: 1000,
            threads: 1,
            cpu_share_percent: 100,
            uplink: None,
        };
        change(&mut settings, &mut buffers);
        let now = Timestamp::from_nanos(1_000_000_000);
        Self { worker: Worker::new(settings, buffers), now, run: RunId(5), start: START, wait: Timestamp::NEVER }
    }

    pub(super) fn new() -> Self {
        Self::with_room(PARAMETERS, 64)
    }

    /// Connected, prepared for the fitted job, with a share of 8 samples from 4 on in division 1.
    pub(super) fn joined() -> Self {
        let mut bench = Self::new();
        bench.connect();
        bench.on_spec(true);
        bench.prepared(true);
        bench.on_assign(assign(1));
        bench
    }

    pub(super) fn handle(&mut self, input: Input<'_>) -> Vec<Said> {
        self.worker.handle(self.now, input);
        let mut said = Vec::new();
        loop {
            said.push(match self.worker.poll_output(self.now) {
                Output::Wait(until) => {
                    self.wait = until;
                    return said;
                }
                Output::Publish { channel, bytes } => {
                    let frame = decode(bytes).unwrap();
                    Said::Published(channel, frame.body, frame.payload.to_vec())
                }
                Output::Prepare { spec, .. } => Said::Prepare(spec.content),
                Output::Compute { round, position, samples, stop_after, model, .. } => {
                    Said::Compute { round, position, samples, stop_after, model: model.to_vec() }
                }
                Output::Score { round, first, rows, .. } => Said::Score { round, first, rows },
                Output::Abandon => Said::Abandon,
                Output::Note(note) => Said::Note(note),
            });
        }
    }

    pub(super) fn connect(&mut self) -> Vec<Said> {
        self.handle(Input::Connected { session_present: false })
    }

    /// Lets time pass until the worker wants to be called, and ticks it.
    pub(super) fn tick(&mut self) -> Vec<Said> {
        assert_ne!(self.wait, Timestamp::NEVER, "it waits without end");
        self.now = self.now.max(self.wait);
        self.handle(Input::Tick)
    }

    pub(super) fn pass(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }

    pub(super) fn frame(&mut self, channel: Channel, body: &Body, payload: Payload<'_>) -> Vec<Said> {
        let mut bytes = [0; 2048];
        let head = Head { run: self.run, start: self.start };
        let bytes = encode(head, body, payload, &mut bytes).unwrap();
        self.handle(Input::Frame { channel, bytes })
    }

    pub(super) fn on_spec(&mut self, fitted: bool) -> Vec<Said> {
        self.frame(Channel::Spec, &Body::Spec(spec(fitted)), Payload::Bytes(document(fitted)))
    }

    pub(super) fn on_assign(&mut self, share: Share) -> Vec<Said> {
        self.frame(Channel::Assign, &Body::Assign(Assign::Share(share)), Payload::None)
    }

    /// A chunk of a round.
    pub(super) fn on_round(&mut self, round: Ask, model: &[f32]) -> Vec<Said> {
        self.frame(Channel::Round, &Body::Round(Round::Ask(round)), Payload::Numbers(model))
    }

    pub(super) fn prepared(&mut self, fitted: bool) -> Vec<Said> {
        let prepared =
            Prepared { spec: digest(document(fitted)), rows: ROWS, held_out_rows: 50, data_digest: u64::from(fitted) };
        self.handle(Input::Prepared { prepared, survey: if fitted { b"" } else { b"survey" } })
    }

    pub(super) fn computed(&mut self, round: u64, gradient: &[f32]) -> Vec<Said> {
        let took = Duration::from_millis(20);
        self.handle(Input::Computed { round: RoundId(round), samples: 8, loss_sum: 4.0, gradient, took })
    }
}

pub(super) fn document(fitted: bool) -> &'static [u8] {
    if fitted { DOCUMENT } else { &DOCUMENT[1..] }
}

pub(super) fn spec(fitted: bool) -> Spec {
    let document = document(fitted);
    let model = if fitted { dense(&[2, 2]) } else { Model::Unsettled };
    let part = parts(document.len(), 480).unwrap().next().unwrap();
    Spec { content: digest(document), model, data_mode: DataMode::Shared, seed: 3, part }
}

pub(super) fn dense(widths: &[u32]) -> Model {
    Model::Layers(Shape::dense(widths, Activation::Relu, Loss::CrossEntropy).unwrap())
}

pub(super) fn assign(version: u32) -> Share {
    Share {
        session: SESSION,
        spec: digest(DOCUMENT),
        version: AllocationVersion(version),
        samples: 8,
        offset: 4,
        probe: false,
        network_us: 0,
        codec: Codec::Float32,
        held_out_offset: 10,
        held_out_rows: 20,
        untaken: None,
    }
}

/// The chunks of a round for gradients in division `version`, with `chunk_bytes` of the model in each.
pub(super) fn round(number: u64, version: u32, model: &[f32], chunk_bytes: usize) -> Vec<Ask> {
    let all: Vec<Part> = parts(model.len() * 4, chunk_bytes).unwrap().collect();
    let train = Train {
        first_position: 100 * number,
        batch_samples: 100,
        stop_us: 0,
        local_steps: 1,
        learning_rate: 0.0,
        kept_ppm: 0,
        momentum: 0.0,
    };
    let head = Ask {
        round: RoundId(number),
        work: Work::Train(train),
        allocation: AllocationVersion(version),
        model: ModelVersion(number - 1),
        deadline_ms: 5000,
        base: None,
        codec: Codec::Float32,
        digest: model_digest(model),
        part: all[0],
    };
    all.into_iter().map(|part| Ask { part, ..head }).collect()
}

/// The same round with something changed of how it trains.
pub(super) fn with(ask: Ask, change: impl FnOnce(Train) -> Train) -> Ask {
    Ask { work: Work::Train(change(ask.train().unwrap())), ..ask }
}

/// A round in one chunk.
pub(super) fn whole(number: u64, version: u32, model: &[f32]) -> Ask {
    round(number, version, model, 1000)[0]
}

pub(super) fn joins(said: &[Said]) -> Vec<Join> {
    let join = |said: &Said| if let Said::Published(_, Body::Join(join), _) = said { Some(*join) } else { None };
    said.iter().filter_map(join).collect()
}

pub(super) fn computes(said: &[Said]) -> Vec<RoundId> {
    let round = |said: &Said| if let Said::Compute { round, .. } = said { Some(*round) } else { None };
    said.iter().filter_map(round).collect()
}

/// Rounds of the gradients published.
pub(super) fn answers(said: &[Said]) -> Vec<(RoundId, u16)> {
    let answer = |said: &Said| match said {
        Said::Published(Channel::Gradient, Body::Gradient(g), _) => Some((g.round, g.part.index)),
        _ => None,
    };
    said.iter().filter_map(answer).collect()
}

pub(super) fn notes(said: &[Said]) -> Vec<Note> {
    said.iter().filter_map(|said| if let Said::Note(note) = said { Some(*note) } else { None }).collect()
}
