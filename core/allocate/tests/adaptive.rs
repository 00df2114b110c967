//! `adaptive` on simulated fleets: never worse than another policy, quick after a change, and it says why.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case shall fail")]

use heijunka_allocate::{
    Adaptive, Announced, Candidate, Ingredients, Observation, Policy, PolicyName, RoundEnd, policy,
};
use heijunka_units::{AgentId, Samples, SplitMix64};

/// Normal, by Box and Muller.
fn normal(random: &mut SplitMix64) -> f64 {
    (-2.0 * random.uniform().max(1e-12).ln()).sqrt() * (std::f64::consts::TAU * random.uniform()).cos()
}

/// Seconds of network, fixed part and a sample, by round and agent.
type Costs = Vec<Vec<[f64; 3]>>;

/// What is the matter with a fleet.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    None,
    /// One round in fifty takes several times as long.
    Hiccups,
    /// Machines are busy now and then, for some twenty rounds.
    Busy,
    /// Half of the machines slow down for good.
    Shift,
    /// The network of a machine is slow now and then, for some five rounds.
    Bursts,
    /// One machine's network takes a second.
    FarAway,
}

fn fleet(trouble: Trouble, agents: usize, rounds: usize, seed: u64) -> Costs {
    let mut random = SplitMix64::new(seed);
    let speeds: Vec<f64> = (0..agents).map(|_| 0.001 * 8_f64.powf(random.uniform())).collect();
    let mut troubled = vec![false; agents];
    let mut row = |round: usize| {
        (0..agents)
            .map(|agent| {
                let noise = (0.1 * normal(&mut random)).exp();
                let mut network_s = 0.02 * (0.1 * normal(&mut random)).exp();
                let chance = random.uniform();
                let (begins, ends) = match trouble {
                    Trouble::Hiccups => (0.02, 1.0),
                    Trouble::Busy => (0.02, 0.05),
                    Trouble::Bursts => (0.02, 0.2),
                    Trouble::Shift => (f64::from(u8::from(round == rounds / 2 && agent % 2 == 0)), 0.0),
                    Trouble::None | Trouble::FarAway => (0.0, 0.0),
                };
                troubled[agent] = if troubled[agent] { chance >= ends } else { chance < begins };
                let slow = if troubled[agent] { 4.0 } else { 1.0 };
                let computing = if trouble == Trouble::Bursts { 1.0 } else { slow };
                network_s *= if trouble == Trouble::Bursts { slow * 3.0 } else { 1.0 };
                network_s += if trouble == Trouble::FarAway && agent == 0 { 1.0 } else { 0.0 };
                [network_s, 0.01 * noise * computing, speeds[agent] * noise * computing]
            })
            .collect()
    };
    (0..rounds).map(&mut row).collect()
}

fn candidates(agents: usize) -> Vec<Candidate> {
    let id = |index| AgentId::new(&format!("agent-{index:02}")).unwrap();
    (0..agents).map(|index| Candidate::new(id(index), Samples::MAX)).collect()
}

/// Seconds of every round. Probes that outlast their round are seen later.
fn replay(costs: &Costs, batch: Samples, policy: &mut dyn Policy) -> Vec<f64> {
    let candidates = candidates(costs[0].len());
    let mut under_way: Vec<(f64, Observation)> = Vec::new();
    let mut now_s = 0.0;
    let mut all = Vec::new();
    for (round, costs) in costs.iter().enumerate() {
        let decision = policy.decide(&candidates, batch, round as u64 / 40);
        let mut seen = Vec::new();
        for (share, [network_s, fixed_s, per_sample_s]) in decision.shares.into_iter().zip(costs) {
            let samples = share.samples.max(share.probe);
            let own_s = fixed_s + per_sample_s * f64::from(samples);
            let total_s = own_s + network_s;
            let answer = Observation { agent: share.agent, samples, total_s, compute_s: own_s, own_s, late: false };
            if share.samples > 0 {
                seen.push(answer);
            } else if share.probe > 0 && under_way.iter().all(|(_, probe)| probe.agent != answer.agent) {
                under_way.push((now_s + total_s, answer));
            }
        }
        let seconds = seen.iter().map(|answer| answer.total_s).fold(0.0, f64::max);
        now_s += seconds;
        let (done, rest): (Vec<_>, Vec<_>) = under_way.into_iter().partition(|(at, _)| *at <= now_s);
        under_way = rest;
        seen.extend(done.into_iter().map(|(_, answer)| answer));
        policy.observe(&seen);
        all.push(seconds);
    }
    all
}

