//! Unit tests of the coordinator: regressions that a whole world shows only now and then.

use crate::{
    Code, Compact, Coordinator, Ending, Event, Input, Judging, LocalSteps, Output, Patience, Phase, Plan, RoundRecord,
    Until,
};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_allocate::PolicyName;
use heijunka_learn::{OptimizerKind, Schedule};
use heijunka_units::{AgentId, AllocationVersion, RoundId, RunId, Start, Timestamp};
use heijunka_wire::document::{ClassWeights, Column, Document, HeldOut, Job, Normalize, Survey, Task};
use heijunka_wire::{
    Activation, Ask, Assign, Body, Channel, Codec, DataMode, Durations, Gradient, Head, Join, PROTOCOL_VERSION, Part,
    Payload, Refusal, Reserved, Round, Share, Spec, SurveyChunk, Train, decode, encode, limits, parts,
};

/// The start of every aggregator here.
const START: Start = Start::new([7; 16]);

/// Everything a coordinator wanted.
#[derive(Debug, Default)]
struct Said {
    frames: Vec<(Channel, Option<AgentId>, Body)>,
    closed: Vec<RoundRecord>,
    events: Vec<Event>,
    superseded: Option<RunId>,
    /// Sizes of the publications.
    bytes: Vec<usize>,
}

impl Said {
    fn specs(&self) -> Vec<&Spec> {
        self.frames
            .iter()
            .filter_map(|(_, _, body)| if let Body::Spec(spec) = body { Some(spec) } else { None })
            .collect()
    }

    fn rounds(&self) -> Vec<Ask> {
        self.frames
            .iter()
            .filter_map(|(_, _, body)| if let Body::Round(Round::Ask(round)) = body { Some(*round) } else { None })
            .collect()
    }

    /// How the first of the rounds trains.
    fn train(&self) -> Train {
        self.rounds()[0].train().unwrap()
    }

    fn is_over(&self) -> bool {
        self.frames.iter().any(|(_, _, body)| *body == Body::Round(Round::Finished))
    }

    fn assigns(&self, name: &str) -> Vec<Assign> {
        let of = |agent: &Option<AgentId>| agent.as_ref().is_some_and(|agent| agent.as_str() == name);
        let assigns = self.frames.iter().filter(|(_, agent, _)| of(agent));
        assigns.filter_map(|(_, _, body)| if let Body::Assign(assign) = body { Some(*assign) } else { None }).collect()
    }

    fn shares(&self, name: &str) -> Vec<Share> {
        self.assigns(name).iter().filter_map(Assign::share).collect()
    }

    /// What an agent was answered last: a refusal, if it was one.
    fn refusal(&self, name: &str) -> Option<Refusal> {
        self.assigns(name).last().and_then(Assign::refusal)
    }

    fn count(&self, code: Code) -> usize {
        self.events.iter().filter(|event| event.code() == code).count()
    }
}

struct Bench {
    mind: Coordinator,
    now: Timestamp,
    wait: Timestamp,
    /// Rows of the agents that have not 10.
    rows: BTreeMap<&'static str, u64>,
    /// What each agent was last assigned.
    shares: BTreeMap<AgentId, Share>,
}

impl Bench {
    fn new(plan: Plan) -> Self {
        let now = Timestamp::from_nanos(1_000_000_000);
        let mind = Coordinator::new(plan, RunId(5), START, now);
        let (rows, shares) = (BTreeMap::new(), BTreeMap::new());
        let mut bench = Self { mind, now, wait: Timestamp::NEVER, rows, shares };
        bench.handle(Input::Connected { session_present: false });
        bench
    }

    /// Training with these agents, each with 10 rows.
    fn training(names: &[&str]) -> (Self, Said) {
        Self::training_by(plan(), names)
    }

    fn training_by(plan: Plan, names: &[&str]) -> (Self, Said) {
        Self::training_with(plan, names, |_| {})
    }

    fn training_with(plan: Plan, names: &[&str], change: impl FnOnce(&mut Self)) -> (Self, Said) {
        let mut bench = Self::new(plan);
        change(&mut bench);
        for name in names {
            bench.join(name, 1);
            bench.survey(name, 1, &survey());
        }
        let settled = bench.tick();
        assert_eq!(settled.specs().len(), 1, "{settled:?}");
        let mut said = Said::default();
        for name in names {
            said = bench.join(name, 1);
        }
        assert_eq!(bench.mind.phase(), Phase::Training);
        (bench, said)
    }

