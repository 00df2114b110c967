//! An agent counts at most once in a round, by the samples that it processed: every step is recomputed in `f64`.

use crate::helpers::{alone, engine, seeds, small, sound, troubled, unruly};
use heijunka_allocate::PolicyName;
use heijunka_learn::OptimizerKind;
use heijunka_round::RoundRecord;
use heijunka_sim::{Engine, LocalSteps, RunRecord, Scenario, Truth, machines, plan, run, scenario};
use heijunka_wire::DataMode;

/// The model after a round, from the model before it and the slices that the round's record names.
fn stepped(round: &RoundRecord, batch: u32, engine: &Engine, before: &[f32]) -> Vec<f64> {
    let mut position = (round.model.0 - 1) * u64::from(batch);
    let mut sum = vec![0.0; before.len()];
    for agent in &round.agents {
        let samples = agent.samples + agent.reissued;
        if samples > 0 {
            let (gradient, _) = engine.compute(position, samples, before, LocalSteps::ONE);
            sum.iter_mut().zip(gradient).for_each(|(sum, g)| *sum += f64::from(samples) * f64::from(g));
        }
        position += u64::from(agent.assigned);
    }
    let mean = sum.iter().map(|sum| sum / f64::from(round.samples));
    before.iter().zip(mean).map(|(w, g)| f64::from(*w) - round.learning_rate * g).collect()
}

fn distance(expected: &[f64], found: &[f32]) -> f64 {
    expected.iter().zip(found).map(|(e, f)| (e - f64::from(*f)).abs() / (1.0 + e.abs())).fold(0.0, f64::max)
}

/// Largest relative distance of a step from the oracle's.
fn worst_step(world: &Scenario, run: &RunRecord, change: impl Fn(&RoundRecord) -> RoundRecord) -> f64 {
    let engine = engine(world, run, 0);
    let batch = world.plan.batch_samples;
    let mut worst: f64 = 0.0;
    for (round, models) in run.rounds.iter().zip(run.models.windows(2)) {
        if run.steps().any(|step| step.round == round.round) {
            worst = worst.max(distance(&stepped(&change(round), batch, &engine, &models[0]), &models[1]));
        } else {
            assert_eq!(models[0], models[1], "a round without a step moved the model");
        }
    }
    worst
}

/// A liar, duplicates, losses, reordering and troubles.
fn wicked(seed: u64) -> Scenario {
    let mut world = troubled(unruly(small(40)), seed);
    world.keep_models = true;
    world.machines[1].lies = true;
    world.bus.duplicate = 0.3;
    world.plan.patience.quorum = 0.3;
    world
}

#[test]
fn an_agent_counts_at_most_once_and_by_the_samples_it_processed() {
    let (mut reissued, mut duplicate, mut late, mut rejected, mut stale) = (0, 0, 0, 0, 0);
    for seed in seeds(60) {
        let world = wicked(seed);
        let record = run(&world, seed);
        sound(&record, seed);
        let last = record.last().unwrap();
        let worst = worst_step(&world, last, RoundRecord::clone);
        assert!(worst < 1e-6, "seed {seed}: a step is {worst:e} from the oracle's");
        reissued += last.rounds.iter().filter(|round| round.reissued_samples > 0).count();
        duplicate += last.counters.duplicate;
        late += last.counters.late;
        rejected += last.counters.rejected.total();
        stale += last.counters.stale;
    }
    assert!(reissued > 0 && duplicate > 0 && late > 0 && rejected > 0 && stale > 0, "the world was too tame");
}

#[test]
fn the_oracle_sees_a_double_and_a_lost_contribution() {
    let mut world = small(5);
    world.keep_models = true;
    let record = run(&world, 1);
    let run = record.last().unwrap();
    let change = |double: u32| {
        move |round: &RoundRecord| {
            let mut changed = round.clone();
            changed.agents[1].samples *= double;
            changed.samples = changed.agents.iter().map(|agent| agent.samples).sum();
            changed
        }
    };
    assert!(worst_step(&world, run, RoundRecord::clone) < 1e-6);
    assert!(worst_step(&world, run, change(0)) > 1e-4, "lost");
    assert!(worst_step(&world, run, change(2)) > 1e-4, "twice as many samples as it processed");
}

#[test]
fn leveled_shares_follow_one_machine_that_computes_the_whole_batch() {
    for policy in [PolicyName::Equal, PolicyName::Enhanced] {
        for (truth, hidden) in [(Truth::Linear, vec![]), (Truth::Clouds(3), vec![]), (Truth::Clouds(3), vec![8])] {
            let mut plan = plan(truth, DataMode::Shared, policy, 200, 64);
            plan.hidden.clone_from(&hidden);
            plan.optimizer = OptimizerKind::sgd(0.9);
            plan.schedule.learning_rate = 0.02;
            let world = scenario(plan, truth, machines([(0.0, 0.001), (0.0, 0.003), (0.05, 0.001), (0.0, 0.01)]));
            let record = run(&world, 3);
            sound(&record, 3);
            let found = record.last().unwrap();
            let expected: Vec<f64> = alone(&world, found).iter().map(|w| f64::from(*w)).collect();
            let worst = distance(&expected, &found.model);
            assert!(worst < 1e-4, "{policy} {truth:?} {hidden:?}: {worst:e}");
            let moved = found.rounds.iter().filter(|round| round.moved.is_some()).count();
            assert!(policy == PolicyName::Equal || moved > 3, "the shares moved {moved} times only");
        }
    }
}
