//! `[task]`: what is to be learnt.

use heijunka_data::Timestamps;
use heijunka_learn::metrics::ranking::Costs;
use heijunka_round::{Judging, ScoreName};
use heijunka_settings::{Problem, Span, between};
use heijunka_wire::DataMode;
use heijunka_wire::document::{ClassWeights, HeldOut, Job, Normalize, Task as JobTask, Window};
use heijunka_wire::limits::WINDOW_ROWS_MAX;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Regression,
    Classification,
    Anomaly,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum NormalizeBy {
    #[default]
    Standard,
    Range,
    None,
}

/// A word, or a weight for each class.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Weights {
    Usual(UsualWeights),
    Named(BTreeMap<String, f32>),
    Other(toml::Value),
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum UsualWeights {
    #[default]
    None,
    Balanced,
}

/// The text of a class: numbers and truth values may stand without quotes.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum ClassName {
    Text(String),
    Number(i64),
    Truth(bool),
}

impl ClassName {
    fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
        }
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CostSettings {
    missed: f64,
    false_alarm: f64,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Whose {
    Shared,
    #[default]
    Private,
}

/// `[task]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Task {
    /// What the target is: a number (regression), or a name (classification); anomaly: what is learned is what normal
    /// rows are like. `kind = "classification"`
    kind: Kind,
    /// Column to predict; anomaly: the one that marks normal rows, empty if all rows are normal. `target = "fault"`
    target: String,
    /// Columns to predict it from; all other columns if omitted; for example `inputs = ["temperature", "torque"]`
    #[serde(default)]
    inputs: Vec<String>,
    /// Columns that are not inputs; for example `ignore = ["serial_number"]`
    #[serde(default)]
    ignore: Vec<String>,
    /// Inputs are brought to mean 0 and deviation 1 (standard), to 0 to 1 (range: pixels), or left alone (none).
    /// `normalize = "standard"`
    #[serde(default)]
    normalize: NormalizeBy,
    /// balanced: rare classes weigh as much as frequent ones; or a weight for each class, { fault = 10 }: those that are
    /// not named weigh 1. `class_weights = "none"`
    #[serde(default)]
    class_weights: Weights,
    /// Two classes: the positive one; if omitted the rarer one; for example `positive = "1"`
    positive: Option<ClassName>,
    /// Two classes, or anomalies with a target: what each positive row that is missed and each false alarm costs, 0 to
    /// 1e9, in any unit; the threshold is then that of the least cost; for example `costs = { missed = 50, false_alarm = 1 }`
    costs: Option<CostSettings>,
    /// Anomalies: what the target holds in normal rows; others are never trained on, but scored; for example `normal = "0"`
    normal: Option<ClassName>,
    /// Anomalies: share of the normal held-out rows that lie below the threshold, 0.5 to 1. `threshold_quantile = 0.99`
    #[serde(default = "quantile")]
    threshold_quantile: f64,
    /// private: each agent has rows of its own; shared: all agents have the same file. `data = "private"`
    #[serde(default)]
    data: Whose,
    /// The column whose value says which rows belong together and stand in order: a machine, a shift, a part; "file", if
    /// there is no such column, is the file that a row comes from. Whole groups are held out; for example
    /// `group_by = "file"`
    group_by: Option<String>,
    /// Rows of an example, 1 to 4096: consecutive rows of one group, with the target of the last one; 1 if
    /// omitted; for example `window_rows = 30`
    window_rows: Option<u16>,
    /// Distance in rows between the ends of two training examples; 1 if omitted; for example `window_every = 5`
    window_every: Option<u16>,
    /// What the agents' [data] says as timestamp_column; it does not change how agents read: the model's card passes it to `predict`, which
    /// then takes rows in the same order; for example `timestamp_column = "time"`
    timestamp_column: Option<String>,
    /// Their timestamp_format, likewise; for example `timestamp_format = "%d.%m.%Y %H:%M:%S"`
    timestamp_format: Option<String>,
    /// Their timestamp_gap, likewise: no window of `predict` goes across a longer pause; for example `timestamp_gap = "10s"`
    timestamp_gap: Option<Span>,
}

