//! The jobs: how their tables come to be, their settings, and the score that is asked of them.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use xtask::shell::Outcome;

/// One job of the bench.
pub(super) struct Job {
    pub(super) name: &'static str,
    /// Where its rows are: below the folder of the sets, or what is bundled.
    pub(super) folder: &'static str,
    /// Its table, given the project's root and the folder of the sets; `None` if it is not there.
    pub(super) rows: fn(&Path, Option<&Path>) -> Outcome<Option<String>>,
    pub(super) rounds: u64,
    /// Sections from `[task]` on; `ROUNDS` stands for the number.
    pub(super) settings: &'static str,
    /// The score's name in the model card.
    pub(super) score: &'static str,
    /// What it shall be.
    pub(super) asked: &'static str,
}

/// Cycles beyond which remaining life counts as this much: wear cannot be seen before (Heimes, 2008).
const LIFE_MAX: u32 = 125;

/// The rows' table of a file below the sets' folder.
fn file(data: Option<&Path>, name: &str) -> Outcome<Option<String>> {
    let Some(path) = data.map(|data| data.join(name)).filter(|path| path.is_file()) else { return Ok(None) };
    fs::read_to_string(&path).map(Some).map_err(|error| format!("{}: {error}", path.display()))
}

fn skab(_: &Path, data: Option<&Path>) -> Outcome<Option<String>> {
    file(data, "skab/skab_all.csv")
}

fn ai4i(_: &Path, data: Option<&Path>) -> Outcome<Option<String>> {
    file(data, "ai4i/ai4i2020.csv")
}

fn gas_turbine(_: &Path, data: Option<&Path>) -> Outcome<Option<String>> {
    file(data, "gas_turbine/gt_2011_2015.csv")
}

fn cmapss(_: &Path, data: Option<&Path>) -> Outcome<Option<String>> {
    let [train, test, life] = [
        file(data, "cmapss/train_FD001.txt")?,
        file(data, "cmapss/test_FD001.txt")?,
        file(data, "cmapss/RUL_FD001.txt")?,
    ];
    let (Some(train), Some(test), Some(life)) = (train, test, life) else { return Ok(None) };
    let mut table = String::from("unit,cycle,setting1,setting2,setting3");
    (1..=21).for_each(|sensor| {
        let _ = write!(table, ",sensor{sensor}");
    });
    table += ",rul,split\n";
    units(&mut table, "train", &train, &[])?;
    let life: Result<Vec<u32>, _> = life.split_whitespace().map(str::parse).collect();
    units(&mut table, "test", &test, &life.map_err(|error| format!("RUL_FD001.txt: {error}"))?)?;
    Ok(Some(table))
}

/// Appends a file's rows. Of test units, whose remaining life after the last cycle is `life`, the last row alone counts.
fn units(table: &mut String, name: &str, text: &str, life: &[u32]) -> Outcome {
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let number = |row: &[&str], at: usize| row.get(at).and_then(|cell| cell.parse::<u32>().ok());
    for unit in rows.chunk_by(|a, b| a.first() == b.first()) {
        let last = unit.last().and_then(|row| number(row, 1));
        for row in unit {
            let (Some(unit), Some(cycle), Some(last)) = (number(row, 0), number(row, 1), last) else {
                return Err(format!("{name}_FD001.txt: a row without unit and cycle"));
            };
            let beyond = life.get(unit.saturating_sub(1) as usize).copied().unwrap_or(0);
            let split = if life.is_empty() {
                "train"
            } else if cycle == last {
                "test"
            } else {
                "context"
            };
            let rul = (last - cycle + beyond).min(LIFE_MAX);
            let _ = writeln!(table, "{name}-{},{rul},{split}", row.join(","));
        }
    }
    Ok(())
}

fn steel_plates(root: &Path, _: Option<&Path>) -> Outcome<Option<String>> {
    let path = root.join("demo/assets/steel_plates_faults.csv");
    fs::read_to_string(&path).map(Some).map_err(|error| format!("{}: {error}", path.display()))
}

