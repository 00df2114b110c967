//! Scores rows as they come: what can be scored as JSON, what cannot with the reason.

use super::data_failure;
use super::piece::{self, Trouble};
use super::readable::{Prediction, Reader, anomaly};
use super::recent::Recent;
use super::tail::Line;
use heijunka_data::{DataError, Inputs, Skip, Source, Table};
use heijunka_model::Trained;
use heijunka_program::now;
use heijunka_settings::{Exit, Failure};
use heijunka_units::counted;
use heijunka_wire::document::Job;
use serde::Serialize;

/// Rows that are scored at once.
pub(crate) const ROWS_AT_ONCE: usize = 256;

/// A few rows scored.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Scored {
    /// One JSON text for each row that was scored.
    pub(crate) said: Vec<Vec<u8>>,
    /// Rows that were not.
    pub(crate) skipped: Vec<Skipped>,
}

/// Rows that were not scored for the same reason.
#[derive(Debug, PartialEq)]
pub(crate) struct Skipped {
    pub(crate) rows: u64,
    pub(crate) first: u64,
    pub(crate) why: String,
}

/// What is published of a row.
#[derive(Serialize)]
struct Said<'a> {
    row: u64,
    prediction: Value<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    probability: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<f32>,
    /// Run and rounds of the model.
    run: u64,
    rounds: u64,
    time: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Class(&'a str),
    Number(f64),
}

pub(crate) struct Scorer {
    trained: Trained,
    threshold: Option<f64>,
    /// How rows are read.
    source: Source,
    /// Encodes row by row; windows are made of the recent ones.
    row_job: Job,
    recent: Recent,
}

impl Scorer {
    pub(crate) fn new(trained: Trained, threshold: Option<f64>, source: Source) -> Self {
        let job = trained.card.job(trained.fitted.clone());
        let gap = source.timestamps.as_ref().and_then(|timestamps| timestamps.gap);
        let recent = Recent::new(job.window_rows(), gap);
        Self { trained, threshold, source, row_job: Job { window: None, ..job }, recent }
    }

    /// Scores rows; an error is one that every row would meet.
    pub(crate) fn score(&mut self, header: &[u8], lines: &[Line]) -> Result<Scored, Failure> {
        let mut scored = Scored::default();
        let overlong = || lines.iter().filter(|line| line.bytes.is_none());
        if let Some(first) = overlong().next() {
            let (rows, why) = (overlong().count() as u64, "its line is too long".into());
            scored.skipped.push(Skipped { rows, first: first.row, why });
        }
        for (index, lines) in lines.split(|line| line.bytes.is_none()).enumerate() {
            if index > 0 {
                self.recent.interrupt_all();
            }
            self.add(header, &lines.iter().collect::<Vec<_>>(), &mut scored)?;
        }
        Ok(scored)
    }

    /// One row that cannot be read must not take others with it: they are halved until it stands alone.
    fn add(&mut self, header: &[u8], lines: &[&Line], scored: &mut Scored) -> Result<(), Failure> {
        let Some(first) = lines.first() else { return Ok(()) };
        let bytes: Vec<&[u8]> = lines.iter().filter_map(|line| line.bytes.as_deref()).collect();
        match piece::read(header, &bytes, &self.row_job, &self.source) {
            Ok((table, inputs)) => self.say(lines, &table, &inputs, scored),
            Err(Trouble::Table(error)) => Err(table_failure(error)),
            Err(Trouble::Row(_)) if lines.len() > 1 => {
                let (before, after) = lines.split_at(lines.len() / 2);
                self.add(header, before, scored)?;
                self.add(header, after, scored)
            }
            Err(Trouble::Row(why)) => {
                self.recent.interrupt_all();
                scored.skipped.push(Skipped { rows: 1, first: first.row, why });
                Ok(())
            }
        }
    }

