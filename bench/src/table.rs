//! What a bench found: a table for people and the same for programs.

use serde_json::{Map, Value, json};
use std::fmt::{self, Display, Formatter};

/// One field of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    /// A word.
    Text(String),
    /// A number, shown with so many digits after the point.
    Number(f64, usize),
    /// Not measured.
    Nothing,
}

/// Figures that belong together.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Table {
    /// What is shown, with units.
    pub(crate) title: String,
    /// A name for each column.
    pub(crate) columns: Vec<String>,
    /// As many cells as columns in each.
    pub(crate) rows: Vec<Vec<Cell>>,
    /// What is good to know of the figures.
    pub(crate) notes: Vec<String>,
}

impl Cell {
    /// A word.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number if there is one.
    pub(crate) fn maybe(number: Option<f64>, digits: usize) -> Self {
        number.map_or(Self::Nothing, |number| Self::Number(number, digits))
    }

    fn value(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Number(number, _) => json!(number),
            Self::Nothing => Value::Null,
        }
    }
}

impl Display for Cell {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.pad(text),
            Self::Number(number, digits) => f.pad(&format!("{number:.digits$}")),
            Self::Nothing => f.pad("-"),
        }
    }
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let columns = columns.iter().map(|&column| column.to_owned()).collect();
        Self { title: title.into(), columns, rows: Vec::new(), notes: Vec::new() }
    }

    /// Appends a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Appends a remark.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    /// Title, rows by the columns' names, and notes.
    pub(crate) fn json(&self) -> Value {
        let named = |row: &Vec<Cell>| {
            let fields = self.columns.iter().zip(row).map(|(column, cell)| (column.clone(), cell.value()));
            Value::Object(fields.collect::<Map<_, _>>())
        };
        let rows: Vec<Value> = self.rows.iter().map(named).collect();
        json!({ "title": self.title, "rows": rows, "notes": self.notes })
    }
}

impl Display for Table {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let header: Vec<Cell> = self.columns.iter().map(Cell::text).collect();
        let lines = || std::iter::once(&header).chain(&self.rows);
        let width = |column: usize| {
            let cells = lines().filter_map(|line| line.get(column));
            cells.map(|cell| cell.to_string().chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.columns.len()).map(width).collect();
        writeln!(f, "{}", self.title)?;
        for line in lines() {
            let cells = line.iter().zip(&widths).enumerate();
            let padded: Vec<String> = cells
                .map(|(at, (cell, &width))| if at == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") })
                .collect();
            writeln!(f, "  {}", padded.join("  ").trim_end())?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "  {note}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new("milliseconds", &["what", "ms"]);
        table.row([Cell::text("TCP"), Cell::Number(0.204, 2)]);
        table.row([Cell::text("another tool"), Cell::maybe(None, 2)]);
        table.note("measured here");
        table
    }

    #[test]
    fn columns_stand_below_each_other() {
        let text = "milliseconds\n  what            ms\n  TCP           0.20\n  another tool     -\n  measured here\n";
        assert_eq!(table().to_string(), text);
    }

    #[test]
    fn programs_find_the_figures_by_name_and_unrounded() {
        let rows = json!([{ "what": "TCP", "ms": 0.204 }, { "what": "another tool", "ms": null }]);
        let all = json!({ "title": "milliseconds", "rows": rows, "notes": ["measured here"] });
        assert_eq!(table().json(), all);
    }
}
