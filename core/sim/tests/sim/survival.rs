//! Jobs reach their end under every mix of faults, without an operator.

use crate::helpers::{chunked, seeds, small, sound, troubled, unruly};
use heijunka_sim::{Scenario, Step, Trouble, run};
use heijunka_wire::DataMode;
use std::time::Duration;

const fn at(seconds: u64, trouble: Trouble) -> Step {
    Step { at: Duration::from_secs(seconds), trouble }
}

fn all_end(worlds: impl Fn(u64) -> Scenario, usual: u64) {
    for seed in seeds(usual) {
        sound(&run(&worlds(seed), seed), seed);
    }
}

#[test]
fn jobs_end_under_losses_and_troubles() {
    all_end(|seed| troubled(unruly(small(40)), seed), 150);
}

#[test]
fn jobs_in_chunks_end_under_losses_and_troubles() {
    all_end(|seed| troubled(unruly(chunked(20, DataMode::Private)), seed), 40);
}

#[test]
fn jobs_end_where_a_third_of_all_messages_is_lost() {
    let lossy = |mut world: Scenario| {
        world.bus.drop = 0.33;
        world
    };
    all_end(|_| lossy(unruly(small(20))), 60);
    // Of an object of four chunks hardly a fifth arrives whole at once.
    all_end(|_| lossy(unruly(chunked(5, DataMode::Private))), 10);
}

#[test]
fn jobs_end_where_the_aggregators_words_are_damaged_and_forged() {
    let hostile = |mut world: Scenario| {
        (world.bus.noise, world.bus.damage, world.bus.forgery) = (0.1, 0.1, 0.1);
        world
    };
    all_end(|seed| hostile(troubled(unruly(small(30)), seed)), 60);
    all_end(|seed| hostile(troubled(unruly(chunked(10, DataMode::Private)), seed)), 20);
}

#[test]
fn a_broker_that_comes_back_empty_needs_no_operator() {
    for seed in seeds(40) {
        let mut world = unruly(small(80));
        for start in [3, 9, 15] {
            let lasts = Duration::from_millis(500 + 20 * (seed % 40));
            world.steps.push(at(start, Trouble::BrokerRestarts { lasts, keeps_state: false }));
        }
        sound(&run(&world, seed), seed);
    }
}

#[test]
fn everybody_may_leave_before_training_begins_and_return() {
    for (seed, when) in seeds(60).zip((0..).map(|step| 20 * (step % 60))) {
        // From the first join through survey and preparation to the first rounds.
        let mut world = unruly(small(10));
        for machine in &mut world.machines {
            machine.prepare = Duration::from_millis(900);
        }
        for agent in 0..3 {
            let at = Duration::from_millis(when + 300 * agent as u64);
            let back_after = Some(Duration::from_secs(40));
            world.steps.push(Step { at, trouble: Trouble::AgentCrashes { agent, back_after } });
        }
        sound(&run(&world, seed), seed);
    }
}

#[test]
fn an_agent_that_never_describes_its_data_holds_up_the_beginning_for_a_while_only() {
    for millis in (10..200).step_by(10) {
        let mut world = small(10);
        let lasts = Duration::from_secs(1_000_000);
        let trouble = Trouble::AgentFreezes { agent: 1, lasts };
        world.steps.push(Step { at: Duration::from_millis(millis), trouble });
        world.keep_alive = Duration::from_secs(2_000_000);
        let record = run(&world, millis);
        sound(&record, millis);
        assert!(record.seconds < 600.0, "frozen after {millis} ms: {} s", record.seconds);
    }
}

#[test]
fn a_frozen_agent_delays_a_round_by_at_most_the_deadline_and_comes_back() {
    let mut late = 0;
    for seed in seeds(20) {
        let mut world = small(500);
        let frozen = Trouble::AgentFreezes { agent: 2, lasts: Duration::from_secs(30) };
        world.steps.push(Step { at: Duration::from_millis(5000 + 13 * (seed % 40)), trouble: frozen });
        // The aggregator gets no message about it.
        world.keep_alive = Duration::from_secs(1_000_000);
        let record = run(&world, seed);
        sound(&record, seed);
        let run = record.last().unwrap();
        let held_up: Vec<f64> = run.rounds.iter().map(|round| round.seconds).filter(|seconds| *seconds > 1.0).collect();
        assert!((1..=2).contains(&held_up.len()), "seed {seed}: {held_up:?}");
        assert!(run.rounds.iter().any(|round| round.agents.len() == 2), "seed {seed}: it was waited for all the time");
        assert_eq!(run.rounds.last().unwrap().agents.len(), 3, "seed {seed}: it did not come back");
        late += run.counters.late;
    }
    assert!(late > 0, "nothing was late");
}

#[test]
fn an_agent_that_dies_is_missed_until_its_will_and_is_welcome_again() {
    for seed in seeds(20) {
        let mut world = small(500);
        let back_after = Some(Duration::from_secs(10));
        let when = Duration::from_millis(5000 + 13 * (seed % 40));
        world.steps.push(Step { at: when, trouble: Trouble::AgentCrashes { agent: 1, back_after } });
        world.keep_alive = Duration::from_secs(2);
        let record = run(&world, seed);
        sound(&record, seed);
        let run = record.last().unwrap();
        let longest = run.rounds.iter().map(|round| round.seconds).fold(0.0, f64::max);
        assert!(longest < 2.5, "seed {seed}: a round took {longest} s");
        assert_eq!(run.rounds.last().unwrap().agents.len(), 3, "seed {seed}: it did not come back");
    }
}