    fn say(&mut self, lines: &[&Line], table: &Table, inputs: &Inputs, scored: &mut Scored) -> Result<(), Failure> {
        let Ended { x, rows, early } = self.windows(lines.len(), table, inputs)?;
        let outputs = self.trained.outputs(&x)?;
        let (training, time) = (&self.trained.card.training, now());
        let rows = rows.iter().filter_map(|row| lines.get(*row));
        for (line, prediction) in rows.zip(Reader::of(&self.trained, self.threshold).read(&outputs)) {
            let (prediction, probability, score) = match prediction {
                Prediction::Class { name, probability, .. } => (Value::Class(name), Some(probability), None),
                Prediction::Value(value) => (Value::Number(value), None, None),
                Prediction::Score { score, is_anomaly } => (Value::Class(anomaly(is_anomaly)), None, Some(score)),
            };
            let (run, rounds) = (training.run, training.rounds);
            let said = Said { row: line.row, prediction, probability, score, run, rounds, time: &time };
            scored.said.push(serde_json::to_vec(&said).unwrap_or_default());
        }
        let empty: Vec<usize> = (0..lines.len()).filter(|row| !inputs.rows.contains(row)).collect();
        let why = |reason: &heijunka_data::SkipReason| match &reason.why {
            Skip::EmptyCell(column) => Some(column.clone()),
            _ => None,
        };
        let columns: Vec<String> = inputs.usage.skipped.iter().filter_map(why).collect();
        let before = self.trained.card.window_rows() - 1;
        let whys = [
            (empty, format!("an empty cell in '{}'", columns.join("', '"))),
            (early, format!("fewer than {} before it in its group without a pause", counted(before, "row"))),
        ];
        for (rows, why) in whys {
            let Some(first) = rows.first().and_then(|row| lines.get(*row)) else { continue };
            scored.skipped.push(Skipped { rows: rows.len() as u64, first: first.row, why });
        }
        Ok(())
    }

    /// The windows that the rows of a piece end.
    fn windows(&mut self, lines: usize, table: &Table, inputs: &Inputs) -> Result<Ended, Failure> {
        let mut ended = Ended::default();
        let (mut row_x, mut encoded) = (Vec::new(), inputs.rows.iter().enumerate().peekable());
        for row in 0..lines {
            let group = table.group_of(self.row_job.group.as_deref(), row).map_err(table_failure)?;
            let time = table.time_of(row).map_err(table_failure)?;
            let example = encoded.next_if(|(_, encoded)| **encoded == row).map(|(example, _)| example);
            match (group, example) {
                (Some(group), Some(example)) => {
                    row_x.clear();
                    inputs.x.extend(example, &mut row_x);
                    let whole = self.recent.take(&group, time, &row_x, &mut ended.x);
                    let rows = if whole { &mut ended.rows } else { &mut ended.early };
                    rows.push(row);
                }
                (Some(group), None) => self.recent.interrupt(&group),
                (None, _) => {}
            }
        }
        Ok(ended)
    }
}

/// Windows that end in a piece.
#[derive(Default)]
struct Ended {
    /// The model's inputs for each.
    x: Vec<f32>,
    /// Their last rows.
    rows: Vec<usize>,
    /// Rows that end none yet.
    early: Vec<usize>,
}