fn mean(seconds: &[f64]) -> f64 {
    seconds.iter().sum::<f64>() / seconds.len() as f64
}

#[test]
fn no_other_policy_is_better_by_more_than_a_hundredth_whatever_the_trouble() {
    let troubles = [Trouble::None, Trouble::Hiccups, Trouble::Busy, Trouble::Shift, Trouble::Bursts, Trouble::FarAway];
    for trouble in troubles {
        for (agents, seed) in [(2, 1), (6, 2), (16, 3)] {
            let costs = fleet(trouble, agents, 240, seed);
            let reached = |name| {
                let seconds = replay(&costs, 32 * agents as Samples, policy(name, RoundEnd::Exact).as_mut());
                mean(&seconds[40..])
            };
            let adaptive_s = reached(PolicyName::Adaptive);
            for name in [PolicyName::Equal, PolicyName::Dynamic, PolicyName::Enhanced] {
                let other_s = reached(name);
                assert!(
                    adaptive_s <= 1.01 * other_s,
                    "{trouble:?}, {agents} agents: {adaptive_s} s, {name} {other_s} s"
                );
            }
        }
    }
}

#[test]
fn two_rounds_after_half_of_the_machines_slow_down_the_shares_are_level_again() {
    let costs = fleet(Trouble::Shift, 6, 200, 7);
    let seconds = replay(&costs, 256, &mut Adaptive::new(Ingredients::default(), RoundEnd::Exact));
    let settled = mean(&seconds[150..]);
    assert!(seconds[100] > 1.8 * settled, "no policy can know it in the round of the change itself");
    assert!(mean(&seconds[102..106]) < 1.1 * settled, "{:?}, then {settled}", &seconds[100..106]);
}

#[test]
fn a_machine_far_away_sits_out_and_comes_back_when_its_network_is_repaired() {
    let mut costs = fleet(Trouble::FarAway, 4, 200, 9);
    costs[100..].iter_mut().for_each(|row| row[0][0] = 0.02);
    let mut policy = Adaptive::new(Ingredients::default(), RoundEnd::Exact);
    replay(&costs[..100].to_vec(), 128, &mut policy);
    let decision = policy.decide(&candidates(4), 128, 0);
    assert_eq!(decision.shares[0].samples, 0);
    let text = &policy.outlooks()[0].text;
    assert!(text.starts_with("agent-00: sits out; even a single sample would take 1."), "{text}");
    replay(&costs[100..].to_vec(), 128, &mut policy);
    assert!(policy.decide(&candidates(4), 128, 0).shares[0].samples > 10);
}

#[test]
fn without_probes_a_machine_that_sits_out_never_comes_back() {
    let mut costs = fleet(Trouble::FarAway, 4, 200, 9);
    costs[100..].iter_mut().for_each(|row| row[0][0] = 0.02);
    let mut policy = Adaptive::new(Ingredients { probes: false, ..Ingredients::default() }, RoundEnd::Exact);
    replay(&costs, 128, &mut policy);
    assert_eq!(policy.decide(&candidates(4), 128, 0).shares[0].samples, 0);
}

