//! Agents that are lost cost time, but no sample: others compute what they left.

use crate::trajectory::{distance, trained};
use crate::watch::Watch;
use heijunka_tests::{Plant, Program, steel_plates};

const ROUNDS: u64 = 120;
pub(crate) const BATCH: u64 = 64;

/// Runs the job on four agents; `disturb` has its way meanwhile. Returns the plant and the aggregator's log.
fn train(disturb: impl FnOnce(&mut Watch, &mut Vec<Program>)) -> (Plant, String) {
    let plant = Plant::new().unwrap();
    let slow = "[emulate]\nper_sample_us = 2000";
    let mut agents: Vec<Program> =
        (0..4).map(|i| plant.agent(&format!("machine-{i}"), &steel_plates(), slow).unwrap()).collect();
    let task = "kind = \"classification\"\ntarget = \"fault\"\nignore = [\"split\"]\ndata = \"shared\"";
    let training = format!(
        "max_rounds = {ROUNDS}\nseed = 5\nglobal_batch_samples = {BATCH}\noptimizer = \"sgd\"\nmomentum = 0.9\n\
         learning_rate = 0.05"
    );
    let more = "[model]\nactivation = \"tanh\"\n[allocation]\npolicy = \"equal\"\nmin_agents = 2\n\
                deadline_floor = \"1s\"\n";
    let aggregator = plant.aggregator(task, &training, more).unwrap();
    let mut watch = Watch::new(&plant, "heijunka/test/job/aggregator/status");
    disturb(&mut watch, &mut agents);
    let ended = aggregator.wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    drop(agents);
    (plant, ended.log)
}

/// Samples of every training round, and how many agents were asked.
pub(crate) fn history(plant: &Plant) -> Vec<(u64, u64)> {
    let text = std::fs::read_to_string(plant.folder().join("heijunka-output/history.csv")).unwrap();
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let place = |name: &str| names.iter().position(|column| *column == name).unwrap();
    let (purpose, samples, agents) = (place("purpose"), place("samples"), place("agents"));
    let cells = lines.map(|line| line.split(',').collect::<Vec<_>>());
    let number = |cell: &str| cell.parse().unwrap();
    cells
        .filter(|cells| cells[purpose] == "train")
        .map(|cells| (number(cells[samples]), number(cells[agents])))
        .collect()
}

#[test]
fn a_killed_and_a_frozen_agent_do_not_change_the_model() {
    let (undisturbed, _) = train(|_, _| {});
    let (disturbed, log) = train(|watch, agents| {
        watch.next(|_, status| status["round"].as_u64() >= Some(20) && status["agents_online"] == 4);
        agents.remove(1).kill().unwrap();
        watch.next(|_, status| status["round"].as_u64() >= Some(50));
        agents[1].freeze().unwrap();
    });
    for plant in [&undisturbed, &disturbed] {
        let rounds = history(plant);
        assert!(rounds.len() as u64 >= ROUNDS, "{rounds:?}");
        assert!(rounds.iter().all(|(samples, _)| *samples == BATCH), "{rounds:?}\n{log}");
    }
    let asked: Vec<u64> = history(&disturbed).iter().map(|(_, agents)| *agents).collect();
    assert_eq!((asked.iter().max(), asked.last()), (Some(&4), Some(&2)), "{asked:?}");
    let late = log.lines().find(|line| line.contains("machine-2 is late in round"));
    assert!(late.is_some_and(|line| line.contains("samples go to machine-")), "{log}");
    assert!(log.contains("code=HJ-102 agent=machine-1"), "{log}");
    // Unless the kill fell between an answer and the next share, there was one to hand on.
    let left = log.lines().find(|line| line.contains("machine-1 left in round"));
    assert!(left.is_none_or(|line| line.contains("its 16 samples go to machine-")), "{log}");
    let relative = distance(&trained(&disturbed), &trained(&undisturbed));
    println!("relative distance {relative:.1e} after {ROUNDS} rounds");
    assert!(relative <= 1e-4, "{relative:.1e}");
}
