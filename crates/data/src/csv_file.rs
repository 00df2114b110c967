//! A table of CSV files, one below the other.

use crate::cell;
use crate::column::{Builder, Kind};
use crate::sheet::Sheet;
use crate::table::{Format, Table};
use crate::values::Column;
use crate::{DataError, Source};
use csv::StringRecord;
use heijunka_wire::digest;
use std::path::PathBuf;

/// Makes a table of files' bytes.
pub(crate) fn read(source: &Source, files: Vec<(PathBuf, Vec<u8>)>) -> Result<Table, DataError> {
    let sheets = files.into_iter().map(|(path, bytes)| Sheet::new(source, &path, bytes));
    let sheets = sheets.collect::<Result<Vec<_>, _>>()?;
    let names = sheets.first().map(|sheet| sheet.names.clone()).unwrap_or_default();
    let orders = sheets.iter().map(|sheet| order(&sheets, sheet)).collect::<Result<Vec<_>, _>>()?;
    let mut kinds: Vec<Kind> = names.iter().map(|name| Kind::new(source, name)).collect();
    for (sheet, order) in sheets.iter().zip(&orders) {
        let see = |kinds: &mut [Kind], line, record: &StringRecord| {
            for (kind, text) in kinds.iter_mut().zip(cells(record, order)) {
                kind.see(cell::read(text, sheet.decimal), line, sheet.decimal);
            }
        };
        sheet.visit(|line, record| see(&mut kinds, line, record))?;
    }
    let mut table = Table::empty(source);
    let settled = kinds.iter_mut().zip(&names);
    let thousands: Vec<String> =
        settled.filter_map(|(kind, name)| kind.settle(name, source.decimal.is_some())).collect();
    let mut builders: Vec<Builder> = kinds.iter().map(Kind::builder).collect();
    let mut canonical = Vec::new();
    for (sheet, order) in sheets.iter().zip(&orders) {
        table.files.push((table.digests.len(), sheet.path.clone()));
        table.remarks.extend(sheet.notes.iter().cloned());
        sheet.visit(|line, record| {
            canonical.clear();
            for ((builder, kind), text) in builders.iter_mut().zip(&kinds).zip(cells(record, order)) {
                let cell = kind.settled(cell::read(text, sheet.decimal), sheet.decimal);
                cell.write_canonical(&mut canonical);
                builder.push(cell, line);
            }
            table.digests.push(digest(&canonical));
            table.lines.push(u32::try_from(line).unwrap_or(u32::MAX));
        })?;
    }
    table.remarks.extend(thousands);
    let columns = names.into_iter().zip(builders).zip(kinds);
    table.columns = columns.map(|((name, builder), kind)| Column { name, values: builder.finish(&kind) }).collect();
    table.format = sheets.first().map(|sheet| Format {
        encoding: sheet.encoding,
        delimiter: char::from(sheet.delimiter),
        decimal: sheet.decimal,
        header_rows: sheet.header_rows,
    });
    Ok(table)
}

/// A row's cells in the order of the first file's columns.
fn cells<'a>(record: &'a StringRecord, order: &'a [usize]) -> impl Iterator<Item = &'a str> {
    order.iter().map(|column| record.get(*column).unwrap_or_default())
}

/// For each column of the first file, its place in this one. Columns may come in any order, but must be the same.
fn order(sheets: &[Sheet], sheet: &Sheet) -> Result<Vec<usize>, DataError> {
    let Some(first) = sheets.first() else { return Ok(Vec::new()) };
    let other = |column: &String| DataError::OtherColumns {
        path: sheet.path.clone(),
        first: first.path.clone(),
        column: column.clone(),
    };
    if let Some(more) = sheet.names.iter().find(|name| !first.names.contains(name)) {
        return Err(other(more));
    }
    let place = |name: &String| sheet.names.iter().position(|other| other == name).ok_or_else(|| other(name));
    first.names.iter().map(place).collect()
}
