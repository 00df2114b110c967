//! A gradient out of all proportion is named when the model diverges.

use super::*;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// The event that ends a job in which `e` sends such a gradient in the first round; all find no finite loss after it.
fn ended_by(names: &[&str], value: f32) -> Event {
    let (mut bench, said) = Bench::training(names);
    let first = said.rounds()[0];
    let mut said = Said::default();
    for name in names {
        let share = bench.shares[&id(name)];
        let values = if *name == "e" { [value, 0.5] } else { [0.5, -0.25] };
        said = bench.answer_with(name, 5, gradient(first, share.offset, share.samples), &values);
    }
    assert_eq!(said.closed[0].loss, Some(0.5 * names.len() as f64 / 5.0), "it is not left out");
    let second = said.rounds()[0];
    for name in names {
        let share = bench.shares[&id(name)];
        let part = Part { total_bytes: 0, ..gradient(second, 0, 1).part };
        let beyond = Gradient { loss_sum: None, part, ..gradient(second, share.offset, share.samples) };
        said = bench.answer(name, 5, beyond);
    }
    said.events.into_iter().find(|event| event.code() == Code::Diverged).unwrap()
}

#[test]
fn a_gradient_far_beyond_those_of_three_others_is_named() {
    let event = ended_by(&NAMES, 3e38);
    assert_eq!(event.agent(), Some(&id("e")));
    assert!(event.to_string().ends_with("; in round 1 the gradient of e was 6e38 times the others'"), "{event}");
    let event = ended_by(&NAMES[1..], -5e4);
    assert!(event.to_string().ends_with("the gradient of e was 100000 times the others'"), "{event}");
}

#[test]
fn nobody_is_named_for_a_usual_spread_or_by_two_others() {
    for (names, value) in [(&NAMES[..], 400.0), (&NAMES[..], 0.0), (&NAMES[2..], 3e38)] {
        let event = ended_by(names, value);
        assert_eq!((event.agent(), event.fix()), (None, Some("lower learning_rate")), "{event}");
    }
}
