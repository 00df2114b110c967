//! `bench aggregate`: 64 gradients of a million numbers: how fast they are added, and what memory the aggregator's mind takes
//! for them, which must stay within its bound.

use super::codecs::{Line, measure};
use super::lab::Lab;
use super::table::{Cell, Table};
use xtask::shell::{Outcome, output_of};

/// Gradients of a million numbers for the memory example, and how it is to write them.
const AGENTS: usize = 64;
const WRITTEN: [&str; 2] = ["float32", "sparse-sign"];

/// The bench.
pub(super) fn run(lab: &Lab<'_>) -> Outcome<Vec<Table>> {
    Ok(vec![speed(&measure(lab)?)?, memory(lab)?])
}

fn speed(lines: &[Line]) -> Outcome<Table> {
    let find = |name: &str| lines.iter().find(|line| line.name == name);
    let copied = find("memcpy64").ok_or("the example says nothing of memcpy64")?.accumulate_gb_s;
    let title = "adding gradients of a million numbers to sums, one thread, GB/s of binary32";
    let mut table = Table::new(title, &["", "GB/s", "x memcpy of 64"]);
    let sparse = lines.iter().filter(|line| line.name.starts_with("sparse"));
    for line in ["memcpy64", "accumulate64", "accumulate-checked64"].into_iter().filter_map(find).chain(sparse) {
        let gb_s = line.accumulate_gb_s;
        table.row([Cell::text(&line.name), Cell::Number(gb_s, 2), Cell::Number(gb_s / copied, 2)]);
    }
    table.note("accumulate64: checked while adding; accumulate-checked64: checked before, as the aggregator does");
    table.note("sparse: one gradient, so many per cent of its numbers; GB/s of the numbers that it stands for");
    Ok(table)
}

fn memory(lab: &Lab<'_>) -> Outcome<Table> {
    let title = format!(
        "memory of the coordinator, {AGENTS} agents, a million parameters, all gradients whole before one is added"
    );
    let mut table = Table::new(title, &["gradients", "most, MB", "bound, MB", "of the bound"]);
    for written in WRITTEN {
        // Fails if it is over its bound.
        let text = output_of(lab.example("heijunka-round", "memory", &[])?.arg(written))?;
        let figure = |name: &str| -> Outcome<f64> {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok());
            value.ok_or_else(|| format!("memory says {text:?}"))
        };
        let (most, bound) = (figure("most_mb")?, figure("bound_mb")?);
        let cells = [Cell::Number(most, 1), Cell::Number(bound, 1), Cell::Number(most / bound, 2)];
        table.row([Cell::text(written)].into_iter().chain(cells));
    }
    table.note("resident memory beyond what the program took before; the bound is stated in docs/measurements.md");
    Ok(table)
}
