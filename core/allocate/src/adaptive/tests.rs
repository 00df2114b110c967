//! The solver and the law against what can be computed by hand.

use super::anytime::{Runner, anytime};
use super::law::Law;
use super::ratios::{Ratios, strata};
use super::slowest::{Slowest, level};
use super::solve::{Problem, solve};
use super::tails::Tails;

fn law(intercepts: &[f64], slopes: &[f64]) -> Law {
    Law { intercepts: intercepts.to_vec(), slopes: slopes.to_vec(), travels: vec![0.0; slopes.len()] }
}

/// A machine of so many seconds a sample, in eight equally likely scenarios that scatter by `scatter`.
fn machine(fixed_s: f64, per_sample_s: f64, scatter: f64) -> Law {
    let ratio = |index: u32| 1.0 + scatter * (f64::from(index) - 3.5) / 3.5;
    let slopes: Vec<f64> = (0..8).map(|index| per_sample_s * ratio(index)).collect();
    law(&[fixed_s; 8], &slopes)
}

fn free(count: usize) -> Vec<(f64, f64)> {
    vec![(0.0, 1e9); count]
}

#[test]
fn expected_maximum_is_the_mean_over_all_combinations() {
    let laws = [law(&[0.1, 0.4, 0.2], &[0.01, 0.02, 0.03]), law(&[0.3, 0.1, 0.1], &[0.02, 0.01, 0.05])];
    let shares = [7.0, 5.0];
    let mut sum = 0.0;
    for a in laws[0].seconds(shares[0]) {
        sum += laws[1].seconds(shares[1]).map(|b| a.max(b)).sum::<f64>();
    }
    let mut slowest = Slowest::default();
    assert!((slowest.expect(&laws, &shares) - sum / 9.0).abs() < 1e-12);
    // The derivative, by differences.
    let marginal = slowest.marginal.clone();
    for (index, marginal) in marginal.iter().enumerate() {
        let mut more = shares;
        more[index] += 1e-6;
        let by = (slowest.expect(&laws, &more) - sum / 9.0) / 1e-6;
        assert!((by - marginal).abs() < 1e-6, "{index}: {by} {marginal}");
    }
}

#[test]
fn five_hundred_machines_do_not_underflow() {
    let laws: Vec<Law> = (0..500).map(|_| machine(0.0, 0.001, 0.2)).collect();
    let seconds = Slowest::default().expect(&laws, &[10.0; 500]);
    assert!((0.0119..=0.012).contains(&seconds), "{seconds}: almost surely the slowest scenario");
}

#[test]
fn a_level_fill_ends_together_within_bounds() {
    let shares = level(&[(0.1, 0.01), (0.0, 0.02), (9.0, 0.01), (0.0, 0.01)], &[(0.0, 99.0); 4], 60.0);
    let ends: Vec<f64> = [0.1 + 0.01 * shares[0], 0.02 * shares[1], 0.01 * shares[3]].to_vec();
    assert!(ends.iter().all(|end| (end - ends[0]).abs() < 1e-9), "{ends:?}");
    assert_eq!(shares[2], 0.0, "its fixed part alone is too long");
    assert!((shares.iter().sum::<f64>() - 60.0).abs() < 1e-6);
    let bounded = level(&[(0.0, 0.01); 3], &[(0.0, 5.0), (40.0, 50.0), (0.0, 99.0)], 60.0);
    assert_eq!(bounded.map_whole(), [5, 40, 15]);
}

trait Whole {
    fn map_whole(&self) -> Vec<i64>;
}

impl Whole for Vec<f64> {
    fn map_whole(&self) -> Vec<i64> {
        self.iter().map(|share| share.round() as i64).collect()
    }
}

