//! Documents that travel in chunks on `spec`, `survey` and `scores`: the job, surveys of data, scores.

use crate::body::DataMode;
use crate::limits::{
    CLASSES_MAX, COLUMNS_MAX, DOCUMENT_BYTES_MAX, ROWS_MAX, SCORE_BUCKETS, TEXT_BYTES_MAX, WINDOW_ROWS_MAX,
};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// What is learned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Task {
    /// A number.
    Regression,
    /// One of several classes.
    Classification,
    /// How far a row is from normal ones: the model learns to give their inputs again.
    Anomaly {
        /// What the target holds in normal rows. Other rows are never trained on, but scored. Of no meaning if the job
        /// has no target: all rows are normal then.
        normal: String,
    },
}

/// How numeric inputs are brought to a common scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Normalize {
    /// (x - mean) / standard deviation, column by column; a constant column becomes 0.
    Standard,
    /// (x - min) / (max - min) over all numeric inputs together, as for pixels.
    Range,
    /// As it is.
    None,
}

/// How much a sample of each class weighs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ClassWeights {
    /// 1 each.
    None,
    /// rows / (classes x rows of the class): every class weighs the same.
    Balanced,
    /// These classes weigh so much, the others 1. Names in order.
    Named(Vec<(String, f32)>),
}

/// Which rows are held out for scores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeldOut {
    /// So many of 10,000, chosen by a hash of the row's content; with [`Job::group`] by a hash of the group's name, so that
    /// whole groups are held out.
    ByHash(u16),
    /// Those that this column marks: `test`, `held_out`, `validation`, `true`, or a number other than 0. Rows marked
    /// `context`, `ignore` or `unused` neither train nor count, but are part of windows.
    ByColumn(String),
    /// So many of 10,000, the last ones of each group; without [`Job::group`] of each file.
    Last(u16),
}

/// Examples of several consecutive rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Rows of an example, 1 to [`WINDOW_ROWS_MAX`](crate::limits::WINDOW_ROWS_MAX): the model's inputs are those of the
    /// first row, then those of the second, and so on; the target is that of the last one.
    pub rows: u16,
    /// An example to train on ends at every so many-th row, 1 or more. Held-out rows are all scored.
    pub every: u16,
}

/// The job, as every agent must understand it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// What is learned.
    pub task: Task,
    /// Column to predict; empty if there is none (anomalies).
    pub target: String,
    /// Input columns; empty: every column but the target and `ignore`.
    pub inputs: Vec<String>,
    /// Columns that are not inputs.
    pub ignore: Vec<String>,
    /// How numeric inputs are scaled.
    pub normalize: Normalize,
    /// How classes are weighted.
    pub class_weights: ClassWeights,
    /// Whose rows are whose.
    pub data_mode: DataMode,
    /// Which rows never train and give the scores.
    pub held_out: HeldOut,
    /// The column whose value says which rows belong together and stand in order; `file`, if there is no such column: the
    /// file that a row comes from. None: the rows of a file belong together.
    pub group: Option<String>,
    /// Examples of several rows, which never cross groups; none: each row is an example.
    pub window: Option<Window>,
    /// Columns and classes, once all surveys have come.
    pub fitted: Option<Fitted>,
}

/// How columns become numbers, settled from all agents' surveys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// Input columns in the model's order.
    pub inputs: Vec<Input>,
    /// The target.
    pub target: Target,
}

/// One input column.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// Name in the header.
    pub name: String,
    /// How it becomes numbers.
    pub encoding: Encoding,
}

/// How an input column becomes numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Encoding {
    /// (x - offset) x scale: one number.
    Scaled {
        /// Subtracted first.
        offset: f64,
        /// Multiplied then.
        scale: f64,
    },
    /// One number per value: 1 for the row's value, 0 for the others; all 0 for a value that is not listed.
    OneHot {
        /// Values in order.
        values: Vec<String>,
    },
}

impl Encoding {
    /// How many of the model's inputs the column takes.
    pub fn width(&self) -> usize {
        match self {
            Self::Scaled { .. } => 1,
            Self::OneHot { values } => values.len(),
        }
    }
}

impl Job {
    /// Rows of an example.
    pub fn window_rows(&self) -> usize {
        self.window.map_or(1, |window| usize::from(window.rows))
    }

    /// Whether examples could share rows with held-out ones: neighbouring rows have windows in common, so that they are
    /// held out together or not at all.
    fn leaks(&self) -> bool {
        self.window.is_some() && self.group.is_none() && matches!(self.held_out, HeldOut::ByHash(1..))
    }
}

impl Fitted {
    /// Numbers that a row becomes: the model's inputs, or with a window as many for each of its rows.
    pub fn input_width(&self) -> usize {
        self.inputs.iter().map(|input| input.encoding.width()).sum()
    }
}

