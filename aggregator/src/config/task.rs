//! `[task]`: what is to be learnt.

use heijunka_learn::metrics::ranking::Costs;
use heijunka_round::{Judging, ScoreName};
use heijunka_settings::{Problem, between};
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
    /// What the target is: a number (regression), or a name (classification). `kind = "classification"`
    kind: Kind,
    /// Column to predict. `target = "fault"`
    target: String,
    /// Columns to predict it from; every other column if left out; for example `inputs = ["temperature", "torque"]`
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
    /// Two classes: the one that is looked for; the rarer one if left out; for example `positive = "1"`
    positive: Option<ClassName>,
    /// Two classes: what each positive row that is missed and each false alarm costs, 0 to 1e9, in any unit; the threshold
    /// is then that of the least cost; for example `costs = { missed = 50, false_alarm = 1 }`
    costs: Option<CostSettings>,
    /// private: each agent has rows of its own; shared: all agents have the same file. `data = "private"`
    #[serde(default)]
    data: Whose,
    /// The column whose value says which rows belong together and stand in order: a machine, a shift, a part; "file", if
    /// there is no such column, is the file that a row comes from. Whole groups are held out; for example
    /// `group_by = "file"`
    group_by: Option<String>,
    /// Rows of an example, 1 to 4096: so many consecutive rows of one group, the target is that of the last one; one
    /// row if left out; for example `window_rows = 30`
    window_rows: Option<u16>,
    /// An example to train on ends at every so many-th row; at each if left out; for example `window_every = 5`
    window_every: Option<u16>,
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
            Self::Other(value) => Err(Problem::new(key, format!("{value} is no weights"), fix)),
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
            task: match self.kind {
                Kind::Regression => JobTask::Regression,
                Kind::Classification => JobTask::Classification,
            },
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

    /// What models are judged by.
    pub(super) fn judging(&self, score: Option<ScoreName>) -> Result<Judging, Problem> {
        let classifies = matches!(self.kind, Kind::Classification);
        if !classifies && (self.positive.is_some() || self.costs.is_some()) {
            let key = if self.positive.is_some() { "task.positive" } else { "task.costs" };
            return Err(Problem::new(key, "this is for a classification", "remove it"));
        }
        let costs = self.costs.map(|costs| {
            let missed = between("task.costs", costs.missed, 0.0, 1e9)?;
            Ok(Costs { missed, false_alarm: between("task.costs", costs.false_alarm, 0.0, 1e9)? })
        });
        Ok(Judging { positive: self.positive.as_ref().map(ClassName::text), costs: costs.transpose()?, score })
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
    fn what_is_no_weight_or_price_is_refused() {
        let weights = |text: &str| task(text).class_weights.check().unwrap_err().message;
        assert_eq!(weights("class_weights = \"equal\""), "\"equal\" is no weights");
        assert_eq!(weights("class_weights = { a = 0.0 }"), "the weight 0 of 'a' is out of range");
        let price = task("costs = { missed = -1, false_alarm = 1 }").judging(None).unwrap_err();
        assert_eq!((price.message.as_str(), price.key.as_str()), ("-1 is out of range", "task.costs"));
        let number: Task = toml::from_str("kind = \"regression\"\ntarget = \"y\"\npositive = \"1\"").unwrap();
        assert!(number.judging(None).unwrap_err().message.contains("classification"));
    }
}
