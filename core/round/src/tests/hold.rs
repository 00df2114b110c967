//! Pausing because a person asks for it.

use super::{Bench, plan};
use crate::{Code, Input, Outcome, Output, Phase, Until};
use core::time::Duration;
use heijunka_units::{RunId, Timestamp};
use heijunka_wire::{Ask, Body, Channel};

/// The open round is answered by both agents.
fn answered(bench: &mut Bench, round: Ask) -> super::Said {
    bench.gradient("a", 1, round, 5);
    bench.gradient("b", 1, round, 5)
}

#[test]
fn the_open_round_is_finished_and_no_other_one_is_opened() {
    let (mut bench, said) = Bench::training(&["a", "b"]);
    let round = said.rounds()[0];
    let asked = bench.handle(Input::Pause);
    assert_eq!(
        (asked.count(Code::PauseRequested), bench.mind.phase(), bench.mind.is_held()),
        (1, Phase::Training, true)
    );
    assert_eq!(bench.handle(Input::Pause).count(Code::PauseRequested), 0, "it is reported once");
    bench.pass(10);
    let closed = answered(&mut bench, round);
    assert_eq!((closed.closed.len(), closed.rounds().len(), bench.mind.steps()), (1, 0, 1));
    assert_eq!((bench.mind.phase(), bench.wait), (Phase::Paused, Timestamp::NEVER));
    // Agents come and go, more than are needed or fewer: nothing begins.
    bench.handle(Input::Offline { agent: &super::id("b") });
    assert_eq!(bench.join("b", 2).rounds().len(), 0);
    assert_eq!(bench.join("c", 1).rounds().len(), 0);
    assert_eq!((bench.mind.phase(), bench.mind.is_held()), (Phase::Paused, true));
    let resumed = bench.handle(Input::Resume);
    assert_eq!((resumed.count(Code::Resumed), resumed.rounds().len(), bench.mind.phase()), (1, 1, Phase::Training));
    assert!(!bench.mind.is_held());
}

#[test]
fn the_deadline_of_the_open_round_ends_it_and_none_runs_while_it_rests() {
    let (mut bench, _) = Bench::training(&["a", "b"]);
    bench.handle(Input::Pause);
    bench.until_closed();
    assert_eq!((bench.mind.phase(), bench.wait), (Phase::Paused, Timestamp::NEVER));
    bench.pass(3_600_000);
    assert!(bench.handle(Input::Tick).events.is_empty());
}

#[test]
fn time_at_rest_counts_for_nothing() {
    let until = Until { rounds: 100, time: Some(Duration::from_secs(60)), no_better_for_rounds: None };
    let mut bench_plan = plan();
    bench_plan.until = until;
    let (mut bench, said) = Bench::training_by(bench_plan, &["a", "b"]);
    bench.handle(Input::Pause);
    bench.pass(1000);
    answered(&mut bench, said.rounds()[0]);
    bench.pass(86_400_000);
    let round = bench.handle(Input::Resume).rounds()[0];
    bench.pass(1000);
    let closed = answered(&mut bench, round);
    assert!(closed.closed[0].between_s < 1.0, "{} s", closed.closed[0].between_s);
    assert_eq!((closed.rounds().len(), bench.mind.phase()), (1, Phase::Training), "max_time is not over");
    bench.pass(59_000);
    answered(&mut bench, closed.rounds()[0]);
    assert_eq!(bench.mind.phase(), Phase::Finished, "now it is");
}

#[test]
fn it_can_be_stopped_at_rest_and_a_pause_can_be_taken_back() {
    let (mut bench, said) = Bench::training(&["a", "b"]);
    bench.handle(Input::Pause);
    assert_eq!(bench.handle(Input::Resume).count(Code::Resumed), 1);
    assert_eq!(bench.handle(Input::Resume).count(Code::Resumed), 0);
    let next = answered(&mut bench, said.rounds()[0]).rounds()[0];
    bench.handle(Input::Pause);
    answered(&mut bench, next);
    bench.mind.handle(bench.now, Input::Stop);
    let mut outcomes = Vec::new();
    loop {
        match bench.mind.poll_output() {
            Output::Wait(_) => break,
            Output::Finished(outcome) => outcomes.push(outcome),
            _ => {}
        }
    }
    assert_eq!((outcomes, bench.mind.phase()), (vec![Outcome::Stopped], Phase::Finished));
    bench.handle(Input::Pause);
    bench.handle(Input::Resume);
    assert_eq!(bench.mind.phase(), Phase::Finished);
    // A broker that has come back empty must not have agents begin again.
    let said = bench.handle(Input::Connected { session_present: false });
    assert_eq!((said.specs().len(), said.rounds().len(), said.is_over()), (0, 0, true));
}

#[test]
fn too_few_agents_are_told_when_the_pause_ends() {
    let (mut bench, said) = Bench::training(&["a", "b"]);
    bench.handle(Input::Pause);
    answered(&mut bench, said.rounds()[0]);
    bench.handle(Input::Offline { agent: &super::id("b") });
    let resumed = bench.handle(Input::Resume);
    assert_eq!((resumed.count(Code::Paused), resumed.rounds().len(), bench.mind.phase()), (1, 0, Phase::Paused));
    assert_eq!(bench.join("b", 2).rounds().len(), 1, "it resumes by itself");
}

#[test]
fn a_job_can_be_held_before_it_begins() {
    let mut bench = Bench::new(plan());
    bench.handle(Input::Pause);
    for name in ["a", "b"] {
        bench.join(name, 1);
        bench.survey(name, 1, &super::survey());
    }
    assert_eq!(bench.tick().specs().len(), 1, "the job is settled all the same");
    bench.join("a", 1);
    assert_eq!((bench.join("b", 1).rounds().len(), bench.mind.phase()), (0, Phase::Paused));
    let resumed = bench.handle(Input::Resume);
    let published =
        |(channel, _, body): &(Channel, _, Body)| *channel == Channel::Round && matches!(body, Body::Round(_));
    assert!(resumed.frames.iter().any(published), "{resumed:?}");
    assert_eq!(bench.mind.run(), RunId(5));
}