/// The jobs.
pub(super) const JOBS: &[Job] = &[
    Job {
        name: "cmapss FD001, dense",
        folder: "cmapss",
        rows: cmapss,
        rounds: 1000,
        settings: "[task]\nkind = \"regression\"\ntarget = \"rul\"\nignore = [\"unit\", \"cycle\"]\ndata = \"shared\"\n\
                   group_by = \"unit\"\nwindow_rows = 30\n\
                   [model]\nhidden = [64]\n\
                   [training]\nmax_rounds = ROUNDS\nvalidation_column = \"split\"\nschedule = \"cosine\"\n",
        score: "rmse",
        asked: "<= 18.5",
    },
    Job {
        name: "cmapss FD001, conv",
        folder: "cmapss",
        rows: cmapss,
        rounds: 1000,
        settings: "[task]\nkind = \"regression\"\ntarget = \"rul\"\nignore = [\"unit\", \"cycle\"]\ndata = \"shared\"\n\
                   group_by = \"unit\"\nwindow_rows = 30\n\
                   [model]\nkind = \"conv\"\nfilters = [16, 16]\nkernel = 5\nhidden = [64]\n\
                   [training]\nmax_rounds = ROUNDS\nvalidation_column = \"split\"\nschedule = \"cosine\"\n",
        score: "rmse",
        asked: "<= 18.5",
    },
    Job {
        name: "skab, dense",
        folder: "skab",
        rows: skab,
        rounds: 2500,
        settings: "[task]\nkind = \"classification\"\ntarget = \"anomaly\"\npositive = \"1\"\n\
                   ignore = [\"datetime\", \"changepoint\"]\ndata = \"shared\"\ngroup_by = \"file\"\n\
                   [training]\nmax_rounds = ROUNDS\nschedule = \"cosine\"\n",
        score: "f1_second_class",
        asked: ">= .70",
    },
    Job {
        name: "skab, conv",
        folder: "skab",
        rows: skab,
        rounds: 2500,
        settings: "[task]\nkind = \"classification\"\ntarget = \"anomaly\"\npositive = \"1\"\n\
                   ignore = [\"datetime\", \"changepoint\"]\ndata = \"shared\"\ngroup_by = \"file\"\nwindow_rows = 30\n\
                   [model]\nkind = \"conv\"\nfilters = [16, 16]\nkernel = 5\n\
                   [training]\nmax_rounds = ROUNDS\nschedule = \"cosine\"\n",
        score: "f1_second_class",
        asked: ">= .70",
    },
    Job {
        name: "ai4i",
        folder: "ai4i",
        rows: ai4i,
        rounds: 2000,
        settings: "[task]\nkind = \"classification\"\ntarget = \"Machine failure\"\ndata = \"shared\"\n\
                   ignore = [\"UID\", \"Product ID\", \"TWF\", \"HDF\", \"PWF\", \"OSF\", \"RNF\"]\n\
                   [model]\nhidden = [64, 32]\n\
                   [training]\nmax_rounds = ROUNDS\nlearning_rate = 0.005\nschedule = \"cosine\"\n",
        score: "pr_auc",
        asked: ">= .60",
    },
    Job {
        name: "steel plates",
        folder: "what is bundled",
        rows: steel_plates,
        rounds: 2000,
        settings: "[task]\nkind = \"classification\"\ntarget = \"fault\"\ndata = \"shared\"\n\
                   [model]\nhidden = [128]\n\
                   [training]\nmax_rounds = ROUNDS\nlearning_rate = 0.003\nweight_decay = 0.0001\n\
                   validation_column = \"split\"\nschedule = \"cosine\"\n",
        score: "macro_f1",
        asked: ">= .82",
    },
    Job {
        name: "gas turbine, NOx",
        folder: "gas_turbine",
        rows: gas_turbine,
        rounds: 4000,
        settings: "[task]\nkind = \"regression\"\ntarget = \"Nitrogen oxides\"\nignore = [\"Carbon monoxide\"]\ndata = \"shared\"\n\
                   [model]\nhidden = [128, 64]\n\
                   [training]\nmax_rounds = ROUNDS\nlearning_rate = 0.005\nschedule = \"cosine\"\n",
        score: "rmse",
        asked: "<= 4.8",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remaining_life_counts_back_from_the_last_cycle() {
        let mut table = String::new();
        units(&mut table, "train", "1 1 0.5\n1 2 0.6 \n2 1 0.7\n", &[]).unwrap();
        units(&mut table, "test", "1 1 0.1\n1 2 0.2\n2 1 0.3\n", &[200, 20]).unwrap();
        let rows = "train-1,1,0.5,1,train\ntrain-1,2,0.6,0,train\ntrain-2,1,0.7,0,train\n\
                    test-1,1,0.1,125,context\ntest-1,2,0.2,125,test\ntest-2,1,0.3,20,test\n";
        assert_eq!(table, rows);
        assert!(units(&mut table, "test", "x y\n", &[1]).is_err());
    }
}