#[test]
fn the_optimum_has_equal_marginals_so_that_fast_machines_are_the_slowest_more_often() {
    let laws: Vec<Law> = [0.001, 0.002, 0.004, 0.008].map(|per_sample| machine(0.01, per_sample, 0.3)).to_vec();
    let problem = Problem { laws: &laws, bounds: &free(4), total: 4000.0, excludes: true };
    let mut slowest = Slowest::default();
    let (shares, seconds) = solve(&problem, &mut slowest);
    assert_eq!(shares.iter().sum::<u32>(), 4000);
    let real: Vec<f64> = shares.iter().map(|share| f64::from(*share)).collect();
    // Nothing near it is better: E[max] is convex.
    for from in 0..4 {
        for to in 0..4 {
            for by in [2.0, 16.0, 64.0] {
                let mut other = real.clone();
                other[from] -= by;
                other[to] += by;
                assert!(slowest.expect(&laws, &other) > seconds * (1.0 - 1e-3), "{by} from {from} to {to}");
            }
        }
    }
}

#[test]
fn a_machine_whose_start_alone_takes_too_long_is_left_out_unless_it_must_take_part() {
    let laws = [machine(0.01, 0.001, 0.1), machine(0.01, 0.001, 0.1), machine(5.0, 0.001, 0.1)];
    let mut slowest = Slowest::default();
    let solved = |excludes: bool, bounds: &[(f64, f64)], slowest: &mut Slowest| {
        solve(&Problem { laws: &laws, bounds, total: 100.0, excludes }, slowest).0
    };
    assert_eq!(solved(true, &free(3), &mut slowest), [50, 50, 0]);
    assert_eq!(solved(true, &[(0.0, 1e9), (0.0, 1e9), (7.0, 7.0)], &mut slowest)[2], 7, "a pin is kept");
    assert!(solved(false, &free(3), &mut slowest)[2] >= 1);
}

#[test]
fn strata_keep_the_mean() {
    let mut sample: Vec<(f64, f64)> = (0..37).map(|i| (f64::from(i * i), 1.0 + f64::from(i % 3))).collect();
    let total: f64 = sample.iter().map(|(_, weight)| weight).sum();
    let mean: f64 = sample.iter().map(|(value, weight)| value * weight).sum::<f64>() / total;
    for bins in [1, 5, 24, 48] {
        let means = strata(&mut sample, bins);
        assert_eq!(means.len(), bins);
        assert!((means.iter().sum::<f64>() / bins as f64 - mean).abs() < 1e-9);
        assert!(means.is_sorted());
    }
    assert!(strata(&mut [(1.0, 0.0)], 4).is_empty());
}

#[test]
fn a_hiccup_of_one_machine_is_shared_by_all_that_are_like_it() {
    let calm = |hiccups: usize| {
        let mut ratios = Ratios::default();
        (0..120).for_each(|index| ratios.push(if index < hiccups { 2.0 } else { 0.05 * f64::from(index as u8 % 3) }));
        ratios
    };
    let all = [calm(1), calm(0), calm(2), calm(1)];
    let tails = Tails::learn(all.iter());
    let rate = |ratios: &Ratios| {
        let sample = tails.sample(ratios);
        let total: f64 = sample.iter().map(|(_, weight)| weight).sum();
        sample.iter().filter(|(ratio, _)| *ratio > 5.0).map(|(_, weight)| weight).sum::<f64>() / total
    };
    let rates: Vec<f64> = all.iter().map(rate).collect();
    assert!(rates.iter().all(|rate| (0.004..0.015).contains(rate)), "{rates:?}; one in 120 on the whole");
}

#[test]
fn the_common_time_is_that_at_which_the_batch_is_expected() {
    let laws = [machine(0.02, 0.001, 0.5), machine(0.02, 0.004, 0.5)];
    let runners: Vec<Runner<'_>> = laws.iter().map(|law| Runner { law, allowance_s: 0.0, most: 1000.0 }).collect();
    let found = anytime(&runners, 200.0, &mut Slowest::default()).unwrap();
    let expected: f64 = laws
        .iter()
        .map(|law| law.slopes.iter().map(|slope| ((found.stop_s - 0.02) / slope).floor()).sum::<f64>() / 8.0)
        .sum();
    assert!((expected - 200.0).abs() < 2.0, "{expected}");
    assert!(found.close_s >= found.stop_s && found.seconds <= found.close_s);
    assert!(found.caps.iter().all(|cap| *cap > 40), "{:?}", found.caps);
}