/// How the target becomes numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Target {
    /// The model predicts (y - offset) x scale.
    Scaled {
        /// Subtracted first.
        offset: f64,
        /// Multiplied then.
        scale: f64,
    },
    /// The model predicts a class.
    Classes {
        /// Names in the order of the model's outputs.
        names: Vec<String>,
        /// Weight of a sample of each class in loss and gradient.
        weights: Vec<f32>,
    },
    /// The model predicts its own inputs.
    Inputs,
}

/// What one agent's rows look like. Held-out rows do not enter the numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Survey {
    /// Rows to train on.
    pub rows: u64,
    /// Input columns in the order of the file.
    pub inputs: Vec<Column>,
    /// The target column.
    pub target: Column,
}

/// Mergeable statistics of one column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Name in the header.
    pub name: String,
    /// Numeric cells.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Sum of squared distances from the mean.
    pub m2: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
    /// For a column with text, and for the target of a classification: its values in order, with their counts.
    pub values: Vec<(String, u64)>,
}

/// Mergeable sums over held-out rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// Rows scored.
    pub rows: u64,
    /// Sum of losses (unweighted); of normal rows alone where anomalies are looked for.
    pub loss_sum: f64,
    /// Sum of squared errors in the target's own unit (regression).
    pub squared_error_sum: f64,
    /// Sum of absolute errors in the target's own unit (regression).
    pub absolute_error_sum: f64,
    /// Rows by true class (row) and predicted class (column), row by row (classification).
    pub confusion: Vec<u64>,
    /// Rows by score: where there are two classes, how far the second one's logit is above the first one's; where anomalies
    /// are looked for, the mean squared error of the inputs. Buckets in order, those with rows alone.
    pub histogram: Vec<ScoreBucket>,
}

/// A bucket of scores, below [`SCORE_BUCKETS`], and its rows: of the first class or normal, of the second class or not.
pub type ScoreBucket = (u16, [u64; 2]);

impl Scores {
    /// Adds rows to a bucket.
    pub fn count(&mut self, (bucket, [first, second]): ScoreBucket) {
        match self.histogram.binary_search_by_key(&bucket, |(own, _)| *own) {
            Ok(place) => {
                if let Some((_, [own_first, own_second])) = self.histogram.get_mut(place) {
                    *own_first = own_first.saturating_add(first);
                    *own_second = own_second.saturating_add(second);
                }
            }
            Err(place) => self.histogram.insert(place, (bucket, [first, second])),
        }
    }

    /// Adds another agent's sums. `false`, and nothing is added, if the class counts differ.
    pub fn merge(&mut self, other: &Self) -> bool {
        if self.rows == 0 && self.confusion.is_empty() {
            self.confusion.resize(other.confusion.len(), 0);
        }
        if self.confusion.len() != other.confusion.len() {
            return false;
        }
        self.rows = self.rows.saturating_add(other.rows);
        self.loss_sum += other.loss_sum;
        self.squared_error_sum += other.squared_error_sum;
        self.absolute_error_sum += other.absolute_error_sum;
        for (sum, count) in self.confusion.iter_mut().zip(&other.confusion) {
            *sum = sum.saturating_add(*count);
        }
        other.histogram.iter().for_each(|bucket| self.count(*bucket));
        true
    }
}

/// Why bytes are not a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentError {
    /// They do not decode, bytes are left over, or they are not the shortest encoding of their values.
    Malformed,
    /// More bytes, columns, classes or text than the limits allow.
    TooLarge,
    /// A number is not finite or out of range, or names are not in order.
    Implausible,
}

impl fmt::Display for DocumentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "the document is malformed",
            Self::TooLarge => "the document has more bytes, columns, classes or text than the limits allow",
            Self::Implausible => "the document holds values that make no sense",
        })
    }
}

impl core::error::Error for DocumentError {}

/// A document that can be checked after decoding.
pub trait Document: Serialize + DeserializeOwned {
    /// Checks bounds and plausibility.
    fn check(&self) -> Result<(), DocumentError>;

    /// Bytes for the bus.
    fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).unwrap_or_default()
    }

    /// Reads and checks a document.
    fn from_bytes(bytes: &[u8]) -> Result<Self, DocumentError> {
        if bytes.len() > DOCUMENT_BYTES_MAX {
            return Err(DocumentError::TooLarge);
        }
        let (document, rest) = postcard::take_from_bytes::<Self>(bytes).map_err(|_| DocumentError::Malformed)?;
        let canonical = postcard::experimental::serialized_size(&document).map_err(|_| DocumentError::Malformed)?;
        if !rest.is_empty() || canonical != bytes.len() {
            return Err(DocumentError::Malformed);
        }
        document.check()?;
        Ok(document)
    }
}

