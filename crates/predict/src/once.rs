//! `predict` of a whole table.

use crate::readable::Reader;
use crate::reading::unused_times;
use crate::{Arguments, data_failure};
use heijunka_data::{Inputs, SkipReason, Table};
use heijunka_model::Trained;
use heijunka_settings::{Exit, Failure};
use heijunka_units::counted;
use std::path::Path;

/// Notes on the table that are shown.
const NOTES_MAX: usize = 12;

/// Prints or writes a prediction for each row; reports the scores if the table has the target.
pub(crate) fn once(arguments: &Arguments, trained: &Trained) -> Result<(), Failure> {
    if arguments.data == Path::new("-") {
        let failure = Failure::new(Exit::Usage, "standard input can only be followed");
        return Err(failure.fix("add --follow, or name a file"));
    }
    let mut source = arguments.reading.source(&arguments.data, &trained.card)?;
    source.labels.clone_from(&arguments.labels);
    let table = Table::read(&source).map_err(data_failure)?;
    let job = trained.card.job(trained.fitted.clone());
    let inputs = table.encode_inputs(&job).map_err(data_failure)?;
    for note in table.notes().into_iter().take(NOTES_MAX).chain(unused_times(&table, &source, &trained.card)) {
        eprintln!("note: {note}");
    }
    eprintln!("{}: {}", arguments.data.display(), summary(table.rows(), &inputs));
    let outputs = trained.outputs_of(&inputs.x)?;
    let reader = Reader::of(trained, arguments.threshold);
    match &arguments.output {
        Some(path) => {
            let file = std::fs::File::create(path).map_err(|error| cannot_write(path, &error))?;
            reader
                .write(std::io::BufWriter::new(file), table.rows(), &inputs.rows, &outputs)
                .map_err(|e| cannot_write(path, &e))?;
        }
        None => {
            let stdout = std::io::BufWriter::new(std::io::stdout().lock());
            match reader.write(stdout, table.rows(), &inputs.rows, &outputs) {
                // Who reads only the first rows, as `head` does, has what it wants.
                Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                written => written.map_err(|error| cannot_write(Path::new("stdout"), &error))?,
            }
        }
    }
    if table.column_names().any(|name| name == job.target) {
        let truth = table.truth(&job, &inputs.rows).map_err(data_failure)?;
        eprintln!("{}", reader.scores(&truth, &outputs, trained.card.judge()));
    }
    Ok(())
}

/// `6 rows, 2 predicted; 4 have an empty prediction: 4 with fewer than 2 whole rows before them in their group (first: …)`.
fn summary(rows: usize, inputs: &Inputs) -> String {
    let mut text = format!("{}, {} predicted", counted(rows, "row"), inputs.rows.len());
    for (index, SkipReason { why, rows: skipped, first }) in inputs.usage.skipped.iter().enumerate() {
        if index == 0 {
            text += &format!("; {} without a prediction: ", rows - inputs.rows.len());
        } else {
            text += ", ";
        }
        text += &format!("{skipped} {why} (first: {first})");
    }
    text
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Unavailable, format!("cannot write {}", path.display())).why(error.to_string())
}
