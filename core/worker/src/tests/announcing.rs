//! Announcements: when the worker speaks without being asked, and what that heals.

use super::bench::{Bench, PARAMETERS, Said, answers, assign, computes, joins, round, spec, whole};
use crate::Input;
use core::time::Duration;
use heijunka_units::{RoundId, Timestamp};
use heijunka_wire::{Ask, Body, Channel, Payload, Share, Spec};

const MODEL: [f32; PARAMETERS] = [1.0; PARAMETERS];

/// Seconds between this many announcements.
fn gaps(bench: &mut Bench, count: usize) -> Vec<f64> {
    let mut gaps = Vec::new();
    for _ in 0..count {
        let before = bench.now;
        assert_eq!(joins(&bench.tick()).len(), 1);
        gaps.push(bench.now.since(before).as_secs_f64());
    }
    gaps
}

fn back_off(gaps: &[f64]) {
    let mut most = 1.0;
    for gap in gaps {
        assert!((most / 2.0..=most).contains(gap), "{gaps:?}");
        most = f64::min(2.0 * most, 30.0);
    }
}

#[test]
fn announcements_back_off_while_nobody_answers() {
    let mut bench = Bench::new();
    bench.connect();
    bench.on_spec(true);
    assert_eq!(joins(&bench.prepared(true)).len(), 1);
    let gaps = gaps(&mut bench, 9);
    back_off(&gaps);
}

#[test]
fn an_answer_that_says_nothing_new_does_not_shorten_the_wait() {
    let mut bench = Bench::joined();
    let mut gaps = Vec::new();
    for _ in 0..9 {
        let before = bench.now;
        assert_eq!(joins(&bench.tick()).len(), 1);
        gaps.push(bench.now.since(before).as_secs_f64());
        bench.pass(5);
        bench.on_assign(assign(1));
    }
    assert!(gaps[8] > 10.0, "{gaps:?}");
}

#[test]
fn whoever_has_heard_no_spec_asks_for_it() {
    let mut bench = Bench::new();
    assert_eq!(bench.connect(), []);
    let said = bench.tick();
    assert_eq!(joins(&said).iter().map(|join| (join.spec, join.rows)).collect::<Vec<_>>(), [(0, 0)]);
    back_off(&gaps(&mut bench, 8));
    // Nothing is asked for while the data are read.
    assert_eq!(bench.on_spec(true).last(), Some(&Said::Prepare(spec(true).content)));
    assert_eq!(bench.wait, Timestamp::NEVER);
    assert_eq!(joins(&bench.prepared(true)).len(), 1);
}

#[test]
fn a_spec_of_which_a_chunk_is_lost_or_damaged_is_asked_for() {
    let mut bench = Bench::new();
    bench.connect();
    let document = [7_u8; 20];
    let content = heijunka_wire::digest(&document);
    let chunk = |index| {
        let part = heijunka_wire::parts(20, 12).unwrap().nth(index).unwrap();
        Body::Spec(Spec { content, part, ..spec(true) })
    };
    let said = bench.frame(Channel::Spec, &chunk(0), Payload::Bytes(&document));
    assert_eq!(said, [Said::Note(crate::Note::NewRun(bench.run))]);
    assert_eq!(joins(&bench.tick())[0].spec, 0);
    let damaged = bench.frame(Channel::Spec, &chunk(1), Payload::Bytes(&[8; 20]));
    assert_eq!(damaged, [Said::Note(crate::Note::DigestMismatch)]);
    assert_eq!(joins(&bench.tick())[0].spec, 0);
    bench.frame(Channel::Spec, &chunk(1), Payload::Bytes(&document));
    assert!(bench.frame(Channel::Spec, &chunk(0), Payload::Bytes(&document)).contains(&Said::Prepare(content)));
}

