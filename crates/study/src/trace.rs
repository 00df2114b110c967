//! Traces: what every agent's part of every round cost, as recorded by a run or by another program.
//!
//! A table with the columns `round,agent,network_s,fixed_s,seconds_per_sample`, plain or compressed with gzip: n samples
//! took network + fixed + n x a sample.

use flate2::read::MultiGzDecoder;
use heijunka_model::TRACE_COLUMNS;
use heijunka_settings::{Exit, Failure};
use heijunka_sim::Costs;
use heijunka_units::AgentId;
use heijunka_wire::limits::AGENTS_MAX;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;

/// Longest table, uncompressed, in bytes: a small file may unpack to anything.
const BYTES_MAX: u64 = 1 << 30;
/// Most rounds times agents.
const CELLS_MAX: usize = 1 << 24;
/// Longest time that a cell may hold: eleven days.
const SECONDS_MAX: f64 = 1e6;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Costs by round and agent.
#[derive(Debug, PartialEq)]
pub struct Trace {
    /// In the order of their names.
    pub agents: Vec<AgentId>,
    /// `[round][agent]`
    costs: Vec<Costs>,
    /// Rows that were not there: an agent's last known row stands for them, or its first before that.
    pub filled: usize,
    /// The file ended in the middle; what was before counts.
    pub cut_off: bool,
}

/// What is wrong with a trace, and where.
#[derive(Debug, PartialEq)]
pub struct Wrong {
    line: u64,
    column: &'static str,
    what: String,
    fix: String,
}

impl Wrong {
    fn new(line: u64, column: &'static str, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { line, column, what: what.into(), fix: fix.into() }
    }
}

/// One row of the file.
struct Row {
    round: u64,
    agent: usize,
    line: u64,
    costs: Costs,
}

impl Trace {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, Failure> {
        let cannot = |error: std::io::Error| {
            Failure::new(Exit::Unavailable, format!("cannot read {}", path.display())).why(error.to_string())
        };
        let mut file = BufReader::new(std::fs::File::open(path).map_err(cannot)?);
        let compressed = file.fill_buf().map_err(cannot)?.starts_with(&GZIP_MAGIC);
        let read = if compressed { Self::read(MultiGzDecoder::new(file)) } else { Self::read(file) };
        read.map_err(|wrong| {
            let at = format!("{}, line {}, column {}", path.display(), wrong.line, wrong.column);
            Failure::new(Exit::Config, format!("{at}: {}", wrong.what)).fix(wrong.fix)
        })
    }

    /// Reads a table that is not compressed.
    pub fn read(source: impl Read) -> Result<Self, Wrong> {
        let mut table =
            csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(source.take(BYTES_MAX));
        let header = table.headers().map_err(|error| broken(1, &error))?.clone();
        let mut places = [0; TRACE_COLUMNS.len()];
        for (place, column) in places.iter_mut().zip(TRACE_COLUMNS) {
            *place = header.iter().position(|name| name == column).ok_or_else(|| {
                Wrong::new(
                    1,
                    column,
                    "this column is missing",
                    format!("begin the file with {}", TRACE_COLUMNS.join(",")),
                )
            })?;
        }
        let (mut names, mut rows, mut cut_off) = (BTreeMap::new(), Vec::new(), false);
        for record in table.records() {
            match record {
                Ok(record) => rows.push(row(&record, places, &mut names)?),
                Err(error) if is_cut_off(&error) => cut_off = true,
                Err(error) => return Err(broken(error.position().map_or(0, csv::Position::line), &error)),
            }
            if rows.len() > CELLS_MAX || cut_off {
                break;
            }
        }
        if table.position().byte() >= BYTES_MAX || rows.len() > CELLS_MAX {
            let fix = format!("cut it to at most {CELLS_MAX} rows and {} MiB", BYTES_MAX >> 20);
            return Err(Wrong::new(table.position().line(), "round", "the trace is too long", fix));
        }
        Self { cut_off, ..Self::from_rows(rows, names)? }.checked()
    }

    fn checked(self) -> Result<Self, Wrong> {
        if self.costs.is_empty() {
            return Err(Wrong::new(
                2,
                "round",
                "the file has no rows",
                "record a run with [output] trace = \"trace.csv.gz\"",
            ));
        }
        Ok(self)
    }

