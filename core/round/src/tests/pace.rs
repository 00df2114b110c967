//! When computations stop and rounds close, and where the next batch begins.

use super::scripted::{Script, Staged};
use super::{Bench, Said, gradient, plan};
use crate::{Code, Ending, Input, Plan};
use core::time::Duration;
use heijunka_allocate::RoundEnd;
use heijunka_wire::{Ask, Channel};

const NAMES: [&str; 3] = ["a", "b", "c"];

fn staged(round_end: RoundEnd, script: Script) -> (Staged, Said) {
    Staged::new(Plan { round_end, ..plan() }, &NAMES, script)
}

fn all_answer(bench: &mut Bench, round: Ask) -> Said {
    NAMES.iter().map(|name| bench.gradient(name, 1, round, 5)).last().unwrap()
}

#[test]
fn the_round_says_when_computations_stop_and_each_agent_what_its_network_takes() {
    let script = Script { shares: vec![(5, 0); 3], stop_s: Some(0.25), network_s: 0.01, ..Script::default() };
    let (mut staged, said) = staged(RoundEnd::Guard, script);
    assert_eq!((said.train().stop_us, said.shares("b")[0].network_us), (250_000, 10_000));
    let mut said = said;
    for (network_s, assigned) in [(0.012, 0), (0.013, 3), (0.0131, 0), (0.009, 3)] {
        staged.change(|script| script.network_s = network_s);
        said = all_answer(&mut staged.bench, said.rounds()[0]);
        let assigns = said.frames.iter().filter(|(channel, ..)| *channel == Channel::Assign);
        assert_eq!(assigns.count(), assigned, "{network_s}");
    }
}

#[test]
fn what_was_stopped_counts_with_the_samples_processed_and_is_not_made_up_for() {
    let script = Script { shares: vec![(5, 0); 3], stop_s: Some(0.25), ..Script::default() };
    let (mut staged, said) = staged(RoundEnd::Guard, script);
    let round = said.rounds()[0];
    let before = staged.bench.mind.model().unwrap().to_vec();
    staged.bench.answer_with("a", 5, gradient(round, 0, 5), &[1.0, 0.0]);
    staged.bench.answer_with("b", 5, gradient(round, 5, 2), &[0.0, 1.0]);
    let said = staged.bench.answer_with("c", 5, gradient(round, 10, 1), &[0.0, 0.0]);
    let record = &said.closed[0];
    assert_eq!((record.ending, record.samples, record.reissued_samples), (Ending::Full, 8, 0));
    let moved = |place: usize| (before[place] - staged.bench.mind.model().unwrap()[place]) / 0.1;
    assert!((moved(0) - 5.0 / 8.0).abs() < 1e-5 && (moved(1) - 2.0 / 8.0).abs() < 1e-5);
    assert_eq!(said.train().first_position, 15, "the next batch follows what was asked for");
}

#[test]
fn without_a_stop_less_than_the_share_is_no_answer() {
    let (mut staged, said) =
        staged(RoundEnd::Exact, Script { shares: vec![(4, 0), (3, 0), (3, 0)], ..Script::default() });
    let round = said.rounds()[0];
    let rejected = staged.bench.mind.counters().rejected.total();
    staged.bench.answer("a", 5, gradient(round, 0, 3));
    assert_eq!(staged.bench.mind.counters().rejected.total(), rejected + 1);
    assert_eq!(all_answer(&mut staged.bench, round).closed[0].samples, 10);
}

#[test]
fn where_rounds_end_early_a_round_that_was_given_up_is_not_asked_for_again() {
    for (round_end, next) in [(RoundEnd::Exact, 0), (RoundEnd::Anytime, 60)] {
        let (mut staged, said) = staged(round_end, Script { shares: vec![(20, 0); 3], ..Script::default() });
        assert_eq!(said.train().first_position, 0);
        let said = staged.bench.until_closed();
        assert_eq!((said.closed[0].ending, said.train().first_position), (Ending::GivenUp, next));
    }
}

#[test]
fn a_round_that_closes_early_waits_until_there_is_enough() {
    let script = Script { shares: vec![(5, 0); 3], close_s: Some(0.5), ..Script::default() };
    let (mut staged, said) = staged(RoundEnd::Anytime, script);
    let round = said.rounds()[0];
    staged.bench.gradient("a", 1, round, 5);
    let opened = staged.bench.now;
    assert_eq!(staged.bench.tick().closed, []);
    assert_eq!(staged.bench.now.since(opened), Duration::from_millis(500));
    staged.bench.pass(50);
    let record = &staged.bench.gradient("b", 1, round, 5).closed[0];
    assert_eq!((record.samples, record.ending), (10, Ending::Partial));
    assert!((record.seconds - 0.55).abs() < 1e-9);
}

#[test]
fn who_is_not_heard_for_a_deadline_is_no_longer_waited_for_although_rounds_close_early() {
    let script = Script { shares: vec![(5, 0); 3], close_s: Some(0.5), ..Script::default() };
    let (mut staged, said) = staged(RoundEnd::Anytime, script);
    let (mut round, begun) = (said.rounds()[0], staged.bench.now);
    for _ in 0..400 {
        staged.bench.gradient("a", 1, round, 5);
        staged.bench.gradient("b", 1, round, 5);
        let said = staged.bench.tick();
        round = said.rounds()[0];
        if said.count(Code::Unanswered) > 0 {
            let seconds = staged.bench.now.since(begun).as_secs_f64();
            assert!((5.0..7.0).contains(&seconds), "after {seconds} s");
            staged.bench.gradient("a", 1, round, 5);
            let said = staged.bench.gradient("b", 1, round, 5);
            assert_eq!(said.closed[0].agents.len(), 2);
            assert!(staged.bench.handle(Input::Tick).closed.is_empty());
            return;
        }
    }
    panic!("it was waited for all the time");
}
