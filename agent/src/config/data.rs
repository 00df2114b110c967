//! `[data]`: what the agent learns from.

use heijunka_data::{Missing, Source, Timestamps};
use heijunka_settings::{Problem, Span};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// `[data]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Data {
    /// CSV file, all files that match a pattern ('data/*.csv'), or an MNIST idx file (.gz too); use single quotes for backslashes.
    /// `path = 'data.csv'`
    path: PathBuf,
    /// Labels of an idx file; for example `labels = 'labels-idx1-ubyte.gz'`
    labels: Option<PathBuf>,
    /// Character between cells, " " for runs of spaces; detected if omitted (semicolon, tab, comma, bar or spaces); for
    /// example `delimiter = ";"`
    delimiter: Option<char>,
    /// Decimal sign, point or comma; detected if omitted; for example `decimal = ","`
    decimal: Option<char>,
    /// Whether the first row names the columns; if not they are called col0, col1, … `header = true`
    #[serde(default = "yes")]
    header: bool,
    /// Rows above the data, 1 to 100: the first names the columns, the others are skipped; if omitted 1, and a row of units is
    /// detected; for example `header_rows = 2`
    header_rows: Option<usize>,
    /// Lines at the top of each file that are skipped, such as a machine's name and a date; titles of one cell are detected;
    /// for example `skip_lines = 3`
    skip_lines: Option<usize>,
    /// Rows with empty cells are skipped (skip_row), filled with the mean, or an error. `missing = "skip_row"`
    #[serde(default)]
    missing: MissingCells,
    /// The column that says when a row was measured: rows are put in its order, and it is not an input; for example
    /// `timestamp_column = "time"`
    timestamp_column: Option<String>,
    /// How its times are written, as in strftime; if omitted, ISO 8601, "24.11.2026 16:00", Unix seconds and similar forms are
    /// detected; for example `timestamp_format = "%d.%m.%Y %H:%M:%S"`
    timestamp_format: Option<String>,
    /// No window goes across a longer pause between two rows; for example `timestamp_gap = "10s"`
    timestamp_gap: Option<Span>,
    /// How often the files are checked for new rows, which are then trained on, unless all agents have the same data;
    /// 0s: never. `look_again_every = "60s"`
    #[serde(default = "minute")]
    look_again_every: Span,
}

fn yes() -> bool {
    true
}

fn minute() -> Span {
    Span::from_secs(60)
}

/// What happens to rows with empty cells.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MissingCells {
    #[default]
    SkipRow,
    Mean,
    Error,
}

impl Data {
    /// `memory_bytes` is for model and data; `resolve` turns a path of the settings into one to open.
    pub(super) fn source(&self, memory_bytes: u64, resolve: impl Fn(&Path) -> PathBuf) -> Result<Source, Problem> {
        let mut source = Source::new(resolve(&self.path));
        source.labels = self.labels.as_ref().map(|path| resolve(path));
        source.delimiter = self.delimiter;
        source.decimal = self.decimal;
        source.header_rows = self.header_rows()?;
        source.skip_lines = self.skip_lines.unwrap_or_default();
        source.timestamps = self.timestamps()?;
        source.bytes_max = memory_bytes;
        source.missing = match self.missing {
            MissingCells::SkipRow => Missing::SkipRow,
            MissingCells::Mean => Missing::Mean,
            MissingCells::Error => Missing::Error,
        };
        Ok(source)
    }

    /// How often files are checked for changes, if at all.
    pub(super) fn look_again_every(&self) -> Option<Duration> {
        let every = self.look_again_every.duration();
        (!every.is_zero()).then_some(every.max(Duration::from_secs(1)))
    }

    fn header_rows(&self) -> Result<Option<usize>, Problem> {
        match (self.header, self.header_rows) {
            (true, Some(1..=100)) => Ok(self.header_rows),
            (_, Some(0 | 101..)) => Err(Problem::new(
                "data.header_rows",
                "it is out of range",
                "write 1 to 100, or header = false if the first row is data",
            )),
            (false, Some(_)) => Err(Problem::new(
                "data.header_rows",
                "header = false says that there are none",
                "remove one of the two",
            )),
            (true, None) => Ok(None),
            (false, None) => Ok(Some(0)),
        }
    }

    fn timestamps(&self) -> Result<Option<Timestamps>, Problem> {
        let Some(column) = &self.timestamp_column else {
            let key = match (&self.timestamp_format, self.timestamp_gap) {
                (Some(_), _) => "data.timestamp_format",
                (None, Some(_)) => "data.timestamp_gap",
                (None, None) => return Ok(None),
            };
            return Err(Problem::new(key, "no column is named", "write timestamp_column = \"time\""));
        };
        let (column, format) = (column.clone(), self.timestamp_format.clone());
        Ok(Some(Timestamps { column, format, gap: self.timestamp_gap.map(|gap| gap.duration()) }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(more: &str) -> Result<Source, Problem> {
        let data: Data = toml::from_str(&format!("path = 'a.csv'\n{more}")).unwrap();
        data.source(1 << 20, Path::to_owned)
    }

    #[test]
    fn rows_above_the_data_are_found_out_or_said() {
        let rows = |more: &str| source(more).map(|source| source.header_rows).map_err(|problem| problem.message);
        assert_eq!(rows(""), Ok(None));
        assert_eq!(rows("header = false"), Ok(Some(0)));
        assert_eq!(rows("header_rows = 3"), Ok(Some(3)));
        assert_eq!(rows("header_rows = 0"), Err("it is out of range".to_owned()));
        assert_eq!(rows("header = false\nheader_rows = 1"), Err("header = false says that there are none".to_owned()));
    }

    #[test]
    fn times_need_a_column() {
        let source = |more: &str| source(more).map_err(|problem| (problem.key, problem.message));
        let timed = source("timestamp_column = \"t\"\ntimestamp_gap = \"10s\"").unwrap();
        let gap = Some(Duration::from_secs(10));
        assert_eq!(timed.timestamps, Some(Timestamps { column: "t".into(), format: None, gap }));
        let refused = source("timestamp_gap = \"10s\"").unwrap_err();
        assert_eq!(refused, ("data.timestamp_gap".into(), "no column is named".into()));
    }

    #[test]
    fn files_are_looked_at_again_now_and_then_or_never() {
        let every = |more: &str| toml::from_str::<Data>(&format!("path = 'a.csv'\n{more}")).unwrap().look_again_every();
        assert_eq!(every(""), Some(Duration::from_secs(60)));
        assert_eq!(every("look_again_every = \"10ms\""), Some(Duration::from_secs(1)));
        assert_eq!(every("look_again_every = \"0s\""), None);
    }
}
