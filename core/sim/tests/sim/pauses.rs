//! Below what is needed the job pauses, says so and resumes later; it never steps on too little.

use crate::helpers::{chunked, seeds, small, sound, unruly};
use heijunka_round::{Code, Ending};
use heijunka_sim::{Step, Trouble, run};
use heijunka_wire::DataMode;
use std::time::Duration;

#[test]
fn too_few_agents_pause_the_job_until_they_return() {
    for seed in seeds(20) {
        let mut world = small(400);
        world.plan.patience.min_agents = 3;
        world.keep_alive = Duration::from_secs(2);
        let when = Duration::from_millis(6000 + 17 * (seed % 20));
        let back_after = Some(Duration::from_secs(100));
        world.steps.push(Step { at: when, trouble: Trouble::AgentCrashes { agent: 1, back_after } });
        let record = run(&world, seed);
        sound(&record, seed);
        let last = record.last().unwrap();
        assert_eq!((last.count(Code::Paused), last.count(Code::Resumed)), (1, 1), "seed {seed}");
        let longest = last.rounds.iter().map(|round| round.between_s).fold(0.0, f64::max);
        assert!((90.0..102.0).contains(&longest), "seed {seed}: paused for {longest} s");
        let alone = last.rounds.iter().filter(|round| round.agents.len() < 3).count();
        assert_eq!(alone, 0, "seed {seed}: rounds were opened with fewer agents");
    }
}

#[test]
fn a_round_below_the_quorum_is_given_up_and_asked_again() {
    for seed in seeds(20) {
        let mut world = small(400);
        world.keep_models = true;
        world.plan.patience.quorum = 0.7;
        // No agent can compute in place of another one.
        world.plan.job.data_mode = DataMode::Private;
        world.keep_alive = Duration::from_secs(1_000_000);
        let when = Duration::from_millis(6000 + 17 * (seed % 20));
        let lasts = Duration::from_secs(30);
        for agent in 0..2 {
            world.steps.push(Step { at: when, trouble: Trouble::AgentFreezes { agent, lasts } });
        }
        let record = run(&world, seed);
        sound(&record, seed);
        let last = record.last().unwrap();
        assert!(last.counters.given_up > 0, "seed {seed}");
        assert_eq!(last.count(Code::GivenUp), last.counters.given_up as usize, "seed {seed}: it was not said");
        for (round, models) in last.rounds.iter().zip(last.models.windows(2)) {
            assert!(round.ending != Ending::GivenUp || models[0] == models[1], "seed {seed}: a silent update");
        }
    }
}

#[test]
fn a_paused_job_is_quiet() {
    let mut world = small(100_000);
    world.plan.patience.min_agents = 3;
    world.limit = Duration::from_secs(3600);
    world.keep_alive = Duration::from_secs(2);
    let gone = Trouble::AgentCrashes { agent: 1, back_after: None };
    world.steps.push(Step { at: Duration::from_secs(5), trouble: gone });
    let record = run(&world, 1);
    assert_eq!(record.violations, Vec::<String>::new());
    // Two agents, each at most every 15 s after the first minute.
    assert!(record.announcements < 500, "{} announcements in an hour", record.announcements);
    assert!(record.announcements > 200, "{} announcements in an hour", record.announcements);
}

#[test]
fn a_pause_that_was_asked_for_lasts_until_somebody_goes_on_whatever_happens_meanwhile() {
    for seed in seeds(20) {
        let calm = seed % 4 < 2;
        let world = chunked(200, if seed % 2 == 0 { DataMode::Shared } else { DataMode::Private });
        let mut world = if calm { world } else { unruly(world) };
        world.keep_alive = Duration::from_secs(2);
        let from = Duration::from_millis(5000 + 37 * (seed % 20));
        let to = from + Duration::from_secs(3600);
        world.steps.push(Step { at: from, trouble: Trouble::Pause });
        let within = from + Duration::from_secs(60);
        let crash = Trouble::AgentCrashes { agent: 1, back_after: Some(Duration::from_secs(100)) };
        world.steps.push(Step { at: within, trouble: crash });
        let lasts = Duration::from_secs(30);
        world.steps.push(Step { at: within, trouble: Trouble::BrokerRestarts { lasts, keeps_state: seed % 3 == 0 } });
        world.steps.push(Step { at: to, trouble: Trouble::Resume });
        let record = run(&world, seed);
        sound(&record, seed);
        let last = record.last().unwrap();
        assert_eq!((last.count(Code::PauseRequested), last.count(Code::Resumed)), (1, 1), "seed {seed}");
        assert!(!calm || last.count(Code::Unanswered) == 0, "seed {seed}: an agent was blamed for the pause");
        let longest = last.rounds.iter().map(|round| round.seconds + round.between_s).fold(0.0, f64::max);
        assert!(longest < 600.0, "seed {seed}: the pause was taken for work of {longest} s");
        assert!(record.seconds > 3600.0, "seed {seed}: over after {} s", record.seconds);
        assert_eq!(last.steps().count(), 200, "seed {seed}");
    }
}
