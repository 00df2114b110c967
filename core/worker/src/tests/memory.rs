//! Bounds: what is larger than the caller's memory is refused, and said.

use super::bench::{Bench, PARAMETERS, ROWS, Said, answers, assign, dense, document, notes, spec, whole};
use crate::{Input, Note, Prepared};
use core::time::Duration;
use heijunka_units::RoundId;
use heijunka_wire::{Ask, Body, Channel, Payload, Spec, Work, digest};

#[test]
fn a_job_that_is_larger_than_its_memory_is_refused() {
    let mut bench = Bench::with_room(PARAMETERS, 10);
    bench.connect();
    assert_eq!(notes(&bench.on_spec(true)).last(), Some(&Note::NoRoom { bytes: 20, bytes_max: 10 }));
}

#[test]
fn a_model_that_is_larger_than_its_memory_is_refused() {
    let mut bench = Bench::with_room(PARAMETERS - 1, 64);
    bench.connect();
    let said = bench.on_spec(true);
    assert_eq!(notes(&said).last(), Some(&Note::NoRoom { bytes: 24, bytes_max: 20 }));
    assert!(!said.contains(&Said::Prepare(digest(document(true)))));
}

#[test]
fn a_model_that_nobody_could_hold_is_refused() {
    let mut bench = Bench::new();
    bench.connect();
    let spec = Spec { model: dense(&[60_000, 1_000]), ..spec(true) };
    let said = bench.frame(Channel::Spec, &Body::Spec(spec), Payload::Bytes(document(true)));
    assert!(matches!(notes(&said).last(), Some(Note::NoRoom { bytes_max: 24, .. })), "{said:?}");
}

#[test]
fn a_survey_or_scores_that_do_not_fit_are_refused() {
    let mut bench = Bench::new();
    bench.connect();
    bench.on_spec(false);
    let prepared = Prepared { spec: digest(document(false)), rows: ROWS, held_out_rows: 0, data_digest: 0 };
    let said = bench.handle(Input::Prepared { prepared, survey: &[0; 65] });
    assert_eq!(said, [Said::Note(Note::NoRoom { bytes: 65, bytes_max: 64 })]);

    let mut bench = Bench::joined();
    let model = [1.0; PARAMETERS];
    bench.on_round(Ask { work: Work::Score, ..whole(1, 1, &model) }, &model);
    let said = bench.handle(Input::Scored { round: RoundId(1), scores: &[0; 65] });
    assert_eq!(said, [Said::Note(Note::NoRoom { bytes: 65, bytes_max: 64 })]);
    let said = bench.handle(Input::Scored { round: RoundId(1), scores: &[1; 64] });
    assert!(matches!(&said[..], [Said::Published(Channel::Scores, _, scores)] if scores.len() == 64), "{said:?}");
}

#[test]
fn a_gradient_that_exceeds_a_packet_travels_in_chunks() {
    let mut bench = Bench::with_room(600, 64);
    bench.connect();
    let spec = Spec { model: dense(&[299, 2]), ..spec(true) };
    bench.frame(Channel::Spec, &Body::Spec(spec), Payload::Bytes(document(true)));
    bench.prepared(true);
    bench.on_assign(assign(1));
    let model = vec![1.0; 600];
    let chunks = super::bench::round(1, 1, &model, 800);
    for chunk in chunks {
        bench.on_round(chunk, &model);
    }
    let gradient: Vec<f32> = (0..600).map(|place| place as f32).collect();
    let took = Duration::from_millis(1);
    let input = Input::Computed { round: RoundId(1), samples: 8, loss_sum: 1.0, gradient: &gradient, took };
    let said = bench.handle(input);
    assert_eq!(answers(&said).len(), 4);
    let sent = said.iter().flat_map(|said| if let Said::Published(_, _, payload) = said { &payload[..] } else { &[] });
    let sent: Vec<u8> = sent.copied().collect();
    assert!(sent.chunks(4).zip(&gradient).all(|(bytes, g)| bytes == g.to_le_bytes()) && sent.len() == 2400);
}
