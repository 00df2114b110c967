//! An agent that may not take part learns why, and does not delay the others.

use crate::helpers::{small, sound};
use heijunka_round::Code;
use heijunka_sim::{Record, run};
use heijunka_wire::Refusal;
use heijunka_worker::Note;
use std::time::Duration;

fn refused(record: &Record) -> Vec<(&str, Refusal)> {
    let refusal = |note: &Note| if let Note::Refused(refusal) = note { Some(*refusal) } else { None };
    record.notes.iter().filter_map(|(agent, note)| Some((agent.as_str(), refusal(note)?))).collect()
}

#[test]
fn other_rows_are_refused_where_data_are_shared() {
    let mut world = small(200);
    world.machines[2].other_rows = true;
    world.machines[2].starts = Duration::from_secs(6);
    let record = run(&world, 1);
    sound(&record, 1);
    assert_eq!(refused(&record), [("agent-02", Refusal::DifferentData)]);
    assert!(record.last().unwrap().count(Code::Refused) > 0);
    assert!(record.last().unwrap().rounds.iter().all(|round| round.agents.len() == 2));
}

#[test]
fn an_agent_without_rows_is_refused() {
    let mut world = small(50);
    world.machines[0].rows = Some((0, 0));
    let record = run(&world, 1);
    sound(&record, 1);
    // Once for the survey, once for the settled job.
    assert_eq!(refused(&record), [("agent-00", Refusal::NoRows); 2]);
    assert!(record.last().unwrap().rounds.iter().all(|round| round.agents.len() == 2));
}

#[test]
fn an_agent_takes_no_more_than_its_memory_holds() {
    let mut world = small(50);
    world.machines[0].samples_max = 3;
    let record = run(&world, 1);
    sound(&record, 1);
    let steps = record.last().unwrap().steps();
    assert!(steps.into_iter().all(|round| round.agents[0].samples == 3 && round.samples == 30));
}
