//! What must not change the model's bits or the trace, and what must.

use crate::helpers::{seeds, small, sound, troubled, unruly};
use heijunka_sim::{Scenario, run};
use std::time::Duration;

fn bits(world: &Scenario, seed: u64) -> Vec<u32> {
    let record = run(world, seed);
    sound(&record, seed);
    record.last().unwrap().bits()
}

#[test]
fn the_order_of_arrival_never_changes_the_models_bits() {
    let quiet = bits(&small(60), 0);
    assert_eq!(quiet.len(), 5);
    let mut world = small(60);
    world.bus.delay = (Duration::from_millis(1), Duration::from_millis(400));
    world.bus.duplicate = 0.3;
    for machine in &mut world.machines {
        machine.jitter = 0.5;
    }
    for seed in seeds(30) {
        assert_eq!(bits(&world, seed), quiet, "seed {seed}");
    }
}

#[test]
fn another_division_of_the_batch_changes_bits_which_shows_that_they_are_compared() {
    let mut world = small(60);
    world.machines.pop();
    assert_ne!(bits(&world, 0), bits(&small(60), 0));
}

#[test]
fn garbage_never_changes_the_model() {
    let quiet = bits(&small(60), 0);
    let mut world = small(60);
    (world.bus.noise, world.bus.damage) = (0.5, 0.7);
    let mut rejected = 0;
    for seed in seeds(40) {
        let record = run(&world, seed);
        sound(&record, seed);
        assert_eq!(record.last().unwrap().bits(), quiet, "seed {seed}");
        rejected += record.last().unwrap().counters.rejected.total();
    }
    assert!(rejected > 1000, "only {rejected} messages were garbage");
}

#[test]
fn lies_never_change_the_model() {
    let quiet = bits(&small(60), 0);
    let mut world = small(60);
    world.machines[0].lies = true;
    world.machines[2].lies = true;
    for seed in seeds(20) {
        assert_eq!(bits(&world, seed), quiet, "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_trace_and_another_seed_another() {
    let world = |seed| troubled(unruly(small(20)), seed);
    for seed in seeds(20) {
        let (first, again) = (run(&world(seed), seed), run(&world(seed), seed));
        assert_eq!((first.trace, first.messages), (again.trace, again.messages), "seed {seed}");
        assert_ne!(first.trace, run(&world(seed), seed + 1).trace, "seed {seed}");
    }
}

#[test]
fn clocks_that_are_years_apart_give_the_identical_trace() {
    for seed in seeds(20) {
        let mut world = troubled(unruly(small(20)), seed);
        let together = run(&world, seed);
        world.clock_offset = Duration::from_secs(10 * 365 * 86_400);
        let apart = run(&world, seed);
        assert_eq!((together.trace, together.seconds), (apart.trace, apart.seconds), "seed {seed}");
    }
}