    fn handle(&mut self, input: Input<'_>) -> Said {
        self.mind.handle(self.now, input);
        let mut said = Said::default();
        loop {
            match self.mind.poll_output() {
                Output::Wait(until) => {
                    self.wait = until;
                    return said;
                }
                Output::Publish { channel, agent, bytes } => {
                    said.bytes.push(bytes.len());
                    if let Ok(frame) = decode(&bytes) {
                        if let (Body::Assign(Assign::Share(share)), Some(agent)) = (&frame.body, &agent) {
                            self.shares.insert(agent.clone(), *share);
                        }
                        said.frames.push((channel, agent, frame.body));
                    }
                }
                Output::Closed(record) => said.closed.push(*record),
                Output::Event(event) => said.events.push(event),
                Output::Superseded(run) => said.superseded = Some(run),
                Output::Finished(_) => {}
            }
        }
    }

    /// Lets time pass until the coordinator wants to be called, and ticks it.
    fn tick(&mut self) -> Said {
        assert!(self.wait > self.now, "it wants to be ticked at once, again and again");
        assert_ne!(self.wait, Timestamp::NEVER, "it waits for ever");
        self.now = self.wait;
        self.handle(Input::Tick)
    }

    /// Ticks until a round is closed.
    fn until_closed(&mut self) -> Said {
        for _ in 0..20 {
            let said = self.tick();
            if !said.closed.is_empty() {
                return said;
            }
        }
        panic!("the round is not closed");
    }

    fn pass(&mut self, millis: u64) {
        self.now = self.now + Duration::from_millis(millis);
    }

    fn send(&mut self, channel: Channel, name: Option<&str>, run: RunId, body: &Body, object: Payload<'_>) -> Said {
        let start = if run == RunId(0) { Start::UNKNOWN } else { START };
        self.send_as(Head { run, start }, channel, name, body, object)
    }

    fn send_as(&mut self, head: Head, channel: Channel, name: Option<&str>, body: &Body, object: Payload<'_>) -> Said {
        let mut bytes = [0; 4096];
        let bytes = encode(head, body, object, &mut bytes).unwrap();
        let agent = name.map(id);
        self.handle(Input::Frame { channel, agent: agent.as_ref(), bytes })
    }

    fn send_join(&mut self, name: &str, run: u64, join: Join) -> Said {
        self.send(Channel::Join, Some(name), RunId(run), &Body::Join(join), Payload::None)
    }

    fn join(&mut self, name: &str, session: u64) -> Said {
        let rows = self.rows.get(name).copied().unwrap_or(10);
        let join = Join { rows, ..self.joining(session) };
        self.send_join(name, 5, join)
    }

    fn joining(&self, session: u64) -> Join {
        let spec = heijunka_wire::digest(&self.mind.job().to_bytes());
        Join {
            session,
            protocol_min: PROTOCOL_VERSION,
            protocol_max: PROTOCOL_VERSION,
            spec,
            rows: 10,
            held_out_rows: 0,
            data_digest: 1,
            samples_max: 100,
            threads: 1,
            cpu_share_percent: 100,
            uplink_bytes_per_s: 0,
            away_s: 0,
            model: None,
        }
    }

    fn survey(&mut self, name: &str, session: u64, survey: &Survey) -> Said {
        let bytes = survey.to_bytes();
        let part = parts(bytes.len(), 4000).unwrap().next().unwrap();
        self.survey_chunk(name, session, part, &bytes)
    }

    fn survey_chunk(&mut self, name: &str, session: u64, part: Part, bytes: &[u8]) -> Said {
        let spec = heijunka_wire::digest(&self.mind.job().to_bytes());
        let body = Body::Survey(SurveyChunk { spec, session, part });
        self.send(Channel::Survey, Some(name), RunId(5), &body, Payload::Bytes(bytes))
    }

    /// The whole answer of an agent, of a model of two parameters.
    fn gradient(&mut self, name: &str, session: u64, round: Ask, run: u64) -> Said {
        let share = self.shares[&id(name)];
        self.answer(name, run, Gradient { session, ..gradient(round, share.offset, share.samples) })
    }

    fn answer(&mut self, name: &str, run: u64, gradient: Gradient) -> Said {
        self.answer_with(name, run, gradient, &[0.5, 0.5])
    }

