//! Rows that belong together, in order: those of a file, a machine, a shift.

use crate::DataError;
use crate::survey::Key;
use crate::table::Table;
use crate::times::Millis;
use crate::values::{Column, NO_TIME, Values};
use heijunka_wire::digest;
use std::collections::HashMap;
use std::path::PathBuf;

/// What rows are grouped by where the table has no column of that name.
const FILE: &str = "file";

/// Rows of one value or file, in order.
#[derive(Debug)]
pub(crate) struct Group {
    /// Of the value's text or the file's name: the same on every machine.
    digest: u64,
    pub(crate) rows: Vec<usize>,
}

impl Group {
    /// Whether the whole group is held out. It depends only on the group's name, so that it never changes.
    pub(crate) fn held_out(&self, per_10000: u16) -> bool {
        self.digest % 10_000 < u64::from(per_10000)
    }
}

impl Table {
    /// The column to group by; `None`: by file.
    pub(crate) fn group_column(&self, group: Option<&str>) -> Result<Option<&Column>, DataError> {
        match group {
            None => Ok(None),
            Some(FILE) if !self.column_names().any(|name| name == FILE) => Ok(None),
            Some(name) => {
                let column = self.named(name)?;
                match &column.values {
                    Values::Unusable(why) => Err(self.unusable(name, why)),
                    Values::Times(_) => Err(self.unusable(name, "holds times, and rows cannot be grouped by them")),
                    _ => Ok(Some(column)),
                }
            }
        }
    }

    /// All rows by group, in the order of the groups' first rows. Rows without a value belong nowhere.
    pub(crate) fn groups(&self, group: Option<&str>) -> Result<Vec<Group>, DataError> {
        let mut groups = match self.group_column(group)? {
            Some(column) => self.by_column(column),
            None => self.by_file(),
        };
        if let Some((_, times)) = self.clock()? {
            let time = |row: &usize| times.get(*row);
            groups.iter_mut().for_each(|group| group.rows.sort_by_key(time));
        }
        Ok(groups)
    }

    /// The column that says when rows were measured, with its times; `None` if the source names none.
    pub(crate) fn clock(&self) -> Result<Option<(&Column, &[Millis])>, DataError> {
        let Some(timestamps) = &self.timestamps else { return Ok(None) };
        let column = self.named(&timestamps.column)?;
        match &column.values {
            Values::Times(times) => Ok(Some((column, times))),
            Values::Unusable(why) => {
                Err(DataError::Clock { why: why.clone(), column: column.name.clone(), table: self.label() })
            }
            _ => Err(self.unusable(&column.name, "does not hold times")),
        }
    }

    /// When a row was measured, in milliseconds; `None` if the source names no column of times, or the cell is empty.
    pub fn time_of(&self, row: usize) -> Result<Option<i64>, DataError> {
        let times = self.clock()?.and_then(|(_, times)| times.get(row).copied());
        Ok(times.filter(|time| *time != NO_TIME))
    }

    /// The value that a row is grouped by; by file nothing. `None` if its cell is empty.
    pub fn group_of(&self, group: Option<&str>, row: usize) -> Result<Option<String>, DataError> {
        Ok(match self.group_column(group)? {
            Some(column) => Key::of(&column.values, row).and_then(|key| key.text(&column.values)),
            None => Some(String::new()),
        })
    }

    fn by_file(&self) -> Vec<Group> {
        let ends = self.files.iter().skip(1).map(|(first, _)| *first).chain([self.rows()]);
        let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let files = self.files.iter().zip(ends);
        files
            .map(|((first, path), end)| Group { digest: digest(name(path).as_bytes()), rows: (*first..end).collect() })
            .collect()
    }

    fn by_column(&self, column: &Column) -> Vec<Group> {
        let mut places: HashMap<Key, usize> = HashMap::new();
        let mut groups: Vec<Group> = Vec::new();
        for row in 0..self.rows() {
            let Some(key) = Key::of(&column.values, row) else { continue };
            let place = *places.entry(key).or_insert_with(|| {
                let name = key.text(&column.values).unwrap_or_default();
                groups.push(Group { digest: digest(name.as_bytes()), rows: Vec::new() });
                groups.len() - 1
            });
            groups.get_mut(place).into_iter().for_each(|group| group.rows.push(row));
        }
        groups
    }
}
