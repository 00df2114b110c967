//! Written gradients with what they leave for later, and models that come as updates.

use super::bench::{Bench, PARAMETERS, Said, assign, computes, joins, notes, round, whole, with};
use crate::{Note, update_bytes};
use heijunka_compress::{Rounding, bytes_max, decode, encode};
use heijunka_units::{ModelVersion, RoundId};
use heijunka_wire::{Ask, Body, Channel, Codec, Part, Payload, Round, Share, Train, Untaken, model_digest};

const MODEL: [f32; PARAMETERS] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// One of six numbers.
const ONE_PPM: u32 = 170_000;

fn sparse() -> Bench {
    let mut bench = Bench::joined();
    bench.on_assign(Share { codec: Codec::SparseSign, ..assign(1) });
    bench
}

/// The mean gradient that the aggregator reads.
fn sent(said: &[Said]) -> Vec<f32> {
    let [Said::Published(Channel::Gradient, Body::Gradient(head), payload)] = said else { panic!("{said:?}") };
    let mut numbers = vec![0.0; PARAMETERS];
    decode(head.codec, payload, &mut numbers).unwrap();
    numbers
}

fn train(number: u64) -> Ask {
    with(whole(number, 1, &MODEL), |train| Train { kept_ppm: ONE_PPM, ..train })
}

#[test]
fn what_a_sparse_gradient_leaves_is_sent_with_a_later_one() {
    let mut bench = sparse();
    bench.on_round(train(1), &MODEL);
    assert_eq!(sent(&bench.computed(1, &[0.0, -3.0, 0.0, 2.0, 0.0, 0.5])), [0.0, -3.0, 0.0, 0.0, 0.0, 0.0]);
    bench.on_round(train(2), &MODEL);
    assert_eq!(sent(&bench.computed(2, &[0.0; 6])), [0.0, 0.0, 0.0, 2.0, 0.0, 0.0]);
    bench.on_round(train(3), &MODEL);
    assert_eq!(sent(&bench.computed(3, &[0.0; 6])), [0.0, 0.0, 0.0, 0.0, 0.0, 0.5]);
}

