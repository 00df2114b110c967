//! A cap on what the aggregator sends makes rounds longer, and nothing else: no agent is late, and jobs reach their end.

use crate::helpers::{chunked, seeds, sound, troubled, unruly};
use heijunka_allocate::PolicyName;
use heijunka_round::{Code, Ending};
use heijunka_sim::{Scenario, run};
use heijunka_units::{ByteRate, Cap};
use heijunka_wire::DataMode;
use std::time::Duration;

/// A kilobyte a second: a model takes longer than a round may last.
fn capped(mut world: Scenario) -> Scenario {
    world.plan.downlink = Some(Cap { rate: ByteRate::from_bytes_per_s(1000).unwrap(), packet_extra_bytes: 40 });
    world.plan.patience.deadline_floor = Duration::from_millis(500);
    world.plan.patience.deadline_max = Duration::from_secs(1);
    world
}

#[test]
fn being_sent_slowly_is_nobodys_fault() {
    for seed in seeds(5) {
        // Equal shares do not depend on times, and so the models do not.
        let mut world = chunked(20, DataMode::Shared);
        world.plan.policy = PolicyName::Equal;
        let free = run(&world, seed);
        let record = run(&capped(world), seed);
        sound(&record, seed);
        let last = record.last().unwrap();
        for code in [Code::Left, Code::Unanswered, Code::GivenUp, Code::Reissued] {
            assert_eq!(last.count(code), 0, "seed {seed}: {code}");
        }
        assert_eq!((last.counters.repeated, last.counters.late), (0, 0), "seed {seed}: {:?}", last.counters);
        assert!(last.rounds.iter().all(|round| round.ending == Ending::Full && round.seconds < 0.5), "seed {seed}");
        let shortest = last.rounds.iter().map(|round| round.between_s).fold(f64::MAX, f64::min);
        assert!((1.2..3.0).contains(&shortest), "seed {seed}: a model in {shortest} s");
        assert_eq!(last.model, free.last().unwrap().model, "seed {seed}");
    }
}

#[test]
fn jobs_end_under_losses_and_troubles_through_a_narrow_line() {
    for seed in seeds(60) {
        let mode = if seed % 2 == 0 { DataMode::Shared } else { DataMode::Private };
        sound(&run(&troubled(unruly(capped(chunked(10, mode))), seed), seed), seed);
    }
}