    fn answer_with(&mut self, name: &str, run: u64, gradient: Gradient, values: &[f32]) -> Said {
        self.send(Channel::Gradient, Some(name), RunId(run), &Body::Gradient(gradient), Payload::Numbers(values))
    }
}

/// An answer of session 1 to that round.
fn gradient(round: Ask, offset: u32, samples: u32) -> Gradient {
    Gradient { round: round.round, allocation: round.allocation, offset, ..answer(samples) }
}

/// An answer of session 1 to the first round, of a model of two parameters.
pub(crate) fn answer(samples: u32) -> Gradient {
    Gradient {
        round: RoundId(1),
        allocation: AllocationVersion(1),
        session: 1,
        offset: 0,
        samples,
        loss_sum: Some(1.0),
        durations: Durations { decode_us: 0, compute_us: 1000 * samples, encode_us: 0 },
        codec: Codec::Float32,
        ranges: Reserved,
        noise: Reserved,
        part: parts(8, 1000).unwrap().next().unwrap(),
    }
}

fn id(name: &str) -> AgentId {
    AgentId::new(name).unwrap()
}

fn survey() -> Survey {
    let column = |name: &str| Column {
        name: name.into(),
        count: 10,
        mean: 1.0,
        m2: 5.0,
        min: 0.0,
        max: 2.0,
        values: Vec::new(),
    };
    Survey { rows: 10, inputs: vec![column("x")], target: column("y") }
}

pub(crate) fn plan() -> Plan {
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
        hidden: Vec::new(),
        convolutions: Vec::new(),
        pooling: Default::default(),
        activation: Activation::Relu,
        seed: 1,
        batch_samples: 10,
        optimizer: OptimizerKind::sgd(0.0),
        schedule: Schedule::constant(0.1),
        policy: PolicyName::Equal,
        round_end: heijunka_allocate::RoundEnd::Exact,
        pins: BTreeMap::new(),
        patience: Patience { min_agents: 2, ..Patience::default() },
        until: Until { rounds: 100, time: None, no_better_for_rounds: None },
        score_every_rounds: 0,
        judging: Judging::default(),
        compact: Compact::default(),
        local_steps: LocalSteps::Fixed(1),
        packet_bytes_max: limits::PACKET_BYTES_MIN,
        downlink: None,
        start: None,
    }
}

mod announced;
mod compact;
mod downlink;
mod hold;
mod load;
mod outlier;
mod pace;
mod probes;
mod reissue;
mod scripted;
mod start;
mod strangers;
mod unbiased;

#[test]
fn surveys_that_come_again_do_not_put_off_the_beginning() {
    let mut bench = Bench::new(plan());
    for name in ["a", "b"] {
        bench.join(name, 1);
        bench.survey(name, 1, &survey());
    }
    let due = bench.wait;
    while bench.now < due {
        bench.pass(700);
        bench.join("a", 1);
        bench.survey("a", 1, &survey());
    }
    assert_eq!(bench.mind.phase(), Phase::Preparing);
}

#[test]
fn an_agent_without_a_survey_is_waited_for_for_a_while_only() {
    let mut bench = Bench::new(plan());
    for name in ["a", "b"] {
        bench.join(name, 1);
        bench.survey(name, 1, &survey());
    }
    bench.join("c", 1);
    let asked = bench.now;
    bench.tick();
    assert_eq!(bench.mind.phase(), Phase::Preparing);
    assert_eq!(bench.now.since(asked), Patience::default().prepare);
}

#[test]
fn a_damaged_chunk_of_a_survey_does_not_block_the_true_ones() {
    let mut bench = Bench::new(plan());
    bench.join("a", 1);
    bench.join("b", 1);
    bench.survey("b", 1, &survey());
    let bytes = survey().to_bytes();
    let forged = Part { index: 0, chunk_bytes: 8, total_bytes: bytes.len() as u32 };
    bench.survey_chunk("a", 1, forged, &bytes);
    bench.survey("a", 1, &survey());
    bench.survey("a", 1, &survey());
    bench.tick();
    assert_eq!(bench.mind.phase(), Phase::Preparing);
}

