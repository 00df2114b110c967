//! Rounds: models in chunks, receipts, runs, and whose word counts.

use super::bench::{Bench, PARAMETERS, START, Said, answers, assign, computes, joins, notes, round, spec, whole};
use crate::{Input, Note};
use heijunka_units::{RoundId, RunId, Start};
use heijunka_wire::{Ask, Assign, Body, Channel, Head, Payload, Refusal, Refused, Round, Share, Work};

const MODEL: [f32; PARAMETERS] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
const GRADIENT: [f32; PARAMETERS] = [0.5; PARAMETERS];

#[test]
fn a_round_asks_for_the_slice_of_its_division() {
    let mut bench = Bench::joined();
    let said = bench.on_round(whole(1, 1, &MODEL), &MODEL);
    let expected =
        Said::Compute { round: RoundId(1), position: 104, samples: 8, stop_after: None, model: MODEL.to_vec() };
    assert_eq!(said, [expected]);
    let score = Ask { work: Work::Score, ..whole(2, 1, &MODEL) };
    let said = bench.on_round(score, &MODEL);
    assert!(said.contains(&Said::Score { round: RoundId(2), first: 10, rows: 20 }), "{said:?}");
    assert!(said.contains(&Said::Abandon) && notes(&said) == [Note::Overtaken(1)]);
}

#[test]
fn a_model_may_arrive_in_any_order_and_twice() {
    let chunks = round(1, 1, &MODEL, 8);
    assert_eq!(chunks.len(), 3);
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let mut bench = Bench::joined();
        let mut said = Vec::new();
        for index in order {
            assert_eq!(computes(&said), [], "it began with a part of the model");
            said = bench.on_round(chunks[index], &MODEL);
            if index != order[2] {
                said.extend(bench.on_round(chunks[index], &MODEL));
            }
        }
        assert!(matches!(&said[..], [Said::Compute { model, .. }] if *model == MODEL), "{order:?}: {said:?}");
    }
}

#[test]
fn the_next_round_is_the_receipt_and_until_then_a_repeated_round_is_answered_again() {
    let mut bench = Bench::joined();
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    assert_eq!(answers(&bench.computed(1, &GRADIENT)), [(RoundId(1), 0)]);
    assert_eq!(answers(&bench.on_round(whole(1, 1, &MODEL), &MODEL)), [(RoundId(1), 0)]);
    let said = bench.on_round(whole(2, 1, &MODEL), &MODEL);
    assert_eq!((computes(&said), answers(&said)), (vec![RoundId(2)], vec![]));
    assert_eq!(bench.on_round(whole(1, 1, &MODEL), &MODEL), [], "an older round is over");
    assert_eq!(bench.on_round(whole(2, 1, &MODEL), &MODEL), [], "a computation is not begun twice");
    assert_eq!(bench.computed(1, &GRADIENT), [], "the first round is over");
    assert_eq!(answers(&bench.computed(2, &GRADIENT)), [(RoundId(2), 0)]);
    assert_eq!(bench.computed(2, &GRADIENT), [], "it has been answered");
}

#[test]
fn a_damaged_model_is_thrown_away_and_the_next_copy_taken() {
    let mut bench = Bench::joined();
    let mut damaged = MODEL;
    damaged[3] = 4.5;
    assert_eq!(bench.on_round(whole(1, 1, &MODEL), &damaged), [Said::Note(Note::DigestMismatch)]);
    assert_eq!(computes(&bench.on_round(whole(1, 1, &MODEL), &MODEL)), [RoundId(1)]);
    // Also where the head of the first chunk was the damaged part.
    let forged = Ask { digest: 1, ..whole(2, 1, &MODEL) };
    let said = bench.on_round(forged, &MODEL);
    assert_eq!((computes(&said), notes(&said).contains(&Note::DigestMismatch)), (vec![], true));
    assert_eq!(computes(&bench.on_round(whole(2, 1, &MODEL), &MODEL)), [RoundId(2)]);
    let mut infinite = MODEL;
    infinite[0] = f32::INFINITY;
    assert_eq!(computes(&bench.on_round(whole(3, 1, &infinite), &infinite)), []);
    assert_eq!(computes(&bench.on_round(whole(3, 1, &MODEL), &MODEL)), [RoundId(3)]);
}

#[test]
fn a_round_waits_for_the_division_that_it_names() {
    let mut bench = Bench::joined();
    assert_eq!(bench.on_round(whole(1, 2, &MODEL), &MODEL), []);
    let said = bench.on_assign(Share { samples: 5, offset: 0, ..assign(2) });
    assert!(said.iter().any(|s| matches!(s, Said::Compute { position: 100, samples: 5, .. })), "{said:?}");
}

#[test]
fn a_share_that_arrives_before_the_work_has_begun_does_not_slip_into_an_older_round() {
    let mut bench = Bench::joined();
    let mut bytes = [0; 512];
    let frame = heijunka_wire::encode(
        Head { run: bench.run, start: START },
        &Body::Round(Round::Ask(whole(1, 1, &MODEL))),
        Payload::Numbers(&MODEL),
        &mut bytes,
    );
    // The driver takes several messages from the bus before it asks what to do.
    bench.worker.handle(bench.now, Input::Frame { channel: Channel::Round, bytes: frame.unwrap() });
    assert_eq!(computes(&bench.on_assign(Share { samples: 5, ..assign(2) })), []);
}

#[test]
fn an_older_share_does_not_replace_a_newer_one() {
    let mut bench = Bench::joined();
    bench.on_assign(assign(2));
    bench.on_assign(Share { samples: 1, ..assign(1) });
    let said = bench.on_round(whole(1, 2, &MODEL), &MODEL);
    assert_eq!(computes(&said), [RoundId(1)]);
    assert_eq!(bench.worker.status().share_samples, 8);
}