/// The error names the temporary file where people know another.
fn table_failure(error: DataError) -> Failure {
    match error {
        DataError::MissingColumn { column, hint, .. } => {
            Failure::new(Exit::Config, format!("column '{column}' is missing; {hint}"))
                .fix("see whether the model was trained on such a table; --no-header if the first line is a row, --skip-lines if the names stand \
                      further down, --in-order if there is no column of times")
        }
        other => data_failure(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use heijunka_model::Card;
    use serde_json::json;

    /// y = 10 a + 100 if the text is "two", in the target's unit.
    fn scorer() -> Scorer {
        let card: Card = serde_json::from_value(json!({
            "heijunka_version": "0.1.0", "created": "", "site": "plant", "job": "job", "task": "regression",
            "target": "y", "classes": null, "class_weights": null, "target_scaling": { "offset": 0.0, "scale": 0.1 },
            "inputs": [
                { "name": "a", "scaling": { "offset": 0.0, "scale": 1.0 } },
                { "name": "t", "values": ["one", "two"] },
            ],
            "model": { "file": "model.safetensors", "widths": [3, 1], "activation": "relu", "parameters": 4 },
            "data": { "mode": "private", "weighting": "rows", "held_out": "none", "agents": [] },
            "training": {
                "policy": "equal", "global_batch_samples": 1, "optimizer": "Sgd", "rounds": 7, "max_rounds": 7,
                "seed": 0, "run": 3, "ended": null, "seconds": 1.0,
            },
            "scores": null, "usage": null,
        }))
        .unwrap();
        let trained = Trained::new(card, vec![1.0, 0.0, 10.0, 0.0]).unwrap();
        Scorer::new(trained, None, Source::new(""))
    }

    /// Rows with their values, and skipped rows.
    fn score(header: &str, rows: &[&str]) -> (Vec<(u64, f64)>, Vec<Skipped>) {
        let line = |(row, text): (usize, &&str)| Line { row: row as u64, bytes: Some(text.as_bytes().to_vec()) };
        let lines: Vec<Line> = rows.iter().enumerate().map(line).collect();
        let scored = scorer().score(header.as_bytes(), &lines).unwrap();
        let said = scored.said.iter().map(|said| {
            let said: serde_json::Value = serde_json::from_slice(said).unwrap();
            assert_eq!((&said["run"], &said["rounds"]), (&json!(3), &json!(7)));
            (said["row"].as_u64().unwrap(), said["prediction"].as_f64().unwrap())
        });
        (said.collect(), scored.skipped)
    }

    #[test]
    fn rows_are_read_as_tables_are() {
        let (said, skipped) = score("x;t;a", &["9;two;0,5", "9;one;1", "9;three;2", "9;\"two\";3"]);
        assert_eq!(said, [(0, 105.0), (1, 10.0), (2, 20.0), (3, 130.0)]);
        assert_eq!(skipped, []);
    }

    #[test]
    fn a_row_that_cannot_be_read_takes_no_other_with_it() {
        let rows = ["1,one", "1,one,1,1", "oops,one", "2,two", "\"3,two", ",", "4,one", ",one", "5,"];
        let (said, skipped) = score("a,t", &rows);
        assert_eq!(said, [(0, 10.0), (3, 120.0), (6, 40.0)]);
        assert_eq!(skipped.iter().map(|skipped| skipped.rows).sum::<u64>(), 6, "{skipped:?}");
        assert_eq!(skipped[0].why, "it has 4 cells instead of 2 (delimiter ',')");
        assert_eq!(skipped[1].why, "column 'a' in the table (delimiter ',') holds text where the job expects numbers");
    }

    #[test]
    fn windows_are_made_across_pieces_and_not_across_gaps() {
        let mut scorer = scorer();
        // y of the last row, less that of the first one.
        scorer.trained.card.data.window = Some(heijunka_model::CardWindow { rows: 2, every: 3 });
        scorer.trained.card.data.group_by = Some("m".into());
        scorer.trained.card.model.widths = vec![6, 1];
        let parameters = vec![-1.0, 0.0, -10.0, 1.0, 0.0, 10.0, 0.0];
        let mut scorer = Scorer::new(Trained::new(scorer.trained.card, parameters).unwrap(), None, Source::new(""));
        let mut row = 0;
        let mut score = |texts: &[&str]| {
            let line = |text: &&str| {
                row += 1;
                Line { row: row - 1, bytes: (!text.is_empty()).then(|| text.as_bytes().to_vec()) }
            };
            let lines: Vec<Line> = texts.iter().map(line).collect();
            let scored = scorer.score(b"m,a,t", &lines).unwrap();
            let value = |said: &Vec<u8>| serde_json::from_slice::<serde_json::Value>(said).unwrap();
            let said =
                scored.said.iter().map(value).map(|v| (v["row"].as_u64().unwrap(), v["prediction"].as_f64().unwrap()));
            (said.collect::<Vec<_>>(), scored.skipped)
        };
        let (said, skipped) = score(&["x,1,one", "y,5,one", "x,2,two"]);
        assert_eq!(said, [(2, 110.0)]);
        assert_eq!(
            skipped,
            [Skipped { rows: 2, first: 0, why: "fewer than 1 row before it in its group without a pause".into() }]
        );
        assert_eq!(score(&["y,6,one", "x,,one", "x,9,one", "y,6,two"]).0, [(3, 10.0), (6, 100.0)]);
        assert_eq!(
            score(&["x,8,one", "", "x,7,one"]).0,
            [(7, -10.0)],
            "a line that is too long may belong to any group"
        );
    }

    #[test]
    fn empty_cells_are_told_together() {
        let (said, skipped) = score("a,t", &["1,one", ",one", "2,one", ",two"]);
        assert_eq!(said, [(0, 10.0), (2, 20.0)]);
        assert_eq!(skipped, [Skipped { rows: 2, first: 1, why: "an empty cell in 'a'".into() }]);
    }

    #[test]
    fn a_missing_column_ends_it() {
        let line = Line { row: 0, bytes: Some(b"1,2".to_vec()) };
        let failure = scorer().score(b"a,u", &[line]).unwrap_err();
        assert!(failure.to_string().contains("column 't' is missing"), "{failure}");
    }
}
