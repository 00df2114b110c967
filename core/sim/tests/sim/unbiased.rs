//! Private data: a fast agent does not bend the objective towards its own rows.

use crate::helpers::{engine, seeds, sound};
use heijunka_allocate::PolicyName;
use heijunka_sim::{LocalSteps, Scenario, Truth, machines, plan, run, scenario};
use heijunka_wire::DataMode;

/// Two fast machines hold class 0, a slow one holds class 1; all hold as many rows.
fn world(seed: u64) -> Scenario {
    let truth = Truth::Clouds(2);
    let mut plan = plan(truth, DataMode::Private, PolicyName::Equal, 1, 34);
    plan.seed = seed;
    let mut world = scenario(plan, truth, machines([(0.0, 0.001), (0.0, 0.001), (0.0, 0.1)]));
    world.data.rows = 120;
    world.data.held_out_rows = 0;
    for (machine, (class, samples_max)) in world.machines.iter_mut().zip([(0, 100), (0, 100), (1, 2)]) {
        machine.class = Some(class);
        machine.samples_max = samples_max;
    }
    world.keep_models = true;
    world
}

/// Largest mean difference in units of its standard error.
fn worst_z(differences: &[Vec<f64>]) -> f64 {
    let n = differences.len() as f64;
    (0..differences[0].len())
        .map(|place| {
            let mean = differences.iter().map(|d| d[place]).sum::<f64>() / n;
            let square: f64 = differences.iter().map(|d| (d[place] - mean).powi(2)).sum();
            mean.abs() / (square / (n - 1.0) / n).sqrt()
        })
        .fold(0.0, f64::max)
}

fn weighted(parts: &[(f64, Vec<f32>)]) -> Vec<f64> {
    let total: f64 = parts.iter().map(|(weight, _)| weight).sum();
    let sum = |place: usize| parts.iter().map(|(weight, part)| weight * f64::from(part[place])).sum::<f64>();
    (0..parts[0].1.len()).map(|place| sum(place) / total).collect()
}

fn minus(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[test]
fn the_mean_update_is_the_full_gradient_however_the_shares_lie() {
    let (mut update, mut by_samples) = (Vec::new(), Vec::new());
    for seed in seeds(300) {
        let world = world(seed);
        let record = run(&world, seed);
        sound(&record, seed);
        let run = record.last().unwrap();
        let round = &run.rounds[0];
        assert_eq!(round.agents.iter().map(|agent| agent.samples).collect::<Vec<_>>(), [16, 16, 2]);
        let [before, after] = [&run.models[0], &run.models[1]];
        let engines: Vec<_> = (0..3).map(|index| engine(&world, run, index)).collect();
        let full = engines.iter().map(|engine| (engine.rows() as f64, engine.full_gradient(before).0));
        let full = weighted(&full.collect::<Vec<_>>());
        let step = |(before, after): (&f32, &f32)| (f64::from(*before) - f64::from(*after)) / round.learning_rate;
        update.push(minus(&before.iter().zip(after).map(step).collect::<Vec<_>>(), &full));
        let shares = engines.iter().zip(&round.agents).map(|(engine, agent)| {
            let (gradient, _) = engine.compute(0, agent.samples, before, LocalSteps::ONE);
            (f64::from(agent.samples), gradient)
        });
        by_samples.push(minus(&weighted(&shares.collect::<Vec<_>>()), &full));
    }
    // Ten places, two-sided: beyond 4.5 standard errors by chance once in 14,000 times.
    assert!(worst_z(&update) < 4.5, "biased by {} standard errors", worst_z(&update));
    assert!(worst_z(&by_samples) > 20.0, "weighting by samples is biased by {}", worst_z(&by_samples));
}