#[test]
fn shares_for_another_session_or_job_mean_nothing() {
    let mut bench = Bench::joined();
    assert_eq!(bench.on_assign(Share { session: 1, ..assign(9) }), []);
    assert_eq!(bench.on_assign(Share { spec: 1, ..assign(9) }), []);
    assert_eq!(computes(&bench.on_round(whole(1, 1, &MODEL), &MODEL)), [RoundId(1)]);
}

#[test]
fn of_two_starts_of_one_run_the_higher_one_is_obeyed() {
    let mut bench = Bench::joined();
    bench.start = Start::new([6; 16]);
    assert_eq!(bench.on_spec(true), [Said::Note(Note::StaleRun(RunId(5)))]);
    bench.start = Start::new([8; 16]);
    assert_eq!(bench.on_round(whole(1, 1, &MODEL), &MODEL), [], "its spec has not come yet");
    assert!(notes(&bench.on_spec(true)).contains(&Note::NewRun(RunId(5))));
    bench.start = START;
    assert_eq!(bench.on_assign(assign(1)), [Said::Note(Note::StaleRun(RunId(5)))]);
}

#[test]
fn the_highest_run_is_obeyed_and_older_ones_are_not() {
    let mut bench = Bench::joined();
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    bench.run = RunId(4);
    for said in [bench.on_round(whole(9, 1, &MODEL), &MODEL), bench.on_assign(assign(9)), bench.on_spec(true)] {
        assert_eq!(said, [Said::Note(Note::StaleRun(RunId(4)))]);
    }
    bench.run = RunId(6);
    assert_eq!(bench.on_round(whole(1, 1, &MODEL), &MODEL), [], "its spec has not come yet");
    let said = bench.on_spec(true);
    assert!(said.contains(&Said::Abandon) && notes(&said).contains(&Note::NewRun(RunId(6))), "{said:?}");
    assert_eq!(joins(&said).len(), 1, "its data are prepared already");
    assert_eq!(bench.on_round(whole(1, 1, &MODEL), &MODEL), [], "it has no share of this run");
    assert_eq!(computes(&bench.on_assign(assign(1))), []);
    assert_eq!(computes(&bench.on_round(whole(1, 1, &MODEL), &MODEL)), [RoundId(1)]);
}

#[test]
fn numbers_that_are_none_are_told_and_not_sent() {
    let mut bench = Bench::joined();
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    let mut gradient = GRADIENT;
    gradient[2] = f32::NAN;
    assert_eq!(bench.computed(1, &GRADIENT[1..]), [], "a gradient of another length");
    let said = bench.computed(1, &gradient);
    let [Said::Published(Channel::Gradient, Body::Gradient(sent), payload)] = &said[..] else { panic!("{said:?}") };
    assert_eq!((sent.loss_sum, &payload[..]), (None, &[][..]));
    bench.on_round(whole(2, 1, &MODEL), &MODEL);
    assert_eq!(answers(&bench.computed(2, &GRADIENT)), [(RoundId(2), 0)]);
}

#[test]
fn garbage_is_told_of_and_changes_nothing() {
    let mut bench = Bench::joined();
    for channel in [Channel::Spec, Channel::Assign, Channel::Round] {
        assert!(matches!(
            bench.handle(Input::Frame { channel, bytes: &[1, 2, 3, 4] })[..],
            [Said::Note(Note::Undecodable(_))]
        ));
        assert_eq!(bench.handle(Input::Frame { channel, bytes: &[] }), [], "cleared");
    }
    let wrong_topic = bench.frame(Channel::Round, &Body::Assign(Assign::Share(assign(7))), Payload::None);
    assert!(matches!(wrong_topic[..], [Said::Note(Note::Undecodable(_))]));
    assert_eq!(computes(&bench.on_round(whole(1, 1, &MODEL), &MODEL)), [RoundId(1)]);
}

#[test]
fn a_refusal_is_told_once_and_ends_the_share() {
    let mut bench = Bench::joined();
    let Share { session, spec, version, .. } = assign(1);
    let refused = Body::Assign(Assign::Refused(Refused { session, spec, version, why: Refusal::DifferentData }));
    let mut refuse = || bench.frame(Channel::Assign, &refused, Payload::None);
    assert_eq!(notes(&refuse()), [Note::Refused(Refusal::DifferentData)]);
    assert_eq!(refuse(), []);
    assert_eq!(bench.on_round(whole(1, 1, &MODEL), &MODEL), []);
}

#[test]
fn the_end_of_the_job_ends_the_work() {
    let mut bench = Bench::joined();
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    let said = bench.frame(Channel::Round, &Body::Round(Round::Finished), Payload::None);
    assert!(said.contains(&Said::Abandon) && notes(&said) == [Note::Finished], "{said:?}");
    assert_eq!(bench.wait, heijunka_units::Timestamp::NEVER);
    assert!(!bench.worker.status().joined);
}

#[test]
fn data_of_an_older_job_that_arrive_late_do_not_count() {
    let mut bench = Bench::new();
    bench.connect();
    bench.on_spec(false);
    bench.prepared(false);
    // The job is settled, but a new run begins with the survey before the data are encoded.
    assert_eq!(bench.on_spec(true).last(), Some(&Said::Prepare(spec(true).content)));
    bench.run = RunId(6);
    assert_eq!(bench.on_spec(false).last(), Some(&Said::Prepare(spec(false).content)));
    assert_eq!(bench.prepared(true), []);
    let said = bench.prepared(false);
    assert_eq!(joins(&said).len(), 1);
    assert!(said.iter().any(|said| matches!(said, Said::Published(Channel::Survey, _, survey) if survey == b"survey")));
}
