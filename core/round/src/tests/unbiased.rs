//! The mean update is the full gradient, although computations are stopped and 40 % of the answers miss their round.

use super::scripted::{Script, Staged};
use super::{gradient, id, plan};
use crate::{Patience, Plan};
use alloc::vec::Vec;
use heijunka_allocate::RoundEnd;
use heijunka_learn::{Schedule, StreamOrder};
use heijunka_units::SplitMix64;
use heijunka_wire::document::Job;
use heijunka_wire::{Ask, DataMode};

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
/// Of ten rounds, those that each agent misses: 40 % of all answers.
const MISSES: [usize; 5] = [0, 3, 5, 6, 6];
const SHARE: u32 = 16;
const SEEDS: u64 = 20;
const WARM_UP_ROUNDS: usize = 2000;
const ROUNDS: usize = 2000;
const RATE: f64 = 1e-4;
const BIAS_MAX: f64 = 0.005;

type Gradient = [f64; 2];

fn plan_for(data_mode: DataMode) -> Plan {
    let plan = plan();
    Plan {
        job: Job { data_mode, ..plan.job },
        batch_samples: 5 * SHARE,
        schedule: Schedule::constant(RATE),
        round_end: RoundEnd::Guard,
        patience: Patience { quorum: 0.2, ..plan.patience },
        until: crate::Until { rounds: u64::MAX, ..plan.until },
        ..plan
    }
}

/// For each agent, whether it misses each of ten rounds, in an order of its own: exact numbers in every ten rounds leave
/// less to chance than draws.
fn misses(random: &mut SplitMix64) -> [[bool; 10]; 5] {
    MISSES.map(|count| {
        let mut ten: [bool; 10] = core::array::from_fn(|place| place < count);
        for place in (1..10).rev() {
            ten.swap(place, (random.next_u64() % (place as u64 + 1)) as usize);
        }
        ten
    })
}

/// Mean update after the warm-up. `answer` gives an agent's mean gradient in a round, of the samples that it processed.
/// `seen` is called with what entered each step after the warm-up: agents and samples.
fn mean_update(
    data_mode: DataMode,
    rows: &[(&'static str, u64)],
    seed: u64,
    mut answer: impl FnMut(usize, Ask, u32) -> Gradient,
    mut seen: impl FnMut(&[(usize, u32)]),
) -> Gradient {
    let script = Script { shares: vec![(SHARE, 0); 5], stop_s: Some(0.4), close_s: Some(0.5), ..Script::default() };
    let (mut staged, said) = Staged::with_rows(plan_for(data_mode), &NAMES, rows, script);
    let bench = &mut staged.bench;
    let mut random = SplitMix64::new(seed);
    let (mut round, mut ten) = (said.rounds()[0], misses(&mut random));
    let mut begun = bench.mind.model().unwrap().to_vec();
    for number in 0..WARM_UP_ROUNDS + ROUNDS {
        if number % 10 == 0 {
            ten = misses(&mut random);
        }
        if number == WARM_UP_ROUNDS {
            begun = bench.mind.model().unwrap().to_vec();
        }
        let (mut in_time, mut too_late, mut next) = (Vec::new(), Vec::new(), None);
        for (agent, name) in NAMES.iter().enumerate() {
            // Some are stopped by the guard before their share is done.
            let samples = SHARE - (random.next_u64() % u64::from(SHARE)) as u32 * (agent as u32 % 2);
            let mean = answer(agent, round, samples).map(|value| value as f32);
            let answer = gradient(round, bench.shares[&id(name)].offset, samples);
            if ten[agent][number % 10] {
                too_late.push((*name, answer, mean));
                continue;
            }
            in_time.push((agent, samples));
            next = bench.answer_with(name, 5, answer, &mean).rounds().last().copied().or(next);
        }
        if number >= WARM_UP_ROUNDS {
            seen(&in_time);
        }
        round = next.unwrap_or_else(|| bench.tick().rounds()[0]);
        for (name, answer, mean) in too_late {
            bench.answer_with(name, 5, answer, &mean);
        }
    }
    assert_eq!(bench.mind.counters().given_up, 0);
    let ended = bench.mind.model().unwrap();
    core::array::from_fn(|place| f64::from(begun[place] - ended[place]) / RATE / ROUNDS as f64)
}

fn norm(of: Gradient) -> f64 {
    of.iter().map(|value| value * value).sum::<f64>().sqrt()
}

fn bias(updates: &[Gradient], full: Gradient) -> f64 {
    let mean = |place: usize| updates.iter().map(|update| update[place]).sum::<f64>() / updates.len() as f64;
    norm([mean(0) - full[0], mean(1) - full[1]]) / norm(full)
}

#[test]
fn private_data_however_often_each_agent_misses_a_round() {
    let own: [Gradient; 5] = [[1.0, 0.2], [0.3, -0.5], [-0.4, 1.0], [0.8, 0.8], [0.1, 0.6]];
    let rows = [("a", 100), ("b", 50), ("c", 200), ("d", 100), ("e", 150)];
    let all: f64 = rows.iter().map(|(_, rows)| *rows as f64).sum();
    let weight = |agent: usize| rows[agent].1 as f64 / all;
    let full: Gradient = core::array::from_fn(|place| (0..5).map(|agent| weight(agent) * own[agent][place]).sum());
    let (mut updates, mut renormalised) = (Vec::new(), Vec::new());
    for seed in 0..SEEDS {
        let mut noise = SplitMix64::stream(seed, 5);
        let answer = |agent: usize, _: Ask, samples: u32| {
            own[agent].map(|value| value + 0.3 * noise.normal() / f64::from(samples).sqrt())
        };
        let seen = |in_time: &[(usize, u32)]| {
            let total: f64 = in_time.iter().map(|(agent, _)| weight(*agent)).sum();
            let part = |place: usize| {
                in_time.iter().map(|(agent, _)| weight(*agent) * own[*agent][place]).sum::<f64>() / total
            };
            renormalised.push([part(0), part(1)]);
        };
        updates.push(mean_update(DataMode::Private, &rows, seed, answer, seen));
    }
    let (ours, theirs) = (bias(&updates, full), bias(&renormalised, full));
    assert!(ours < BIAS_MAX, "biased by {:.3} %", 100.0 * ours);
    assert!(theirs > 10.0 * BIAS_MAX, "renormalising is biased by {:.3} % only", 100.0 * theirs);
}

#[test]
fn shared_data_whatever_part_of_the_batch_is_done() {
    const ROWS: u64 = 997;
    let mut random = SplitMix64::new(7);
    let rows: Vec<Gradient> = (0..ROWS).map(|_| [1.0 + random.normal(), -0.5 + random.normal()]).collect();
    let full: Gradient = core::array::from_fn(|place| rows.iter().map(|row| row[place]).sum::<f64>() / ROWS as f64);
    let mut updates = Vec::new();
    for seed in 0..SEEDS {
        let order = StreamOrder::new(ROWS, seed);
        let answer = |agent: usize, round: Ask, samples: u32| {
            let begin = round.train().unwrap().first_position + agent as u64 * u64::from(SHARE);
            let mut sum = [0.0; 2];
            for position in begin..begin + u64::from(samples) {
                let row = rows[order.row(position) as usize];
                sum.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
            }
            sum.map(|sum| sum / f64::from(samples))
        };
        updates.push(mean_update(DataMode::Shared, &[], seed, answer, |_| {}));
    }
    let ours = bias(&updates, full);
    assert!(ours < BIAS_MAX, "biased by {:.3} %", 100.0 * ours);
}
