//! Tests of the page without a network, and of the server over loopback.

mod browser;
mod numbers;
mod pictures;
mod serving;

use super::board::Board;
use super::snapshot::{Facts, Snapshot};
use heijunka_round::{AgentRound, Ending, Event, Judge, RoundRecord};
use heijunka_units::{AgentId, ModelVersion, RoundId};
use heijunka_wire::Purpose;
use heijunka_wire::document::Scores;
use std::sync::Arc;

/// An agent's part: samples, seconds until its answer, seconds in its hands.
fn part(name: &str, samples: u32, total_s: f64, own_s: f64) -> AgentRound {
    AgentRound {
        agent: AgentId::new(name).unwrap(),
        assigned: samples.max(1),
        samples,
        reissued: 0,
        total_s,
        compute_s: own_s,
        own_s,
    }
}

fn record(purpose: Purpose, seconds: f64, agents: Vec<AgentRound>) -> RoundRecord {
    RoundRecord {
        round: RoundId(1),
        purpose,
        ending: Ending::Full,
        model: ModelVersion(1),
        seconds,
        deadline_s: 5.0,
        between_s: 0.01,
        equal_s: 2.0 * seconds,
        loss: Some(0.5),
        learning_rate: 0.1,
        samples: agents.iter().map(|agent| agent.samples).sum(),
        reissued_samples: 0,
        agents,
        bytes_down: 100,
        bytes_up: 50,
        moved: None,
        summary: (purpose == Purpose::Score)
            .then(|| Judge { positive: Some(1), ..Judge::default() }.summary(&scores())),
        scores: (purpose == Purpose::Score).then(scores),
    }
}

fn scores() -> Scores {
    let histogram = vec![(400, [2, 0]), (500, [0, 1]), (600, [0, 1])];
    Scores { rows: 4, loss_sum: 2.0, confusion: vec![2, 0, 1, 1], histogram, ..Scores::default() }
}

/// When its events were.
const TIME: &str = "2026-12-01T12:00:00Z";

/// An event that says `message`.
fn event(message: &str) -> Event {
    Event::Repaired { what: message.to_owned() }
}

fn facts() -> Facts {
    Facts { site: "plant \"1\"".into(), job: "steel".into(), max_rounds: 100, min_agents: 2, ..Facts::default() }
}

/// A snapshot of a board, without a coordinator.
fn snapshot(board: &Board) -> Snapshot {
    Snapshot {
        sums: board.sums,
        score: board.last_score,
        rounds: board.rounds.points().clone(),
        scores: board.scores.points().clone(),
        shares: board.shares.points().clone(),
        columns: board.columns.clone(),
        names: Arc::clone(&board.names),
        events: board.events.clone(),
        phase: "training",
        connected: true,
        ..Snapshot::connecting(Arc::new(facts()))
    }
}