fn quantile() -> f64 {
    Judging::default().threshold_quantile
}

impl Default for Weights {
    fn default() -> Self {
        Self::Usual(UsualWeights::default())
    }
}

impl Weights {
    fn check(&self) -> Result<ClassWeights, Problem> {
        let key = "task.class_weights";
        let fix = "write \"none\", \"balanced\", or a weight for each class: class_weights = { fault = 10 }";
        match self {
            Self::Usual(UsualWeights::None) => Ok(ClassWeights::None),
            Self::Usual(UsualWeights::Balanced) => Ok(ClassWeights::Balanced),
            Self::Other(value) => Err(Problem::new(key, format!("{value} is not a choice of weights"), fix)),
            Self::Named(weights) => {
                let wrong = weights.iter().find(|(_, weight)| !(1e-6..=1e6).contains(*weight));
                if let Some((class, weight)) = wrong {
                    let message = format!("the weight {weight} of '{class}' is out of range");
                    return Err(Problem::new(key, message, "write 0.000001 to 1000000"));
                }
                Ok(ClassWeights::Named(weights.iter().map(|(class, weight)| (class.clone(), *weight)).collect()))
            }
        }
    }
}

impl Task {
    /// The job as agents get it, before its columns are known.
    pub(super) fn job(&self, held_out: HeldOut) -> Result<Job, Problem> {
        let window = self.window(&held_out)?;
        Ok(Job {
            task: self.job_task()?,
            target: self.target.clone(),
            inputs: self.inputs.clone(),
            ignore: self.ignore.clone(),
            normalize: match self.normalize {
                NormalizeBy::Standard => Normalize::Standard,
                NormalizeBy::Range => Normalize::Range,
                NormalizeBy::None => Normalize::None,
            },
            class_weights: self.class_weights.check()?,
            data_mode: match self.data {
                Whose::Shared => DataMode::Shared,
                Whose::Private => DataMode::Private,
            },
            held_out,
            group: self.group_by.clone(),
            window,
            fitted: None,
        })
    }

    /// Keys of another kind of task would have no effect.
    fn job_task(&self) -> Result<JobTask, Problem> {
        let foreign = |key: &str, of: &str| {
            Err(Problem::new(format!("task.{key}"), format!("this is for {of}"), "delete it, or change kind"))
        };
        match self.kind {
            Kind::Regression | Kind::Classification if self.target.is_empty() => {
                Err(Problem::new("task.target", "no column is named", "write the name of the column to predict"))
            }
            Kind::Regression | Kind::Classification if self.normal.is_some() => foreign("normal", "kind = \"anomaly\""),
            Kind::Regression => Ok(JobTask::Regression),
            Kind::Classification => Ok(JobTask::Classification),
            Kind::Anomaly if !matches!(self.class_weights, Weights::Usual(UsualWeights::None)) => {
                foreign("class_weights", "a classification")
            }
            Kind::Anomaly => match (&self.normal, self.target.is_empty()) {
                (None, false) => {
                    let message = format!("what '{}' holds in normal rows is not said", self.target);
                    Err(Problem::new("task.normal", message, "write for example normal = \"0\""))
                }
                (Some(_), true) => {
                    let message = "no column is named that marks normal rows";
                    Err(Problem::new("task.normal", message, "write target = \"fault\", or delete normal"))
                }
                (normal, _) => {
                    Ok(JobTask::Anomaly { normal: normal.as_ref().map(ClassName::text).unwrap_or_default() })
                }
            },
        }
    }

    /// Whether what is learned is what normal rows are like.
    pub(super) fn is_anomaly(&self) -> bool {
        matches!(self.kind, Kind::Anomaly)
    }

