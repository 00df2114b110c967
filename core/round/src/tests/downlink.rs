//! What the aggregator sends keeps to its cap, and being sent slowly is no fault of an agent.

use super::*;
use crate::Level;
use heijunka_units::{ByteRate, Cap};

/// A thousand bytes a second, and packets with 40 bytes beside the frame.
const CAP: Cap = Cap { rate: rate(1000), packet_extra_bytes: 40 };

const fn rate(bytes_per_s: u64) -> ByteRate {
    match ByteRate::from_bytes_per_s(bytes_per_s) {
        Some(rate) => rate,
        None => panic!("0 is not a rate"),
    }
}
const BYTES_PER_S: f64 = 1000.0;
/// Of a model with 1 input, 300 hidden units and 1 output.
const PARAMETERS: usize = 901;

/// Sending the model takes twice as long as a round may last.
fn capped() -> Plan {
    let second = Duration::from_secs(1);
    let (first_deadline, deadline_floor) = (2 * second, second);
    let patience =
        Patience { first_deadline, deadline_floor, deadline_max: 2 * second, min_agents: 2, ..plan().patience };
    Plan { hidden: vec![300], downlink: Some(CAP), patience, ..plan() }
}

/// A bench that keeps what has left, and when.
struct Line {
    bench: Bench,
    said: Said,
    left: Vec<(Timestamp, usize)>,
}

impl Line {
    fn new(plan: Plan) -> Self {
        let now = Timestamp::from_nanos(1_000_000_000);
        let mind = Coordinator::new(plan, RunId(5), super::START, now);
        let (rows, shares) = (BTreeMap::new(), BTreeMap::new());
        let bench = Bench { mind, now, wait: Timestamp::NEVER, rows, shares };
        let mut line = Self { bench, said: Said::default(), left: Vec::new() };
        line.of(|bench| bench.handle(Input::Connected { session_present: false }));
        line
    }

    /// The first round has been opened, and its model begins to leave.
    fn training(plan: Plan) -> Self {
        let mut line = Self::new(plan);
        for name in ["a", "b"] {
            line.of(|bench| bench.join(name, 1));
            line.of(|bench| bench.survey(name, 1, &survey()));
        }
        line.tick_until(|line| line.bench.mind.phase() == Phase::Preparing);
        for name in ["a", "b"] {
            line.of(|bench| bench.join(name, 1));
        }
        assert_eq!(line.bench.mind.phase(), Phase::Training);
        line
    }

    fn of(&mut self, what: impl FnOnce(&mut Bench) -> Said) -> Said {
        let said = what(&mut self.bench);
        self.left.extend(said.bytes.iter().map(|bytes| (self.bench.now, *bytes)));
        self.said.frames.extend(said.frames.iter().cloned());
        self.said.events.extend(said.events.iter().cloned());
        self.said.closed.extend(said.closed.iter().cloned());
        said
    }

    fn tick_until(&mut self, done: impl Fn(&Self) -> bool) {
        for _ in 0..1000 {
            if done(self) {
                return;
            }
            self.of(Bench::tick);
        }
        panic!("it never comes to that");
    }

    fn waiting_bytes(&self) -> usize {
        self.bench.mind.downlink().unwrap().waiting_bytes
    }

    fn all_left(&mut self) {
        self.tick_until(|line| line.waiting_bytes() == 0);
    }

    /// Parts of the newest round that have left.
    fn parts(&self) -> Vec<u16> {
        let rounds = self.said.rounds();
        let newest = rounds.iter().map(|round| round.round).max();
        rounds.iter().filter(|round| Some(round.round) == newest).map(|round| round.part.index).collect()
    }

    fn answer(&mut self, name: &str) -> Said {
        let round = *self.said.rounds().last().unwrap();
        let share = self.bench.shares[&id(name)];
        let part = parts(PARAMETERS * 4, 3700).unwrap().next().unwrap();
        let answer = Gradient { part, ..gradient(round, share.offset, share.samples) };
        self.of(|bench| bench.answer_with(name, 5, answer, &[0.5; PARAMETERS]))
    }

    /// In any stretch of time no more has left than the cap allows, and one packet.
    fn assert_capped(&self) {
        let packet = |bytes: usize| (bytes + CAP.packet_extra_bytes) as f64;
        let largest = self.left.iter().map(|(_, bytes)| packet(*bytes)).fold(0.0, f64::max);
        for (from, (begin, _)) in self.left.iter().enumerate() {
            let mut sum = 0.0;
            for (at, bytes) in &self.left[from..] {
                sum += packet(*bytes);
                let most = BYTES_PER_S * at.since(*begin).as_secs_f64() + largest;
                assert!(sum <= most + 1e-3, "{sum} bytes in {:?}", at.since(*begin));
            }
        }
    }
}

