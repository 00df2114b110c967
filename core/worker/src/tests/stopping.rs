//! When a computation stops before its end.

use super::bench::{Bench, PARAMETERS, Said, assign, round, whole, with};
use core::time::Duration;
use heijunka_wire::{Share, Train};

const MODEL: [f32; PARAMETERS] = [1.0; PARAMETERS];

fn stops(said: &[Said]) -> Vec<Option<Duration>> {
    let stop = |said: &Said| if let Said::Compute { stop_after, .. } = said { Some(*stop_after) } else { None };
    said.iter().filter_map(stop).collect()
}

#[test]
fn what_the_network_and_the_wait_for_the_model_take_is_left_out() {
    let mut bench = Bench::joined();
    bench.on_assign(Share { network_us: 30_000, ..assign(1) });
    let chunks = round(1, 1, &MODEL, 8);
    for chunk in &chunks[..2] {
        bench.on_round(with(*chunk, |train| Train { stop_us: 200_000, ..train }), &MODEL);
        bench.pass(20);
    }
    let said = bench.on_round(with(chunks[2], |train| Train { stop_us: 200_000, ..train }), &MODEL);
    assert_eq!(stops(&said), [Some(Duration::from_millis(200 - 30 - 40))]);
    bench.on_assign(Share { network_us: 300_000, ..assign(1) });
    let said = bench.on_round(with(whole(2, 1, &MODEL), |train| Train { stop_us: 200_000, ..train }), &MODEL);
    assert_eq!(stops(&said), [Some(Duration::ZERO)], "it computes the least that it can");
}

#[test]
fn without_a_stop_and_as_a_probe_everything_is_computed() {
    let mut bench = Bench::joined();
    assert_eq!(stops(&bench.on_round(whole(1, 1, &MODEL), &MODEL)), [None]);
    bench.on_assign(Share { probe: true, ..assign(1) });
    let said = bench.on_round(with(whole(2, 1, &MODEL), |train| Train { stop_us: 200_000, ..train }), &MODEL);
    assert_eq!(stops(&said), [None]);
}
