//! Settles how columns become numbers, from all agents' surveys.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use heijunka_learn::Running;
use heijunka_wire::DataMode;
use heijunka_wire::document::{ClassWeights, Column, Encoding, Fitted, Input, Job, Normalize, Survey, Target, Task};
use heijunka_wire::limits::CLASSES_MAX;

/// Why no job can be made of the surveys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FitError {
    /// No agent has sent a survey.
    NoSurvey,
    /// No column is left to learn from.
    NoInputs,
    /// A column that either the first agent or this one lacks.
    DifferentColumns {
        /// Its name.
        column: String,
        /// Which survey differs from the first.
        agent: usize,
    },
    /// A column holds numbers on some machines and text on this one.
    MixedColumn {
        /// Its name.
        column: String,
        /// Which survey.
        agent: usize,
    },
    /// The target has fewer than two classes.
    OneClass(String),
    /// More classes, or more values of a text column, than the limit.
    TooManyValues(String),
    /// A setting names a class that the target does not have.
    UnknownClass {
        /// The setting, a key of `[task]`.
        key: &'static str,
        /// The target.
        column: String,
        /// The class that it names.
        class: String,
        /// Those that there are.
        classes: String,
    },
    /// Anomalies are looked for, but no row to train on is normal.
    NothingNormal {
        /// The column that says which rows are normal.
        column: String,
        /// What it would hold in normal rows.
        normal: String,
        /// What it holds.
        values: String,
    },
    /// The target to regress is the same in all rows, or not a number.
    ConstantTarget(String),
}

impl fmt::Display for FitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSurvey => f.write_str("no agent has described its data"),
            Self::NoInputs => f.write_str("no column is left as an input"),
            Self::DifferentColumns { column, .. } => write!(f, "the agents' columns differ, first at '{column}'"),
            Self::MixedColumn { column, .. } => {
                write!(f, "column '{column}' holds text on this machine and numbers on another")
            }
            Self::OneClass(name) => write!(f, "all rows have the same '{name}': there are no classes to distinguish"),
            Self::TooManyValues(name) => write!(f, "column '{name}' has more than {CLASSES_MAX} different values"),
            Self::UnknownClass { key, column, class, classes } => {
                write!(f, "{key} names '{class}', but '{column}' has: {classes}")
            }
            Self::NothingNormal { column, normal, values } => {
                write!(f, "no row has '{column}' = '{normal}', so nothing is normal; the column holds: {values}")
            }
            Self::ConstantTarget(name) => write!(f, "column '{name}' is constant or not numeric: it cannot be learned"),
        }
    }
}

impl FitError {
    /// Which survey it is about, if it is about one.
    pub fn agent(&self) -> Option<usize> {
        match self {
            Self::DifferentColumns { agent, .. } | Self::MixedColumn { agent, .. } => Some(*agent),
            _ => None,
        }
    }
}

impl core::error::Error for FitError {}

/// All agents' statistics of one column.
struct Merged {
    name: String,
    numbers: Running,
    values: BTreeMap<String, u64>,
    /// The last survey that has text in the column.
    text_at: usize,
}

/// Settles the columns. `surveys` come in the order of the agents' names; with shared data all are the same and only
/// the first is read.
pub fn fit(job: &Job, surveys: &[Survey]) -> Result<Fitted, FitError> {
    let used = match job.data_mode {
        DataMode::Shared => surveys.get(..1),
        DataMode::Private => Some(surveys),
    };
    let used = used.filter(|surveys| !surveys.is_empty()).ok_or(FitError::NoSurvey)?;
    let columns = merge(used)?;
    let target = merge_column(&used.iter().map(|survey| &survey.target).collect::<Vec<_>>())?;
    let inputs = encodings(job.normalize, &columns)?;
    let target = match &job.task {
        Task::Anomaly { normal } => inputs_as_target(job, normal, target)?,
        Task::Regression => regression_target(target)?,
        Task::Classification => class_target(&job.class_weights, target)?,
    };
    Ok(Fitted { inputs, target })
}

/// Columns are matched by name; their order is the first agent's.
fn merge(surveys: &[Survey]) -> Result<Vec<Merged>, FitError> {
    let first = surveys.first().ok_or(FitError::NoSurvey)?;
    for (agent, other) in surveys.iter().enumerate() {
        let lacks = |survey: &Survey, of: &Survey| {
            let there = |name: &String| survey.inputs.iter().any(|column| column.name == *name);
            of.inputs.iter().map(|column| &column.name).find(|name| !there(name)).cloned()
        };
        if let Some(column) = lacks(other, first).or_else(|| lacks(first, other)) {
            return Err(FitError::DifferentColumns { column, agent });
        }
    }
    let named = |name: &String| -> Vec<&Column> {
        surveys.iter().filter_map(|survey| survey.inputs.iter().find(|column| column.name == *name)).collect()
    };
    first.inputs.iter().map(|column| merge_column(&named(&column.name))).collect()
}

