//! Replays of fleets whose times can be worked out by hand.

use crate::replay::{Costs, Replay, ReplayError};
use heijunka_allocate::{PolicyName, RoundEnd};
use heijunka_round::{Ending, RoundRecord};
use heijunka_units::AgentId;

fn costs(network_s: f64, fixed_s: f64, seconds_per_sample: f64) -> Costs {
    Costs { network_s, fixed_s, seconds_per_sample }
}

fn agents(count: usize) -> Vec<AgentId> {
    (0..count).map(|number| AgentId::new(&format!("pc-{number:02}")).unwrap()).collect()
}

fn replay(policy: PolicyName, agents: usize, rounds: u64, of: impl FnMut(u64, usize) -> Costs) -> Vec<RoundRecord> {
    replay_until(RoundEnd::Exact, policy, agents, rounds, of)
}

fn replay_until(
    round_end: RoundEnd,
    policy: PolicyName,
    agents: usize,
    rounds: u64,
    of: impl FnMut(u64, usize) -> Costs,
) -> Vec<RoundRecord> {
    let agents = self::agents(agents);
    let replay = Replay { agents: &agents, policy, round_end, batch_samples: 100, rounds, seed: 3 };
    let mut records = Vec::new();
    replay.run(of, |record, _| records.push(record.clone())).unwrap();
    records
}

#[test]
fn equal_shares_take_what_the_slowest_agent_takes() {
    // Round by round the network is slower; agent 1 is the slowest one always: 0.1 + r + 0.5 + 50 x 0.01.
    let records = replay(PolicyName::Equal, 2, 3, |round, agent| costs(0.1 + round as f64, 0.5 * agent as f64, 0.01));
    for (round, record) in records.iter().enumerate() {
        assert!((record.seconds - (1.1 + round as f64)).abs() < 1e-6, "{record:?}");
        assert_eq!((record.samples, record.ending, record.agents.len()), (100, Ending::Full, 2));
        let [first, second] = &record.agents[..] else { panic!("{record:?}") };
        assert_eq!((first.samples, second.samples), (50, 50));
        assert!((first.total_s - (0.6 + round as f64)).abs() < 1e-6);
        assert!((second.compute_s - 1.0).abs() < 1e-6);
        assert!((second.total_s - second.own_s - 0.1 - round as f64).abs() < 1e-6);
        assert_eq!(record.between_s, 0.0);
    }
    assert_eq!(records.iter().filter(|record| record.moved.is_some()).count(), 1, "the first division alone");
}

#[test]
fn the_adaptive_policy_lets_all_finish_together() {
    // 0.1 + 0.01 n = 0.03 (100 - n): n = 72.5, 0.825 s.
    let per_sample = [0.01, 0.03];
    let fixed = [0.1, 0.0];
    let records = replay(PolicyName::Adaptive, 2, 60, |_, agent| costs(0.0, fixed[agent], per_sample[agent]));
    let last = records.last().unwrap();
    assert!((last.seconds - 0.825).abs() < 0.02, "{last:?}");
    assert!((records[0].seconds - 1.5).abs() < 1e-6, "equal shares first");
}

#[test]
fn an_agent_that_sits_out_is_not_waited_for() {
    let records = replay(PolicyName::Adaptive, 2, 60, |_, agent| costs(3.0 * agent as f64, 0.0, 0.001));
    let last = records.last().unwrap();
    assert!((last.seconds - 0.1).abs() < 1e-3, "{last:?}");
}

#[test]
fn a_machine_that_stops_early_computes_what_fits() {
    let machine = costs(9.0, 0.1, 0.01);
    assert_eq!(machine.samples_within(0.6, 100), 50);
    assert_eq!(machine.samples_within(0.05, 100), 1, "one at least");
    assert_eq!(machine.samples_within(5.0, 100), 100);
    assert_eq!(costs(0.0, 0.0, 0.0).samples_within(0.0, 100), 100);
}

#[test]
fn rounds_may_end_before_all_is_computed() {
    // Every tenth time an agent takes ten times as long.
    let troubled = |round: u64, agent: usize| {
        let slow = (round + 3 * agent as u64).is_multiple_of(10);
        costs(0.01, 0.0, if slow { 0.01 } else { 0.001 })
    };
    let of = |end| {
        let records = replay_until(end, PolicyName::Adaptive, 4, 300, troubled);
        let later = records.get(100..).unwrap();
        let seconds: f64 = later.iter().map(|record| record.seconds).sum();
        let samples: f64 = later.iter().map(|record| f64::from(record.samples)).sum();
        (samples / later.len() as f64, 100.0 * seconds / samples)
    };
    let (exact, guard, anytime) = (of(RoundEnd::Exact), of(RoundEnd::Guard), of(RoundEnd::Anytime));
    assert_eq!(exact.0, 100.0, "the whole batch");
    assert!((80.0..100.0).contains(&guard.0) && (70.0..150.0).contains(&anytime.0), "{guard:?} {anytime:?}");
    assert!(guard.1 < exact.1 && anytime.1 < exact.1, "{exact:?} {guard:?} {anytime:?}");
}

#[test]
fn the_same_replay_gives_the_same_rounds() {
    let noisy = |round: u64, agent: usize| {
        let noise = heijunka_units::mix(round * 8 + agent as u64) as f64 / u64::MAX as f64;
        costs(0.01, 0.0, 0.001 * (1.0 + noise))
    };
    for policy in PolicyName::ALL {
        assert_eq!(replay(policy, 5, 50, noisy), replay(policy, 5, 50, noisy));
    }
}

#[test]
fn a_fleet_must_have_agents_of_different_names() {
    let mut none = self::agents(0);
    let outcome = |agents: &[AgentId]| {
        let (policy, round_end) = (PolicyName::Equal, RoundEnd::Exact);
        let replay = Replay { agents, policy, round_end, batch_samples: 10, rounds: 1, seed: 0 };
        replay.run(|_, _| Costs::default(), |_, _| {})
    };
    assert_eq!(outcome(&none), Err(ReplayError::NoAgent));
    none.extend([AgentId::new("a").unwrap(), AgentId::new("a").unwrap()]);
    assert_eq!(outcome(&none), Err(ReplayError::SameName(AgentId::new("a").unwrap())));
}

#[test]
fn rounds_that_run_into_their_deadline_do_not_stop_a_replay() {
    // The second agent takes longer than the first deadline of 120 s once: it counts again when its answer comes.
    let records = replay(PolicyName::Equal, 2, 6, |round, agent| {
        costs(if (round, agent) == (0, 1) { 200.0 } else { 0.0 }, 0.0, 0.01)
    });
    // The other one computes its 50 samples too.
    assert_eq!((records[0].ending, records[0].reissued_samples), (Ending::Full, 50));
    assert!((records[0].seconds - 120.5).abs() < 1e-6, "{} s", records[0].seconds);
    assert_eq!(records[5].ending, Ending::Full);
}
