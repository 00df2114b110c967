//! Prints what memory a coordinator takes that adds 64 gradients of a million numbers a round, beside its bound; it is an
//! error if it takes more.
//!
//! `cargo run --release -p heijunka-round --example memory -- <float32|sparse-sign>`
//!
//! All gradients arrive at once, a chunk of each in turn, those of the first range last: none can be added before all are
//! there. The bound, for A agents, P parameters and written gradients of G bytes: 2 A G for what arrives, as an agent may
//! compute another's range too; 8 P for the sums; 4 P each for model, mean and velocity; 4 P and the packets' heads for a
//! round on its way out. Where updates are sent: 4 P each for the agents' model and its difference, and 4 P + 64 for the
//! update.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    reason = "a measurement needs a file of the system and an output"
)]

use heijunka_allocate::{PolicyName, RoundEnd};
use heijunka_compress::{Rounding, bytes_max};
use heijunka_learn::{OptimizerKind, Schedule};
use heijunka_round::{Compact, Coordinator, Input, Judging, LocalSteps, Output, Patience, Plan, Until};
use heijunka_units::{AgentId, Codec, RunId, Start, Timestamp};
use heijunka_wire::document::{ClassWeights, Column, Document, HeldOut, Job, Normalize, Survey, Task};
use heijunka_wire::{
    Activation, Ask, Assign, Body, Channel, DataMode, Durations, Gradient, Head, Join, Part, Payload, Reserved, Round,
    Share, SurveyChunk, limits, parts,
};
use std::collections::BTreeMap;
use std::error::Error;

const AGENTS: usize = 64;
/// Widths of the hidden layers between one input and one output.
const HIDDEN: [usize; 2] = [1_000, 997];
const PARAMETERS: usize = 2 * HIDDEN[0] + (HIDDEN[0] + 1) * HIDDEN[1] + HIDDEN[1] + 1;
const SAMPLES: u32 = 8 * AGENTS as u32;
const ROWS: u64 = 1_000;
const ROUNDS: u64 = 4;
/// Of a sparse gradient's numbers.
const KEPT: f64 = 0.01;
const HEAD: Head = Head { run: RunId(1), start: Start::new([1; 16]) };
const SESSION: u64 = 1;
const MB: f64 = 1e6;

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let codec = match std::env::args().nth(1).as_deref() {
        Some("float32") => Codec::Float32,
        Some("sparse-sign") => Codec::SparseSign,
        _ => return Err("say how gradients are written: float32 or sparse-sign".into()),
    };
    let gradient = written(codec)?;
    let before = resident_bytes("VmRSS:")?;
    let mut bench = Bench::new(codec)?;
    bench.begin()?;
    while bench.closed < ROUNDS {
        bench.answer(&gradient)?;
    }
    let most = resident_bytes("VmHWM:")? - before;
    let bound = bound_bytes(gradient.len(), codec);
    println!("agents {AGENTS}\nparameters {PARAMETERS}\nrounds {}\ngradient_bytes {}", bench.closed, gradient.len());
    println!("most_mb {:.1}\nbound_mb {:.1}", most / MB, bound / MB);
    if most <= bound { Ok(()) } else { Err(format!("{:.1} MB are more than {:.1}", most / MB, bound / MB).into()) }
}

/// See the head of this file.
fn bound_bytes(gradient_bytes: usize, codec: Codec) -> f64 {
    let numbers = 4.0 * PARAMETERS as f64;
    let packets = (numbers / limits::chunk_bytes(limits::PACKET_BYTES_DEFAULT) as f64).ceil();
    let outgoing = numbers + packets * limits::HEADER_BYTES_MAX as f64;
    let updates = if codec == Codec::Float32 { 0.0 } else { 3.0 * numbers + 64.0 };
    2.0 * (AGENTS * gradient_bytes) as f64 + (2.0 + 3.0) * numbers + outgoing + updates
}

