//! A job that cannot succeed ends and says so.

use heijunka_allocate::PolicyName;
use heijunka_round::{Code, Outcome};
use heijunka_sim::{Truth, machines, plan, run, scenario};
use heijunka_wire::{Activation, DataMode};

#[test]
fn a_learning_rate_that_is_far_too_high_ends_the_job_rather_than_hanging_it() {
    for learning_rate in [3.0, 1e3, 1e6, 1e12, 1e30] {
        let mut plan = plan(Truth::Linear, DataMode::Shared, PolicyName::Equal, 2000, 30);
        plan.hidden = vec![8, 8];
        plan.activation = Activation::Relu;
        plan.schedule.learning_rate = learning_rate;
        let world = scenario(plan, Truth::Linear, machines([(0.01, 0.001), (0.02, 0.002)]));
        let record = run(&world, 1);
        assert_eq!(record.violations, Vec::<String>::new());
        let last = record.last().unwrap();
        assert_eq!(last.outcome, Some(Outcome::Diverged), "{learning_rate}: {:?}", last.rounds.last());
        assert!(last.model.iter().all(|parameter| parameter.is_finite()) && last.count(Code::Diverged) == 1);
        assert!(record.seconds < 200.0, "{learning_rate}: it took {} s", record.seconds);
    }
}
