//! `bench bus`: a model of S bytes to N agents and S bytes back from each, through brokers and over plain TCP.

use std::process::Command;

use super::lab::Lab;
use super::median;
use super::table::{Cell, Table};
use xtask::shell::{Outcome, output_of};

/// Agents and bytes.
const SIZES: [(usize, usize); 9] = [
    (1, 1_000),
    (4, 1_000),
    (16, 1_000),
    (64, 1_000),
    (1, 64_000),
    (4, 64_000),
    (16, 64_000),
    (64, 64_000),
    (16, 1_000_000),
];
/// Client and broker, as the example calls them, and the column's name.
const WAYS: [(&str, &str, &str); 5] = [
    ("tcp", "-", "TCP"),
    ("bare", "mosquitto", "rumqttc, Mosquitto"),
    ("bus", "mosquitto", "bus, Mosquitto"),
    ("bare", "embedded", "rumqttc, embedded"),
    ("bus", "embedded", "bus, embedded"),
];
const PASSES: usize = 3;
const SECONDS: f64 = 1.0;

/// The example that does the rounds.
pub(super) struct Fan {
    program: Command,
}

impl Fan {
    pub(super) fn build(lab: &Lab<'_>) -> Outcome<Self> {
        Ok(Self { program: lab.example("heijunka-broker", "fan", &[])? })
    }

    /// Rounds a second.
    pub(super) fn rounds_per_s(
        &self,
        client: &str,
        broker: &str,
        agents: usize,
        payload_bytes: usize,
        seconds: f64,
    ) -> Outcome<f64> {
        let numbers = [agents.to_string(), payload_bytes.to_string(), seconds.to_string()];
        let mut command = Command::new(self.program.get_program());
        let text = output_of(command.args([client, broker]).args(&numbers))?;
        rate(&text).ok_or_else(|| format!("fan says {text:?}"))
    }
}

/// Of a line such as `bus mosquitto N=4 S=1000: 5170.2 rounds/s`.
fn rate(text: &str) -> Option<f64> {
    text.rsplit_once(':')?.1.split_whitespace().next()?.parse().ok()
}

/// The bench.
pub(super) fn run(lab: &Lab<'_>) -> Outcome<Vec<Table>> {
    let fan = Fan::build(lab)?;
    let (sizes, passes) = lab.either((&SIZES[..], PASSES), (&SIZES[..2], 1));
    let columns: Vec<&str> =
        ["agents", "bytes"].into_iter().chain(WAYS.map(|(_, _, name)| name)).chain(["bus, Mosquitto / TCP"]).collect();
    let mut table = Table::new("rounds a second: a model to N agents, as many bytes back from each, QoS 1", &columns);
    for &(agents, payload_bytes) in sizes {
        eprintln!("  {agents} agents, {payload_bytes} bytes");
        let mut rates = vec![Vec::new(); WAYS.len()];
        // In turn, so that a busy moment of the machine meets all alike.
        for _ in 0..passes {
            for (rates, (client, broker, _)) in rates.iter_mut().zip(WAYS) {
                rates.push(fan.rounds_per_s(client, broker, agents, payload_bytes, SECONDS)?);
            }
        }
        let rates: Vec<f64> = rates.into_iter().filter_map(median).collect();
        let ratio = rates.first().zip(rates.get(2)).map(|(tcp, bus)| bus / tcp);
        let sizes = [agents, payload_bytes].map(|size| Cell::Number(size as f64, 0));
        let rates = rates.iter().map(|rate| Cell::Number(*rate, if *rate < 100.0 { 1 } else { 0 }));
        table.row(sizes.into_iter().chain(rates).chain([Cell::maybe(ratio, 2)]));
    }
    table.note(format!("medians of {passes}, each agent a process, one after the other in one run"));
    Ok(vec![table])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_the_examples_line() {
        assert_eq!(rate("bus mosquitto N=4 S=1000: 5170.2 rounds/s\n"), Some(5170.2));
        assert_eq!(rate("bus mosquitto"), None);
    }
}
