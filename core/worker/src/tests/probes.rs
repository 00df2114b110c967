//! Probes: samples that are computed for their timing alone.

use super::bench::{Bench, PARAMETERS, Said, answers, assign, computes, spec, whole};
use crate::Input;
use core::time::Duration;
use heijunka_units::{RoundId, Timestamp};
use heijunka_wire::{Body, Channel, DataMode, Payload, Share, Spec};

const MODEL: [f32; PARAMETERS] = [1.0; PARAMETERS];
const GRADIENT: [f32; PARAMETERS] = [0.5; PARAMETERS];

fn probe() -> Share {
    Share { samples: 2, offset: 0, probe: true, ..assign(1) }
}

#[test]
fn a_probe_is_finished_and_answered_before_the_newest_round() {
    let mut bench = Bench::joined();
    bench.on_assign(probe());
    assert_eq!(computes(&bench.on_round(whole(1, 1, &MODEL), &MODEL)), [RoundId(1)]);
    for number in 2..5 {
        assert_eq!(bench.on_round(whole(number, 1, &MODEL), &MODEL), [], "it is not abandoned");
        assert_eq!(bench.wait, Timestamp::NEVER);
    }
    let said = bench.computed(1, &GRADIENT);
    assert!(matches!(said[..], [Said::Published(..), Said::Compute { .. }]), "{said:?}");
    assert_eq!((answers(&said), computes(&said)), (vec![(RoundId(1), 0)], vec![RoundId(4)]));
    assert_eq!(answers(&bench.computed(4, &GRADIENT)), [(RoundId(4), 0)]);
}

#[test]
fn a_probe_that_could_not_be_computed_does_not_keep_the_next_round_waiting() {
    let mut bench = Bench::joined();
    bench.on_assign(probe());
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    bench.on_assign(assign(1));
    bench.on_round(whole(2, 1, &MODEL), &MODEL);
    let (took, gradient) = (Duration::ZERO, &[][..]);
    let said = bench.handle(Input::Computed { round: RoundId(1), samples: 0, loss_sum: 0.0, gradient, took });
    assert_eq!(computes(&said), [RoundId(2)]);
}

#[test]
fn whoever_sits_out_again_takes_no_round_after_the_probe() {
    let mut bench = Bench::joined();
    bench.on_assign(probe());
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    bench.on_assign(Share { samples: 0, ..assign(1) });
    bench.on_round(whole(2, 1, &MODEL), &MODEL);
    let said = bench.computed(1, &GRADIENT);
    assert_eq!((answers(&said), computes(&said)), (vec![(RoundId(1), 0)], vec![]));
}

#[test]
fn a_probe_does_not_move_on_in_the_agents_own_rows() {
    let mut bench = Bench::new();
    bench.connect();
    let private = Spec { data_mode: DataMode::Private, ..spec(true) };
    bench.frame(Channel::Spec, &Body::Spec(private), Payload::Bytes(super::bench::DOCUMENT));
    bench.prepared(true);
    let mut positions = Vec::new();
    for (number, share) in [(1, assign(1)), (2, probe()), (3, assign(1))] {
        bench.on_assign(share);
        let said = bench.on_round(whole(number, 1, &MODEL), &MODEL);
        positions.extend(said.iter().filter_map(|said| match said {
            Said::Compute { position, .. } => Some(*position),
            _ => None,
        }));
        bench.computed(number, &GRADIENT);
    }
    assert_eq!(positions, [0, 8, 8]);
}
