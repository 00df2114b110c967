//! `bench plants`: what models reach on public sets of plants, trained over a broker by four agents of uneven speed.
//!
//! The sets are not bundled: `HEIJUNKA_DATA` names a folder with `ai4i`, `cmapss`, `gas_turbine` and `skab` in it.

use super::lab::Lab;
use super::table::{Cell, Table};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use xtask::shell::Outcome;

mod jobs;
mod line;

use jobs::{JOBS, Job};
use line::Line;

/// The variable that names the folder with the sets.
const DATA: &str = "HEIJUNKA_DATA";

/// The bench.
pub(super) fn run(lab: &Lab<'_>) -> Outcome<Vec<Table>> {
    lab.programs()?;
    let data = std::env::var_os(DATA).map(PathBuf::from);
    let mut table = Table::new(
        "held-out scores of models trained over Mosquitto by four agents (20, 40, 80 and 160 us a sample)",
        &["set", "score", "", "asked", "parameters", "rounds", "s"],
    );
    for job in JOBS {
        let Some(text) = (job.rows)(&lab.place.root, data.as_deref())? else {
            eprintln!("without {}: set {DATA} to the folder that holds {}", job.name, job.folder);
            continue;
        };
        eprintln!("  {}", job.name);
        table.row(row(job, &trained(lab, job, &text)?)?);
    }
    table.note("scores of the model that the job leaves, on rows that it has not seen; cmapss: the last cycle of each of the 100");
    table.note("test units, remaining life capped at 125 cycles; skab: whole files; steel plates: the demo's rows");
    Ok(vec![table])
}

/// The model card of a job on this table.
fn trained(lab: &Lab<'_>, job: &Job, text: &str) -> Outcome<Value> {
    let folder = lab.place.target.join("plants").join(job.name.replace([' ', ','], "-"));
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let output = folder.join("heijunka-output");
    // A run that was interrupted leaves a checkpoint, from which this one would resume.
    if output.exists() {
        fs::remove_dir_all(&output).map_err(|error| format!("{}: {error}", output.display()))?;
    }
    let line = Line::new(lab, folder)?;
    line.write("data.csv", text)?;
    let rounds = lab.either(job.rounds, 40).to_string();
    line.run(&job.settings.replace("ROUNDS", &rounds))?;
    card(&output.join("model_card.json"))
}

fn card(path: &Path) -> Outcome<Value> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn row(job: &Job, card: &Value) -> Outcome<Vec<Cell>> {
    let number =
        |section: &str, key: &str| card.get(section).and_then(|section| section.get(key)).and_then(Value::as_f64);
    let score = number("scores", job.score).ok_or_else(|| format!("{}: the card has no {}", job.name, job.score))?;
    Ok(vec![
        Cell::text(job.name),
        Cell::text(job.score),
        Cell::Number(score, 3),
        Cell::text(job.asked),
        Cell::maybe(number("model", "parameters"), 0),
        Cell::maybe(number("training", "rounds"), 0),
        Cell::maybe(number("training", "seconds"), 0),
    ])
}
