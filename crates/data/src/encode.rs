//! From a table's cells to the model's numbers.

use crate::divide::Division;
use crate::rows::{Cells, Examples, Rows, Targets, scaled};
use crate::survey::{Key, mean};
use crate::table::Table;
use crate::values::{Column, Values};
use crate::{DataError, Usage};
use heijunka_wire::digest;
use heijunka_wire::document::{Encoding, Fitted, HeldOut, Job, Target, Task, Window};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A job's rows, ready to train on.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Examples to train on, in the table's order.
    pub train: Rows,
    /// Examples held out for scores, in the table's order.
    pub held_out: Rows,
    /// Digest of all encoded rows in order: equal digests mean equal data.
    pub digest: u64,
    /// Rows used and left out.
    pub usage: Usage,
}

impl Dataset {
    /// Memory that its rows take, in bytes.
    pub fn memory_bytes(&self) -> u64 {
        let ((cells, [inputs, own]), (others, [more_inputs, more])) = (self.train.memory(), self.held_out.memory());
        inputs + own + more + if cells == others { 0 } else { more_inputs }
    }
}

/// Inputs without targets, to predict from.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The model's inputs.
    pub x: Examples,
    /// The rows of the table that they belong to, of a window the last; others are left out.
    pub rows: Vec<usize>,
    /// Rows used (all as rows to train on) and left out.
    pub usage: Usage,
}

/// What predictions are held against.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Places of the rows that have a target.
    pub known: Vec<usize>,
    /// Their targets.
    pub targets: Targets,
}

impl Table {
    /// Encodes the table for a fitted job. A text input that the job does not know becomes all zeros; a class that it
    /// does not know is an error.
    pub fn encode(&self, job: &Job) -> Result<Dataset, DataError> {
        let fitted = job.fitted.as_ref().ok_or(DataError::NotFitted)?;
        let columns = self.fitted_columns(fitted)?;
        let target = self.target(job)?;
        let division = self.divide(&columns, target, job)?;
        let inputs = self.encoders(fitted, &columns, division.train_rows())?;
        let [train, held_out] = examples(fitted, &inputs, &division);
        let rows = |examples, rows: &[usize]| -> Result<Rows, DataError> {
            Ok(Rows { examples, targets: self.encode_targets(job, target, &fitted.target, rows)? })
        };
        let (train, held_out) = (rows(train, &division.train)?, rows(held_out, &division.held_out)?);
        Ok(Dataset { digest: dataset_digest([&train, &held_out]), train, held_out, usage: division.usage })
    }

    /// Encodes the inputs of all rows, for predictions; the target need not be there.
    pub fn encode_inputs(&self, job: &Job) -> Result<Inputs, DataError> {
        let fitted = job.fitted.as_ref().ok_or(DataError::NotFitted)?;
        let window = job.window.map(|window| Window { every: 1, ..window });
        let job = Job { held_out: HeldOut::ByHash(0), window, ..job.clone() };
        let columns = self.fitted_columns(fitted)?;
        let division = self.divide(&columns, None, &job)?;
        let inputs = self.encoders(fitted, &columns, division.train_rows())?;
        let [x, _] = examples(fitted, &inputs, &division);
        Ok(Inputs { x, rows: division.train, usage: division.usage })
    }

    /// The targets of rows, where they have one.
    pub fn truth(&self, job: &Job, rows: &[usize]) -> Result<Truth, DataError> {
        let fitted = job.fitted.as_ref().ok_or(DataError::NotFitted)?;
        let target = self.target(job)?;
        let known = |row: &usize| target.is_some_and(|target| !target.values.is_missing(*row));
        let (known, rows) = rows.iter().enumerate().filter(|(_, row)| known(row)).unzip::<_, _, _, Vec<usize>>();
        Ok(Truth { known, targets: self.encode_targets(job, target, &fitted.target, &rows)? })
    }

    fn fitted_columns(&self, fitted: &Fitted) -> Result<Vec<&Column>, DataError> {
        fitted.inputs.iter().map(|input| self.usable(&input.name)).collect()
    }

    fn encoders<'a>(
        &self,
        fitted: &Fitted,
        columns: &[&'a Column],
        rows: &[usize],
    ) -> Result<Vec<Encoder<'a>>, DataError> {
        let pairs = fitted.inputs.iter().zip(columns);
        let encoder = pairs.map(|(input, column)| match &input.encoding {
            Encoding::Scaled { .. } if !column.values.is_numeric() => {
                Err(self.unusable(&column.name, "holds text where the job expects numbers"))
            }
            Encoding::Scaled { offset, scale } => {
                let fill = if matches!(column.values, Values::Bytes(_)) { None } else { mean(column, rows) };
                let fill = scaled(fill.unwrap_or(*offset), *offset, *scale);
                Ok(Encoder::Scaled { values: &column.values, offset: *offset, scale: *scale, fill })
            }
            Encoding::OneHot { values } => Ok(Encoder::OneHot {
                values: &column.values,
                places: places(&column.values, values, 0..self.rows()),
                width: values.len(),
            }),
        });
        encoder.collect()
    }

    /// Whether a row is normal, by the column that says so, for a job that detects anomalies.
    pub(crate) fn normal_rows<'a>(&self, job: &Job, column: &'a Column) -> impl Fn(usize) -> bool + use<'a> {
        let normal = match &job.task {
            Task::Anomaly { normal } => normal.as_str(),
            Task::Regression | Task::Classification => "",
        };
        let keys = places(&column.values, &[normal.to_owned()], 0..self.rows());
        move |row| Key::of(&column.values, row).is_some_and(|key| keys.contains_key(&key))
    }

    fn encode_targets(
        &self,
        job: &Job,
        column: Option<&Column>,
        target: &Target,
        rows: &[usize],
    ) -> Result<Targets, DataError> {
        let Some(column) = column else { return Ok(Targets::Classes(vec![0; rows.len()])) };
        match target {
            // The inputs are at hand: what is kept is whether a row is normal.
            Target::Inputs => {
                let normal = self.normal_rows(job, column);
                Ok(Targets::Classes(rows.iter().map(|row| u32::from(!normal(*row))).collect()))
            }
            Target::Scaled { offset, scale } => {
                let value = |row: &usize| scaled(column.values.number(*row), *offset, *scale);
                Ok(Targets::Values(rows.iter().map(value).collect()))
            }
            Target::Classes { names, .. } => {
                let places = places(&column.values, names, rows.iter().copied());
                let class = |row: &usize| {
                    let key = Key::of(&column.values, *row);
                    key.and_then(|key| places.get(&key)).map(|place| *place as u32).ok_or_else(|| {
                        DataError::UnknownClass {
                            place: self.place(*row),
                            class: key.and_then(|key| key.text(&column.values)).unwrap_or_default(),
                        }
                    })
                };
                rows.iter().map(class).collect::<Result<_, _>>().map(Targets::Classes)
            }
        }
    }
}