#[test]
fn the_memory_counts_samples_so_that_an_uneven_share_loses_nothing() {
    let mut bench = sparse();
    bench.on_round(train(1), &MODEL);
    // 8 samples of a mean of 2 wait.
    bench.computed(1, &[3.0, 2.0, 0.0, 0.0, 0.0, 0.0]);
    bench.on_assign(Share { version: assign(2).version, samples: 4, codec: Codec::SparseSign, ..assign(2) });
    bench.on_round(with(whole(2, 2, &MODEL), |train| Train { kept_ppm: ONE_PPM, ..train }), &MODEL);
    let took = core::time::Duration::from_millis(9);
    let gradient = &[0.0; 6];
    let said = bench.handle(crate::Input::Computed { round: RoundId(2), samples: 4, loss_sum: 1.0, gradient, took });
    assert_eq!(sent(&said), [0.0, 4.0, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn what_no_step_was_taken_on_is_sent_again() {
    let mut bench = sparse();
    let again = |number| Ask { model: ModelVersion(0), ..train(number) };
    bench.on_round(again(1), &MODEL);
    assert_eq!(sent(&bench.computed(1, &[0.0, -3.0, 0.0, 2.0, 0.0, 0.0]))[1], -3.0);
    // The same version of the model: the round was given up.
    bench.on_round(again(2), &MODEL);
    assert_eq!(sent(&bench.computed(2, &[0.0; 6]))[1], -3.0);
    // The next version: it counted.
    bench.on_round(train(3), &MODEL);
    assert_eq!(sent(&bench.computed(3, &[0.0; 6]))[3], 2.0);
}

#[test]
fn what_a_step_was_taken_without_is_sent_again_once() {
    let mut bench = sparse();
    let gradient = [0.0, -3.0, 0.0, 2.0, 0.0, 0.0];
    let said = |round, offset| {
        let untaken = Some(Untaken { round: RoundId(round), offset });
        Share { codec: Codec::SparseSign, untaken, ..assign(1) }
    };
    bench.on_round(train(1), &MODEL);
    bench.computed(1, &gradient);
    // Another round's, and another range's.
    bench.on_assign(said(9, 4));
    bench.on_assign(said(1, 5));
    bench.on_assign(said(1, 4));
    bench.on_assign(said(1, 4));
    bench.on_round(train(2), &MODEL);
    assert_eq!(sent(&bench.computed(2, &[0.0; 6]))[1], -3.0);
    // The broker's copy comes again, and the step was taken with the last answer.
    bench.on_assign(said(1, 4));
    bench.on_round(train(3), &MODEL);
    assert_eq!(sent(&bench.computed(3, &[0.0; 6]))[3], 2.0);
    // The word comes before the answer is there.
    bench.on_round(train(4), &MODEL);
    bench.on_assign(said(4, 4));
    assert_eq!(sent(&bench.computed(4, &gradient))[1], -3.0);
    bench.on_round(train(5), &MODEL);
    assert_eq!(sent(&bench.computed(5, &[0.0; 6]))[1], -3.0);
}

#[test]
fn momentum_is_given_before_the_choice() {
    let mut bench = sparse();
    let carried =
        |number| with(whole(number, 1, &MODEL), |train| Train { momentum: 0.5, kept_ppm: 1_000_000, ..train });
    let gradient = [1.0; 6];
    for (number, expected) in [(1, 1.0), (2, 1.5), (3, 1.75)] {
        bench.on_round(carried(number), &MODEL);
        assert_eq!(sent(&bench.computed(number, &gradient)), [expected; 6], "round {number}");
    }
    // Whole numbers carry it too, where others need sparse ones.
    bench.on_assign(Share { codec: Codec::Float32, ..assign(1) });
    bench.on_round(carried(4), &MODEL);
    assert_eq!(sent(&bench.computed(4, &gradient)), [1.875; 6]);
}

#[test]
fn without_memory_for_what_is_left_a_gradient_is_whole() {
    let mut bench = Bench::without_residual();
    bench.on_assign(Share { codec: Codec::SparseSign, ..assign(1) });
    bench.on_round(train(1), &MODEL);
    let said = bench.computed(1, &[0.0, -3.0, 0.0, 2.0, 0.0, 0.0]);
    let [Said::Published(_, Body::Gradient(head), _)] = &said[..] else { panic!("{said:?}") };
    assert_eq!(head.codec, Codec::Int8);
    assert!((sent(&said)[3] - 2.0).abs() < 0.03);
}

#[test]
fn a_probe_has_the_length_of_an_answer_and_takes_nothing_from_the_memory() {
    let mut bench = sparse();
    bench.on_assign(Share { codec: Codec::SparseSign, probe: true, ..assign(1) });
    bench.on_round(train(1), &MODEL);
    let said = bench.computed(1, &[0.0, -3.0, 0.0, 2.0, 0.0, 0.0]);
    let [Said::Published(_, Body::Gradient(_), payload)] = &said[..] else { panic!("{said:?}") };
    assert_eq!(payload.len(), bytes_max(Codec::SparseSign, PARAMETERS, 1));
    bench.on_assign(Share { codec: Codec::SparseSign, ..assign(2) });
    bench.on_round(with(whole(2, 2, &MODEL), |train| Train { kept_ppm: ONE_PPM, ..train }), &MODEL);
    assert_eq!(sent(&bench.computed(2, &[0.0, 0.0, 0.0, 0.0, 1.0, 0.0])), [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
}

/// A round whose model is `before` plus `difference`, and its payload.
fn update(number: u64, before: &[f32], difference: &[f32; PARAMETERS]) -> (Ask, Vec<u8>, Vec<f32>) {
    let mut bytes = vec![0; update_bytes(PARAMETERS)];
    let used = encode(Codec::Float16, difference, Rounding::Nearest, &mut bytes).unwrap();
    bytes.truncate(used);
    let after: Vec<f32> = before.iter().zip(difference).map(|(b, d)| b + d).collect();
    let part = Part { index: 0, chunk_bytes: 64, total_bytes: used as u32 };
    let (base, digest) = (Some(ModelVersion(number - 2)), model_digest(&after));
    (Ask { base, codec: Codec::Float16, digest, part, ..whole(number, 1, &MODEL) }, bytes, after)
}

fn on_update(bench: &mut Bench, (round, bytes, _): &(Ask, Vec<u8>, Vec<f32>)) -> Vec<Said> {
    bench.frame(Channel::Round, &Body::Round(Round::Ask(*round)), Payload::Bytes(bytes))
}

fn model(said: &[Said]) -> Option<Vec<f32>> {
    said.iter().find_map(|said| if let Said::Compute { model, .. } = said { Some(model.clone()) } else { None })
}

#[test]
fn an_update_makes_the_next_model_of_the_last() {
    let mut bench = Bench::joined();
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    bench.computed(1, &MODEL);
    let second = update(2, &MODEL, &[0.5, 0.0, -0.25, 0.0, 0.0, 1.0]);
    assert_eq!(model(&on_update(&mut bench, &second)), Some(second.2.clone()));
    bench.computed(2, &MODEL);
    let third = update(3, &second.2, &[0.0; 6]);
    assert_eq!(model(&on_update(&mut bench, &third)), Some(second.2));
}

#[test]
fn who_missed_an_update_asks_once_for_the_whole_and_goes_on_from_it() {
    let mut bench = Bench::joined();
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    bench.computed(1, &MODEL);
    let second = update(2, &MODEL, &[0.5; 6]);
    let third = update(3, &second.2, &[0.25; 6]);
    let said = on_update(&mut bench, &third);
    assert_eq!((computes(&said), notes(&said)), (vec![], vec![Note::Lacks(3)]));
    assert_eq!(joins(&said)[0].model, Some(ModelVersion(0)), "it names what it has");
    let fourth = update(4, &third.2, &[0.5; 6]);
    assert_eq!(on_update(&mut bench, &fourth), [], "it has asked");
    assert_eq!(joins(&bench.tick()).len(), 1, "it asks again after a while");
    let snapshot = Ask { base: None, codec: Codec::Float32, digest: fourth.0.digest, ..whole(4, 1, &MODEL) };
    let said = bench.frame(Channel::Snapshot, &Body::Round(Round::Ask(snapshot)), Payload::Numbers(&fourth.2));
    assert_eq!(model(&said), Some(fourth.2.clone()));
    bench.computed(4, &MODEL);
    let fifth = update(5, &fourth.2, &[0.5; 6]);
    assert_eq!(model(&on_update(&mut bench, &fifth)), Some(fifth.2));
}

#[test]
fn while_the_whole_model_comes_in_chunks_an_update_of_the_same_round_is_not_needed() {
    let mut bench = Bench::joined();
    let second = update(2, &MODEL, &[0.5; 6]);
    let said = on_update(&mut bench, &second);
    assert_eq!(notes(&said), [Note::Lacks(2)]);
    let chunks = round(2, 1, &second.2, 8);
    for chunk in &chunks[..2] {
        bench.frame(Channel::Snapshot, &Body::Round(Round::Ask(*chunk)), Payload::Numbers(&second.2));
        assert_eq!(on_update(&mut bench, &second), []);
    }
    let said = bench.frame(Channel::Snapshot, &Body::Round(Round::Ask(chunks[2])), Payload::Numbers(&second.2));
    assert_eq!(model(&said), Some(second.2));
}

#[test]
fn a_damaged_update_is_noticed_and_the_whole_asked_for() {
    let mut bench = Bench::joined();
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    bench.computed(1, &MODEL);
    let (head, mut bytes, after) = update(2, &MODEL, &[0.5; 6]);
    bytes[3] ^= 1;
    let said = on_update(&mut bench, &(head, bytes, after.clone()));
    assert_eq!(computes(&said), []);
    assert_eq!(notes(&said), [Note::DigestMismatch, Note::Lacks(2)]);
    assert_eq!(joins(&said)[0].model, None);
    let whole = Ask { digest: model_digest(&after), ..whole(2, 1, &MODEL) };
    let said = bench.frame(Channel::Snapshot, &Body::Round(Round::Ask(whole)), Payload::Numbers(&after));
    assert_eq!(model(&said), Some(after));
}
