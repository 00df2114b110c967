//! `bench fleets`: equal shares and levelled ones on the emulated fleets, digits over Mosquitto, beside the ideal.

use super::broker::Mosquitto;
use super::lab::Lab;
use super::table::{Cell, Table};
use xtask::shell::Outcome;

const FLEETS: [&str; 5] = ["paper-0.1", "paper-0.2", "ratio8", "busy", "homogeneous"];
const ROUNDS: &str = "120";
const ROUNDS_QUICK: &str = "30";

/// The bench.
pub(super) fn run(lab: &Lab<'_>) -> Outcome<Vec<Table>> {
    lab.programs()?;
    let columns = ["fleet", "ideal, ms", "equal, ms", "adaptive, ms", "equal x ideal", "adaptive x ideal", "gain"];
    let mut table = Table::new("milliseconds a round after the warm-up, digits over Mosquitto", &columns);
    for fleet in lab.either(&FLEETS[..], &FLEETS[..1]) {
        eprintln!("  {fleet}");
        let rounds = lab.either(ROUNDS, ROUNDS_QUICK);
        let words = ["--rounds", rounds, "--score-every", rounds];
        let broker = Mosquitto::start(lab.place)?;
        let played = lab.play(&broker, fleet, &lab.digits(), &["equal", "adaptive"], &words)?;
        let [equal, adaptive] = &played[..] else { return Err("two policies were asked for".into()) };
        let (ideal, equal, adaptive) = (equal.figure("ideal_seconds")? * 1e3, equal.round_ms()?, adaptive.round_ms()?);
        let times = [ideal, equal, adaptive].map(|ms| Cell::Number(ms, 1));
        let ratios = [equal / ideal, adaptive / ideal, equal / adaptive].map(|ratio| Cell::Number(ratio, 3));
        table.row([Cell::text(*fleet)].into_iter().chain(times).chain(ratios));
    }
    table.note(
        "ideal: all finish together without noise; on busy it leaves out the stretches in which machines are slower",
    );
    table.note(format!("{} rounds each, the fleet's warm-up (20 at most) left out", lab.either(ROUNDS, ROUNDS_QUICK)));
    Ok(vec![table])
}
