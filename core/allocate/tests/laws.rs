//! What holds for every policy, whatever it observes.
#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case shall fail")]

use heijunka_allocate::{Candidate, Decision, Observation, PolicyName, RoundEnd, Share, policy};
use heijunka_units::{AgentId, Samples};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};

fn agent(index: usize) -> AgentId {
    AgentId::new(&format!("agent-{index:04}")).unwrap()
}

fn everybody(caps: &[Samples]) -> Vec<Candidate> {
    caps.iter().enumerate().map(|(index, cap)| Candidate::new(agent(index), *cap)).collect()
}

fn seen(index: usize, total_s: f64) -> Observation {
    Observation { agent: agent(index), samples: 1, total_s, compute_s: total_s, own_s: total_s, late: false }
}

fn samples(decision: &Decision) -> Vec<Samples> {
    decision.shares.iter().map(|share| share.samples).collect()
}

/// One round: who is there with which bound, what each takes, and whether an epoch ends.
#[derive(Clone, Debug)]
struct Step {
    bounds: Vec<Option<(Samples, Samples)>>,
    times_s: Vec<f64>,
    batch: Samples,
    epoch_ends: bool,
}

impl Step {
    fn candidates(&self) -> Vec<Candidate> {
        let present = self.bounds.iter().enumerate().filter_map(|(index, bound)| bound.map(|bound| (index, bound)));
        present
            .map(|(index, (samples_min, samples_max))| Candidate {
                samples_min,
                ..Candidate::new(agent(index), samples_max)
            })
            .collect()
    }

    fn observations(&self) -> Vec<Observation> {
        self.times_s.iter().enumerate().map(|(index, time_s)| seen(index, *time_s)).collect()
    }
}

fn time_s() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => 1e-3..10.0,
        1 => any::<f64>(),
        1 => proptest::sample::select(vec![0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, f64::MAX]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let bound = prop_oneof![
        3 => Just(Some((0, Samples::MAX))),
        2 => (0_u32..300).prop_map(|most| Some((0, most))),
        1 => (0_u32..40, 0_u32..80).prop_map(Some),
        1 => Just(None),
    ];
    let batch = prop_oneof![6 => Just(256_u32), 1 => 0_u32..20, 1 => 0_u32..=1 << 20];
    (proptest::collection::vec(bound, 12), proptest::collection::vec(time_s(), 12), batch, any::<bool>())
        .prop_map(|(bounds, times_s, batch, epoch_ends)| Step { bounds, times_s, batch, epoch_ends })
}

/// Some steps, each of which happens a few times over.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let repeated = proptest::collection::vec((step(), 1_usize..6), 1..8);
    repeated.prop_map(|steps| steps.into_iter().flat_map(|(step, times)| vec![step; times]).collect())
}

fn check(name: PolicyName, step: &Step, decision: &Decision) -> Result<(), TestCaseError> {
    let candidates = step.candidates();
    let given: u64 = decision.shares.iter().map(|share| u64::from(share.samples)).sum();
    let held: u64 = candidates.iter().map(|candidate| u64::from(candidate.samples_max)).sum();
    let wanted = u64::from(step.batch).min(held);
    prop_assert!(decision.shares.iter().map(|share| &share.agent).eq(candidates.iter().map(|c| &c.agent)));
    if name == PolicyName::Dynamic {
        prop_assert!(given <= wanted && given + (candidates.len() as u64) > wanted || wanted == 0);
    } else {
        prop_assert_eq!(given, wanted);
    }
    let least: u64 = candidates.iter().map(|c| u64::from(c.samples_min.min(c.samples_max))).sum();
    let floor = |c: &Candidate| u64::from(c.samples_min.max(1).min(c.samples_max));
    let held_by_floors: u64 = candidates.iter().map(floor).sum();
    for (share, candidate) in decision.shares.iter().zip(&candidates) {
        prop_assert!(share.samples <= candidate.samples_max);
        // `adaptive` may do without agents whose lower bound allows it.
        let may_be_out = name == PolicyName::Adaptive && candidate.samples_min == 0;
        let must = candidate.samples_max > 0 && held_by_floors <= u64::from(step.batch) && !may_be_out;
        prop_assert!(
            least > u64::from(step.batch) || share.samples >= candidate.samples_min.min(candidate.samples_max)
        );
        prop_assert!(share.probe == 0 || share.samples == 0 && share.probe <= candidate.samples_max);
        prop_assert!(!must || share.samples >= 1, "{} of {:?}", share.agent, samples(decision));
    }
    Ok(())
}

