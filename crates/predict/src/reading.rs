//! How the table is read: as the options say, else as the model's card describes the agents' data.

use clap::Args;
use heijunka_data::{Source, Table, Timestamps};
use heijunka_model::Card;
use heijunka_settings::{Exit, Failure, Span};
use std::path::Path;

/// Options of `predict` that say what an agent's `[data]` says.
#[derive(Args)]
pub(crate) struct Reading {
    /// The table has no header; columns are called col0, col1, …
    #[arg(long, conflicts_with = "header_rows")]
    no_header: bool,
    /// Header rows above the data, of which the first holds the names; detected if omitted, 1 with --follow.
    #[arg(long, value_name = "N")]
    header_rows: Option<usize>,
    /// Lines at the top to skip; titles of one cell are detected, except with --follow.
    #[arg(long, value_name = "N", default_value_t)]
    skip_lines: usize,
    /// What separates cells; detected if omitted.
    #[arg(long, value_name = "CHARACTER")]
    delimiter: Option<char>,
    /// Decimal point; detected if omitted.
    #[arg(long, value_name = "CHARACTER")]
    decimal: Option<char>,
    /// Windows: column with the time at which a row was measured; the card's if omitted.
    #[arg(long, value_name = "COLUMN")]
    timestamp_column: Option<String>,
    /// Format of its times, as in strftime; the card's if omitted.
    #[arg(long, value_name = "FORMAT")]
    timestamp_format: Option<String>,
    /// Longest pause within a window; the card's if omitted.
    #[arg(long, value_name = "DURATION")]
    timestamp_gap: Option<Span>,
    /// Rows are in the order of time without pauses; ignores the card.
    #[arg(long, conflicts_with_all = ["timestamp_column", "timestamp_format", "timestamp_gap"])]
    in_order: bool,
}

impl Reading {
    /// The table at `path`, read for this model.
    pub(crate) fn source(&self, path: &Path, card: &Card) -> Result<Source, Failure> {
        let mut source = Source::new(path);
        source.header_rows = if self.no_header { Some(0) } else { self.header_rows };
        source.skip_lines = self.skip_lines;
        (source.delimiter, source.decimal) = (self.delimiter, self.decimal);
        // Of single rows neither order nor time matters.
        source.timestamps = self.timestamps(card)?.filter(|_| card.window_rows() > 1);
        Ok(source)
    }

    fn timestamps(&self, card: &Card) -> Result<Option<Timestamps>, Failure> {
        let known = card.timestamps().filter(|_| !self.in_order);
        let other = known.as_ref().zip(self.timestamp_column.as_ref()).is_some_and(|(known, own)| known.column != *own);
        let known = known.filter(|_| !other);
        let Some(column) = self.timestamp_column.clone().or(known.as_ref().map(|known| known.column.clone())) else {
            return match (&self.timestamp_format, self.timestamp_gap) {
                (None, None) => Ok(None),
                _ => Err(Failure::new(Exit::Usage, "the model's card names no column of times")
                    .fix("add --timestamp-column COLUMN")),
            };
        };
        let (format, gap) = known.map_or((None, None), |known| (known.format, known.gap));
        Ok(Some(Timestamps {
            column,
            format: self.timestamp_format.clone().or(format),
            gap: self.timestamp_gap.map(Span::duration).or(gap),
        }))
    }
}

/// What to know of a table whose times are not looked at although the model looks at several rows.
pub(crate) fn unused_times(table: &Table, source: &Source, card: &Card) -> Option<String> {
    if card.window_rows() == 1 || source.timestamps.is_some() {
        return None;
    }
    let report = table.inspect(None).ok()?;
    let times = report.columns.into_iter().find(|column| column.kind == "times")?;
    Some(format!(
        "rows are taken in the order in which they stand: if '{0}' says when they were measured, add --timestamp-column \
         '{0}' and --timestamp-gap, or timestamp_column to [task] before training",
        times.name
    ))
}
