//! Taking leave when the hours are over.

use super::bench::{Bench, PARAMETERS, answers, assign, computes, joins, whole};
use crate::Input;
use heijunka_units::RoundId;
use heijunka_wire::Share;

const MODEL: [f32; PARAMETERS] = [1.0; PARAMETERS];

fn leave(bench: &mut Bench) {
    let said = bench.handle(Input::Leave { away_s: 3600 });
    assert_eq!(joins(&said).iter().map(|join| join.away_s).collect::<Vec<_>>(), [3600]);
}

#[test]
fn the_share_under_way_is_answered_before_the_agent_goes() {
    let mut bench = Bench::joined();
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    leave(&mut bench);
    bench.on_assign(assign(1));
    assert!(!bench.worker.may_leave(), "its share is awaited");
    let said = bench.computed(1, &MODEL);
    assert_eq!(answers(&said), [(RoundId(1), 0)]);
    assert!(bench.worker.may_leave());
}

#[test]
fn a_round_that_began_before_the_aggregator_heard_of_it_is_answered_too() {
    let mut bench = Bench::joined();
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    bench.computed(1, &MODEL);
    leave(&mut bench);
    assert!(!bench.worker.may_leave(), "the aggregator does not know");
    assert_eq!(computes(&bench.on_round(whole(2, 1, &MODEL), &MODEL)), [RoundId(2)]);
    bench.on_assign(assign(1));
    assert!(!bench.worker.may_leave());
    bench.computed(2, &MODEL);
    assert!(bench.worker.may_leave());
    // A division without it is none of its business.
    bench.on_round(whole(3, 2, &MODEL), &MODEL);
    assert!(bench.worker.may_leave());
}

#[test]
fn a_share_that_was_told_just_before_is_no_receipt_to_go_upon() {
    let mut bench = Bench::joined();
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    bench.computed(1, &MODEL);
    leave(&mut bench);
    bench.on_assign(Share { samples: 9, ..assign(2) });
    assert!(!bench.worker.may_leave(), "round 2 is on its way");
    bench.on_round(whole(2, 2, &MODEL), &MODEL);
    bench.computed(2, &MODEL);
    assert!(bench.worker.may_leave());
}

#[test]
fn who_counts_nowhere_goes_at_once() {
    let mut bench = Bench::new();
    bench.connect();
    assert!(!bench.worker.may_leave(), "it stays unless asked");
    bench.handle(Input::Leave { away_s: 1 });
    assert!(bench.worker.may_leave());
    let mut idle = Bench::joined();
    idle.on_assign(Share { samples: 0, ..assign(2) });
    leave(&mut idle);
    assert!(!idle.worker.may_leave());
    idle.on_assign(Share { samples: 0, ..assign(2) });
    assert!(idle.worker.may_leave());
    let mut lost = Bench::joined();
    leave(&mut lost);
    lost.handle(Input::Disconnected);
    assert!(lost.worker.may_leave(), "there is no connection for a message");
}
