//! What is recorded can be read and replayed, however the recording ends.

use super::*;
use heijunka_allocate::{PolicyName, RoundEnd};
use heijunka_sim::{Costs, Replay};
use heijunka_study::trace::Trace;
use heijunka_units::AgentId;

/// What three rounds of these agents were like: 0.5 s on the network, 0.125 s fixed, 1/16 s or 1/8 s per sample.
fn rounds(names: &[&str]) -> Vec<RoundRecord> {
    let agents: Vec<AgentId> = names.iter().map(|name| AgentId::new(name).unwrap()).collect();
    let (policy, round_end, batch_samples) = (PolicyName::Equal, RoundEnd::Exact, 16 * names.len() as u32);
    let replay = Replay { agents: &agents, policy, round_end, batch_samples, rounds: 3, seed: 0 };
    let mut records = Vec::new();
    let costs = |_, agent: usize| Costs { network_s: 0.5, fixed_s: 0.125, seconds_per_sample: [0.0625, 0.125][agent] };
    replay.run(costs, |record, _| records.push(record.clone())).unwrap();
    records
}

fn outlook(name: &str, fixed_s: f64, per_sample_s: f64) -> Outlook {
    let agent = AgentId::new(name).unwrap();
    Outlook { agent, fixed_s, per_sample_s, network_s: 0.0, mean_s: 0.0, p95_s: 0.0, text: String::new() }
}

#[test]
fn a_recorded_trace_takes_what_the_rounds_took() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["trace.csv", "trace.csv.gz"] {
        let path = folder.path().join(name);
        let mut file = TraceFile::create(&path).unwrap();
        // Scoring rounds and agents without an answer leave no row.
        let mut rounds = rounds(&["a", "b,c"]);
        rounds[0].purpose = Purpose::Score;
        rounds[1].agents[1].samples = 0;
        rounds[2].agents.remove(0);
        for round in &rounds {
            assert_eq!(file.add(round, &[outlook("b,c", 1.0, 0.1875)]), None);
            assert_eq!(file.write(), None);
        }
        let trace = Trace::load(&path).unwrap();
        assert_eq!((trace.rounds(), trace.filled, trace.agents.len()), (2, 2, 2));
        let near = |a: Costs, network_s: f64, fixed_s: f64, seconds_per_sample: f64| {
            let close = |a: f64, b: f64| (a - b).abs() < 1e-6;
            assert!(close(a.network_s, network_s) && close(a.fixed_s, fixed_s), "{a:?}");
            assert!(close(a.seconds_per_sample, seconds_per_sample), "{a:?}");
        };
        // Nothing is known of a's fixed time; a quarter of b's expected time is fixed.
        near(trace.costs(0, 0), 0.5, 0.0, 1.125 / 16.0);
        near(trace.costs(1, 1), 0.5, 0.25 * 2.125, 0.75 * 2.125 / 16.0);
    }
}

#[test]
fn a_recorded_trace_takes_as_long_when_it_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.csv.gz");
    let mut file = TraceFile::create(&path).unwrap();
    let recorded = rounds(&["a", "b"]);
    for round in &recorded {
        assert_eq!(file.add(round, &[]), None);
    }
    assert_eq!(file.write(), None);
    let trace = Trace::load(&path).unwrap();
    let (policy, round_end) = (PolicyName::Equal, RoundEnd::Exact);
    let replay = Replay { agents: &trace.agents, policy, round_end, batch_samples: 32, rounds: 3, seed: 9 };
    let mut seconds = Vec::new();
    replay.run(|round, agent| trace.costs(round, agent), |record, _| seconds.push(record.seconds)).unwrap();
    for (replayed, recorded) in seconds.iter().zip(&recorded) {
        assert!((replayed - recorded.seconds).abs() < 1e-5, "{replayed} {}", recorded.seconds);
        assert!((replayed - 2.625).abs() < 1e-5);
    }
}

#[test]
fn what_was_written_before_the_end_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.csv.gz");
    let mut file = TraceFile::create(&path).unwrap();
    let rounds = rounds(&["a"]);
    for _ in 0..3 {
        file.add(&rounds[0], &[]);
        file.write();
    }
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    let trace = Trace::load(&path).unwrap();
    assert!(trace.cut_off && trace.rounds() >= 2, "{trace:?}");
}

#[test]
fn the_trace_before_is_kept_unless_nothing_was_recorded() {
    let folder = tempfile::tempdir().unwrap();
    for (name, before) in [("trace.csv.gz", "trace.previous.csv.gz"), ("t.csv", "t.previous.csv")] {
        let (path, before) = (folder.path().join(name), folder.path().join(before));
        let mut file = TraceFile::create(&path).unwrap();
        file.add(&rounds(&["a"])[0], &[]);
        file.write();
        // Cut off before anything was written: the one before stays the previous one.
        for _ in 0..3 {
            drop(TraceFile::create(&path).unwrap());
        }
        assert_eq!(Trace::load(&before).unwrap().rounds(), 1);
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    }
}

#[test]
fn a_full_file_is_told_once_and_stays_readable() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.csv");
    let mut file = TraceFile { bytes_max: 200, ..TraceFile::create(&path).unwrap() };
    let mut warnings = Vec::new();
    let rounds = rounds(&["a"]);
    for _ in 0..20 {
        warnings.extend(file.add(&rounds[0], &[]));
        warnings.extend(file.write());
    }
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("is not continued; training continues"), "{warnings:?}");
    assert!(std::fs::metadata(&path).unwrap().len() <= 200);
    assert!(Trace::load(&path).unwrap().rounds() > 2);
}
