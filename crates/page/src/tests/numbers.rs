//! What is remembered, and the numbers and words made of it.

use super::{TIME, event, part, record, snapshot};
use crate::board::{Board, EVENTS_KEPT, ROUNDS_KEPT};
use crate::metrics::metrics;
use crate::snapshot::{AgentView, Snapshot};
use crate::state::{Sent, state};
use crate::words::{Pace, line, why};
use heijunka_round::{Ending, Event, OwnLimits};
use heijunka_units::AgentId;
use heijunka_wire::{Purpose, Refusal};
use serde_json::Value;

fn view(board: &Board, name: &str, share_samples: u32) -> AgentView {
    let agent = AgentId::new(name).unwrap();
    let history = board.agents.get(&agent).cloned().unwrap_or_default();
    let (recent, recent_missed) = history.recent();
    let (why, outlook, machine, limits) = (String::new(), None, None, OwnLimits::default());
    let (online, rows) = (true, 10);
    AgentView { agent, online, rows, share_samples, limits, recent, recent_missed, history, why, outlook, machine }
}

fn json(board: &Board, sent: &mut Sent) -> Value {
    serde_json::from_slice(&state(&snapshot(board), sent)).unwrap()
}

#[test]
fn memory_is_bounded_and_warnings_outlast_good_news() {
    let mut board = Board::default();
    board.add_event(&event("look here"), TIME.to_owned());
    for step in 0..2 * ROUNDS_KEPT as u64 {
        board.add(&record(Purpose::Train, 0.1, vec![part("a", 8, 0.1, 0.1)]), step);
        board.add_event(&Event::Started { agents: 2 }, TIME.to_owned());
    }
    assert!((ROUNDS_KEPT / 2..=ROUNDS_KEPT).contains(&board.rounds.points().len()));
    assert_eq!((board.recent.len(), board.events.len()), (ROUNDS_KEPT, EVENTS_KEPT));
    assert_eq!(board.events[0].event, event("look here"));
    assert_eq!(board.sums.rounds[0], 2 * ROUNDS_KEPT as u64);
    for agent in 0..3000 {
        board.add(&record(Purpose::Train, 0.1, vec![part(&format!("agent-{agent}"), 8, 0.1, 0.1)]), 1);
    }
    assert!(board.agents.len() <= 1024 && board.names.len() <= 1024);
    assert!(board.shares.points().len() <= 200 && board.columns.len() <= 40);
}

#[test]
fn a_browser_is_told_once() {
    let mut board = Board::default();
    board.add_event(&Event::Started { agents: 2 }, TIME.to_owned());
    board.add(&record(Purpose::Train, 0.1, vec![part("a", 8, 0.1, 0.1), part("b", 0, 0.0, 0.0)]), 1);
    let mut sent = Sent::default();
    let first = json(&board, &mut sent);
    assert_eq!((first["whole"].as_bool(), &first["rounds"][0]["round"]), (Some(true), &1.into()));
    assert_eq!(first["events"][0]["message"], "training begins with 2 agents");
    assert_eq!((&first["names"][0], &first["shares"][0]["samples"][0]), (&"a".into(), &8.into()));
    assert_eq!(
        first["columns"][0]["seconds"],
        serde_json::json!([[0.1, 0.0, 0.0], [0.0, 0.0, 0.0]]),
        "b did not answer"
    );
    let none = json(&board, &mut sent);
    assert_eq!(none, serde_json::json!({ "whole": false }), "nothing is sent twice");
    board.add(&record(Purpose::Train, 0.2, vec![part("a", 8, 0.2, 0.1)]), 2);
    board.add(&record(Purpose::Score, 0.2, Vec::new()), 2);
    let more = json(&board, &mut sent);
    assert_eq!(more["rounds"].as_array().unwrap().len(), 1);
    assert_eq!((&more["rounds"][0]["seconds"], &more["rounds"][0]["loss"]), (&0.2.into(), &0.5.into()));
    assert_eq!((&more["scores"][0]["accuracy"], &more["score"]["accuracy"]), (&0.75.into(), &0.75.into()));
    assert_eq!(more["site"], Value::Null, "it has not changed");
}

