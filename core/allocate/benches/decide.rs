//! How long one decision of `adaptive` takes: `cargo bench -p heijunka-allocate`.

use divan::Bencher;
use heijunka_allocate::{Adaptive, Candidate, Ingredients, Observation, Policy, RoundEnd};
use heijunka_units::{AgentId, Samples};

const SEEN_ROUNDS: u64 = 150;
const SAMPLES_PER_AGENT: Samples = 32;

fn main() {
    divan::main();
}

/// A machine's seconds in a round, from a multiplicative hash: speeds of 1 to 8, noise of some 20 %.
fn seconds(agent: usize, round: u64, samples: Samples) -> f64 {
    let mixed = (agent as u64 * 1_000_003 + round).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let noise = 0.8 + 0.5 * (mixed as f64 / f64::from(1_u32 << 24));
    (0.01 + 0.001 * (1 + agent % 8) as f64 * f64::from(samples)) * noise
}

fn fleet(agents: usize) -> Vec<Candidate> {
    let id = |index| AgentId::new(&format!("agent-{index:04}"));
    (0..agents).filter_map(|index| Some(Candidate::new(id(index).ok()?, Samples::MAX))).collect()
}

fn round(policy: &mut Adaptive, fleet: &[Candidate], round: u64) {
    let batch = fleet.len() as Samples * SAMPLES_PER_AGENT;
    let shares = policy.decide(fleet, batch, 0).shares;
    let seen = shares.into_iter().enumerate().filter(|(_, share)| share.samples > 0).map(|(index, share)| {
        let own_s = seconds(index, round, share.samples);
        Observation {
            agent: share.agent,
            samples: share.samples,
            total_s: own_s + 0.02,
            compute_s: own_s,
            own_s,
            late: false,
        }
    });
    policy.observe(&seen.collect::<Vec<_>>());
}

#[divan::bench(args = [4, 16, 64, 128, 500], sample_count = 40)]
fn decide_and_observe(bencher: Bencher, agents: usize) {
    let fleet = fleet(agents);
    let mut policy = Adaptive::new(Ingredients::default(), RoundEnd::Exact);
    (0..SEEN_ROUNDS).for_each(|index| round(&mut policy, &fleet, index));
    let mut index = SEEN_ROUNDS;
    bencher.bench_local(|| {
        index += 1;
        round(&mut policy, &fleet, index);
    });
}
