//! Updates of the model, whole models for those who lack one, and sums that forget the order of arrival.

use super::{Bench, Said, gradient, id, plan};
use crate::link::Link;
use crate::record::AgentRound;
use crate::{Compact, Ending, Input, Plan};
use heijunka_units::{AgentId, ModelVersion, RoundId};
use heijunka_wire::{Ask, Body, Channel, Codec, DataMode, Gradient, Join, Purpose, Round, Untaken};

fn updating() -> Plan {
    let compact = Compact { update: Some(Codec::Float16), ..Compact::default() };
    Plan { compact, score_every_rounds: 100, ..plan() }
}

fn channels(said: &Said) -> Vec<(Channel, Option<&str>, Option<ModelVersion>)> {
    let mut found = Vec::new();
    for (channel, agent, body) in &said.frames {
        if let Body::Round(Round::Ask(round)) = body {
            found.push((*channel, agent.as_ref().map(AgentId::as_str), round.base));
        }
    }
    found
}

fn finish(bench: &mut Bench, round: Ask, names: &[&str]) -> Said {
    let mut said = Said::default();
    for name in names {
        said = bench.gradient(name, 1, round, 5);
    }
    assert_eq!(said.closed.len(), 1);
    said
}

#[test]
fn the_first_model_goes_out_whole_and_then_its_updates() {
    let (mut bench, begun) = Bench::training_by(updating(), &["a", "b"]);
    assert_eq!(channels(&begun), [(Channel::Round, None, None)]);
    let said = finish(&mut bench, begun.rounds()[0], &["a", "b"]);
    assert_eq!(channels(&said), [(Channel::Round, None, Some(ModelVersion(0)))]);
    let second = said.rounds()[0];
    assert_eq!((second.codec, second.part.total_bytes), (Codec::Float16, 4));
    let parameters = bench.mind.model().unwrap();
    assert_eq!(second.digest, heijunka_wire::model_digest(parameters), "what is scored and saved is what agents have");
}

#[test]
fn who_lacks_the_last_model_gets_the_whole_one_alone() {
    let (mut bench, begun) = Bench::training_by(updating(), &["a", "b", "c"]);
    let second = finish(&mut bench, begun.rounds()[0], &["a", "b", "c"]).rounds()[0];
    let lacking = Join { model: None, ..bench.joining(1) };
    let said = bench.send_join("b", 5, lacking);
    assert_eq!(channels(&said), [(Channel::Snapshot, Some("b"), None)]);
    let snapshot = said.rounds()[0];
    assert_eq!((snapshot.digest, snapshot.part.total_bytes), (second.digest, 8));
    assert_eq!(channels(&bench.send_join("b", 5, lacking)), [], "it is on its way");
    bench.pass(2500);
    assert_eq!(channels(&bench.send_join("b", 5, lacking)).len(), 1, "it may have been lost");
    // Who has the last one, or this one, needs an update at most.
    for model in [0, 1] {
        bench.pass(300);
        let said = bench.send_join("c", 5, Join { model: Some(ModelVersion(model)), ..bench.joining(1) });
        assert!(channels(&said).iter().all(|(channel, ..)| *channel == Channel::Round), "{said:?}");
    }
    // A newcomer gets it with its first round.
    assert_eq!(channels(&bench.join("d", 1)), []);
    let third = finish(&mut bench, second, &["a", "b", "c"]);
    let expected = [(Channel::Round, None, Some(ModelVersion(1))), (Channel::Snapshot, Some("d"), None)];
    assert_eq!(channels(&third), expected);
}

#[test]
fn a_round_that_was_given_up_is_asked_for_again_without_the_model() {
    let plan = updating();
    let (mut bench, begun) = Bench::training_by(plan, &["a", "b"]);
    let second = finish(&mut bench, begun.rounds()[0], &["a", "b"]).rounds()[0];
    let said = bench.until_closed();
    let again = said.rounds().into_iter().find(|round| round.round > second.round).unwrap_or(second);
    assert_eq!((again.purpose(), again.model, again.train()), (Purpose::Train, second.model, second.train()));
    if again.round > second.round {
        assert_eq!((again.base, again.part.total_bytes), (Some(second.model), 0));
    }
}

#[test]
fn the_order_of_arrival_and_the_way_of_writing_leave_the_bits_alone() {
    let model_after = |order: [&str; 3]| {
        let (mut bench, begun) = Bench::training(&["a", "b", "c"]);
        let round = begun.rounds()[0];
        for name in order {
            let share = bench.shares[&id(name)];
            let answer = gradient(round, share.offset, share.samples);
            let value = 0.1 * f32::from(name.as_bytes()[0]);
            bench.answer_with(name, 5, Gradient { ..answer }, &[value, -value]);
        }
        assert_eq!(bench.mind.steps(), 1);
        bench.mind.model().unwrap().to_vec()
    };
    let first = model_after(["a", "b", "c"]);
    for order in [["c", "b", "a"], ["b", "c", "a"], ["c", "a", "b"], ["a", "c", "b"]] {
        assert_eq!(model_after(order), first, "{order:?}");
    }
}

