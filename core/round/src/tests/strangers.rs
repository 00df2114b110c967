//! Peers that talk and never work, and names without end.

use super::{Bench, Said, id, plan};
use crate::{Code, Input, Plan, RoundRecord, Why};
use core::time::Duration;
use heijunka_wire::{Channel, DataMode, Join, Refusal, limits};

/// Trains for two minutes with agents that answer after 10 ms, and "z" that announces itself every second and answers
/// nothing. Returns the rounds, and those of them that counted on "z".
fn rounds_with(bench: &mut Bench, mut news: Said, session: impl Fn(u64) -> u64) -> (u32, u32) {
    let (mut rounds, mut with, mut open) = (0, 0, None);
    for second in 0..120 {
        let spoke = bench.now;
        while bench.now < spoke + Duration::from_secs(1) {
            rounds += news.closed.len() as u32;
            let waits = |record: &&RoundRecord| record.agents.iter().any(|agent| agent.agent == id("z"));
            with += news.closed.iter().filter(waits).count() as u32;
            let (opened, extras) = (news.rounds().last().copied(), news.extras());
            news = Said::default();
            let mut more = |said: Said| {
                news.frames.extend(said.frames);
                news.closed.extend(said.closed);
            };
            if let Some(round) = opened {
                bench.pass(10);
                ["a", "b"].iter().for_each(|name| more(bench.gradient(name, 1, round, 5)));
                open = Some(round);
            } else if let (Some(round), false) = (open, extras.is_empty()) {
                extras.into_iter().for_each(|(to, extra)| more(bench.extra(&to, round, extra)));
            } else {
                let until = bench.wait.min(spoke + Duration::from_secs(1));
                bench.now = bench.now.max(until);
                more(bench.handle(Input::Tick));
            }
        }
        let said = bench.join("z", session(second));
        news.frames.extend(said.frames);
        news.closed.extend(said.closed);
    }
    (rounds, with)
}

#[test]
fn an_agent_that_only_announces_itself_does_not_hold_up_the_others_for_long() {
    for data_mode in [DataMode::Shared, DataMode::Private] {
        for starts_again in [false, true] {
            let mut plan = plan();
            plan.until.rounds = u64::MAX;
            plan.job.data_mode = data_mode;
            let (mut bench, said) = Bench::training_by(plan, &["a", "b"]);
            let (rounds, with) = rounds_with(&mut bench, said, |second| if starts_again { second } else { 1 });
            assert!(with > 0, "it is given its chances: {data_mode:?}, {starts_again}");
            assert!(rounds > 4000, "{rounds} rounds in two minutes, {with} with it: {data_mode:?}, {starts_again}");
        }
    }
}

#[test]
fn a_full_list_lets_go_of_who_is_gone() {
    let (mut bench, _) = Bench::training(&["a", "b"]);
    let ghost = |number: usize| format!("ghost-{number}");
    for number in 2..limits::AGENTS_MAX {
        bench.join(&ghost(number), 1);
    }
    let refused = |said: &Said, name: &str| said.refusal(name);
    assert_eq!(refused(&bench.join("c", 1), "c"), Some(Refusal::Full));
    bench.pass(1000);
    bench.handle(Input::Offline { agent: &id("ghost-7") });
    let said = bench.join("c", 1);
    assert_eq!(refused(&said, "c"), None, "{said:?}");
    assert_eq!(bench.mind.members().count(), limits::AGENTS_MAX);
    assert!(bench.mind.members().all(|member| member.agent != id("ghost-7")));
}

#[test]
fn made_up_names_do_not_fill_the_broker() {
    let (mut bench, _) = Bench::training(&["a", "b"]);
    let mut assigned = 0;
    for number in 0..3 * limits::AGENTS_MAX {
        let said = bench.join(&format!("ghost-{number}"), 1);
        assigned += said.frames.iter().filter(|(channel, _, _)| *channel == Channel::Assign).count();
    }
    assert!(assigned <= 2 * limits::AGENTS_MAX, "{assigned}");
}