#[test]
fn pins_and_lower_bounds_are_kept_and_the_rest_is_levelled() {
    let costs = fleet(Trouble::None, 3, 30, 4);
    let mut policy = Adaptive::new(Ingredients::default(), RoundEnd::Exact);
    replay(&costs, 96, &mut policy);
    let mut bound = candidates(3);
    (bound[0].samples_min, bound[0].samples_max) = (5, 5);
    bound[1].samples_min = 60;
    let shares: Vec<Samples> = policy.decide(&bound, 96, 0).shares.iter().map(|share| share.samples).collect();
    assert_eq!((shares[0], shares.iter().sum::<Samples>()), (5, 96));
    assert!(shares[1] >= 60);
}

#[test]
fn a_busy_machine_is_named_with_its_numbers() {
    let mut costs = fleet(Trouble::None, 3, 60, 5);
    costs[40..].iter_mut().for_each(|row| (row[1][1], row[1][2]) = (row[1][1] * 6.0, row[1][2] * 6.0));
    let mut policy = Adaptive::new(Ingredients::default(), RoundEnd::Exact);
    replay(&costs[..41].to_vec(), 96, &mut policy);
    // Training was resumed after round 1000, and one round was given up.
    policy.count(1040);
    let decision = policy.decide(&candidates(3), 96, 0);
    assert!(decision.moved && decision.predicted_s.is_some());
    assert!(decision.reason.starts_with("agent-01: "), "{}", decision.reason);
    assert!(decision.reason.contains("busy since round 1040"), "{}", decision.reason);
    assert!(decision.reason.contains("a round is expected instead of"), "{}", decision.reason);
}

#[test]
fn a_newcomer_is_taken_to_be_like_the_others_and_the_first_round_is_equal() {
    let mut policy = Adaptive::new(Ingredients::default(), RoundEnd::Exact);
    let first = policy.decide(&candidates(2), 64, 0);
    assert_eq!(first.shares.iter().map(|share| share.samples).collect::<Vec<_>>(), [32, 32]);
    assert_eq!(first.reason, "equal shares until times are known: 64 samples over 2 agents");
    replay(&fleet(Trouble::None, 2, 20, 6), 64, &mut policy);
    let joined = policy.decide(&candidates(3), 64, 0);
    assert!(joined.shares[2].samples > 5, "{:?}", joined.shares);
    assert!(policy.outlooks()[2].text.ends_with("not yet measured, taken to be like the others"));
}

#[test]
fn a_newcomer_is_planned_for_with_the_limits_that_it_announces() {
    let mut policy = Adaptive::new(Ingredients::default(), RoundEnd::Exact);
    replay(&fleet(Trouble::None, 2, 20, 6), 64, &mut policy);
    let mut all = candidates(3);
    let mut share = |announced| {
        all[2].announced = announced;
        policy.decide(&all, 64, 0).shares[2].samples
    };
    let like_others = share(Announced::default());
    let slower = share(Announced { capacity: 50, uplink_us: 0 });
    let faster = share(Announced { capacity: 200, uplink_us: 0 });
    let capped = share(Announced { capacity: 100, uplink_us: 40_000 });
    assert!(
        slower < like_others && like_others < faster && capped < like_others,
        "{slower} {like_others} {faster} {capped}"
    );
    assert_eq!(share(Announced { capacity: 100, uplink_us: 60_000_000 }), 0, "it would hold all others back");
}

/// What an outlook says a machine takes: so many times what is usual.
fn times_of(text: &str) -> Option<f64> {
    let (before, _) = text.split_once(" times")?;
    before.rsplit(['(', ' ']).next()?.parse().ok()
}

#[test]
fn a_machine_that_is_busy_now_and_then_for_years_is_said_to_take_what_it_takes() {
    let mut policy = Adaptive::new(Ingredients::default(), RoundEnd::Exact);
    let costs = fleet(Trouble::Busy, 3, 6000, 7);
    let mut named = 0;
    for rounds in costs.chunks(20) {
        replay(&rounds.to_vec(), 96, &mut policy);
        for outlook in policy.outlooks() {
            let Some(times) = times_of(&outlook.text) else { continue };
            assert!((0.1..8.0).contains(&times), "{}", outlook.text);
            named += 1;
        }
    }
    assert!(named > 0, "nothing was ever unusual");
}
