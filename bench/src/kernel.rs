//! `bench kernel`: how many samples a second one thread turns into gradients, beside numpy and PyTorch.

use std::collections::BTreeMap;
use std::process::Command;

use super::lab::Lab;
use super::python::Python;
use super::table::{Cell, Table};
use xtask::shell::{Outcome, output_of};

const MODELS: [&str; 5] = [
    "64-64-10",
    "784-256-10",
    "784-1024-1024-10",
    // Rows x columns, filters x kernel / stride of two convolutions, layers.
    "30x24-16x5-16x5-64-2",
    "1024x3-16x16/4-32x8/2-max-64-4",
];
const BATCHES: [&str; 5] = ["1", "8", "32", "128", "256"];
const OURS: &str = "heijunka";
/// As the script calls them, and the columns' names.
const PEERS: [(&str, &str); 3] = [("numpy", "numpy"), ("torch", "PyTorch kernels"), ("autograd", "PyTorch autograd")];
const SCRIPT: &str = "core/learn/examples/peers.py";
const PASSES: usize = 3;

/// The most thousand samples a second of who, which model and which batch.
#[derive(Debug, Default, PartialEq)]
struct Rates(BTreeMap<[String; 3], f64>);

impl Rates {
    /// Takes in lines such as `rate numpy 64-64-10 32 518.43`, and passes over others.
    fn add(&mut self, text: &str) {
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            if let ["rate", who, model, batch, rate] = words.as_slice()
                && let Ok(rate) = rate.parse::<f64>()
            {
                let best = self.0.entry([who, model, batch].map(|word| (*word).to_owned())).or_default();
                *best = best.max(rate);
            }
        }
    }

    fn of(&self, who: &str, model: &str, batch: &str) -> Option<f64> {
        self.0.get(&[who, model, batch].map(str::to_owned)).copied()
    }

    fn row(&self, model: &str, batch: &str) -> Vec<Cell> {
        let ours = self.of(OURS, model, batch);
        let peers = PEERS.map(|(who, _)| self.of(who, model, batch));
        let fastest = peers.iter().flatten().copied().reduce(f64::max);
        let ratio = ours.zip(fastest).map(|(ours, fastest)| ours / fastest);
        let mut cells = vec![Cell::text(model), Cell::text(batch), Cell::maybe(ours, 1)];
        cells.extend(peers.map(|peer| Cell::maybe(peer, 1)));
        cells.push(Cell::maybe(ratio, 2));
        cells
    }
}

/// The bench.
pub(super) fn run(lab: &Lab<'_>) -> Outcome<Vec<Table>> {
    let ours = lab.example("heijunka-learn", "throughput", &["--features", "std"])?;
    let python = Python::with("numpy", "numpy and PyTorch");
    let mut rates = Rates::default();
    // In turn, so that a busy moment of the machine meets all alike.
    for _ in 0..lab.either(PASSES, 1) {
        rates.add(&output_of(&mut Command::new(ours.get_program()))?);
        if let Some(python) = &python {
            rates.add(&python.output_of(lab.place, SCRIPT, &[])?);
        }
    }
    let peers = PEERS.map(|(_, name)| name);
    let columns = [["model", "batch", "Heijunka"].as_slice(), &peers, &["x fastest peer"]].concat();
    let mut table =
        Table::new("thousand samples a second of processor time, forward and backward, one thread", &columns);
    for model in MODELS {
        for batch in BATCHES {
            table.row(rates.row(model, batch));
        }
    }
    Ok(vec![table])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_all_passes_stands_beside_the_fastest_peer() {
        let mut rates = Rates::default();
        rates.add("rate heijunka 64-64-10 8 90.5\nrate numpy 64-64-10 8 40.00\nmean of 64 vectors: 15.9 GB/s\n");
        rates.add("rate heijunka 64-64-10 8 100\nrate torch 64-64-10 8 50\nrate numpy 64-64-10 8 fast\n");
        let numbers = [Cell::Number(100.0, 1), Cell::Number(40.0, 1), Cell::Number(50.0, 1), Cell::Nothing];
        let names = [Cell::text("64-64-10"), Cell::text("8")];
        let row: Vec<Cell> = names.into_iter().chain(numbers).chain([Cell::Number(2.0, 2)]).collect();
        assert_eq!(rates.row("64-64-10", "8"), row);
        assert_eq!(rates.row("1-1", "8").last(), Some(&Cell::Nothing));
    }
}
