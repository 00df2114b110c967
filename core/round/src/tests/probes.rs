//! Timings of probes and of answers that come too late.

use super::scripted::{Script, Staged};
use super::{gradient, plan};
use crate::{Code, Ending, Plan};
use heijunka_allocate::RoundEnd;
use heijunka_wire::{Ask, Channel, Gradient};

const NAMES: [&str; 3] = ["a", "b", "c"];

fn staged(script: Script) -> (Staged, Ask) {
    let (staged, said) = Staged::new(Plan { round_end: RoundEnd::Anytime, ..plan() }, &NAMES, script);
    let round = said.rounds()[0];
    (staged, round)
}

#[test]
fn a_probe_is_not_waited_for_and_its_timing_alone_counts() {
    let (mut staged, first) = staged(Script { shares: vec![(5, 0), (5, 0), (0, 2)], ..Script::default() });
    let share = staged.bench.shares[&super::id("c")];
    assert_eq!((share.samples, share.offset, share.probe), (2, 0, true));
    staged.bench.pass(100);
    staged.bench.gradient("a", 1, first, 5);
    staged.change(|script| script.shares[2] = (0, 0));
    let said = staged.bench.gradient("b", 1, first, 5);
    let record = &said.closed[0];
    assert_eq!((record.ending, record.samples, record.agents.len()), (Ending::Full, 10, 2));
    let second = said.rounds()[0];
    // It alone is informed that it sits out, and the division is the same.
    let assigns: Vec<_> = said.frames.iter().filter(|(channel, ..)| *channel == Channel::Assign).collect();
    assert_eq!((assigns.len(), second.allocation), (1, first.allocation));
    assert_eq!(said.shares("c").last().map(|assign| (assign.samples, assign.probe)), Some((0, false)));
    assert_eq!(record.moved.as_deref(), Some("as the test says"));

    staged.bench.pass(200);
    let model = staged.bench.mind.model().unwrap().to_vec();
    let answer = gradient(first, 0, 2);
    staged.bench.answer("c", 5, answer);
    staged.bench.answer("c", 5, answer);
    assert_eq!(staged.bench.mind.model().unwrap(), model);
    assert_eq!(staged.seen().len(), 1);
    for name in ["a", "b"] {
        staged.bench.gradient(name, 1, second, 5);
    }
    let seen = staged.seen().remove(0);
    assert_eq!(seen.iter().map(|seen| seen.agent.as_str()).collect::<Vec<_>>(), NAMES);
    assert_eq!((seen[2].samples, seen[2].late), (2, false));
    assert!((seen[2].total_s - 0.3).abs() < 1e-9 && (seen[2].compute_s - 0.002).abs() < 1e-9, "{seen:?}");
    let counters = staged.bench.mind.counters();
    assert_eq!((counters.probes, counters.late, counters.accepted), (1, 0, 4));
}

#[test]
fn the_timing_of_an_answer_that_comes_too_late_counts() {
    let script = Script { shares: vec![(5, 0); 3], close_s: Some(0.5), ..Script::default() };
    let (mut staged, first) = staged(script);
    for name in ["a", "b"] {
        assert_eq!(staged.bench.gradient(name, 1, first, 5).closed, []);
    }
    let said = staged.bench.tick();
    let (record, second) = (&said.closed[0], said.rounds()[0]);
    assert_eq!((record.ending, record.seconds, record.samples), (Ending::Partial, 0.5, 10));
    assert_eq!(said.count(Code::Unanswered), 0, "it has not been silent for long");
    staged.bench.pass(250);
    staged.bench.answer("c", 5, gradient(first, 10, 5));
    // An older round that comes again changes nothing.
    staged.bench.answer("c", 5, gradient(first, 10, 5));
    for name in ["a", "b", "c"] {
        staged.bench.gradient(name, 1, second, 5);
    }
    let seen = staged.seen().pop().unwrap();
    let of_c: Vec<_> = seen.iter().filter(|seen| seen.agent.as_str() == "c").collect();
    assert_eq!((of_c.len(), of_c[1].total_s, of_c[1].samples, of_c[1].late), (2, 0.75, 5, false));
    assert_eq!(staged.bench.mind.counters().late, 2);
}

#[test]
fn a_round_that_an_agent_gave_up_would_have_taken_longer() {
    let script = Script { shares: vec![(5, 0); 3], close_s: Some(0.5), ..Script::default() };
    let (mut staged, first) = staged(script);
    for name in ["a", "b"] {
        staged.bench.gradient(name, 1, first, 5);
    }
    let second = staged.bench.tick().rounds()[0];
    staged.bench.pass(100);
    for name in ["a", "b", "c"] {
        staged.bench.gradient(name, 1, second, 5);
    }
    let seen = staged.seen().pop().unwrap();
    let late: Vec<_> = seen.iter().filter(|seen| seen.late).collect();
    assert_eq!((late.len(), late[0].agent.as_str(), late[0].total_s, late[0].samples), (1, "c", 0.5, 1));
}

#[test]
fn a_probe_of_a_round_that_is_forgotten_or_of_another_session_tells_nothing() {
    let (mut staged, first) = staged(Script { shares: vec![(5, 0), (5, 0), (0, 2)], ..Script::default() });
    let mut round = first;
    for _ in 0..64 {
        staged.bench.gradient("a", 1, round, 5);
        round = staged.bench.gradient("b", 1, round, 5).rounds()[0];
    }
    staged.bench.answer("c", 5, gradient(first, 0, 2));
    staged.bench.answer("c", 5, Gradient { session: 9, ..gradient(round, 0, 2) });
    assert_eq!(staged.bench.mind.counters().probes, 0);
    staged.bench.answer("c", 5, gradient(round, 0, 2));
    assert_eq!(staged.bench.mind.counters().probes, 1);
}