/// The same cases in every run; a failure is shown, not filed.
fn cases() -> Config {
    Config { cases: 300, rng_seed: RngSeed::Fixed(20_211_008), failure_persistence: None, ..Config::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn shares_sum_to_the_batch_within_bounds_and_repeat_bit_by_bit(steps in steps()) {
        for name in PolicyName::ALL {
            let (mut policy, mut twin) = (policy(name, RoundEnd::Exact), policy(name, RoundEnd::Exact));
            let mut epoch = 0;
            let mut before: Option<Decision> = None;
            for step in &steps {
                let decision = policy.decide(&step.candidates(), step.batch, epoch);
                check(name, step, &decision)?;
                let same = |(a, b): (&Share, &Share)| (&a.agent, a.samples) == (&b.agent, b.samples);
                let unchanged = before.is_some_and(|before| {
                    before.shares.len() == decision.shares.len() && before.shares.iter().zip(&decision.shares).all(same)
                });
                prop_assert!(decision.moved != unchanged || decision.shares.is_empty());
                prop_assert_eq!(&decision, &twin.decide(&step.candidates(), step.batch, epoch));
                policy.observe(&step.observations());
                twin.observe(&step.observations());
                epoch += u64::from(step.epoch_ends);
                before = Some(decision);
            }
        }
    }
}

#[test]
fn nobody_is_given_nothing() {
    for name in PolicyName::ALL {
        let decision = policy(name, RoundEnd::Exact).decide(&[], 256, 0);
        assert_eq!((decision.shares.len(), decision.moved), (0, false));
    }
}

#[test]
fn what_a_bound_cuts_off_goes_to_the_others() {
    let decision = policy(PolicyName::Enhanced, RoundEnd::Exact).decide(&everybody(&[10, 1000, 1000]), 256, 0);
    assert_eq!(samples(&decision), [10, 123, 123]);
}

#[test]
fn bounds_below_the_batch_are_said_in_the_reason() {
    for name in PolicyName::ALL {
        let decision = policy(name, RoundEnd::Exact).decide(&everybody(&[10, 0, 20]), 256, 0);
        assert_eq!(samples(&decision), [10, 0, 20]);
        assert!(decision.reason.ends_with("but their bounds hold only 30 of them"), "{}", decision.reason);
    }
}

#[test]
fn a_batch_smaller_than_the_fleet_goes_to_the_first() {
    for name in [PolicyName::Equal, PolicyName::Enhanced] {
        assert_eq!(samples(&policy(name, RoundEnd::Exact).decide(&everybody(&[9; 5]), 3, 0)), [1, 1, 1, 0, 0]);
    }
}

#[test]
fn equal_shares_say_so() {
    let mut policy = policy(PolicyName::Equal, RoundEnd::Exact);
    let first = policy.decide(&everybody(&[999; 6]), 256, 0);
    assert_eq!(samples(&first), [43, 43, 43, 43, 42, 42]);
    assert_eq!((first.moved, first.reason.as_str()), (true, "equal shares: 256 samples over 6 agents"));
    assert!(!policy.decide(&everybody(&[999; 6]), 256, 9).moved);
}

#[test]
fn shares_move_once_an_epoch_and_say_why() {
    let mut policy = policy(PolicyName::Enhanced, RoundEnd::Exact);
    let fleet = everybody(&[999; 4]);
    assert!(policy.decide(&fleet, 256, 6).moved);
    // Mean of 0.3 s and 0.5 s; the times that make no sense do not count.
    for time_s in [0.3, 0.5] {
        policy.observe(&[seen(0, 0.2), seen(1, 0.2), seen(2, time_s), seen(3, 0.2)]);
        policy.observe(&[seen(2, f64::NAN), seen(2, f64::INFINITY), seen(2, 0.0), seen(2, -1.0), seen(77, 9.0)]);
        assert!(!policy.decide(&fleet, 256, 6).moved);
    }
    let decision = policy.decide(&fleet, 256, 7);
    assert_eq!(samples(&decision), [73, 73, 37, 73]);
    assert_eq!(decision.reason, "epoch 7: agent-0002 took 0.400 s against a mean of 0.250 s: 64 -> 37 samples");
    // Nothing was seen since: nothing moves.
    assert!(!policy.decide(&fleet, 256, 8).moved);
}

#[test]
fn an_agent_that_was_not_measured_counts_as_one_of_mean_time() {
    let mut policy = policy(PolicyName::Enhanced, RoundEnd::Exact);
    let _ = policy.decide(&everybody(&[999; 3]), 260, 0);
    policy.observe(&[seen(0, 0.5), seen(1, 1.5)]);
    // p / t = 1/3 x (2, 2/3, 1): 260 x (6, 2, 3) / 11
    assert_eq!(samples(&policy.decide(&everybody(&[999; 3]), 260, 1)), [142, 47, 71]);
}

#[test]
fn joiners_get_the_mean_share_and_leavers_shares_are_spread() {
    let mut policy = policy(PolicyName::Enhanced, RoundEnd::Exact);
    let three = everybody(&[999; 3]);
    let _ = policy.decide(&three, 240, 0);
    policy.observe(&[seen(0, 1.0), seen(1, 1.0), seen(2, 2.0)]);
    assert_eq!(samples(&policy.decide(&three, 240, 1)), [96, 96, 48]);
    let joined = policy.decide(&everybody(&[999; 4]), 240, 1);
    assert_eq!(samples(&joined), [72, 72, 36, 60]);
    assert_eq!(joined.reason, "1 joined with the mean share, 0 left: 240 samples over 4 agents");
    let left = policy.decide(&everybody(&[999; 4])[1..], 240, 1);
    assert_eq!(samples(&left), [103, 51, 86]);
    assert_eq!(left.reason, "0 joined with the mean share, 1 left: 240 samples over 3 agents");
    let doubled = policy.decide(&everybody(&[999; 4])[1..], 480, 1);
    assert_eq!(samples(&doubled), [206, 103, 171]);
    assert_eq!(doubled.reason, "other bounds or another batch: 480 samples over 3 agents");
}

#[test]
fn times_measured_under_another_division_do_not_count() {
    let mut policy = policy(PolicyName::Enhanced, RoundEnd::Exact);
    let _ = policy.decide(&everybody(&[999; 2]), 256, 0);
    policy.observe(&[seen(0, 1.0), seen(1, 9.0)]);
    let _ = policy.decide(&everybody(&[999; 3]), 256, 0);
    assert!(!policy.decide(&everybody(&[999; 3]), 256, 1).moved);
}

#[test]
fn a_bounded_agent_can_come_back() {
    let mut policy = policy(PolicyName::Enhanced, RoundEnd::Exact);
    let fleet = everybody(&[16, 999]);
    for epoch in 0..50 {
        assert_eq!(samples(&policy.decide(&fleet, 256, epoch)), [16, 240]);
        policy.observe(&[seen(0, 0.1), seen(1, 0.5)]);
    }
    policy.observe(&[seen(0, 4.0), seen(1, 0.5)]);
    let _ = policy.decide(&fleet, 256, 50);
    for epoch in 51..54 {
        policy.observe(&[seen(0, 4.0), seen(1, 0.5)]);
        let _ = policy.decide(&fleet, 256, epoch);
    }
    assert_eq!(samples(&policy.decide(&fleet, 256, 54)), [1, 255]);
}

#[test]
fn names_are_those_of_the_policies_and_an_unknown_one_lists_them() {
    for name in PolicyName::ALL {
        assert_eq!(name.to_string().parse(), Ok(name));
        assert_eq!(policy(name, RoundEnd::Exact).name(), name.as_str());
    }
    let error = "fastest".parse::<PolicyName>().unwrap_err();
    assert_eq!(error.to_string(), "no such policy: the policies are equal, dynamic, enhanced, adaptive");
}
