//! Tests everything that `run` needs, one line each, and continues after a failure.

use crate::config::{self, Valid};
use heijunka_program::{Checklist, check_broker, runtime};
use heijunka_settings::{Exit, Failure, Rate};
use heijunka_wire::{Channel, Topics};
use std::path::Path;

/// Least free space on the disk, in bytes: models, cards and histories are small, but other files grow too.
const FREE_BYTES_MIN: u64 = 100_000_000;

/// Parameters whose sending time is shown while the model's own number is not known.
const PARAMETERS_SHOWN: usize = 100_000;

/// Prints a line for each thing, or all of them as JSON; the worst gives the exit code.
///
/// # Errors
/// The settings cannot be read, and people are to see where.
pub(crate) fn check(path: &Path, json: bool) -> Result<Exit, Failure> {
    heijunka_program::check(path, json, config::load, look)
}

fn look(list: &mut Checklist, valid: &Valid) -> Result<(), Failure> {
    output(list, valid);
    model(list, valid);
    page(list, valid);
    downlink(list, valid);
    let topics = Topics::new(valid.site.clone(), valid.job.clone());
    let mut config = valid.bus.clone();
    config.subscriptions = [Channel::Join, Channel::Gradient, Channel::Survey, Channel::Scores]
        .map(|channel| topics.all(channel).to_string())
        .into();
    let echo = topics.common(Channel::AggregatorStatus);
    runtime()?.block_on(check_broker(list, &config, &valid.places, echo.as_str(), None));
    Ok(())
}

/// The output folder, and the room on its disk.
fn output(list: &mut Checklist, valid: &Valid) {
    let folder = valid.output.display();
    let tried =
        std::fs::create_dir_all(&valid.output).and_then(|()| tempfile::NamedTempFile::new_in(&valid.output).map(drop));
    match tried {
        Ok(()) => list.pass("output", format!("{folder} is writable")),
        Err(error) => {
            let fix = "name a folder that this user may write to in [output] directory";
            let text = format!("cannot write to {folder}: {error}");
            list.fail("output", Exit::Unavailable, &text, fix, Some(valid.places.of("output.directory")));
            return list.note("disk", "not checked without the folder");
        }
    }
    match rustix::fs::statvfs(&valid.output) {
        Ok(disk) => room(list, valid, disk.f_bavail.saturating_mul(disk.f_frsize)),
        Err(error) => list.note("disk", format!("free space is unknown: {error}")),
    }
}

fn room(list: &mut Checklist, valid: &Valid, free_bytes: u64) {
    let free = format!("{:.1} GB free for {}", free_bytes as f64 / 1e9, valid.output.display());
    if free_bytes < FREE_BYTES_MIN {
        let fix = "make room, or name a folder on another disk in [output] directory";
        list.fail("disk", Exit::Unavailable, &format!("only {free}"), fix, Some(valid.places.of("output.directory")));
    } else {
        list.pass("disk", free);
    }
}

/// An unfinished model that `run` resumes.
fn model(list: &mut Checklist, valid: &Valid) {
    if let Some(start) = valid.plan.start.as_ref().filter(|start| start.unfinished) {
        let folder = valid.output.display();
        let steps = start.steps;
        list.note(
            "model",
            format!(
                "run resumes after round {steps} of the unfinished model in {folder}; resume = false starts a new one"
            ),
        );
    }
}

/// What a cap on what is sent means for the model.
fn downlink(list: &mut Checklist, valid: &Valid) {
    let Some(cap) = valid.plan.downlink else { return };
    let rate = Rate::from_bits_per_s(cap.rate.bits_per_s());
    let known = valid.plan.start.as_ref().map(|start| start.parameters.len());
    let (parameters, word) =
        known.map_or_else(|| (least_parameters(&valid.plan.hidden), " or more"), |known| (known, ""));
    let (time, patience) = (cap.time(parameters.saturating_mul(4)), &valid.plan.patience);
    let taken = format!("{rate}: {parameters}{word} parameters take {:.1} s{word} to send whole", time.as_secs_f64());
    if time > patience.first_deadline.min(patience.deadline_max) {
        return list.note("downlink", format!("{taken}, {SLOW}"));
    }
    let seconds = cap.time(PARAMETERS_SHOWN * 4).as_secs_f64();
    let each = format!(
        "{rate}: every {PARAMETERS_SHOWN} parameters take {seconds:.1} s to send whole; HJ-172 reports the model's own time"
    );
    list.pass("downlink", if known.is_some() { taken } else { each });
}

/// What to do about a model that takes longer to send than a round may last.
const SLOW: &str = "longer than a round may last. No agent is late because of it: a round's time counts from when its model is \
    sent. For shorter rounds raise [limits] downlink, or send changes only: [gradient] update = \"int8\"";

/// Least number of parameters of a model with these hidden layers, for any columns and classes.
fn least_parameters(hidden: &[u32]) -> usize {
    let widths = [[1].as_slice(), hidden, &[1]].concat();
    let layers = widths.iter().zip(widths.iter().skip(1));
    layers.map(|(before, width)| (*before as usize + 1).saturating_mul(*width as usize)).fold(0, usize::saturating_add)
}

/// Training continues without the page if it cannot be served.
fn page(list: &mut Checklist, valid: &Valid) {
    let Some(listen) = &valid.web else { return list.note("page", "off") };
    match heijunka_page::bind(listen) {
        Ok(_) => list.pass("page", format!("http://{}/ is free for it", listen.address)),
        Err(error) => list.note(
            "page",
            format!("cannot serve http://{}/ ({error}); training would continue without the page", listen.address),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_has_at_least_what_its_hidden_layers_make() {
        assert_eq!([least_parameters(&[]), least_parameters(&[64]), least_parameters(&[100, 200])], [2, 193, 20_601]);
        assert_eq!(least_parameters(&[u32::MAX, u32::MAX, u32::MAX]), usize::MAX);
    }
}
