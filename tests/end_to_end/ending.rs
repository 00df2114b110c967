//! Rounds that end before everybody has computed its whole share.

use crate::reissue::{BATCH, history};
use heijunka_tests::{Plant, steel_plates};

/// Mean samples a round once the policy knows the agents.
fn samples_mean(round_end: &str) -> f64 {
    let plant = Plant::new().unwrap();
    let agents: Vec<_> = (0..3)
        .map(|i| {
            let more = format!("[emulate]\nper_sample_us = {}\njitter = 0.5\nseed = {i}", 500 + 500 * i);
            plant.agent(&format!("machine-{i}"), &steel_plates(), &more).unwrap()
        })
        .collect();
    let task = "kind = \"classification\"\ntarget = \"fault\"\nignore = [\"split\"]\ndata = \"shared\"";
    let training = format!("max_rounds = 150\nglobal_batch_samples = {BATCH}");
    let more = format!("[allocation]\npolicy = \"adaptive\"\nround_end = \"{round_end}\"\nmin_agents = 3\n");
    let ended = plant.aggregator(task, &training, &more).unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    drop(agents);
    let rounds: Vec<u64> = history(&plant).iter().map(|(samples, _)| *samples).skip(50).collect();
    assert!(rounds.iter().any(|samples| *samples != BATCH), "{round_end}: no agent was stopped: {rounds:?}");
    rounds.iter().sum::<u64>() as f64 / rounds.len() as f64
}

#[test]
fn agents_stop_in_time_and_the_samples_really_processed_count() {
    for round_end in ["guard", "anytime"] {
        let ratio = samples_mean(round_end) / BATCH as f64;
        println!("{round_end}: {ratio:.3} of the batch");
        assert!((0.6..1.4).contains(&ratio), "{round_end}: {ratio:.3} of the batch");
    }
}