#[test]
fn the_first_agents_rows_do_not_bind_those_who_stay() {
    let mut bench = Bench::new(plan());
    for name in ["a", "b", "wrong"] {
        bench.join(name, 1);
        bench.survey(name, 1, &super::survey());
    }
    bench.tick();
    let wrong = Join { data_digest: 7, ..bench.joining(1) };
    bench.send_join("wrong", 5, wrong);
    assert_eq!(bench.join("a", 1).refusal("a"), Some(Refusal::DifferentData));
    bench.handle(Input::Offline { agent: &id("wrong") });
    for name in ["a", "b"] {
        assert_eq!(bench.join(name, 2).refusal(name), None);
    }
    // With the file that the others have it may come back, with its own not.
    let said = bench.send_join("wrong", 5, Join { session: 2, ..wrong });
    assert_eq!(said.refusal("wrong"), Some(Refusal::DifferentData));
    assert_eq!(bench.join("wrong", 3).refusal("wrong"), None);
}

#[test]
fn no_answer_to_anything_that_does_not_count() {
    let plan = Plan { batch_samples: 64, ..plan() };
    let (mut bench, said) = Bench::training_by(plan, &["a", "b"]);
    let round = said.rounds()[0];
    let sound = super::gradient(round, 0, bench.shares[&id("a")].samples);
    let before = bench.mind.counters();
    for wrong in [
        heijunka_wire::Gradient { session: 2, ..sound },
        heijunka_wire::Gradient { samples: sound.samples - 1, ..sound },
        heijunka_wire::Gradient { round: heijunka_units::RoundId(u64::MAX), ..sound },
        heijunka_wire::Gradient { allocation: heijunka_units::AllocationVersion(u32::MAX), ..sound },
        heijunka_wire::Gradient { offset: limits::OFFSET_MAX, ..sound },
    ] {
        bench.answer("a", 5, wrong);
    }
    for values in [[f32::NAN, 0.0], [f32::INFINITY, 0.0], [0.0, f32::NEG_INFINITY]] {
        bench.answer_with("a", 5, sound, &values);
    }
    let counters = bench.mind.counters();
    assert_eq!((counters.accepted, counters.rejected.total()), (before.accepted, before.rejected.total() + 8));
    let reasons = [Why::OtherSession, Why::WrongSamples, Why::UnknownRound, Why::OtherShares, Why::NotAsked];
    assert_eq!(reasons.map(|why| counters.rejected.of(why) - before.rejected.of(why)), [1; 5]);
    assert_eq!(counters.rejected.of(Why::DamagedContent), before.rejected.of(Why::DamagedContent) + 3);
    bench.answer("a", 5, sound);
    bench.answer("a", 5, sound);
    let counters = bench.mind.counters();
    assert_eq!((counters.accepted, counters.duplicate), (before.accepted + 1, before.duplicate + 1));
}

#[test]
fn an_agent_of_another_version_is_named_once_with_what_to_do() {
    let mut bench = Bench::new(plan());
    let mut send = |name: &str, version| {
        let bytes = [version, 1, 0, 0, 9, 9];
        let said = bench.handle(Input::Frame { channel: Channel::Join, agent: Some(&id(name)), bytes: &bytes });
        said.events.into_iter().map(|event| (event.code(), event.to_string(), event.fix())).collect::<Vec<_>>()
    };
    let message = "old was refused: it sent a message of protocol version 1, this aggregator speaks 2";
    let fix = "install the same release of aggregator and agents";
    assert_eq!(send("old", 1), [(Code::Refused, message.into(), Some(fix))]);
    assert_eq!((send("old", 1), send("noise", 200)), (vec![], vec![]));
    let rejected = bench.mind.counters().rejected.total();
    assert_eq!(rejected, 3);
}
