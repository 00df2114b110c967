//! From files to rows that can be computed on, within the memory there is.

use crate::config::Valid;
use crate::failure::data_failure;
use crate::memory::Needs;
use heijunka_compute::{RUNS, Settled, Uncomputable};
use heijunka_data::{Dataset, Source, Table};
use heijunka_settings::{Exit, Failure, Size};
use heijunka_units::AgentId;
use heijunka_wire::Spec;
use heijunka_wire::document::{Document, Job};
use heijunka_worker::Prepared;
use tracing::info;

/// What is read, and by whom.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    pub(crate) source: Source,
    agent: AgentId,
    /// `[limits] memory`
    memory_bytes: u64,
    threads: usize,
}

/// Data encoded for a fitted job.
pub(crate) struct Ready {
    pub(crate) dataset: Dataset,
    pub(crate) settled: Settled,
}

/// Rows that can be computed on, and what the aggregator learns of them.
pub(crate) struct Fresh {
    pub(crate) ready: Ready,
    pub(crate) prepared: Prepared,
}

/// The job's document.
pub(crate) fn job(document: &[u8]) -> Result<Job, Failure> {
    Job::from_bytes(document)
        .map_err(|error| Failure::new(Exit::Config, "the job's description cannot be used").why(error.to_string()))
}

impl Reading {
    pub(crate) fn new(valid: &Valid) -> Self {
        Self {
            source: valid.source.clone(),
            agent: valid.agent.clone(),
            memory_bytes: valid.memory_bytes,
            threads: valid.threads.min(RUNS),
        }
    }

    /// Reads the files.
    pub(crate) fn table(&self) -> Result<(Table, Needs), Failure> {
        let table = Table::read(&self.source).map_err(data_failure)?;
        let needs = Needs { rows: table.rows() as u64, table_bytes: table.memory_bytes(), ..Needs::default() };
        needs.check(self.memory_bytes)?;
        Ok((table, needs))
    }

    /// Reads the files and encodes them for a fitted job.
    pub(crate) fn fresh(&self, spec: &Spec, document: &[u8]) -> Result<Fresh, Failure> {
        let (table, needs) = self.table()?;
        self.encode(&table, needs, spec, &job(document)?)
    }

    /// Encodes a table for a fitted job.
    pub(crate) fn encode(&self, table: &Table, needs: Needs, spec: &Spec, job: &Job) -> Result<Fresh, Failure> {
        let dataset = table.encode(job).map_err(data_failure)?;
        let parameters = spec.model.parameters().unwrap_or(usize::MAX) as u64;
        let needs = Needs { encoded_bytes: dataset.memory_bytes(), parameters, threads: self.threads as u64, ..needs };
        needs.check(self.memory_bytes)?;
        info!("the job needs {}; [limits] memory is {}", needs.words(), Size::from_bytes(self.memory_bytes));
        let (rows, held_out_rows) = (dataset.train.len() as u64, dataset.held_out.len() as u64);
        let prepared = Prepared { spec: spec.content, rows, held_out_rows, data_digest: dataset.digest };
        let settled = Settled::new(spec, job, &self.agent, rows).map_err(cannot_compute)?;
        Ok(Fresh { ready: Ready { dataset, settled }, prepared })
    }
}

/// The job's model is not one that this agent can compute.
fn cannot_compute(error: Uncomputable) -> Failure {
    let failure = Failure::new(Exit::Config, "this agent cannot compute the job's model").why(error.to_string());
    match error {
        Uncomputable::Opaque { .. } => failure.fix("join this job with the program that it was made for"),
        Uncomputable::Unsettled | Uncomputable::Shape(_) => failure,
    }
}