#[test]
fn silence_while_computing_is_no_sign_of_loss() {
    let mut bench = Bench::joined();
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    assert_eq!(bench.wait, Timestamp::NEVER);
    bench.pass(100_000);
    assert_eq!(bench.handle(Input::Tick), [], "a tick that comes too often does no harm");
    bench.computed(1, &MODEL);
    assert!(bench.wait.since(bench.now) <= Duration::from_secs(1));
}

#[test]
fn an_answer_that_was_lost_is_sent_again_when_the_round_is() {
    let mut bench = Bench::joined();
    bench.on_round(whole(1, 1, &MODEL), &MODEL);
    bench.computed(1, &MODEL);
    assert_eq!(joins(&bench.tick()).len(), 1);
    assert_eq!(answers(&bench.on_round(whole(1, 1, &MODEL), &MODEL)), [(RoundId(1), 0)]);
}

#[test]
fn rounds_that_leave_an_agent_out_do_not_silence_it() {
    let mut bench = Bench::joined();
    let mut announced = 0;
    for number in 1..200 {
        bench.pass(50);
        let mut said = bench.on_round(whole(number, 2, &MODEL), &MODEL);
        if bench.now >= bench.wait {
            said.extend(bench.handle(Input::Tick));
        }
        announced += joins(&said).len();
    }
    assert!((2..=5).contains(&announced), "{announced} announcements in 10 s");
}

#[test]
fn after_silence_the_aggregators_next_word_counts_whatever_its_number() {
    let mut bench = Bench::joined();
    // A forged share and a forged round with numbers that no true one reaches.
    bench.on_assign(assign(1_000_000));
    bench.on_round(whole(1_000_000, 1_000_001, &MODEL), &MODEL);
    assert_eq!(computes(&bench.on_round(whole(2, 1, &MODEL), &MODEL)), []);
    assert_eq!(joins(&bench.tick()).len(), 1);
    bench.on_assign(assign(1));
    assert_eq!(computes(&bench.on_round(whole(2, 1, &MODEL), &MODEL)), [RoundId(2)]);
    assert_eq!(computes(&bench.on_round(whole(1, 1, &MODEL), &MODEL)), [], "from then on numbers count again");
}

#[test]
fn a_chunk_of_other_sizes_does_not_block_the_round_for_ever() {
    let mut bench = Bench::joined();
    let chunks = round(1, 1, &MODEL, 8);
    let forged = Ask { part: round(1, 1, &MODEL, 12)[1].part, ..chunks[0] };
    bench.on_round(forged, &MODEL);
    for chunk in &chunks {
        assert_eq!(computes(&bench.on_round(*chunk, &MODEL)), []);
    }
    bench.tick();
    let said: Vec<Said> = chunks.iter().flat_map(|chunk| bench.on_round(*chunk, &MODEL)).collect();
    assert_eq!(computes(&said), [RoundId(1)]);
}

#[test]
fn a_model_that_comes_more_slowly_than_somebody_announces_himself_is_put_together_all_the_same() {
    let mut bench = Bench::joined();
    let chunks = round(1, 1, &MODEL, 8);
    assert!(chunks.len() > 1);
    let mut said = Vec::new();
    for chunk in &chunks {
        assert_eq!(joins(&bench.tick()).len(), 1);
        said = bench.on_round(*chunk, &MODEL);
    }
    assert_eq!(computes(&said), [RoundId(1)]);
}

#[test]
fn a_lost_broker_silences_and_its_return_announces() {
    let mut bench = Bench::joined();
    bench.handle(Input::Disconnected);
    assert_eq!(bench.wait, Timestamp::NEVER);
    bench.pass(100_000);
    assert_eq!(bench.handle(Input::Tick), []);
    assert_eq!(joins(&bench.connect()).len(), 1);
    // A share of the same division with other numbers is news.
    let before = bench.wait;
    bench.pass(400);
    bench.on_assign(Share { samples: 9, ..assign(1) });
    assert!(bench.wait > before);
}