/// A gradient as an agent writes it.
fn written(codec: Codec) -> Result<Vec<u8>, Failure> {
    let number = |index: u32| (f64::from(index.wrapping_mul(2_654_435_761)) / f64::from(u32::MAX) - 0.5) as f32 * 1e-3;
    let mut numbers: Vec<f32> = (0..PARAMETERS as u32).map(number).collect();
    let kept = (KEPT * PARAMETERS as f64) as usize;
    let mut bytes = vec![0; bytes_max(codec, PARAMETERS, kept)];
    let used = match codec.is_sparse() {
        true => heijunka_compress::encode_sparse(codec, &mut numbers, kept, 1.0, &mut bytes)?,
        false => heijunka_compress::encode(codec, &numbers, Rounding::Nearest, &mut bytes)?,
    };
    bytes.truncate(used);
    bytes.shrink_to_fit();
    Ok(bytes)
}

/// A figure of this process by Linux, in bytes.
fn resident_bytes(key: &str) -> Result<f64, Failure> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let kib: f64 = line.and_then(|line| line.split_whitespace().next()?.parse().ok()).ok_or("no resident memory")?;
    Ok(kib * 1024.0)
}

/// A coordinator, and what its agents know.
struct Bench {
    mind: Coordinator,
    now: Timestamp,
    wait: Timestamp,
    codec: Codec,
    agents: Vec<AgentId>,
    shares: BTreeMap<AgentId, Share>,
    round: Option<Ask>,
    closed: u64,
}

impl Bench {
    fn new(codec: Codec) -> Result<Self, Failure> {
        let now = Timestamp::from_nanos(1_000_000_000);
        let agents = (0..AGENTS).map(|agent| AgentId::new(&format!("agent-{agent:02}"))).collect::<Result<_, _>>()?;
        let mind = Coordinator::new(plan(codec), HEAD.run, HEAD.start, now);
        let (wait, shares) = (Timestamp::NEVER, BTreeMap::new());
        Ok(Self { mind, now, wait, codec, agents, shares, round: None, closed: 0 })
    }

    /// All join, say what their rows are like, and join the settled job.
    fn begin(&mut self) -> Result<(), Failure> {
        self.handle(Input::Connected { session_present: false });
        let survey = survey().to_bytes();
        for agent in self.agents.clone() {
            self.join(&agent)?;
            let part = parts(survey.len(), limits::chunk_bytes(limits::PACKET_BYTES_MIN))
                .and_then(|mut all| all.next())
                .ok_or("no part")?;
            let body = Body::Survey(SurveyChunk { spec: self.content(), session: SESSION, part });
            self.send(Channel::Survey, &agent, &body, &survey)?;
        }
        self.tick();
        self.agents.clone().iter().try_for_each(|agent| self.join(agent))?;
        let parameters = self.mind.model().map_or(0, <[f32]>::len);
        if parameters == PARAMETERS { Ok(()) } else { Err(format!("{parameters} parameters").into()) }
    }

    /// All answer the open round with the same gradient.
    fn answer(&mut self, written: &[u8]) -> Result<(), Failure> {
        let round = self.round.ok_or("no round is open")?;
        let chunk_bytes = limits::chunk_bytes(limits::PACKET_BYTES_DEFAULT);
        for part in parts(written.len(), chunk_bytes).ok_or("too many parts")? {
            for agent in self.agents.clone().iter().rev() {
                let share = *self.shares.get(agent).ok_or("an agent without a share")?;
                let body = Body::Gradient(gradient(&round, &share, self.codec, part));
                self.send(Channel::Gradient, agent, &body, written)?;
            }
        }
        if self.round.is_some_and(|open| open.round == round.round) {
            self.tick();
        }
        let goes_on = self.round.is_none_or(|open| open.round != round.round);
        if goes_on { Ok(()) } else { Err(format!("the round stays open: {:?}", self.mind.counters()).into()) }
    }

    fn content(&self) -> u64 {
        heijunka_wire::digest(&self.mind.job().to_bytes())
    }

