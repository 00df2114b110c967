//! Tries everything that `run` needs, one line each.

use crate::config::Valid;
use crate::engine::data_failure;
use crate::memory::Needs;
use heijunka_bus::{BusEvent, Probed, probe};
use heijunka_data::Table;
use heijunka_settings::{Exit, Failure, Size};
use heijunka_wire::document::{Document, Job};
use heijunka_wire::{Body, Channel, Topics, decode};
use std::time::Duration;

/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long to listen for the job's aggregator.
const LISTEN: Duration = Duration::from_secs(2);

/// Prints a line for each thing that works; the first one that does not is the failure.
pub(crate) fn check(valid: &Valid) -> Result<(), Failure> {
    println!("ok  {}: settings", valid.path.display());
    let table = Table::read(&valid.source).map_err(data_failure)?;
    let needs = Needs { rows: table.rows() as u64, table_bytes: table.memory_bytes(), ..Needs::default() };
    needs.check(valid.memory_bytes)?;
    let file = valid.source.paths.first().map(|path| path.display().to_string()).unwrap_or_default();
    println!("ok  {file}: {} rows, {} columns", table.rows(), table.column_names().count());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Unavailable, "no runtime").why(error.to_string()))?;
    let job = runtime.block_on(broker(valid))?;
    let Some(job) = job else {
        println!("ok  no aggregator of job {} is heard yet: the agent would wait for it", valid.job);
        return Ok(());
    };
    let usage = table.usage(&job).map_err(data_failure)?;
    match job.fitted {
        Some(_) => {
            let dataset = table.encode(&job).map_err(data_failure)?;
            let needs = Needs { encoded_bytes: dataset.memory_bytes(), ..needs };
            needs.check(valid.memory_bytes)?;
            println!("ok  memory: {}, [limits] memory is {}", needs.words(), Size::from_bytes(valid.memory_bytes));
        }
        None => table.survey(&job).map(drop).map_err(data_failure)?,
    }
    println!("ok  job {}: {usage}", valid.job);
    Ok(())
}

/// Tries the broker, then listens for the job.
async fn broker(valid: &Valid) -> Result<Option<Job>, Failure> {
    let topics = Topics::new(valid.site.clone(), valid.job.clone());
    let echo = topics.of(Channel::AgentStatus, &valid.agent);
    let mut config = valid.bus.clone();
    config.subscriptions = vec![
        topics.common(Channel::Spec).to_string(),
        topics.of(Channel::Assign, &valid.agent).to_string(),
        topics.common(Channel::Round).to_string(),
        topics.of(Channel::Extra, &valid.agent).to_string(),
        topics.of(Channel::Snapshot, &valid.agent).to_string(),
    ];
    let address = format!("{}:{}", config.host, config.port);
    let payload = format!("{{\"check\":{}}}", std::process::id()).into();
    let told = |step| match step {
        Probed::Connected => println!("ok  {address}: broker reached, login accepted"),
        Probed::Subscribed => println!("ok  the job's topics may be read"),
        Probed::Echoed => println!("ok  {echo}: written and read back"),
    };
    let tried = probe(config.clone(), echo.as_str(), payload, PATIENCE, told).await;
    tried.map_err(|error| valid.unavailable(format!("broker {address}: {error}")))?;
    config.client_id += "-check";
    config.session_expiry = Duration::ZERO;
    let (bus, mut events) =
        heijunka_bus::start(config).map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    let mut document = Vec::new();
    let heard = tokio::time::timeout(LISTEN, async {
        while let Some(event) = events.next().await {
            let BusEvent::Message(message) = event else { continue };
            let Ok(frame) = decode(&message.payload) else { continue };
            let Body::Spec(spec) = frame.body else { continue };
            // Retained chunks come in the order in which they were published; only the last one is retained, so a job
            // of several chunks is heard when the aggregator says it again.
            if let Some((begin, bytes)) = spec.part.range().filter(|(begin, _)| *begin <= document.len()) {
                document.truncate(begin);
                document.extend_from_slice(frame.payload);
                if begin + bytes == spec.part.total_bytes as usize {
                    return Job::from_bytes(&document).ok();
                }
            }
        }
        None
    })
    .await;
    bus.close(Duration::from_secs(1)).await;
    Ok(heard.unwrap_or(None))
}
