//! Under a cap on the uplink messages leave no faster than it allows, and what is out of date is not sent.

use super::bench::{Bench, DOCUMENT, Said, assign, computes, dense, joins, round, spec};
use crate::Input;
use crate::uplink::Uplink;
use core::time::Duration;
use heijunka_units::{ByteRate, Cap, RoundId, Timestamp};
use heijunka_wire::{Ask, Body, Channel, Payload, Spec, limits};

const RATE: u64 = 1000;
const EXTRA: usize = 40;
/// 30 inputs and 16 outputs: a gradient of 1,984 bytes.
const WIDTHS: [u32; 2] = [30, 16];
const PARAMETERS: usize = 31 * 16;

fn cap(bytes_per_s: u64) -> Option<Cap> {
    ByteRate::from_bytes_per_s(bytes_per_s).map(|rate| Cap { rate, packet_extra_bytes: EXTRA })
}

/// A worker with a cap and a share in division 1.
fn joined(cap: Option<Cap>) -> Bench {
    let mut bench = Bench::with(PARAMETERS, 64, |settings, _| settings.uplink = cap);
    bench.connect();
    let spec = Spec { model: dense(&WIDTHS), ..spec(true) };
    bench.frame(Channel::Spec, &Body::Spec(spec), Payload::Bytes(DOCUMENT));
    bench.prepared(true);
    bench.on_assign(assign(1));
    bench
}

/// Lets the worker receive all of a round, and compute for it for 20 ms.
fn serve(bench: &mut Bench, number: u64) -> Vec<Said> {
    let model = [number as f32; PARAMETERS];
    let said: Vec<Said> =
        round(number, 1, &model, 480).into_iter().flat_map(|chunk: Ask| bench.on_round(chunk, &model)).collect();
    assert_eq!(computes(&said), [RoundId(number)]);
    bench.pass(20);
    bench.computed(number, &[0.5; PARAMETERS])
}

/// Round and chunk of each gradient, and microseconds of encoding that it names.
fn gradients(said: &[Said]) -> Vec<(u64, u16, u32)> {
    let gradient = |said: &Said| match said {
        Said::Published(Channel::Gradient, Body::Gradient(g), _) => {
            Some((g.round.0, g.part.index, g.durations.encode_us))
        }
        _ => None,
    };
    said.iter().filter_map(gradient).collect()
}

#[test]
fn without_a_cap_all_chunks_leave_at_once() {
    let mut bench = joined(None);
    let said = serve(&mut bench, 1);
    assert_eq!(gradients(&said), [(1, 0, 0), (1, 1, 0), (1, 2, 0)]);
    assert_eq!(bench.worker.held(bench.now), Duration::ZERO);
}

#[test]
fn in_any_time_no_more_leaves_than_the_cap_and_one_message() {
    let mut bench = joined(cap(RATE));
    let mut sent: Vec<(Timestamp, usize)> = Vec::new();
    let mut asked = bench.now;
    for number in 1..=4 {
        bench.now = bench.now.max(asked);
        let mut said = serve(&mut bench, number);
        for tick in 0.. {
            let bytes = |said: &Said| match said {
                Said::Published(.., payload) => Some(payload.len() + EXTRA),
                _ => None,
            };
            sent.extend(said.iter().filter_map(bytes).map(|bytes| (bench.now, bytes)));
            if tick % 3 == 1 {
                bench.handle(Input::Sent { packet_bytes: 100 });
            }
            if gradients(&said).iter().any(|(_, chunk, _)| *chunk == 4) {
                break;
            }
            said = bench.tick();
        }
        asked = bench.now + Duration::from_millis(300 * number);
    }
    assert!(sent.len() >= 4 * 5, "{sent:?}");
    for (from, (begin, _)) in sent.iter().enumerate() {
        let mut bytes = 0;
        for (at, more) in &sent[from..] {
            bytes += more;
            let most = RATE as f64 * at.since(*begin).as_secs_f64() + (480 + EXTRA) as f64;
            assert!(bytes as f64 <= most, "{bytes} bytes in {:?}", at.since(*begin));
        }
    }
    assert!(bench.worker.held(bench.now) > Duration::from_secs(4));
}

#[test]
fn time_that_the_cap_takes_is_not_named_as_the_agents_own() {
    let mut bench = joined(cap(RATE));
    let mut said = serve(&mut bench, 1);
    while gradients(&said).len() < 5 {
        said.extend(bench.tick());
    }
    assert_eq!(gradients(&said), [(1, 0, 0), (1, 1, 0), (1, 2, 0), (1, 3, 0), (1, 4, 0)]);
    assert_eq!(joins(&said), [], "it announces itself while it sends");
}

#[test]
fn what_is_left_of_an_answer_when_the_next_round_comes_is_not_sent() {
    let mut bench = joined(cap(RATE));
    let mut said = serve(&mut bench, 1);
    while gradients(&said).is_empty() {
        said = bench.tick();
    }
    let mut later = serve(&mut bench, 2);
    while gradients(&later).last().is_none_or(|(_, chunk, _)| *chunk < 4) {
        later.extend(bench.tick());
    }
    assert!(gradients(&later).iter().all(|(round, ..)| *round == 2), "{:?}", gradients(&later));
}

#[test]
fn a_driver_that_is_late_for_long_does_not_make_up_for_it_at_once() {
    let mut bench = joined(cap(RATE));
    let mut said = serve(&mut bench, 1);
    while gradients(&said).is_empty() {
        said = bench.tick();
    }
    bench.pass(60_000);
    assert_eq!(gradients(&bench.handle(Input::Tick)).len(), 1);
    bench.handle(Input::Disconnected);
    bench.pass(60_000);
    bench.connect();
    assert!(gradients(&bench.handle(Input::Tick)).is_empty(), "the announcement has just left");
}

#[test]
fn a_cap_of_any_size_is_announced_as_a_cap() {
    for (bytes_per_s, announced) in [(250_000, 250_000), (u64::MAX, u32::MAX), (0, 0)] {
        let mut bench = Bench::with(6, 64, |settings, _| settings.uplink = cap(bytes_per_s));
        bench.connect();
        bench.on_spec(true);
        assert_eq!(joins(&bench.prepared(true))[0].uplink_bytes_per_s, announced);
    }
}

#[test]
fn a_chunk_fills_the_link_for_a_moment() {
    let uplink = Uplink::new(cap(20_000));
    assert_eq!(uplink.chunk_bytes(100_000, 200_000), 1000);
    assert_eq!(uplink.chunk_bytes(100_000, 800), 800);
    assert_eq!(Uplink::new(None).chunk_bytes(100_000, 200_000), 200_000);
    assert_eq!(uplink.chunk_bytes(10, 200_000), 1000);
    assert!(Uplink::new(cap(1)).chunk_bytes(10, 200_000) >= limits::chunk_bytes(limits::PACKET_BYTES_MIN));
}