/// How one column becomes numbers.
enum Encoder<'a> {
    Scaled { values: &'a Values, offset: f64, scale: f64, fill: f32 },
    OneHot { values: &'a Values, places: HashMap<Key, usize>, width: usize },
}

impl Encoder<'_> {
    fn extend(&self, row: usize, x: &mut Vec<f32>) {
        match self {
            Self::Scaled { values, offset, scale, fill } => {
                let number = values.number(row);
                x.push(if number.is_nan() { *fill } else { scaled(number, *offset, *scale) });
            }
            Self::OneHot { values, places, width } => {
                let place = Key::of(values, row).and_then(|key| places.get(&key));
                x.extend((0..*width).map(|i| if Some(&i) == place { 1.0 } else { 0.0 }));
            }
        }
    }
}

/// The place of each of the column's cells among `names`.
fn places(values: &Values, names: &[String], rows: impl Iterator<Item = usize>) -> HashMap<Key, usize> {
    let mut places = HashMap::new();
    let mut strangers = HashSet::new();
    for key in rows.filter_map(|row| Key::of(values, row)) {
        if places.contains_key(&key) || strangers.contains(&key) {
            continue;
        }
        let place = key.text(values).and_then(|text| names.iter().position(|name| *name == text));
        if let Some(place) = place {
            places.insert(key, place);
        } else {
            strangers.insert(key);
        }
    }
    places
}

/// The rows' inputs; as bytes if all of them are.
fn cells(encoders: &[Encoder<'_>], rows: &[usize]) -> Cells {
    let columns: Option<Vec<_>> = encoders
        .iter()
        .map(|encoder| match encoder {
            Encoder::Scaled { values: Values::Bytes(bytes), offset, scale, .. } => Some((bytes, (*offset, *scale))),
            _ => None,
        })
        .collect();
    if let Some(columns) = columns {
        let bytes = rows.iter().flat_map(|row| columns.iter().filter_map(|(bytes, _)| bytes.get(*row)).copied());
        return Cells::Bytes { bytes: bytes.collect(), scaling: columns.iter().map(|(_, scaling)| *scaling).collect() };
    }
    let mut floats = Vec::new();
    rows.iter().for_each(|row| encoders.iter().for_each(|encoder| encoder.extend(*row, &mut floats)));
    Cells::Floats(floats)
}

/// Examples to train on and held-out ones.
fn examples(fitted: &Fitted, encoders: &[Encoder<'_>], division: &Division) -> [Examples; 2] {
    let width = fitted.input_width();
    let alone = |rows: &[usize]| {
        let cells = Arc::new(cells(encoders, rows));
        Examples { width, window_rows: 1, cells, starts: None }
    };
    let Some(windows) = &division.windows else { return [alone(&division.train), alone(&division.held_out)] };
    let base = alone(&windows.base);
    let window_rows = division.usage.window_rows;
    [&windows.train.starts, &windows.held_out.starts].map(|starts| Examples {
        window_rows,
        starts: Some(starts.clone()),
        ..base.clone()
    })
}

fn dataset_digest(parts: [&Rows; 2]) -> u64 {
    let mut digests = Vec::new();
    let (mut x, mut bytes) = (Vec::new(), Vec::new());
    for rows in parts {
        digests.extend_from_slice(&(rows.len() as u64).to_le_bytes());
        // Windows have rows in common: their numbers are digested once, and where they begin.
        if let Some(starts) = &rows.examples.starts {
            bytes.clear();
            bytes.extend(starts.iter().flat_map(|start| start.to_le_bytes()));
            digests.extend_from_slice(&digest(&bytes).to_le_bytes());
        }
        for row in 0..rows.examples.rows().max(rows.len()) {
            x.clear();
            bytes.clear();
            rows.examples.extend_rows(row, 1, &mut x);
            bytes.extend(x.iter().flat_map(|number| number.to_le_bytes()));
            match &rows.targets {
                Targets::Classes(classes) => {
                    bytes.extend(classes.iter().skip(row).take(1).flat_map(|c| c.to_le_bytes()))
                }
                Targets::Values(values) => bytes.extend(values.iter().skip(row).take(1).flat_map(|v| v.to_le_bytes())),
            }
            digests.extend_from_slice(&digest(&bytes).to_le_bytes());
        }
    }
    digest(&digests)
}