#[test]
fn each_agent_is_told_what_holds_it_back() {
    let mut board = Board::default();
    let agents = || vec![part("far", 10, 0.42, 0.11), part("fast", 10, 0.1, 0.09), part("slow", 10, 0.5, 0.49)];
    for step in 0..3 {
        board.add(&record(Purpose::Train, 0.5, agents()), step);
    }
    let mut lost = record(Purpose::Train, 0.5, vec![part("far", 0, 0.0, 0.0)]);
    lost.ending = Ending::Partial;
    board.add(&lost, 4);
    let views = [view(&board, "far", 10), view(&board, "fast", 10), view(&board, "slow", 10)];
    let pace = Pace::of(&views);
    let said = views.each_ref().map(|view| why(view, pace.as_ref()));
    assert_eq!(said[0], "limited by its network: 310 of 420 ms; no answer in 1 of the last 4 rounds");
    assert_eq!(said[1], "mostly waits for slow: 400 of 500 ms; computing 90.0 ms, network 10.0 ms");
    assert_eq!(said[2], "limited by computing: 490 of 500 ms, 49.0 ms per sample; sets the pace");
    assert_eq!(why(&view(&board, "new", 0), pace.as_ref()), "no round measured yet");
    assert_eq!(why(&AgentView { online: false, ..view(&board, "far", 10) }, pace.as_ref()), "offline");
    assert_eq!(why(&view(&board, "fast", 0), pace.as_ref()), "has no share");
    let limited = OwnLimits { away: false, cpu_share_percent: 30, uplink_bytes_per_s: 250_000 };
    let own = |name| why(&AgentView { limits: limited, ..view(&board, name, 10) }, pace.as_ref());
    assert!(own("far").starts_with("limited by its network and its setting uplink = 2000 kbit/s: 310 of 420 ms"));
    assert!(own("slow").starts_with("limited by its setting cpu_share_percent = 30: computing 490 of 500 ms"));
    let away = OwnLimits { away: true, ..limited };
    let said = why(&AgentView { limits: away, online: false, ..view(&board, "far", 10) }, pace.as_ref());
    assert_eq!(said, "away: outside its training hours, it returns by itself");
}

#[test]
fn the_first_line_says_what_stops_the_job() {
    let board = Board::default();
    let said = |phase, change: &dyn Fn(&mut Snapshot)| {
        let mut snapshot = Snapshot { phase, ..snapshot(&board) };
        snapshot.agents = vec![view(&board, "a", 8), view(&board, "b", 8)];
        change(&mut snapshot);
        line(&snapshot, None)
    };
    let first = said("surveying", &|_| {});
    assert_eq!(first, "Agents are describing their data.");
    let why = Some("column 'x' is missing (see b); correct [task]".to_owned());
    let stuck = said("surveying", &|snapshot| snapshot.obstacle.clone_from(&why));
    assert_eq!(stuck, "The job cannot begin: column 'x' is missing (see b); correct [task].");
    let few = said("surveying", &|snapshot| {
        snapshot.obstacle.clone_from(&why);
        snapshot.agents.pop();
    });
    assert_eq!(few, "Waiting for agents: 1 of 2 online.");
    let mut gone = Board::default();
    let id = |name| AgentId::new(name).unwrap();
    gone.add_event(&Event::Refused { agent: id("a"), refusal: Refusal::NoRows }, TIME.to_owned());
    gone.add_event(&Event::Unable { agent: id("b"), reason: "column 'fault' missing".into() }, TIME.to_owned());
    gone.add_event(&Event::Left { agent: id("c") }, TIME.to_owned());
    let missing = said("surveying", &|snapshot| {
        snapshot.events.clone_from(&gone.events);
        snapshot.agents.pop();
    });
    assert_eq!(missing, "Waiting for agents: 1 of 2 online. b does not take part: column 'fault' missing.");
    assert_eq!(said("training", &|snapshot| snapshot.step = 7), "Training: round 7 of 100.");
    let in_vain = said("training", &|snapshot| (snapshot.step, snapshot.in_vain) = (7, 3));
    assert!(in_vain.starts_with("Training makes no progress: round 8 was repeated 3 times"), "{in_vain}");
    let paused = said("paused", &|snapshot| drop(snapshot.agents.pop()));
    assert!(paused.starts_with("Paused: training needs 2 agents, and 1 is here"), "{paused}");
}

