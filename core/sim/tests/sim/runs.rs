//! One aggregator at a time: the newer run wins, the older one leaves.

use crate::helpers::{seeds, small, sound, troubled, unruly};
use heijunka_round::Outcome;
use heijunka_sim::{Step, Trouble, run};
use heijunka_units::RunId;
use std::time::Duration;

#[test]
fn a_second_aggregator_takes_over_and_the_first_one_leaves() {
    for seed in seeds(40) {
        let mut world = small(200);
        let when = Duration::from_millis(200 * (seed % 40));
        world.steps.push(Step { at: when, trouble: Trouble::AggregatorStarts { old_dies: false } });
        let record = run(&world, seed);
        sound(&record, seed);
        assert_eq!(record.runs[0].superseded_by, Some(RunId(2)), "seed {seed}");
        assert_eq!(record.runs[1].superseded_by, None, "seed {seed}");
        assert_eq!(record.runs[1].bits(), run(&small(200), seed).last().unwrap().bits(), "seed {seed}: mixed updates");
    }
}

#[test]
fn the_first_one_leaves_also_when_words_are_lost() {
    for seed in seeds(15) {
        // The second one outlasts all troubles: no other contradicts a first one that returns when all is over.
        let mut world = troubled(unruly(small(700)), seed);
        let when = Duration::from_secs(4);
        world.steps.push(Step { at: when, trouble: Trouble::AggregatorStarts { old_dies: false } });
        let record = run(&world, seed);
        sound(&record, seed);
        let first = &record.runs[0];
        let ended = first.superseded_by == Some(RunId(2)) || first.outcome == Some(Outcome::Rounds);
        assert!(ended, "seed {seed}");
    }
}

#[test]
fn an_aggregator_that_starts_again_begins_a_new_run() {
    for seed in seeds(40) {
        let mut world = troubled(unruly(small(40)), seed);
        for seconds in [3, 6, 9] {
            let at = Duration::from_secs(seconds);
            world.steps.push(Step { at, trouble: Trouble::AggregatorStarts { old_dies: true } });
        }
        sound(&run(&world, seed), seed);
    }
}
