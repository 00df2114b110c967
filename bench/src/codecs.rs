//! `bench codecs`: how fast each codec encodes and accumulates a million numbers, and how short it is.

use super::lab::Lab;
use super::table::{Cell, Table};
use xtask::shell::{Outcome, output_of};

/// A line of the example, GB/s counted in binary32.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) name: String,
    /// Missing where nothing is encoded.
    pub(super) encode_gb_s: Option<f64>,
    pub(super) accumulate_gb_s: f64,
    pub(super) bits_per_number: f64,
}

/// What the example measures.
pub(super) fn measure(lab: &Lab<'_>) -> Outcome<Vec<Line>> {
    let text = output_of(&mut lab.example("heijunka-compress", "throughput", &[])?)?;
    let lines: Vec<Line> = text.lines().filter_map(line).collect();
    if lines.is_empty() { Err(format!("throughput says {text:?}")) } else { Ok(lines) }
}

fn line(text: &str) -> Option<Line> {
    let mut words = text.split_whitespace();
    let name = words.next()?.to_owned();
    let encode_gb_s = words.next()?;
    let encode_gb_s = if encode_gb_s == "-" { None } else { Some(encode_gb_s.parse().ok()?) };
    let (accumulate_gb_s, bits_per_number) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Line { name, encode_gb_s, accumulate_gb_s, bits_per_number })
}

/// The bench.
pub(super) fn run(lab: &Lab<'_>) -> Outcome<Vec<Table>> {
    let columns = ["codec", "encode, GB/s", "accumulate, GB/s", "bits a number", "times shorter"];
    let mut table = Table::new("codecs: a million numbers, one thread, GB/s of binary32", &columns);
    // Lines without an encoder are of many gradients: `bench aggregate` shows them.
    for line in measure(lab)?.into_iter().filter(|line| line.encode_gb_s.is_some()) {
        table.row([
            Cell::text(line.name),
            Cell::maybe(line.encode_gb_s, 2),
            Cell::Number(line.accumulate_gb_s, 2),
            Cell::Number(line.bits_per_number, 3),
            Cell::Number(32.0 / line.bits_per_number, 1),
        ]);
    }
    table.note("best of the example's trials; memcpy of the same bytes in the first line");
    Ok(vec![table])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_figures_are_read_and_others_left_out() {
        let read = line("sparse-sign-1% 1.50 20.25 0.081").unwrap();
        assert_eq!((read.name.as_str(), read.encode_gb_s, read.accumulate_gb_s), ("sparse-sign-1%", Some(1.5), 20.25));
        assert_eq!(line("memcpy64 - 9.50 32.000").unwrap().encode_gb_s, None);
        assert_eq!(line("name encode_gb_s accumulate_gb_s bits_per_number"), None);
    }
}
