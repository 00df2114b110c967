//! An agent with a capped uplink keeps to its cap, nothing else of the job changes, and levelled shares spare it.

use crate::helpers::{chunked, seeds, sound, troubled, unruly};
use heijunka_allocate::PolicyName;
use heijunka_round::Ending;
use heijunka_sim::{Record, Scenario, machines, run};
use heijunka_units::{ByteRate, Cap};
use heijunka_wire::{Channel, DataMode, limits};

/// Of a packet, besides its frame.
const EXTRA_BYTES: usize = 40;

fn cap(bytes_per_s: u64) -> Option<Cap> {
    ByteRate::from_bytes_per_s(bytes_per_s).map(|rate| Cap { rate, packet_extra_bytes: EXTRA_BYTES })
}

/// Agent 1 has a capped uplink.
fn capped(mut world: Scenario, bytes_per_s: u64) -> Scenario {
    world.machines[1].uplink = cap(bytes_per_s);
    world
}

/// In any time T no more than rate x T and one message, as docs/limits.md says.
fn keeps_to(record: &Record, bytes_per_s: u64, seed: u64) {
    let largest = record.capped.iter().map(|sent| sent.bytes).max().unwrap();
    assert!(largest <= limits::chunk_bytes(limits::PACKET_BYTES_MIN) + limits::HEADER_BYTES_MAX);
    for (from, first) in record.capped.iter().enumerate() {
        let mut bytes = 0;
        // An agent that was restarted knows nothing of what it sent before.
        for sent in record.capped[from..].iter().take_while(|sent| sent.starts == first.starts) {
            bytes += sent.bytes + EXTRA_BYTES;
            let most = bytes_per_s as f64 * sent.at.since(first.at).as_secs_f64() + (largest + EXTRA_BYTES) as f64;
            assert!(bytes as f64 <= most + 1e-6, "seed {seed}: {bytes} bytes in {:?}", sent.at.since(first.at));
        }
    }
}

#[test]
fn an_agent_keeps_to_its_uplink_and_the_model_is_the_same() {
    for seed in seeds(5) {
        // Equal shares do not depend on times, and so the models do not.
        let mut world = chunked(20, DataMode::Shared);
        world.plan.policy = PolicyName::Equal;
        let free = run(&world, seed);
        assert!(free.capped.is_empty());
        // A gradient of 1,548 bytes in four chunks takes a quarter of a second.
        let record = run(&capped(world, 8000), seed);
        sound(&record, seed);
        keeps_to(&record, 8000, seed);
        let chunks = record.capped.iter().filter(|sent| sent.channel == Channel::Gradient).count();
        assert!(chunks >= 20 * 4, "seed {seed}: {chunks} chunks");
        let last = record.last().unwrap();
        assert!(last.rounds.iter().all(|round| round.ending == Ending::Full), "seed {seed}");
        assert!(last.steps().all(|round| round.seconds > 0.15), "seed {seed}");
        assert_eq!(last.model, free.last().unwrap().model, "seed {seed}");
    }
}

/// Seconds a round, and the shares of the last, of two like machines of which one needs 0.2 s to send its answer.
fn levelled(policy: PolicyName) -> (f64, [u32; 2]) {
    let mut world = chunked(60, DataMode::Shared);
    world.machines = machines([(0.0, 0.001), (0.0, 0.001)]);
    (world.plan.policy, world.plan.batch_samples, world.plan.score_every_rounds) = (policy, 256, 0);
    let record = run(&capped(world, 8000), 1);
    sound(&record, 1);
    let rounds = &record.last().unwrap().rounds[20..60];
    let seconds = rounds.iter().map(|round| round.between_s + round.seconds).sum::<f64>() / rounds.len() as f64;
    let shares = &rounds[rounds.len() - 1].agents;
    (seconds, [shares[0].assigned, shares[1].assigned])
}

#[test]
fn a_machine_that_sends_slowly_gets_a_smaller_share() {
    let (equal_s, _) = levelled(PolicyName::Equal);
    let (enhanced_s, [free, capped]) = levelled(PolicyName::Enhanced);
    assert!(capped < free / 2, "{capped} samples through the narrow link, {free} through the free one");
    assert!(enhanced_s < equal_s / 1.2, "{enhanced_s} s a round against {equal_s} s");
}

#[test]
fn jobs_end_under_losses_and_troubles_through_a_narrow_uplink() {
    for seed in seeds(40) {
        let mode = if seed % 2 == 0 { DataMode::Shared } else { DataMode::Private };
        let record = run(&troubled(unruly(capped(chunked(10, mode), 4000)), seed), seed);
        sound(&record, seed);
        keeps_to(&record, 4000, seed);
    }
}