fn bounded<'a>(most: usize, names: impl ExactSizeIterator<Item = &'a String>) -> Result<(), DocumentError> {
    let few = names.len() <= most;
    if few && names.into_iter().all(|name| name.len() <= TEXT_BYTES_MAX) {
        Ok(())
    } else {
        Err(DocumentError::TooLarge)
    }
}

fn plausible(holds: bool) -> Result<(), DocumentError> {
    if holds { Ok(()) } else { Err(DocumentError::Implausible) }
}

fn increasing<'a>(names: impl Iterator<Item = &'a String> + Clone) -> bool {
    names.clone().zip(names.skip(1)).all(|(a, b)| a < b)
}

/// The sum; the largest number if it is larger.
fn sum(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

impl Document for Job {
    fn check(&self) -> Result<(), DocumentError> {
        bounded(1, core::iter::once(&self.target))?;
        if let Task::Anomaly { normal } = &self.task {
            bounded(1, core::iter::once(normal))?;
        }
        bounded(COLUMNS_MAX, self.inputs.iter())?;
        bounded(COLUMNS_MAX, self.ignore.iter())?;
        match &self.held_out {
            HeldOut::ByHash(per_10000) | HeldOut::Last(per_10000) => plausible(*per_10000 < 10_000)?,
            HeldOut::ByColumn(name) => bounded(1, core::iter::once(name))?,
        }
        if let ClassWeights::Named(weights) = &self.class_weights {
            bounded(CLASSES_MAX, weights.iter().map(|(name, _)| name))?;
            plausible(increasing(weights.iter().map(|(name, _)| name)))?;
            plausible(weights.iter().all(|(_, weight)| weight.is_finite() && *weight > 0.0))?;
        }
        bounded(1, self.group.iter())?;
        if let Some(Window { rows, every }) = self.window {
            plausible((1..=WINDOW_ROWS_MAX).contains(&rows) && every > 0 && !self.leaks())?;
        }
        let Some(fitted) = &self.fitted else { return Ok(()) };
        if fitted.inputs.len() > COLUMNS_MAX {
            return Err(DocumentError::TooLarge);
        }
        for input in &fitted.inputs {
            bounded(1, core::iter::once(&input.name))?;
            match &input.encoding {
                Encoding::Scaled { offset, scale } => plausible(offset.is_finite() && scale.is_finite())?,
                Encoding::OneHot { values } => {
                    bounded(CLASSES_MAX, values.iter())?;
                    plausible(!values.is_empty() && increasing(values.iter()))?;
                }
            }
        }
        match &fitted.target {
            Target::Inputs => Ok(()),
            Target::Scaled { offset, scale } => plausible(offset.is_finite() && scale.is_normal()),
            Target::Classes { names, weights } => {
                bounded(CLASSES_MAX, names.iter())?;
                plausible(names.len() == weights.len() && names.len() >= 2)?;
                plausible(weights.iter().all(|w| w.is_finite() && *w > 0.0))
            }
        }
    }
}

impl Document for Survey {
    fn check(&self) -> Result<(), DocumentError> {
        if self.inputs.len() > COLUMNS_MAX {
            return Err(DocumentError::TooLarge);
        }
        plausible(self.rows <= ROWS_MAX)?;
        self.inputs.iter().chain(core::iter::once(&self.target)).try_for_each(|column| {
            bounded(1, core::iter::once(&column.name))?;
            if column.values.len() > CLASSES_MAX || column.values.iter().any(|(v, _)| v.len() > TEXT_BYTES_MAX) {
                return Err(DocumentError::TooLarge);
            }
            plausible(column.count <= ROWS_MAX && sum(column.values.iter().map(|(_, count)| *count)) <= ROWS_MAX)?;
            let numbers = [column.mean, column.m2, column.min, column.max];
            plausible(numbers.iter().all(|n| n.is_finite()) && column.m2 >= 0.0)?;
            plausible(increasing(column.values.iter().map(|(value, _)| value)))
        })
    }
}

impl Document for Scores {
    fn check(&self) -> Result<(), DocumentError> {
        if self.confusion.len() > CLASSES_MAX * CLASSES_MAX {
            return Err(DocumentError::TooLarge);
        }
        let sums = [self.loss_sum, self.squared_error_sum, self.absolute_error_sum];
        let counted = sum(self.confusion.iter().copied());
        plausible(sums.iter().all(|s| s.is_finite()))?;
        plausible(self.confusion.len().isqrt().pow(2) == self.confusion.len())?;
        plausible(self.rows <= ROWS_MAX && (self.confusion.is_empty() || counted == self.rows))?;
        let buckets = || self.histogram.iter().map(|(bucket, _)| *bucket);
        let ranked = sum(self.histogram.iter().flat_map(|(_, rows)| *rows));
        plausible(buckets().zip(buckets().skip(1)).all(|(a, b)| a < b) && buckets().all(|b| b < SCORE_BUCKETS))?;
        plausible(self.histogram.is_empty() || ranked == self.rows)
    }
}
