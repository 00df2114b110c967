//! Ranges of agents that were lost, computed in their place.

use super::bench::{Bench, PARAMETERS, SESSION, Said, assign, computes, notes, whole};
use crate::Note;
use heijunka_units::RoundId;
use heijunka_wire::{Body, Channel, Extra, Payload, Share};

const MODEL: [f32; PARAMETERS] = [1.0; PARAMETERS];
const GRADIENT: [f32; PARAMETERS] = [0.5; PARAMETERS];

fn extra(number: u32, offset: u32) -> Extra {
    Extra { session: SESSION, round: RoundId(1), digest: whole(1, 1, &MODEL).digest, number, offset, samples: 8 }
}

fn on_extra(bench: &mut Bench, extra: Extra) -> Vec<Said> {
    bench.frame(Channel::Extra, &Body::Extra(extra), Payload::None)
}

/// Has answered round 1.
fn answered() -> Bench {
    let mut bench = Bench::joined();
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    assert_eq!(offsets(&bench.computed(1, &GRADIENT)), [4]);
    bench
}

fn positions(said: &[Said]) -> Vec<u64> {
    let position = |said: &Said| if let Said::Compute { position, .. } = said { Some(*position) } else { None };
    said.iter().filter_map(position).collect()
}

/// Offsets of the gradients published.
fn offsets(said: &[Said]) -> Vec<u32> {
    let offset = |said: &Said| match said {
        Said::Published(Channel::Gradient, Body::Gradient(g), _) => Some(g.offset),
        _ => None,
    };
    said.iter().filter_map(offset).collect()
}

#[test]
fn whoever_has_answered_computes_what_another_one_left() {
    let mut bench = answered();
    assert_eq!(positions(&on_extra(&mut bench, extra(1, 40))), [140]);
    assert_eq!(on_extra(&mut bench, extra(1, 40)), [], "a computation is not begun twice");
    assert_eq!(offsets(&bench.computed(1, &GRADIENT)), [40]);
    assert_eq!(offsets(&on_extra(&mut bench, extra(1, 40))), [40], "it is lacking still");
    assert_eq!(positions(&on_extra(&mut bench, extra(2, 60))), [160]);
    assert_eq!(on_extra(&mut bench, extra(1, 40)), [], "an older one that was on its way");
    assert_eq!(offsets(&bench.computed(1, &GRADIENT)), [60]);
}

#[test]
fn its_own_range_comes_first() {
    let mut bench = Bench::joined();
    assert_eq!(on_extra(&mut bench, extra(1, 40)), []);
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    assert_eq!(on_extra(&mut bench, extra(1, 40)), []);
    assert_eq!(offsets(&bench.computed(1, &GRADIENT)), [4]);
}

#[test]
fn whoever_sits_out_may_be_asked_for_nothing_else() {
    let mut bench = Bench::joined();
    bench.on_assign(Share { samples: 0, ..assign(1) });
    assert_eq!(bench.on_round(whole(1, 1, &MODEL), &MODEL), []);
    assert_eq!(positions(&on_extra(&mut bench, extra(1, 40))), [140]);
    assert_eq!(offsets(&bench.computed(1, &GRADIENT)), [40]);
}

#[test]
fn a_range_that_is_no_longer_wanted_is_not_answered() {
    let mut bench = answered();
    on_extra(&mut bench, extra(1, 40));
    assert_eq!(on_extra(&mut bench, extra(2, 60)), [], "one at a time");
    assert_eq!(positions(&bench.computed(1, &GRADIENT)), [160]);
    assert_eq!(offsets(&bench.computed(1, &GRADIENT)), [60]);
    on_extra(&mut bench, extra(3, 80));
    let said = bench.on_round(whole(2, 1, &MODEL), &MODEL);
    assert_eq!((computes(&said), notes(&said)), (vec![RoundId(2)], vec![]));
    assert!(said.contains(&Said::Abandon), "{said:?}");
}

#[test]
fn extras_for_another_session_round_or_model_mean_nothing() {
    let mut bench = answered();
    for wrong in [
        Extra { session: 1, ..extra(1, 40) },
        Extra { round: RoundId(2), ..extra(1, 40) },
        Extra { digest: 1, ..extra(1, 40) },
        Extra { samples: 1001, ..extra(1, 40) },
    ] {
        assert_eq!(on_extra(&mut bench, wrong), []);
    }
}

#[test]
fn a_forged_number_does_not_block_the_true_ones_for_ever() {
    let mut bench = answered();
    on_extra(&mut bench, extra(u32::MAX, 40));
    bench.computed(1, &GRADIENT);
    assert_eq!(on_extra(&mut bench, extra(1, 60)), []);
    bench.tick();
    assert_eq!(positions(&on_extra(&mut bench, extra(1, 60))), [160]);
    assert!(!notes(&bench.computed(1, &GRADIENT)).contains(&Note::Overtaken(1)));
}