    /// Examples of several rows, if they are asked for. Windows of neighbouring rows are nearly the same, so that they must
    /// not be divided by a hash of each.
    fn window(&self, held_out: &HeldOut) -> Result<Option<Window>, Problem> {
        let Some(rows) = self.window_rows else {
            return match self.window_every {
                Some(_) => Err(Problem::new("task.window_every", "there are no windows", "write window_rows = 30")),
                None => Ok(None),
            };
        };
        let every = self.window_every.unwrap_or(1);
        if !(1..=WINDOW_ROWS_MAX).contains(&rows) {
            let fix = format!("write 1 to {WINDOW_ROWS_MAX}");
            return Err(Problem::new("task.window_rows", format!("{rows} is out of range"), fix));
        }
        if every == 0 {
            return Err(Problem::new("task.window_every", "0 is out of range", "write 1 or more"));
        }
        if matches!(held_out, HeldOut::ByHash(1..)) && self.group_by.is_none() {
            let message =
                "windows have rows in common, so that rows held out by a hash of each would be known from training";
            let fix = "write group_by = \"file\" (or a column) to hold out whole groups, or validation = \"last\" in [training]";
            return Err(Problem::new("task.window_rows", message, fix));
        }
        Ok((rows > 1).then_some(Window { rows, every }))
    }

    /// How agents know when rows were measured.
    pub(super) fn timestamps(&self) -> Result<Option<Timestamps>, Problem> {
        let gap = self.timestamp_gap.map(Span::duration);
        match (&self.timestamp_column, &self.timestamp_format, gap) {
            (Some(column), format, gap) => Ok(Some(Timestamps { column: column.clone(), format: format.clone(), gap })),
            (None, None, None) => Ok(None),
            (None, format, _) => {
                let key = if format.is_some() { "task.timestamp_format" } else { "task.timestamp_gap" };
                Err(Problem::new(key, "no column is named", "write timestamp_column = \"time\""))
            }
        }
    }

