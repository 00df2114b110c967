//! Leveled shares are worth their while over the whole protocol, in virtual time.

use crate::helpers::sound;
use heijunka_allocate::PolicyName;
use heijunka_sim::{Truth, machines, plan, run, scenario};
use heijunka_wire::DataMode;

const WARM_UP_ROUNDS: usize = 20;

/// Seconds a round of the paper's fleet: both machines take 1 ms a sample, one of them `late_s` more.
fn seconds_a_round(policy: PolicyName, late_s: f64) -> f64 {
    let truth = Truth::Clouds(4);
    let plan = plan(truth, DataMode::Shared, policy, 120, 256);
    let mut world = scenario(plan, truth, machines([(0.0, 0.001), (late_s, 0.001)]));
    world.data.rows = 1437;
    let record = run(&world, 1);
    sound(&record, 1);
    let rounds = &record.last().unwrap().rounds[WARM_UP_ROUNDS..120];
    rounds.iter().map(|round| round.between_s + round.seconds).sum::<f64>() / rounds.len() as f64
}

#[test]
fn enhanced_shares_save_at_least_what_the_paper_saved() {
    for (late_s, factor) in [(0.1, 1.26), (0.2, 1.26)] {
        let equal = seconds_a_round(PolicyName::Equal, late_s);
        let enhanced = seconds_a_round(PolicyName::Enhanced, late_s);
        let saved = equal / enhanced;
        assert!(saved >= factor, "{late_s} s late: {equal:.4} s against {enhanced:.4} s, {saved:.3} times");
    }
}
