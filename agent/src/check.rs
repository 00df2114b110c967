//! Tries everything that `run` needs, one line each, and continues after what fails.

use crate::config::{self, Valid};
use crate::failure::data_failure;
use crate::memory::Needs;
use heijunka_bus::{BusConfig, BusEvent, Events};
use heijunka_data::Table;
use heijunka_program::{Checklist, check_broker, runtime};
use heijunka_settings::{Exit, Failure, Size};
use heijunka_units::counted;
use heijunka_wire::document::{Document, Job};
use heijunka_wire::{Body, Channel, Topics, decode, limits};
use std::path::Path;
use std::time::Duration;

/// How long to listen for the job's aggregator.
const LISTEN: Duration = Duration::from_secs(2);

/// What was guessed in reading the data: so many lines of it are shown.
const NOTES_MAX: usize = 12;

/// Prints a line for each thing, or all of them as JSON; the worst gives the exit code.
///
/// # Errors
/// The settings cannot be read, and people are to see where.
pub(crate) fn check(path: &Path, json: bool) -> Result<Exit, Failure> {
    heijunka_program::check(path, json, config::load, look)
}

fn look(list: &mut Checklist, valid: &Valid) -> Result<(), Failure> {
    let table = data(list, valid);
    let found = runtime()?.block_on(broker(list, valid));
    match (found, table) {
        (None, _) => list.note("job", "unknown without the broker"),
        (Some(None), _) => {
            list.note("job", format!("no aggregator of {} has been found yet: the agent would wait for it", valid.job));
        }
        (Some(Some(_)), None) => list.note("job", "not compared with data that cannot be read"),
        (Some(Some(found)), Some(table)) => job(list, valid, &found, &table),
    }
    Ok(())
}

fn data(list: &mut Checklist, valid: &Valid) -> Option<Table> {
    let read = Table::read(&valid.source).map_err(data_failure);
    let read = read.and_then(|table| needs(&table).check(valid.memory_bytes).map(|()| table));
    match read {
        Ok(table) => {
            let file = valid.source.paths.first().map(|path| path.display().to_string()).unwrap_or_default();
            list.pass(
                "data",
                format!(
                    "{file}: {}, {}",
                    counted(table.rows(), "row"),
                    counted(table.column_names().count(), "column")
                ),
            );
            let notes = table.notes();
            notes.iter().take(NOTES_MAX).for_each(|note| list.note("data", note));
            if notes.len() > NOTES_MAX {
                list.note("data", "and more: heijunka-agent inspect shows all");
            }
            Some(table)
        }
        Err(failure) => {
            list.failure("data", &failure, Some(valid.places.of("data.path")));
            None
        }
    }
}

/// A job, and the largest chunk in which its aggregator sends.
struct Found {
    job: Job,
    chunk_bytes: u32,
}

fn job(list: &mut Checklist, valid: &Valid, found: &Found, table: &Table) {
    let own = limits::chunk_bytes(valid.packet_bytes_max);
    if found.chunk_bytes as usize > own {
        let text = format!(
            "the aggregator sends pieces of {} bytes, and max_packet leaves room for {own} here",
            found.chunk_bytes
        );
        let fix = "write the same max_packet in the settings of all programs of the job";
        return list.fail("job", Exit::Config, &text, fix, Some(valid.places.of("broker.max_packet")));
    }
    match tried(valid, &found.job, table) {
        Ok((usage, memory)) => {
            if let Some(memory) = memory {
                list.pass("memory", memory);
            }
            list.pass("job", format!("{}: {usage}", valid.job));
        }
        Err(failure) => list.failure("job", &failure, Some(valid.places.of("data.path"))),
    }
}

/// How the job uses the data; what memory that takes, once its columns are settled.
fn tried(valid: &Valid, job: &Job, table: &Table) -> Result<(String, Option<String>), Failure> {
    let usage = table.usage(job).map_err(data_failure)?.to_string();
    if job.fitted.is_none() {
        table.survey(job).map_err(data_failure)?;
        return Ok((usage, None));
    }
    let dataset = table.encode(job).map_err(data_failure)?;
    let needs = Needs { encoded_bytes: dataset.memory_bytes(), ..needs(table) };
    needs.check(valid.memory_bytes)?;
    let limit = Size::from_bytes(valid.memory_bytes);
    Ok((usage, Some(format!("{}, [limits] memory is {limit}", needs.words()))))
}

fn needs(table: &Table) -> Needs {
    Needs { rows: table.rows() as u64, table_bytes: table.memory_bytes(), ..Needs::default() }
}

/// Tries the broker, then listens for the job. `None`: there is no connection.
async fn broker(list: &mut Checklist, valid: &Valid) -> Option<Option<Found>> {
    let topics = Topics::new(valid.site.clone(), valid.job.clone());
    let mut config = valid.bus.clone();
    config.subscriptions = vec![
        topics.common(Channel::Spec).to_string(),
        topics.of(Channel::Assign, &valid.agent).to_string(),
        topics.common(Channel::Round).to_string(),
        topics.of(Channel::Extra, &valid.agent).to_string(),
        topics.of(Channel::Snapshot, &valid.agent).to_string(),
    ];
    let echo = topics.of(Channel::AgentStatus, &valid.agent);
    if !check_broker(list, &config, &valid.places, echo.as_str(), Some(valid.agent.as_str())).await {
        return None;
    }
    Some(listen(config).await)
}

async fn listen(mut config: BusConfig) -> Option<Found> {
    config.client_id += "-check";
    config.session_expiry = Duration::ZERO;
    let (bus, mut events) = heijunka_bus::start(config).ok()?;
    let found = tokio::time::timeout(LISTEN, spec(&mut events)).await;
    bus.close(Duration::from_secs(1)).await;
    found.ok().flatten()
}

async fn spec(events: &mut Events) -> Option<Found> {
    let mut document = Vec::new();
    while let Some(event) = events.next().await {
        let BusEvent::Message(message) = event else { continue };
        let Ok(frame) = decode(&message.payload) else { continue };
        let Body::Spec(spec) = frame.body else { continue };
        // Retained chunks come in the order in which they were published; only the last one is retained, so a job of
        // several chunks is found when the aggregator sends it again.
        if let Some((begin, bytes)) = spec.part.range().filter(|(begin, _)| *begin <= document.len()) {
            document.truncate(begin);
            document.extend_from_slice(frame.payload);
            if begin + bytes == spec.part.total_bytes as usize {
                let job = Job::from_bytes(&document).ok()?;
                return Some(Found { job, chunk_bytes: spec.part.chunk_bytes });
            }
        }
    }
    None
}