    fn join(&mut self, agent: &AgentId) -> Result<(), Failure> {
        let join = Join {
            session: SESSION,
            protocol_min: heijunka_wire::PROTOCOL_VERSION,
            protocol_max: heijunka_wire::PROTOCOL_VERSION,
            spec: self.content(),
            rows: ROWS,
            held_out_rows: 0,
            data_digest: 1,
            samples_max: SAMPLES,
            threads: 1,
            cpu_share_percent: 100,
            uplink_bytes_per_s: 0,
            away_s: 0,
            model: None,
        };
        self.send(Channel::Join, agent, &Body::Join(join), &[])
    }

    fn send(&mut self, channel: Channel, agent: &AgentId, body: &Body, object: &[u8]) -> Result<(), Failure> {
        let object = if object.is_empty() { Payload::None } else { Payload::Bytes(object) };
        let mut packet = vec![0; limits::PACKET_BYTES_DEFAULT];
        let bytes = heijunka_wire::encode(HEAD, body, object, &mut packet)?;
        self.handle(Input::Frame { channel, agent: Some(agent), bytes });
        Ok(())
    }

    fn tick(&mut self) {
        self.now = self.wait;
        self.handle(Input::Tick);
    }

    fn handle(&mut self, input: Input<'_>) {
        self.mind.handle(self.now, input);
        loop {
            match self.mind.poll_output() {
                Output::Wait(until) => return self.wait = until,
                Output::Publish { agent, bytes, .. } => self.note(agent, &bytes),
                Output::Closed(_) => self.closed += 1,
                Output::Event(_) | Output::Finished(_) | Output::Superseded(_) => {}
            }
        }
    }

    /// What agents learn from a packet.
    fn note(&mut self, agent: Option<AgentId>, bytes: &[u8]) {
        match (heijunka_wire::decode(bytes).map(|frame| frame.body), agent) {
            (Ok(Body::Assign(Assign::Share(share))), Some(agent)) => {
                self.shares.insert(agent, share);
            }
            (Ok(Body::Round(Round::Ask(round))), _) => self.round = Some(round),
            _ => {}
        }
    }
}

fn gradient(round: &Ask, share: &Share, codec: Codec, part: Part) -> Gradient {
    Gradient {
        round: round.round,
        allocation: round.allocation,
        session: SESSION,
        offset: share.offset,
        samples: share.samples,
        loss_sum: Some(1.0),
        durations: Durations { decode_us: 0, compute_us: 1_000, encode_us: 0 },
        codec,
        ranges: Reserved,
        noise: Reserved,
        part,
    }
}

fn survey() -> Survey {
    let column = |name: &str| Column {
        name: name.into(),
        count: ROWS,
        mean: 1.0,
        m2: 500.0,
        min: 0.0,
        max: 2.0,
        values: Vec::new(),
    };
    Survey { rows: ROWS, inputs: vec![column("x")], target: column("y") }
}

fn plan(codec: Codec) -> Plan {
    Plan {
        job: Job {
            task: Task::Regression,
            target: "y".into(),
            inputs: Vec::new(),
            ignore: Vec::new(),
            normalize: Normalize::Standard,
            class_weights: ClassWeights::None,
            data_mode: DataMode::Shared,
            held_out: HeldOut::ByHash(0),
            group: None,
            window: None,
            fitted: None,
        },
        hidden: HIDDEN.map(|width| width as u32).to_vec(),
        convolutions: Vec::new(),
        pooling: Default::default(),
        activation: Activation::Relu,
        seed: 1,
        batch_samples: SAMPLES,
        optimizer: OptimizerKind::sgd(0.9),
        schedule: Schedule::constant(1e-3),
        policy: PolicyName::Equal,
        round_end: RoundEnd::Exact,
        pins: BTreeMap::new(),
        patience: Patience { min_agents: AGENTS, ..Patience::default() },
        until: Until { rounds: 10 * ROUNDS, time: None, no_better_for_rounds: None },
        score_every_rounds: 0,
        judging: Judging::default(),
        compact: Compact { gradient: Some(codec), update: Some(codec), kept: KEPT, warm_up_rounds: 0 },
        local_steps: LocalSteps::Fixed(1),
        packet_bytes_max: limits::PACKET_BYTES_DEFAULT,
        downlink: None,
        start: None,
    }
}
