//! Rounds that end before everybody has computed its whole share, and agents that sit out, over the whole protocol.

use crate::helpers::{seeds, small, sound, troubled, unruly};
use heijunka_allocate::{PolicyName, RoundEnd};
use heijunka_round::Code;
use heijunka_sim::{Record, Scenario, Truth, machines, plan, run, scenario};
use heijunka_wire::DataMode;
use std::time::Duration;

/// Uneven machines whose computations scatter.
fn scattered(round_end: RoundEnd, data_mode: DataMode, rounds: u64) -> Scenario {
    let mut plan = plan(Truth::Linear, data_mode, PolicyName::Adaptive, rounds, 120);
    plan.round_end = round_end;
    let mut world =
        scenario(plan, Truth::Linear, machines([(0.01, 0.002), (0.02, 0.004), (0.01, 0.008), (0.005, 0.002)]));
    world.machines.iter_mut().for_each(|machine| machine.jitter = 0.4);
    world
}

/// Mean seconds a round and mean samples a round, after a warm-up.
fn means(record: &Record) -> (f64, f64) {
    let rounds: Vec<_> = record.last().unwrap().steps().skip(30).collect();
    let count = rounds.len() as f64;
    let seconds: f64 = rounds.iter().map(|round| round.seconds).sum();
    (seconds / count, rounds.iter().map(|round| f64::from(round.samples)).sum::<f64>() / count)
}

#[test]
fn a_guard_costs_few_samples_and_a_common_time_gives_the_batch_on_average() {
    let (mut with_guard, mut until_a_time) = (0.0, 0.0);
    for seed in seeds(5) {
        let try_one = |round_end| {
            let record = run(&scattered(round_end, DataMode::Shared, 300), seed);
            sound(&record, seed);
            means(&record)
        };
        let (exact_s, exact) = try_one(RoundEnd::Exact);
        let (guard_s, guard) = try_one(RoundEnd::Guard);
        let (anytime_s, anytime) = try_one(RoundEnd::Anytime);
        assert!((exact - 120.0).abs() < 1e-9, "seed {seed}: {exact}");
        assert!((0.9 * 120.0..120.0).contains(&guard), "seed {seed}: {guard} samples with a guard");
        assert!((0.9 * 120.0..1.1 * 120.0).contains(&anytime), "seed {seed}: {anytime} samples until a common time");
        with_guard += guard_s / guard * exact / exact_s;
        until_a_time += anytime_s / anytime * exact / exact_s;
    }
    let tried = seeds(5).count() as f64;
    let (guard, anytime) = (with_guard / tried, until_a_time / tried);
    assert!(guard < 1.0 && anytime < 0.8, "seconds a sample, of those of whole batches: {guard}, {anytime}");
}

#[test]
fn jobs_end_under_every_mix_of_faults_however_rounds_end() {
    for data_mode in [DataMode::Shared, DataMode::Private] {
        for round_end in [RoundEnd::Guard, RoundEnd::Anytime] {
            for seed in seeds(15) {
                let mut world = troubled(unruly(scattered(round_end, data_mode, 40)), seed);
                world.plan.score_every_rounds = 7;
                sound(&run(&world, seed), seed);
            }
        }
    }
}

/// One machine takes two seconds whatever its share.
fn one_sits_out(rounds: u64) -> Scenario {
    let mut world = small(rounds);
    world.plan.policy = PolicyName::Adaptive;
    world.plan.batch_samples = 300;
    world.machines[2].fixed_s = 2.0;
    world
}

#[test]
fn an_agent_that_sits_out_is_probed_and_nobody_waits_for_it() {
    let record = run(&one_sits_out(200), 1);
    sound(&record, 1);
    let last = record.last().unwrap();
    let late: Vec<_> = last.rounds.iter().skip(10).filter(|round| round.seconds > 1.0).collect();
    assert!(late.is_empty(), "{} rounds waited", late.len());
    assert!(last.steps().skip(10).all(|round| round.agents.len() == 2 && round.samples == 300));
    assert!(last.counters.probes >= 5, "{:?}", last.counters);
    assert_eq!((last.counters.late, last.counters.rejected.total(), last.count(Code::Unanswered)), (0, 0, 0));
    let overtaken = record.notes.iter().filter(|(_, note)| matches!(note, heijunka_worker::Note::Overtaken(_)));
    assert_eq!(overtaken.count(), 0, "a probe was abandoned");
}

#[test]
fn probes_survive_every_mix_of_faults() {
    let mut probes = 0;
    for seed in seeds(40) {
        let mut world = troubled(unruly(one_sits_out(60)), seed);
        world.bus.delay = (Duration::from_millis(1), Duration::from_millis(30));
        let record = run(&world, seed);
        sound(&record, seed);
        probes += record.last().unwrap().counters.probes;
    }
    assert!(probes > 40, "only {probes} probes");
}
