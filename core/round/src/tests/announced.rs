//! Agents' own limits: hours, and what is planned for before anything is measured.

use super::*;
use crate::Level;
use heijunka_units::Samples;

/// One agent is enough.
fn lone() -> Plan {
    Plan { patience: Patience { min_agents: 1, ..Patience::default() }, ..plan() }
}

fn away(bench: &mut Bench, name: &str) -> Said {
    let join = Join { away_s: 8 * 3600, ..bench.joining(1) };
    bench.send_join(name, 5, join)
}

fn gone(bench: &mut Bench, name: &str) -> Said {
    bench.handle(Input::Offline { agent: &id(name) })
}

fn shares(bench: &Bench) -> Vec<Samples> {
    bench.mind.members().map(|member| member.share_samples).collect()
}

#[test]
fn who_takes_leave_answers_and_is_missed_by_nobody() {
    let (mut bench, said) = Bench::training_by(lone(), &["a", "b"]);
    let first = said.rounds()[0];
    let seen = away(&mut bench, "a");
    assert_eq!((seen.count(Code::Away), seen.count(Code::Left)), (1, 0));
    assert_eq!(seen.events, [Event::Away { agent: id("a"), for_s: 8 * 3600 }]);
    assert_eq!(seen.assigns("a").len(), 1, "the receipt");
    assert_eq!(away(&mut bench, "a").events, [], "it is reported once");
    bench.gradient("a", 1, first, 5);
    let closed = bench.gradient("b", 1, first, 5);
    assert_eq!(closed.closed[0].ending, Ending::Full);
    let next = closed.rounds()[0];
    assert!(next.allocation > first.allocation);
    assert_eq!(gone(&mut bench, "a").events, []);
    let closed = bench.gradient("b", 1, next, 5);
    assert_eq!((closed.closed[0].ending, closed.closed[0].agents.len()), (Ending::Full, 1));
    // It comes back in a new session.
    let back = bench.join("a", 2);
    assert_eq!(back.count(Code::Joined), 1);
    let closed = bench.gradient("b", 1, closed.rounds()[0], 5);
    assert!(shares(&bench).iter().all(|samples| *samples > 0), "{closed:?}");
}

#[test]
fn what_who_takes_leave_leaves_undone_is_for_others() {
    let (mut bench, said) = Bench::training_by(lone(), &["a", "b"]);
    let first = said.rounds()[0];
    away(&mut bench, "a");
    bench.gradient("b", 1, first, 5);
    let left = gone(&mut bench, "a");
    assert_eq!((left.count(Code::Reissued), left.count(Code::Left)), (1, 0));
}

#[test]
fn a_job_whose_agents_are_all_away_pauses_and_goes_on() {
    let (mut bench, said) = Bench::training_by(lone(), &["a", "b"]);
    let first = said.rounds()[0];
    away(&mut bench, "a");
    away(&mut bench, "b");
    bench.gradient("a", 1, first, 5);
    let said = bench.gradient("b", 1, first, 5);
    assert_eq!((said.closed.len(), bench.mind.phase()), (1, Phase::Paused));
    let paused = said.events.iter().find(|event| event.code() == Code::Paused).unwrap();
    assert_eq!(*paused, Event::Paused { ready: 0, needed: 1, away: 2 });
    assert_eq!(paused.level(), Level::Info);
    gone(&mut bench, "a");
    gone(&mut bench, "b");
    let back = bench.join("b", 2);
    assert_eq!((back.count(Code::Resumed), back.rounds().len()), (1, 1));
}

/// An agent, and what it makes of an ordinary join.
type Announced = (&'static str, fn(Join) -> Join);

/// A job that begins when these have joined.
fn begun(plan: Plan, joins: &[Announced]) -> (Bench, Said) {
    let mut bench = Bench::new(Plan { batch_samples: 90, policy: PolicyName::Adaptive, ..plan });
    for (name, _) in joins {
        bench.join(name, 1);
        bench.survey(name, 1, &survey());
    }
    bench.tick();
    let mut said = Said::default();
    for (name, change) in joins {
        let join = change(bench.joining(1));
        said = bench.send_join(name, 5, join);
    }
    assert_eq!(bench.mind.phase(), Phase::Training);
    (bench, said)
}

#[test]
fn first_shares_follow_what_agents_announce_and_later_ones_what_was_measured() {
    let joins: [Announced; 3] = [
        ("a", |join| Join { cpu_share_percent: 25, ..join }),
        ("b", |join| Join { threads: 2, ..join }),
        ("c", |join| join),
    ];
    let (mut bench, mut said) = begun(plan(), &joins);
    assert_eq!(shares(&bench), [7, 55, 28]);
    // Whatever they said, they are equally fast.
    for _ in 0..30 {
        let round = said.rounds()[0];
        let mut answers: Vec<(Samples, &str)> =
            ["a", "b", "c"].map(|name| (bench.shares[&id(name)].samples, name)).to_vec();
        answers.sort_unstable();
        let mut before = 0;
        for (samples, name) in answers {
            bench.pass(u64::from(samples - before));
            before = samples;
            said = bench.gradient(name, 1, round, 5);
        }
    }
    assert!(shares(&bench).iter().all(|samples| (28..=32).contains(samples)), "{:?}", shares(&bench));
}

#[test]
fn a_capped_uplink_has_a_shorter_codec_and_a_smaller_share_from_the_first_round_on() {
    let joins: [Announced; 2] = [("a", |join| Join { uplink_bytes_per_s: 8, ..join }), ("b", |join| join)];
    let auto = Compact { gradient: None, ..Compact::default() };
    let (bench, said) = begun(Plan { compact: auto, ..plan() }, &joins);
    let codec = |name: &str| bench.shares[&id(name)].codec;
    assert_eq!((codec("a"), codec("b")), (Codec::Int4, Codec::Float32));
    let seen = said.events.iter().find(|event| event.code() == Code::CodecPlanned).unwrap();
    let message =
        "a sends at most 64 bit/s, which would take 1000 ms for a gradient in full: its gradients are written as int4";
    assert_eq!(seen.to_string(), message);
    assert!(shares(&bench)[0] < shares(&bench)[1]);
    let (bench, _) = begun(plan(), &joins);
    assert_eq!(bench.shares[&id("a")].codec, Codec::Float32, "a codec that the settings name stays");
    assert_eq!(shares(&bench), [30, 60], "the answer takes a second");
}