    /// What models are judged by.
    pub(super) fn judging(&self, score: Option<ScoreName>) -> Result<Judging, Problem> {
        if !matches!(self.kind, Kind::Classification) && self.positive.is_some() {
            return Err(Problem::new("task.positive", "this is for a classification", "delete it"));
        }
        if self.costs.is_some() && (matches!(self.kind, Kind::Regression) || self.target.is_empty()) {
            let message = "this is for a classification, or for anomalies that a target marks";
            return Err(Problem::new("task.costs", message, "delete it"));
        }
        let costs = self.costs.map(|costs| {
            let missed = between("task.costs", costs.missed, 0.0, 1e9)?;
            Ok(Costs { missed, false_alarm: between("task.costs", costs.false_alarm, 0.0, 1e9)? })
        });
        Ok(Judging {
            positive: self.positive.as_ref().map(ClassName::text),
            costs: costs.transpose()?,
            threshold_quantile: between("task.threshold_quantile", self.threshold_quantile, 0.5, 1.0)?,
            score,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(more: &str) -> Task {
        toml::from_str(&format!("kind = \"classification\"\ntarget = \"fault\"\n{more}")).unwrap()
    }

    #[test]
    fn classes_may_be_weighed_and_mistakes_priced() {
        let task = task("class_weights = { 1 = 10 }\npositive = 1\ncosts = { missed = 50, false_alarm = 1 }");
        assert_eq!(task.class_weights.check().unwrap(), ClassWeights::Named(vec![("1".into(), 10.0)]));
        let judging = task.judging(None).unwrap();
        assert_eq!(judging.positive.as_deref(), Some("1"));
        assert_eq!(judging.costs, Some(Costs { missed: 50.0, false_alarm: 1.0 }));
    }

    #[test]
    fn anomalies_need_to_know_what_is_normal() {
        let anomaly = |more: &str| -> Task { toml::from_str(&format!("kind = \"anomaly\"\n{more}")).unwrap() };
        let task = |more: &str| anomaly(more).job_task();
        assert_eq!(task("target = \"fault\"\nnormal = 0").unwrap(), JobTask::Anomaly { normal: "0".into() });
        assert_eq!(task("target = \"\"").unwrap(), JobTask::Anomaly { normal: String::new() });
        assert_eq!(task("target = \"fault\"").unwrap_err().message, "what 'fault' holds in normal rows is not said");
        assert!(task("target = \"\"\nnormal = \"0\"").unwrap_err().message.starts_with("no column is named"));
        assert!(task("target = \"\"\nclass_weights = \"balanced\"").is_err());
        assert!(anomaly("target = \"\"\ncosts = { missed = 5, false_alarm = 1 }").judging(None).is_err());
        assert!(anomaly("target = \"\"\nthreshold_quantile = 1.2").judging(None).is_err());
    }

    #[test]
    fn what_is_no_weight_or_price_is_refused() {
        let weights = |text: &str| task(text).class_weights.check().unwrap_err().message;
        assert_eq!(weights("class_weights = \"equal\""), "\"equal\" is not a choice of weights");
        assert_eq!(weights("class_weights = { a = 0.0 }"), "the weight 0 of 'a' is out of range");
        let price = task("costs = { missed = -1, false_alarm = 1 }").judging(None).unwrap_err();
        assert_eq!((price.message.as_str(), price.key.as_str()), ("-1 is out of range", "task.costs"));
        let number: Task = toml::from_str("kind = \"regression\"\ntarget = \"y\"\npositive = \"1\"").unwrap();
        assert!(number.judging(None).unwrap_err().message.contains("classification"));
    }

    #[test]
    fn times_need_a_column() {
        let timestamps = |more: &str| task(more).timestamps().map_err(|problem| problem.key);
        let gap = Some(std::time::Duration::from_secs(10));
        let expected = Timestamps { column: "t".into(), format: None, gap };
        assert_eq!(timestamps("timestamp_column = \"t\"\ntimestamp_gap = \"10s\""), Ok(Some(expected)));
        assert_eq!(
            (timestamps(""), timestamps("timestamp_gap = \"10s\"")),
            (Ok(None), Err("task.timestamp_gap".into()))
        );
    }

    #[test]
    fn windows_must_not_leak_what_is_held_out() {
        let window = |more: &str, held_out: HeldOut| {
            task(more).window(&held_out).map_err(|problem| (problem.key, problem.message))
        };
        let three = |every| Some(Window { rows: 3, every });
        assert_eq!(window("window_rows = 3", HeldOut::Last(2_000)), Ok(three(1)));
        assert_eq!(window("window_rows = 3\nwindow_every = 5", HeldOut::ByColumn("split".into())), Ok(three(5)));
        assert_eq!(window("window_rows = 3\ngroup_by = \"file\"", HeldOut::ByHash(2_000)), Ok(three(1)));
        assert_eq!(window("window_rows = 3", HeldOut::ByHash(0)), Ok(three(1)), "nothing is held out");
        assert_eq!(window("window_rows = 1", HeldOut::Last(2_000)), Ok(None));
        let refused = |more: &str, held_out| window(more, held_out).unwrap_err();
        let (key, message) = refused("window_rows = 3", HeldOut::ByHash(2_000));
        assert_eq!(key, "task.window_rows");
        assert!(message.ends_with("rows held out by a hash of each would be known from training"), "{message}");
        let last = || HeldOut::Last(2_000);
        assert_eq!(refused("window_rows = 5000", last()), ("task.window_rows".into(), "5000 is out of range".into()));
        assert_eq!(refused("window_every = 2", last()), ("task.window_every".into(), "there are no windows".into()));
        let never = refused("window_rows = 3\nwindow_every = 0", last());
        assert_eq!(never, ("task.window_every".into(), "0 is out of range".into()));
    }
}
