//! Ranges of agents that were lost go to those who have answered.

use super::scripted::{Script, Staged};
use super::{Bench, Said, gradient, id, plan};
use crate::{Code, Ending, Input, Plan};
use heijunka_allocate::PolicyName;
use heijunka_units::AgentId;
use heijunka_wire::{Ask, Body, Extra};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

impl Said {
    /// The ranges handed out, and to whom.
    pub(super) fn extras(&self) -> Vec<(String, Extra)> {
        let extra = |(_, agent, body): &(_, Option<AgentId>, Body)| match (agent, body) {
            (Some(agent), Body::Extra(extra)) => Some((agent.to_string(), *extra)),
            _ => None,
        };
        self.frames.iter().filter_map(extra).collect()
    }
}

impl Bench {
    /// Four agents with 16 samples each.
    fn four() -> (Self, Ask) {
        let (bench, said) = Self::training_by(Plan { batch_samples: 64, ..plan() }, &NAMES);
        let round = said.rounds()[0];
        (bench, round)
    }

    fn offline(&mut self, name: &str) -> Said {
        self.handle(Input::Offline { agent: &id(name) })
    }

    pub(super) fn extra(&mut self, to: &str, round: Ask, extra: Extra) -> Said {
        self.answer(to, 5, gradient(round, extra.offset, extra.samples))
    }
}

fn samples(extras: &[(String, Extra)]) -> Vec<(&str, u32, u32)> {
    extras.iter().map(|(to, extra)| (to.as_str(), extra.offset, extra.samples)).collect()
}

#[test]
fn the_range_of_an_agent_that_leaves_is_split_among_those_who_have_answered() {
    let (mut bench, round) = Bench::four();
    for name in ["a", "c", "d"] {
        assert_eq!(bench.gradient(name, 1, round, 5).extras(), []);
    }
    let said = bench.offline("b");
    let extras = said.extras();
    assert_eq!(samples(&extras), [("a", 16, 8), ("c", 24, 8)]);
    assert_eq!(said.count(Code::Reissued), 1);
    let reissued = said.events.iter().find(|event| event.code() == Code::Reissued).unwrap();
    assert_eq!(reissued.to_string(), "b left in round 1: its 16 samples go to a and c");
    assert_eq!(bench.extra("c", round, extras[1].1).closed, []);
    let said = bench.extra("a", round, extras[0].1);
    let record = &said.closed[0];
    assert_eq!((record.ending, record.samples, record.reissued_samples), (Ending::Full, 64, 16));
    assert_eq!((record.agents[1].samples, record.agents[1].reissued), (0, 16));
    assert_eq!((bench.mind.steps(), bench.mind.counters().reissued), (1, 2));
}

#[test]
fn those_who_are_still_computing_take_their_pieces_when_they_have_answered() {
    let (mut bench, round) = Bench::four();
    assert_eq!(bench.offline("b").extras(), []);
    let first = bench.gradient("d", 1, round, 5).extras();
    // Made for another one, but no agent waits for it.
    assert_eq!(samples(&first), [("d", 16, 8)]);
    let second = bench.gradient("a", 1, round, 5).extras();
    assert_eq!(samples(&second), [("a", 24, 8)]);
    bench.extra("d", round, first[0].1);
    bench.extra("a", round, second[0].1);
    assert_eq!(bench.gradient("c", 1, round, 5).closed[0].samples, 64);
}

#[test]
fn who_is_overdue_is_stood_in_for_and_the_first_whole_answer_counts() {
    for original_first in [true, false] {
        let (mut bench, round) = Bench::four();
        for name in ["a", "c", "d"] {
            bench.gradient(name, 1, round, 5);
        }
        let said = bench.tick();
        let extras = said.extras();
        assert_eq!((extras.len(), said.count(Code::Reissued), said.closed.len()), (2, 1, 0));
        bench.extra("a", round, extras[0].1);
        let said = if original_first {
            bench.gradient("b", 1, round, 5)
        } else {
            let said = bench.extra("c", round, extras[1].1);
            bench.gradient("b", 1, round, 5);
            said
        };
        let record = &said.closed[0];
        assert_eq!((record.samples, record.ending), (64, Ending::Full));
        assert_eq!(record.reissued_samples, if original_first { 0 } else { 16 });
        let counters = bench.mind.counters();
        assert_eq!(counters.late, u64::from(!original_first));
        bench.extra("c", round, extras[1].1);
        assert_eq!(bench.mind.counters().late, counters.late + 1);
    }
}

#[test]
fn a_piece_whose_holder_is_lost_too_goes_on_as_it_is() {
    let (mut bench, round) = Bench::four();
    for name in ["a", "c", "d"] {
        bench.gradient(name, 1, round, 5);
    }
    let extras = bench.offline("b").extras();
    let again = bench.offline("a").extras();
    let expected = Extra { number: 3, ..extras[0].1 };
    assert_eq!(again, [("d".to_owned(), expected)]);
    // "a" has delivered its own range, which stays.
    bench.extra("d", round, expected);
    let said = bench.extra("c", round, extras[1].1);
    assert_eq!((said.closed[0].samples, said.closed[0].agents[0].samples), (64, 16));
}

