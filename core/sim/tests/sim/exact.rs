//! With shared data a round loses nothing, whichever agent is killed, frozen or cut off and whenever: each step has the whole
//! batch, and the model is that of an undisturbed run.

use crate::helpers::{alone, seeds, sound, unruly};
use heijunka_allocate::PolicyName;
use heijunka_learn::OptimizerKind;
use heijunka_sim::{Record, Scenario, Step, Trouble, Truth, machines, plan, run, scenario};
use heijunka_units::SplitMix64;
use heijunka_wire::DataMode;
use std::time::Duration;

const ROUNDS: u64 = 40;
const BATCH: u32 = 60;

fn world(policy: PolicyName) -> Scenario {
    let truth = Truth::Clouds(3);
    let mut plan = plan(truth, DataMode::Shared, policy, ROUNDS, BATCH);
    plan.hidden = vec![8];
    plan.optimizer = OptimizerKind::sgd(0.9);
    plan.schedule.learning_rate = 0.02;
    plan.packet_bytes_max = 1024;
    scenario(plan, truth, machines([(0.01, 0.01), (0.02, 0.02), (0.01, 0.04), (0.0, 0.01), (0.05, 0.02)]))
}

fn drawn(random: &mut SplitMix64, from: f64, to: f64) -> Duration {
    Duration::from_secs_f64(from + random.uniform() * (to - from))
}

/// Agents are killed, frozen or cut off, for a while or for good, at any moment.
fn disturbed(mut world: Scenario, agents_max: u64, seed: u64) -> Scenario {
    let mut random = SplitMix64::stream(seed, 77);
    let troubles = 1 + random.next_u64() % agents_max;
    world.keep_alive = drawn(&mut random, 0.05, 20.0);
    for agent in 0..troubles as usize {
        let at = drawn(&mut random, 2.1, 8.0);
        let lasts = drawn(&mut random, 0.01, 60.0);
        let keeps_session = random.next_u64().is_multiple_of(2);
        let trouble = match random.next_u64() % 4 {
            0 => Trouble::AgentCutOff { agent, lasts, keeps_session },
            1 => Trouble::AgentCrashes { agent, back_after: Some(lasts) },
            2 => Trouble::AgentCrashes { agent, back_after: None },
            _ => Trouble::AgentFreezes { agent, lasts },
        };
        world.steps.push(Step { at, trouble });
    }
    world
}

/// Panics unless every step has the whole batch and every round ended within its deadlines.
fn exact(record: &Record, seed: u64) {
    sound(record, seed);
    let last = record.last().unwrap();
    for round in last.steps() {
        assert_eq!(round.samples, BATCH, "seed {seed}: {round:?}");
    }
}

fn distance(record: &Record, expected: &[f32]) -> f64 {
    let model = &record.last().unwrap().model;
    let square = |(a, b): (&f32, &f32)| (f64::from(*a) - f64::from(*b)).powi(2);
    let norm: f64 = expected.iter().map(|w| f64::from(*w).powi(2)).sum();
    (model.iter().zip(expected).map(square).sum::<f64>() / norm).sqrt()
}

#[expect(clippy::disallowed_macros, reason = "figures for the tester")]
fn try_all(policy: PolicyName, usual: u64, agents_max: u64, change: impl Fn(Scenario) -> Scenario) {
    let undisturbed = run(&world(policy), 0);
    let expected = alone(&world(policy), undisturbed.last().unwrap());
    let (mut worst, mut reissued, mut longest) = (0.0_f64, 0, 0.0_f64);
    for seed in seeds(usual) {
        let record = run(&disturbed(change(world(policy)), agents_max, seed), seed);
        exact(&record, seed);
        worst = worst.max(distance(&record, &expected));
        let last = record.last().unwrap();
        reissued += last.rounds.iter().filter(|round| round.reissued_samples > 0).count();
        longest = last.rounds.iter().map(|round| round.seconds).fold(longest, f64::max);
        assert!(last.rounds.iter().all(|round| round.seconds <= round.deadline_s + 1e-6), "seed {seed}");
    }
    println!("{policy}: largest distance {worst:.1e}, {reissued} rounds with re-issue, longest round {longest:.1} s");
    assert!(worst < 1e-4, "{policy}: {worst:e}");
    assert!(reissued as u64 >= usual / 4, "{policy}: only {reissued} rounds lost something");
}

#[test]
fn whoever_is_lost_each_step_has_the_whole_batch() {
    // A round's three deadlines are enough for two that are frozen one after the other. `adaptive` may leave all out but
    // two; then those who sit out stand in.
    for policy in [PolicyName::Equal, PolicyName::Enhanced, PolicyName::Adaptive] {
        try_all(policy, 60, 2, |world| world);
    }
}

#[test]
fn also_when_messages_are_lost_repeated_and_reordered() {
    try_all(PolicyName::Equal, 60, 2, unruly);
}

#[test]
fn while_an_agent_stands_still_others_compute_its_range_long_before_the_deadline() {
    let mut world = world(PolicyName::Adaptive);
    world.keep_alive = Duration::from_secs(60);
    world.steps.push(Step {
        at: Duration::from_secs(6),
        trouble: Trouble::AgentFreezes { agent: 0, lasts: Duration::from_secs(3) },
    });
    let record = run(&world, 1);
    exact(&record, 1);
    let rounds = &record.last().unwrap().rounds;
    let stood_in: Vec<_> = rounds.iter().filter(|round| round.reissued_samples > 0).collect();
    assert!(!stood_in.is_empty(), "no agent stood in");
    let usual = rounds[5].seconds;
    for round in stood_in {
        assert!(round.seconds < 5.0 * usual, "{} s, usually {usual} s: {round:?}", round.seconds);
        assert!(round.deadline_s >= 5.0, "the deadline itself was not near: {round:?}");
    }
}