#[test]
fn a_rounds_clock_runs_from_when_its_model_has_left() {
    let mut line = Line::training(capped());
    let opened = line.bench.now;
    line.all_left();
    let took = line.bench.now.since(opened).as_secs_f64();
    assert!(took > 3.6 && line.parts() == [0, 1, 2, 3, 4, 5, 6, 7, 8], "{took} s, {:?}", line.parts());
    assert_eq!((line.said.closed.len(), line.said.count(Code::Unanswered), line.said.count(Code::Reissued)), (0, 0, 0));
    line.bench.pass(1900);
    line.answer("a");
    let closed = line.answer("b").closed;
    let record = &closed[0];
    assert_eq!((record.ending, record.seconds, record.deadline_s), (Ending::Full, 1.9, 2.0));
    assert!(record.agents.iter().all(|agent| agent.total_s == 1.9), "{record:?}");
    assert!((record.between_s - took).abs() < 1e-6, "{} s between", record.between_s);
    let view = line.bench.mind.downlink().unwrap();
    assert!(view.bits_per_s == 8000 && view.held.as_secs_f64() > took + 3.6, "the next one is held too: {view:?}");
    // Those who do not answer are late two seconds after the last of it has left.
    line.all_left();
    let left = line.bench.now;
    line.tick_until(|line| line.said.closed.len() == 2);
    assert_eq!((line.bench.now.since(left), line.said.closed[1].ending), (Duration::from_secs(2), Ending::GivenUp));
    line.all_left();
    line.assert_capped();
}

#[test]
fn what_the_model_takes_is_told_once_it_is_known() {
    let line = Line::training(capped());
    let event = line.said.events.iter().find(|event| event.code() == Code::SlowModel).unwrap();
    let expected = "[limits] downlink = 8 kbit/s: a whole model of 901 parameters takes 3.6 s to send";
    assert_eq!((event.to_string().as_str(), event.level()), (expected, Level::Warn));
    assert!(event.fix().unwrap().contains("update = \"int8\""), "{event:?}");
    let fast = Cap { rate: rate(125_000), ..CAP };
    assert_eq!(Line::training(Plan { downlink: Some(fast), ..capped() }).said.count(Code::SlowModel), 0);
}

#[test]
fn whoever_asks_again_and_again_fills_neither_the_line_nor_the_memory() {
    let mut line = Line::training(capped());
    let (waiting, packets) = (line.waiting_bytes(), line.left.len());
    for turn in 0..2000 {
        line.bench.pass(1);
        let name = ["a", "b", "c"][turn % 3];
        line.of(|bench| bench.join(name, 1));
        line.of(|bench| bench.send_join("d", 3, bench.joining(1)));
    }
    assert!(line.waiting_bytes() < waiting + 1000, "{} after {waiting}", line.waiting_bytes());
    assert!(line.left.len() < packets + 10, "{} packets after {packets}", line.left.len());
    line.all_left();
    line.assert_capped();
    let mut once = line.parts();
    once.dedup();
    assert_eq!(once.len(), line.parts().len(), "a round that is leaving is not sent again");
}

#[test]
fn under_a_cap_one_whole_model_for_all_is_less_than_one_for_each_who_lacks_it() {
    let compact = Compact { update: Some(Codec::Float16), ..Compact::default() };
    let mut line = Line::training(Plan { compact, ..capped() });
    line.all_left();
    line.of(|bench| bench.join("c", 1));
    line.answer("a");
    line.answer("b");
    line.all_left();
    let (channel, _, body) = line.said.frames.last().unwrap();
    assert!(matches!(body, Body::Round(Round::Ask(Ask { base: None, .. }))) && *channel == Channel::Round, "{body:?}");
    for name in ["a", "b", "c"] {
        line.answer(name);
    }
    line.all_left();
    let (_, _, body) = line.said.frames.last().unwrap();
    assert!(matches!(body, Body::Round(Round::Ask(Ask { base: Some(_), .. }))), "{body:?}");
    line.assert_capped();
}

#[test]
fn while_the_broker_is_out_of_reach_nothing_is_saved_up() {
    let mut line = Line::training(capped());
    line.bench.pass(100);
    line.of(|bench| bench.handle(Input::Disconnected));
    line.bench.pass(60_000);
    assert_eq!(line.of(|bench| bench.handle(Input::Tick)).bytes, []);
    line.of(|bench| bench.handle(Input::Connected { session_present: true }));
    line.all_left();
    assert_eq!((line.said.closed.len(), line.said.count(Code::Unanswered)), (0, 0));
    line.assert_capped();
    line.answer("a");
    assert_eq!(line.answer("b").closed[0].ending, Ending::Full);
}

#[test]
fn what_people_are_told_is_paid_for_by_what_comes_next() {
    let mut line = Line::training(capped());
    line.all_left();
    line.of(|bench| bench.handle(Input::Sent { packet_bytes: 1000 }));
    line.of(|bench| bench.handle(Input::Sent { packet_bytes: 2000 }));
    // Whatever is published for people beyond that, rounds continue.
    for _ in 0..50 {
        line.of(|bench| bench.handle(Input::Sent { packet_bytes: 1000 }));
    }
    let (left, last) = *line.left.last().unwrap();
    line.bench.pass(100);
    line.answer("a");
    line.answer("b");
    let paid = 3000 + last + CAP.packet_extra_bytes;
    assert_eq!(line.bench.wait.since(left).as_millis(), paid as u128, "and the packet before");
}

#[test]
fn a_farewell_waits_for_nothing() {
    let mut line = Line::training(capped());
    let said = line.of(|bench| bench.handle(Input::Stop));
    let rounds = said.rounds();
    assert!(rounds.is_empty() && said.is_over(), "{said:?}");
    assert_eq!(line.waiting_bytes(), 0);
}