#[test]
fn a_model_that_does_not_fit_the_packets_is_refused_before_training() {
    let mut bench = Bench::new(Plan { hidden: vec![60_000, 60], ..plan() });
    for name in ["a", "b"] {
        bench.join(name, 1);
        bench.survey(name, 1, &survey());
    }
    assert_eq!(bench.mind.obstacle(), None);
    assert_eq!(bench.tick().count(Code::CannotBegin), 1);
    assert_eq!((bench.mind.phase(), bench.wait), (Phase::Surveying, Timestamp::NEVER));
    assert_eq!(bench.mind.obstacle().map(|obstacle| obstacle.fix), Some("correct [task] or the agents' data"));
}

#[test]
fn whoever_lacks_the_spec_gets_it_but_not_as_often_as_he_asks() {
    let (mut bench, _) = Bench::training(&["a", "b"]);
    let nothing = Join { spec: 0, rows: 0, ..bench.joining(1) };
    let mut sent = 0;
    for run in [0, 3, 5].into_iter().cycle().take(600) {
        bench.pass(100);
        sent += bench.send_join("c", run, nothing).specs().len();
    }
    assert!((6..20).contains(&sent), "sent {sent} times in a minute");
    bench.pass(60_000);
    assert_eq!(bench.send_join("c", 0, nothing).specs().len(), 1);
}

#[test]
fn an_aggregator_alone_says_that_there_is_a_newer_run() {
    let (mut bench, said) = Bench::training(&["a", "b"]);
    let round = said.rounds()[0];
    let said = bench.gradient("a", 1, round, 6);
    assert_eq!((said.superseded, said.specs().len()), (None, 1), "it asks whether there is one");
    let spec = said.specs()[0].clone();
    bench.pass(10_000);
    let object = bench.mind.job().to_bytes();
    let older = bench.send(Channel::Spec, None, RunId(4), &Body::Spec(spec.clone()), Payload::Bytes(&object));
    assert_eq!((older.superseded, older.specs().len()), (None, 1), "it contradicts an older one");
    let newer = bench.send(Channel::Spec, None, RunId(6), &Body::Spec(spec), Payload::Bytes(&object));
    assert_eq!(newer.superseded, Some(RunId(6)));
}

#[test]
fn of_two_starts_of_one_run_the_higher_one_stays() {
    let (mut bench, _) = Bench::training(&["a", "b"]);
    let spec = bench.handle(Input::Connected { session_present: false }).specs()[0].clone();
    let object = bench.mind.job().to_bytes();
    let mut send = |start| {
        bench.pass(10_000);
        let head = Head { run: RunId(5), start: Start::new(start) };
        let said = bench.send_as(head, Channel::Spec, None, &Body::Spec(spec.clone()), Payload::Bytes(&object));
        (said.superseded, said.specs().len())
    };
    assert_eq!(send([6; 16]), (None, 1), "it contradicts a lower one");
    assert_eq!(send([7; 16]), (None, 0), "its own");
    assert_eq!(send([8; 16]), (Some(RunId(5)), 0));
}

#[test]
fn what_an_agent_delivered_before_it_was_refused_does_not_count() {
    let (mut bench, said) = Bench::training(&["a", "b", "c"]);
    let round = said.rounds()[0];
    bench.gradient("a", 1, round, 5);
    let other = Join { data_digest: 2, ..bench.joining(2) };
    let said = bench.send_join("a", 5, other);
    assert_eq!(said.refusal("a"), Some(Refusal::DifferentData));
    // It comes back with the right rows before the round is over, and gets a share again.
    bench.join("a", 3);
    bench.gradient("b", 1, round, 5);
    let said = bench.until_closed();
    let record = &said.closed[0];
    assert_eq!(record.samples, record.agents.iter().map(|agent| agent.samples).sum::<u32>());
    assert_eq!(record.agents[0].samples, 0, "{record:?}");
    assert!(said.shares("a").last().is_some_and(|share| share.samples > 0), "{said:?}");
}

#[test]
fn a_round_that_is_given_up_is_told_and_the_model_stays() {
    let (mut bench, said) = Bench::training(&["a", "b", "c"]);
    let before = bench.mind.model().unwrap().to_vec();
    assert_eq!(said.rounds().len(), 1);
    let said = bench.tick();
    assert_eq!((said.closed[0].ending, said.count(Code::GivenUp)), (Ending::GivenUp, 1));
    assert_eq!((bench.mind.model().unwrap(), bench.mind.steps()), (&before[..], 0));
    assert_eq!(said.train().first_position, 0, "the same samples are asked for");
}