#[test]
fn a_piece_whose_holder_is_frozen_goes_on_after_a_deadline_and_the_round_has_an_end() {
    let (mut bench, round) = Bench::four();
    for name in ["a", "c", "d"] {
        bench.gradient(name, 1, round, 5);
    }
    let begun = bench.now;
    assert_eq!(bench.tick().extras().len(), 2);
    let said = bench.tick();
    assert_eq!(samples(&said.extras()), [("a", 24, 8), ("c", 16, 8)], "to others than before");
    let said = bench.until_closed();
    assert_eq!((said.closed[0].samples, said.closed[0].ending), (48, Ending::Partial));
    let deadline = bench.mind.plan().patience.first_deadline;
    assert!(bench.now.since(begun) <= 3 * deadline);
}

#[test]
fn a_range_is_asked_for_again_when_its_holder_announces_itself() {
    let (mut bench, round) = Bench::four();
    for name in ["a", "c", "d"] {
        bench.gradient(name, 1, round, 5);
    }
    let extras = bench.offline("b").extras();
    assert_eq!(bench.join("a", 1).extras(), [extras[0].clone()]);
    assert_eq!(bench.join("d", 1).extras(), [], "it holds none");
    bench.extra("a", round, extras[0].1);
    assert_eq!(bench.join("a", 1).extras(), []);
    // It has forgotten model and piece.
    let moved = bench.join("c", 2).extras();
    assert_eq!(samples(&moved), [("a", 24, 8)]);
    bench.pass(10);
    let again = bench.handle(Input::Connected { session_present: false }).extras();
    assert_eq!(again, moved);
}

#[test]
fn an_agent_that_starts_again_in_the_round_is_stood_in_for_and_may_still_answer() {
    let (mut bench, round) = Bench::four();
    bench.gradient("a", 1, round, 5);
    let said = bench.join("b", 2);
    assert_eq!((samples(&said.extras()), said.count(Code::Reissued)), (vec![("a", 16, 8)], 1));
    bench.gradient("c", 1, round, 5);
    bench.gradient("d", 1, round, 5);
    let said = bench.gradient("b", 2, round, 5);
    assert_eq!((said.closed[0].samples, said.closed[0].reissued_samples), (64, 0));
}

#[test]
fn wrong_answers_to_a_piece_do_not_count() {
    let (mut bench, round) = Bench::four();
    for name in ["a", "c", "d"] {
        bench.gradient(name, 1, round, 5);
    }
    let (_, extra) = bench.offline("b").extras()[0].clone();
    let right = gradient(round, extra.offset, extra.samples);
    let rejected = bench.mind.counters().rejected.total();
    bench.answer("a", 5, heijunka_wire::Gradient { samples: 7, ..right });
    bench.answer("a", 5, heijunka_wire::Gradient { session: 2, ..right });
    assert_eq!(bench.mind.counters().rejected.total(), rejected + 2);
    bench.answer("d", 5, right);
    assert_eq!(bench.mind.counters().reissued, 0, "it was not asked");
    bench.answer("a", 5, right);
    bench.answer("a", 5, right);
    assert_eq!((bench.mind.counters().reissued, bench.mind.counters().duplicate), (1, 1));
}

#[test]
fn with_the_mean_over_agents_nothing_is_handed_out() {
    let plan = Plan { batch_samples: 64, policy: PolicyName::Dynamic, ..plan() };
    let (mut bench, said) = Bench::training_by(plan, &NAMES);
    let round = said.rounds()[0];
    for name in ["a", "c", "d"] {
        bench.gradient(name, 1, round, 5);
    }
    let said = bench.offline("b");
    assert_eq!((said.extras(), said.closed[0].samples), (vec![], 48));
}

#[test]
fn those_who_sit_out_stand_in_if_nobody_else_is_left() {
    for probe in [0, 3] {
        let script = Script { shares: vec![(32, 0), (32, 0), (0, probe), (0, 0)], ..Script::default() };
        let (mut staged, said) = Staged::new(Plan { batch_samples: 64, ..plan() }, &NAMES, script);
        let (bench, round) = (&mut staged.bench, said.rounds()[0]);
        bench.gradient("a", 1, round, 5);
        assert_eq!(bench.offline("a").extras(), []);
        let mut extras = bench.offline("b").extras();
        assert!(extras.iter().all(|(to, _)| to == "c" || to == "d"), "{extras:?}");
        let mut closed = Vec::new();
        while let Some((to, extra)) = extras.pop() {
            let said = bench.extra(&to, round, extra);
            extras.extend(said.extras());
            closed.extend(said.closed);
        }
        assert_eq!((closed[0].samples, closed[0].reissued_samples), (64, 32));
    }
}

#[test]
fn there_are_never_more_pieces_than_agents() {
    let (mut bench, round) = Bench::four();
    bench.gradient("a", 1, round, 5);
    let mut computed = std::collections::BTreeSet::new();
    let mut extras = Vec::new();
    for name in ["b", "c", "d"] {
        extras.extend(bench.offline(name).extras());
    }
    let mut closed = Vec::new();
    while let Some((to, extra)) = extras.pop() {
        assert!(computed.insert(extra.offset));
        let said = bench.extra(&to, round, extra);
        extras.extend(said.extras());
        closed.extend(said.closed);
    }
    assert!(computed.len() <= 4, "{computed:?}");
    assert_eq!((closed[0].samples, closed[0].reissued_samples), (64, 48));
}
