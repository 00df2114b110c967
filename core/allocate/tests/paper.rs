//! The paper's claims (arXiv 2110.08941), in virtual time: worker m with n samples takes a_m + b_m n seconds.

mod fleet;

use fleet::Fleet;
use heijunka_allocate::{PolicyName, RoundEnd, Weighting, policy};

const EPOCHS: u64 = 12;

/// Two equal machines, of which the second takes so much longer for each round, whatever its share; B = 256.
fn paper_fleet(delay_s: f64) -> Fleet {
    Fleet { fixed_s: vec![0.0, delay_s], per_sample_s: vec![0.001, 0.001], batch: 256 }
}

#[test]
fn shares_converge_to_inverse_of_times_when_delay_is_per_sample() {
    let per_sample_s = vec![0.001, 0.002, 0.004, 0.0005];
    let speeds: Vec<f64> = per_sample_s.iter().map(|seconds| 1.0 / seconds).collect();
    let sum: f64 = speeds.iter().sum();
    let fleet = Fleet { fixed_s: vec![0.0; 4], per_sample_s, batch: 512 };
    for name in [PolicyName::Dynamic, PolicyName::Enhanced] {
        // Where the time is proportional to the share, one update is exact; then it is measured on whole samples.
        for after in [1, EPOCHS] {
            for (samples, speed) in fleet.shares_after(name, after).iter().zip(&speeds) {
                let exact = f64::from(fleet.batch) * speed / sum;
                assert!(
                    (f64::from(*samples) - exact).abs() < 2.0,
                    "{name} after {after} epochs: {samples}, not {exact}"
                );
            }
        }
    }
}

#[test]
fn two_workers_one_slower_by_a_tenth_of_a_second_end_within_one_percent_of_the_common_finish() {
    let fleet = paper_fleet(0.1);
    assert_eq!(fleet.round_s(&fleet.shares_after(PolicyName::Equal, EPOCHS)), 0.228);
    let finish_s = fleet.round_s(&fleet.shares_after(PolicyName::Enhanced, EPOCHS));
    assert!((0.178..0.178 * 1.01).contains(&finish_s), "{finish_s}");
}

#[test]
fn equal_shares_take_at_least_1_26_times_as_long_on_both_of_the_papers_fleets() {
    for delay_s in [0.1, 0.2] {
        let fleet = paper_fleet(delay_s);
        let equal_s = fleet.round_s(&fleet.shares_after(PolicyName::Equal, EPOCHS));
        for name in [PolicyName::Dynamic, PolicyName::Enhanced] {
            let seconds = fleet.round_s(&fleet.shares_after(name, EPOCHS));
            assert!(equal_s / seconds >= 1.26, "{name}, {delay_s} s: {equal_s} s against {seconds} s");
        }
    }
}

#[test]
fn one_epoch_multiplies_shares_by_inverse_times() {
    // t = (0.128, 0.228): p = (0.5 / 0.128, 0.5 / 0.228) normalised = (0.6404, 0.3596); 256 p = (163.96, 92.04).
    let fleet = paper_fleet(0.1);
    assert_eq!(fleet.shares_after(PolicyName::Enhanced, 1), [164, 92]);
    assert_eq!(fleet.shares_after(PolicyName::Dynamic, 1), [163, 92]);
}

#[test]
fn identical_workers_keep_equal_shares() {
    let fleet = Fleet { fixed_s: vec![0.05; 6], per_sample_s: vec![0.003; 6], batch: 256 };
    // 256 / 6 is not whole: whose turn it is to take one sample more changes.
    assert!(fleet.shares_after(PolicyName::Enhanced, EPOCHS).iter().all(|samples| (42..=43).contains(samples)));
    assert_eq!(fleet.shares_after(PolicyName::Dynamic, EPOCHS), [42; 6]);
}

#[test]
fn no_share_reaches_zero_however_slow_the_worker() {
    let fleet = Fleet { fixed_s: vec![0.0, 60.0, 0.0], per_sample_s: vec![0.001; 3], batch: 64 };
    assert_eq!(fleet.shares_after(PolicyName::Dynamic, 40)[1], 1);
    assert_eq!(fleet.shares_after(PolicyName::Enhanced, 40)[1], 1);
}

#[test]
fn dp_averages_the_workers_means_and_edp_the_samples() {
    assert_eq!(policy(PolicyName::Dynamic, RoundEnd::Exact).weighting(), Weighting::PerAgent);
    assert_eq!(policy(PolicyName::Enhanced, RoundEnd::Exact).weighting(), Weighting::PerSample);
    assert_eq!(policy(PolicyName::Equal, RoundEnd::Exact).weighting(), Weighting::PerSample);
}