    fn from_rows(mut rows: Vec<Row>, names: BTreeMap<AgentId, usize>) -> Result<Self, Wrong> {
        rows.sort_by_key(|row| (row.round, row.agent, row.line));
        if let Some([_, twice]) = rows.windows(2).find(|pair| same_place(pair)) {
            let what = format!("this agent has two rows in round {}", twice.round);
            return Err(Wrong::new(twice.line, "agent", what, "keep one row for each round and agent"));
        }
        let rounds = rows.chunk_by(|a, b| a.round == b.round).count();
        if rounds.saturating_mul(names.len()) > CELLS_MAX {
            let what = format!("{rounds} rounds of {} agents are too many", names.len());
            return Err(Wrong::new(1, "round", what, format!("at most {CELLS_MAX} rounds x agents, cut the trace")));
        }
        // Agents are numbered as they came; from here on they stand in the order of their names.
        let mut order = vec![0; names.len()];
        let mut known: Vec<Option<Costs>> = vec![None; names.len()];
        for (place, number) in names.values().enumerate() {
            order[*number] = place;
        }
        for row in rows.iter().rev() {
            known[order[row.agent]] = Some(row.costs);
        }
        let mut known: Vec<Costs> = known.into_iter().flatten().collect();
        let mut costs = Vec::with_capacity(rounds * known.len());
        for round in rows.chunk_by(|a, b| a.round == b.round) {
            for row in round {
                known[order[row.agent]] = row.costs;
            }
            costs.extend_from_slice(&known);
        }
        let filled = costs.len() - rows.len();
        Ok(Self { agents: names.into_keys().collect(), costs, filled, cut_off: false })
    }

    /// Rounds in the trace.
    pub fn rounds(&self) -> u64 {
        (self.costs.len() / self.agents.len().max(1)) as u64
    }

    /// Costs of an agent in a round; after its last round the trace begins again.
    pub fn costs(&self, round: u64, agent: usize) -> Costs {
        let row = (round % self.rounds().max(1)) as usize;
        self.costs.get(row * self.agents.len() + agent).copied().unwrap_or_default()
    }
}

fn row(record: &csv::StringRecord, places: [usize; 5], names: &mut BTreeMap<AgentId, usize>) -> Result<Row, Wrong> {
    let line = record.position().map_or(0, csv::Position::line);
    let [round, agent, network_s, fixed_s, seconds_per_sample] = places;
    let cell = |column: &'static str, place: usize| {
        record.get(place).filter(|text| !text.is_empty()).ok_or_else(|| {
            Wrong::new(line, column, "the cell is empty", format!("write {} cells in every row", TRACE_COLUMNS.len()))
        })
    };
    let seconds = |column, place| {
        let text = cell(column, place)?;
        let value: f64 = text
            .parse()
            .map_err(|_| Wrong::new(line, column, format!("'{text}' is not a number"), "write seconds as in 0.0125"))?;
        if value.is_finite() && (0.0..=SECONDS_MAX).contains(&value) {
            return Ok(value);
        }
        Err(Wrong::new(
            line,
            column,
            format!("{text} is out of range"),
            format!("write seconds from 0 to {SECONDS_MAX}"),
        ))
    };
    let text = cell("round", round)?;
    let round = text
        .parse()
        .map_err(|_| Wrong::new(line, "round", format!("'{text}' is not a round"), "count rounds 0, 1, 2 and so on"))?;
    let id = AgentId::new(cell("agent", agent)?).map_err(|error| {
        Wrong::new(line, "agent", error.to_string(), "write the agent's name as in its settings file, or a number")
    })?;
    let number = names.len();
    let agent = *names.entry(id).or_insert(number);
    if names.len() > AGENTS_MAX {
        return Err(Wrong::new(line, "agent", format!("more than {AGENTS_MAX} agents"), "leave some out"));
    }
    let costs = Costs {
        network_s: seconds("network_s", network_s)?,
        fixed_s: seconds("fixed_s", fixed_s)?,
        seconds_per_sample: seconds("seconds_per_sample", seconds_per_sample)?,
    };
    Ok(Row { round, agent, line, costs })
}

fn same_place(pair: &[Row]) -> bool {
    matches!(pair, [a, b] if (a.round, a.agent) == (b.round, b.agent))
}

fn is_cut_off(error: &csv::Error) -> bool {
    matches!(error.kind(), csv::ErrorKind::Io(error) if error.kind() == ErrorKind::UnexpectedEof)
}

fn broken(line: u64, error: &csv::Error) -> Wrong {
    Wrong::new(line, "round", error.to_string(), "write a table in UTF-8, its cells divided by commas")
}

#[cfg(test)]
mod tests;