fn merge_column(columns: &[&Column]) -> Result<Merged, FitError> {
    let name = columns.first().map_or_else(String::new, |column| column.name.clone());
    let mut merged = Merged { name, numbers: Running::default(), values: BTreeMap::new(), text_at: 0 };
    for (agent, column) in columns.iter().enumerate() {
        merged.numbers.merge(&running(column));
        if !column.values.is_empty() {
            merged.text_at = agent;
        }
        for (value, count) in &column.values {
            let sum = merged.values.entry(value.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
    }
    if merged.values.len() > CLASSES_MAX {
        return Err(FitError::TooManyValues(merged.name));
    }
    Ok(merged)
}

fn running(column: &Column) -> Running {
    Running { count: column.count, mean: column.mean, m2: column.m2, min: column.min, max: column.max }
}

fn encodings(normalize: Normalize, columns: &[Merged]) -> Result<Vec<Input>, FitError> {
    if columns.is_empty() {
        return Err(FitError::NoInputs);
    }
    let numeric = || columns.iter().filter(|column| column.values.is_empty() && column.numbers.count > 0);
    let low = numeric().map(|column| column.numbers.min).fold(f64::INFINITY, f64::min);
    let high = numeric().map(|column| column.numbers.max).fold(f64::NEG_INFINITY, f64::max);
    columns
        .iter()
        .map(|column| {
            let encoding = if column.values.is_empty() {
                scaled(normalize, &column.numbers, low, high)
            } else if column.numbers.count > 0 {
                return Err(FitError::MixedColumn { column: column.name.clone(), agent: column.text_at });
            } else {
                Encoding::OneHot { values: column.values.keys().cloned().collect() }
            };
            Ok(Input { name: column.name.clone(), encoding })
        })
        .collect()
}

fn scaled(normalize: Normalize, numbers: &Running, low: f64, high: f64) -> Encoding {
    let (offset, spread) = match normalize {
        Normalize::Standard => (numbers.mean, deviation(numbers)),
        Normalize::Range => (low, high - low),
        Normalize::None => (0.0, 1.0),
    };
    // A constant column says nothing: it becomes 0.
    let scale = if spread.is_normal() { 1.0 / spread } else { 0.0 };
    Encoding::Scaled { offset, scale: if scale.is_finite() { scale } else { 0.0 } }
}

/// Standard deviation of the population, as scikit-learn's StandardScaler takes it.
fn deviation(numbers: &Running) -> f64 {
    if numbers.count == 0 {
        return 0.0;
    }
    let deviation = heijunka_learn::metrics::root_mean_squared_error(numbers.m2, numbers.count);
    // Rounding alone is not a spread.
    let magnitude = numbers.mean.abs().max(numbers.max.abs());
    if deviation > magnitude * 1e-12 { deviation } else { 0.0 }
}

/// At least one agent must have normal rows to learn from.
fn inputs_as_target(job: &Job, normal: &String, target: Merged) -> Result<Target, FitError> {
    if job.target.is_empty() || target.values.get(normal).is_some_and(|rows| *rows > 0) {
        return Ok(Target::Inputs);
    }
    let values = target.values.into_keys().collect::<Vec<_>>().join(", ");
    Err(FitError::NothingNormal { column: job.target.clone(), normal: normal.clone(), values })
}

fn regression_target(target: Merged) -> Result<Target, FitError> {
    let spread = deviation(&target.numbers);
    let scale = 1.0 / spread;
    if !target.values.is_empty() || !spread.is_normal() || !scale.is_normal() {
        return Err(FitError::ConstantTarget(target.name));
    }
    Ok(Target::Scaled { offset: target.numbers.mean, scale })
}

fn class_target(weights: &ClassWeights, target: Merged) -> Result<Target, FitError> {
    // A class that only held-out rows have is named, but cannot be learned.
    let classes = target.values.values().filter(|count| **count > 0).count();
    if classes < 2 {
        return Err(FitError::OneClass(target.name.to_string()));
    }
    let rows: u64 = target.values.values().sum();
    let mut named: Vec<(String, u64)> = target.values.into_iter().collect();
    if named.iter().all(|(name, _)| number(name).is_some()) {
        named.sort_by(|(a, _), (b, _)| number(a).unwrap_or(0.0).total_cmp(&number(b).unwrap_or(0.0)));
    }
    if let ClassWeights::Named(weights) = weights
        && let Some((stranger, _)) = weights.iter().find(|(name, _)| named.iter().all(|(class, _)| class != name))
    {
        let classes = named.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
        return Err(FitError::UnknownClass {
            key: "class_weights",
            column: target.name,
            class: stranger.clone(),
            classes,
        });
    }
    let weight = |name: &String, count: u64| match weights {
        ClassWeights::None => 1.0,
        ClassWeights::Balanced => (rows as f64 / (classes as f64 * count.max(1) as f64)) as f32,
        ClassWeights::Named(weights) => weights.iter().find(|(own, _)| own == name).map_or(1.0, |(_, weight)| *weight),
    };
    let weights = named.iter().map(|(name, count)| weight(name, *count)).collect();
    Ok(Target::Classes { names: named.into_iter().map(|(name, _)| name).collect(), weights })
}

/// The number that a class is called by, so that 10 comes after 9.
fn number(name: &str) -> Option<f64> {
    name.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use heijunka_wire::document::HeldOut;

    fn job(data_mode: DataMode, task: Task, normalize: Normalize) -> Job {
        Job {
            task,
            target: "y".into(),
            inputs: vec![],
            ignore: vec![],
            normalize,
            class_weights: ClassWeights::Balanced,
            data_mode,
            held_out: HeldOut::ByHash(2000),
            group: None,
            window: None,
            fitted: None,
        }
    }

    fn numeric(name: &str, cells: &[f64]) -> Column {
        let mut running = Running::default();
        cells.iter().for_each(|cell| running.push(*cell));
        let Running { count, mean, m2, min, max } = running;
        Column { name: name.into(), count, mean, m2, min, max, values: vec![] }
    }

    fn text(name: &str, values: &[(&str, u64)]) -> Column {
        let values = values.iter().map(|(value, count)| ((*value).into(), *count)).collect();
        Column { name: name.into(), values, ..Column::default() }
    }

    fn survey(cells: &[f64], kinds: &[(&str, u64)], classes: &[(&str, u64)]) -> Survey {
        Survey { rows: 4, inputs: vec![numeric("x", cells), text("kind", kinds)], target: text("y", classes) }
    }

    #[test]
    fn a_machine_that_never_saw_a_fault_still_trains_with_it() {
        let a = survey(&[1.0, 2.0], &[("L", 2)], &[("good", 4)]);
        let b = survey(&[3.0, 6.0], &[("H", 2)], &[("bad", 1), ("good", 1)]);
        let fitted = fit(&job(DataMode::Private, Task::Classification, Normalize::Standard), &[a, b]).unwrap();
        let Encoding::Scaled { offset, scale } = fitted.inputs[0].encoding else { panic!() };
        assert_eq!(offset, 3.0);
        assert!((scale - 1.0 / 3.5_f64.sqrt()).abs() < 1e-12, "population deviation of 1, 2, 3, 6");
        assert_eq!(fitted.inputs[1].encoding, Encoding::OneHot { values: vec!["H".into(), "L".into()] });
        let weights = vec![3.0, 6.0 / (2.0 * 5.0)];
        assert_eq!(fitted.target, Target::Classes { names: vec!["bad".into(), "good".into()], weights });
    }

    #[test]
    fn numbered_classes_come_in_the_order_of_their_numbers() {
        let a = survey(&[1.0, 2.0], &[("L", 2)], &[("10", 1), ("2", 1), ("9", 0)]);
        let fitted = fit(&job(DataMode::Private, Task::Classification, Normalize::Standard), &[a]).unwrap();
        let Target::Classes { names, weights } = fitted.target else { panic!() };
        assert_eq!(names, ["2", "9", "10"]);
        assert_eq!((weights[0], weights[2]), (1.0, 1.0), "two classes can be learned, each half of the rows");
    }

    #[test]
    fn columns_are_matched_by_name() {
        let a = survey(&[1.0, 2.0], &[("L", 2)], &[("a", 2), ("b", 2)]);
        let mut b = survey(&[3.0, 6.0], &[("H", 2)], &[("a", 2), ("b", 2)]);
        b.inputs.reverse();
        let fitted = fit(&job(DataMode::Private, Task::Classification, Normalize::Standard), &[a, b]).unwrap();
        assert!(matches!(fitted.inputs[0].encoding, Encoding::Scaled { offset: 3.0, .. }));
    }

    #[test]
    fn shared_data_are_counted_once() {
        let a = survey(&[0.0, 10.0], &[("L", 2)], &[("a", 2), ("b", 2)]);
        let fitted = fit(&job(DataMode::Shared, Task::Classification, Normalize::Range), &[a.clone(), a]).unwrap();
        assert_eq!(fitted.inputs[0].encoding, Encoding::Scaled { offset: 0.0, scale: 0.1 });
    }

    #[test]
    fn what_cannot_be_learned_is_named() {
        let private = |task| job(DataMode::Private, task, Normalize::Standard);
        let good = survey(&[1.0, 2.0], &[("L", 2)], &[("a", 2), ("b", 2)]);
        let one_class = survey(&[1.0, 2.0], &[("L", 2)], &[("a", 4)]);
        assert_eq!(fit(&private(Task::Classification), &[one_class]), Err(FitError::OneClass("y".into())));
        assert_eq!(
            fit(&private(Task::Regression), core::slice::from_ref(&good)),
            Err(FitError::ConstantTarget("y".into()))
        );
        let mut renamed = good.clone();
        renamed.inputs[1].name = "sort".into();
        let differ = FitError::DifferentColumns { column: "kind".into(), agent: 1 };
        assert_eq!(fit(&private(Task::Classification), &[good.clone(), renamed]), Err(differ));
        let mut mixed = good.clone();
        mixed.inputs[0] = text("x", &[("broken", 1)]);
        assert_eq!(
            fit(&private(Task::Classification), &[good, mixed]),
            Err(FitError::MixedColumn { column: "x".into(), agent: 1 })
        );
        assert_eq!(fit(&private(Task::Classification), &[]), Err(FitError::NoSurvey));
    }
}