#[test]
fn rounds_given_up_are_counted_until_one_succeeds() {
    let mut board = Board::default();
    let mut given_up = record(Purpose::Train, 0.1, vec![part("a", 0, 0.0, 0.0)]);
    given_up.ending = Ending::GivenUp;
    for in_vain in 1..=2 {
        board.add(&given_up, 7);
        assert_eq!((board.in_vain, given_up.number()), (in_vain, 2), "the number of the one that will succeed");
    }
    let succeeded = record(Purpose::Train, 0.1, vec![part("a", 8, 0.1, 0.1)]);
    board.add(&succeeded, 8);
    assert_eq!((board.in_vain, succeeded.number()), (0, 1));
}

#[test]
fn shares_follow_who_is_asked() {
    let mut board = Board::default();
    let both = || vec![part("a", 8, 0.1, 0.1), part("b", 8, 0.1, 0.1)];
    board.add(&record(Purpose::Train, 0.1, both()), 1);
    // The move itself is reported with a scoring.
    board.add(&record(Purpose::Score, 0.1, Vec::new()), 1);
    board.add(&record(Purpose::Train, 0.1, vec![part("a", 16, 0.1, 0.1)]), 2);
    board.add(&record(Purpose::Train, 0.1, vec![part("a", 16, 0.1, 0.1)]), 3);
    let shares: Vec<_> = board.shares.points().iter().map(|line| (line.step, line.samples.to_vec())).collect();
    assert_eq!(shares, [(1, vec![8, 8]), (2, vec![16])]);
}

#[test]
fn metrics_hold_true_numbers_in_the_text_format() {
    let mut board = Board::default();
    board.add(&record(Purpose::Train, 0.2, vec![part("a", 8, 0.15, 0.1), part("b", 0, 0.0, 0.0)]), 1);
    board.add(&record(Purpose::Train, 100.0, vec![part("a", 8, 100.0, 0.1)]), 2);
    board.add(&record(Purpose::Score, 0.2, Vec::new()), 2);
    let mut shown = snapshot(&board);
    shown.agents = vec![view(&board, "a", 8), view(&board, "b", 0)];
    shown.obstacle = Some("the agents' columns differ".into());
    let text = metrics(&shown);
    for line in [
        "heijunka_job_info{site=\"plant \\\"1\\\"\",job=\"steel\",policy=\"\",data=\"\"} 1",
        "heijunka_phase{phase=\"training\"} 1",
        "heijunka_phase{phase=\"paused\"} 0",
        "heijunka_rounds_total{ending=\"full\"} 2",
        "heijunka_scoring_rounds_total 1",
        "heijunka_cannot_begin 1",
        "heijunka_round_duration_seconds_bucket{le=\"0.1\"} 0",
        "heijunka_round_duration_seconds_bucket{le=\"0.25\"} 1",
        "heijunka_round_duration_seconds_bucket{le=\"60\"} 1",
        "heijunka_round_duration_seconds_bucket{le=\"+Inf\"} 2",
        "heijunka_round_duration_seconds_sum 100.2",
        "heijunka_sent_bytes_total 300",
        "heijunka_samples_total 16",
        "heijunka_accuracy_ratio 0.75",
        "heijunka_agent_answered_rounds_total{agent=\"a\"} 2",
        "heijunka_agent_missed_rounds_total{agent=\"b\"} 1",
        "heijunka_agent_compute_seconds_total{agent=\"a\"} 0.2",
        "heijunka_agent_share_samples{agent=\"a\"} 8",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let mut once = names.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(names.len(), once.len(), "a family is described once");
}
