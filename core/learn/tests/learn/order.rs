//! Permutations: each row once, evenly shuffled, the same everywhere.

use heijunka_learn::{Permutation, StreamOrder};
use proptest::prelude::*;

fn all(len: u64, seed: u64, epoch: u64) -> Vec<u64> {
    let permutation = Permutation::new(len, seed, epoch);
    (0..len).map(|index| permutation.at(index)).collect()
}

fn assert_bijection(mut places: Vec<u64>) {
    places.sort_unstable();
    assert!(places.iter().enumerate().all(|(index, place)| index as u64 == *place));
}

#[test]
fn every_row_once() {
    (1..300).for_each(|len| assert_bijection(all(len, 7, len)));
    for len in [1437, 4095, 4096, 4097, 65_537, 100_000] {
        assert_bijection(all(len, 11, 3));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_row_once_whatever_seed_and_epoch(len in 1_u64..2000, seed: u64, epoch: u64) {
        assert_bijection(all(len, seed, epoch));
    }

    /// Where the whole cannot be looked at: in range, and neighbours do not collide.
    #[test]
    fn long_orders_stay_in_range(len in 1_u64.., seed: u64, index: u64) {
        let permutation = Permutation::new(len, seed, 0);
        let (first, second) = (index % len, (index % len + 1) % len);
        prop_assert!(permutation.at(first) < len);
        prop_assert!(len == 1 || permutation.at(first) != permutation.at(second));
    }

    #[test]
    fn a_stream_is_one_permutation_after_the_other(len in 1_u64..500, seed: u64, epoch in 0_u64..1_000_000) {
        let order = StreamOrder::new(len, seed);
        let rows: Vec<u64> = (0..len).map(|index| order.row(epoch * len + index)).collect();
        prop_assert_eq!(rows, all(len, seed, epoch));
    }
}

/// Chi-square of where rows go over many epochs; 5 standard deviations of its distribution are allowed. As each epoch
/// fills a whole row and column, the sum is n / (n - 1) times a chi-square of (n - 1)^2 degrees of freedom.
#[test]
fn every_row_goes_everywhere_evenly() {
    for len in [2_u64, 3, 5, 8, 13, 32, 60] {
        let epochs = 4000 * len.min(10);
        let mut counts = vec![0_u32; (len * len) as usize];
        for epoch in 0..epochs {
            for (index, place) in all(len, 42, epoch).into_iter().enumerate() {
                counts[index * len as usize + place as usize] += 1;
            }
        }
        let expected = epochs as f64 / len as f64;
        let sum: f64 = counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        let chi_square = sum * (len - 1) as f64 / len as f64;
        let freedom = ((len - 1) * (len - 1)) as f64;
        assert!(chi_square < freedom + 5.0 * (2.0 * freedom).sqrt(), "{len}: {chi_square} of {freedom}");
    }
}

/// All 120 orders of five rows occur equally often.
#[test]
fn small_orders_are_evenly_drawn() {
    let mut counts = std::collections::BTreeMap::new();
    (0..120_000).for_each(|epoch| *counts.entry(all(5, 9, epoch)).or_insert(0_u32) += 1);
    let chi_square: f64 = counts.values().map(|count| (f64::from(*count) - 1000.0).powi(2) / 1000.0).sum();
    assert_eq!(counts.len(), 120);
    assert!(chi_square < 119.0 + 5.0 * 238.0_f64.sqrt(), "{chi_square}");
}

#[test]
fn epochs_and_seeds_differ() {
    assert_ne!(all(100, 1, 0), all(100, 1, 1));
    assert_ne!(all(100, 1, 0), all(100, 2, 0));
    let fixed_points = all(10_000, 1, 0).iter().zip(0..).filter(|(place, index)| **place == *index).count();
    assert!(fixed_points < 8, "{fixed_points}");
}

#[test]
fn no_rows_count_as_one() {
    assert_eq!(StreamOrder::new(0, 5).row(u64::MAX), 0);
    assert_eq!(Permutation::new(0, 5, 0).at(17), 0);
}

/// These bits are a promise: agents of different versions must draw the same rows. A second implementation gave them too.
#[test]
fn golden_values() {
    assert_eq!(all(10, 1, 0), GOLDEN_10);
    let order = StreamOrder::new(1437, 20_211_008);
    assert_eq!([0, 1, 255, 1437, 1_000_000_007, u64::MAX].map(|position| order.row(position)), GOLDEN_STREAM);
}

const GOLDEN_10: [u64; 10] = [7, 2, 5, 9, 4, 3, 0, 8, 1, 6];
const GOLDEN_STREAM: [u64; 6] = [573, 1196, 895, 953, 217, 873];