#[test]
fn a_gradient_that_is_not_one_is_refused_and_a_sound_copy_still_counts() {
    let (mut bench, begun) = Bench::training(&["a", "b"]);
    let round = begun.rounds()[0];
    let share = bench.shares[&id("a")];
    let answer = gradient(round, share.offset, share.samples);
    for wrong in [f32::NAN, f32::INFINITY] {
        bench.answer_with("a", 5, answer, &[0.5, wrong]);
    }
    // As sparse signs these bytes are nonsense.
    bench.answer_with("a", 5, Gradient { codec: Codec::SparseSign, ..answer }, &[0.5, 0.5]);
    assert_eq!((bench.mind.counters().rejected.total(), bench.mind.counters().accepted), (3, 0));
    bench.answer("a", 5, answer);
    assert_eq!(finish(&mut bench, round, &["b"]).closed[0].samples, 10);
}

fn seen(network_s: f64) -> AgentRound {
    let (own_s, compute_s) = (0.1, 0.1);
    AgentRound { agent: id("a"), assigned: 8, samples: 8, reissued: 0, total_s: own_s + network_s, compute_s, own_s }
}

/// What a link of so many seconds a byte, relative to whole numbers, ends up with.
fn settled(network_s: impl Fn(f64) -> f64, last: Codec) -> Vec<Codec> {
    let lengths = |codec| match codec {
        Codec::Float32 => 1.0,
        Codec::Float16 => 0.5,
        Codec::Int8 => 0.25,
        Codec::Int4 => 0.125,
        _ => 0.01,
    };
    let mut link = Link::new(Codec::Float32);
    let mut taken = vec![link.codec];
    for _ in 0..10 {
        let network_s = network_s(lengths(link.codec));
        (0..16).for_each(|_| link.observe(&seen(network_s)));
        if let Some(codec) = link.look(0.1 + network_s, last) {
            taken.push(codec);
        }
    }
    taken
}

#[test]
fn a_link_gets_the_codec_that_it_needs() {
    // A wire: no codec. A slow one: so much shorter that it takes a fifth of the round.
    assert_eq!(settled(|length| 0.01 * length, Codec::SparseSign), [Codec::Float32]);
    assert_eq!(settled(|length| 0.06 * length, Codec::SparseSign), [Codec::Float32, Codec::Int8]);
    assert_eq!(settled(|length| 6.5 * length, Codec::SparseSign), [Codec::Float32, Codec::SparseSign]);
    // With data of its own no gradient is sparse.
    assert_eq!(settled(|length| 6.5 * length, Codec::Int4), [Codec::Float32, Codec::Int4]);
    // It waits, but not for bytes.
    assert_eq!(settled(|_| 0.5, Codec::SparseSign), [Codec::Float32, Codec::SparseSign, Codec::Float32]);
}

#[test]
fn who_is_asked_for_what_enters_no_step_is_told_before_the_next_round_and_nobody_else_is() {
    let sparse = Compact { gradient: Some(Codec::SparseInt8), ..Compact::default() };
    let untaken = |said: &Said, name: &str| said.shares(name).iter().filter_map(|share| share.untaken).collect();
    let closed = |compact: Compact, data_mode: DataMode, stands_in: bool| {
        let mut plan = Plan { compact, ..plan() };
        plan.job.data_mode = data_mode;
        let (mut bench, begun) = Bench::training_by(plan, &["a", "b"]);
        let round = begun.rounds()[0];
        bench.gradient("a", 1, round, 5);
        if stands_in {
            bench.handle(Input::Offline { agent: &id("b") });
            bench.join("b", 2);
            return bench.answer("a", 5, gradient(round, 5, 5));
        }
        let said = bench.until_closed();
        assert_eq!((said.closed[0].ending, said.closed[0].samples), (Ending::Partial, 5));
        let first = |wanted: fn(&Body) -> bool| said.frames.iter().position(|(_, _, body)| wanted(body));
        let (named, next) =
            (first(|body| matches!(body, Body::Assign(_))), first(|body| matches!(body, Body::Round(_))));
        assert!(named.is_none_or(|named| Some(named) < next));
        said
    };
    let late = Untaken { round: RoundId(1), offset: 5 };
    // The other one was asked for the same range in vain.
    let said = closed(sparse, DataMode::Shared, false);
    assert_eq!((untaken(&said, "b"), untaken(&said, "a")), (vec![late], vec![late]));
    // The other one has computed it; nothing is remembered; the weights make up for it.
    for (compact, data_mode, stands_in) in [
        (sparse, DataMode::Shared, true),
        (Compact::default(), DataMode::Shared, false),
        (sparse, DataMode::Private, false),
    ] {
        let said = closed(compact, data_mode, stands_in);
        assert_eq!(said.closed.len(), 1);
        assert_eq!((untaken(&said, "b"), untaken(&said, "a")), (vec![], vec![]), "{data_mode:?} {stands_in}");
    }
}
