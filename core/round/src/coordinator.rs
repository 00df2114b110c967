//! The coordinator: what it is made of, and where each input goes. Its files are what messages and time change; what they
//! change lies in parts of their own.

mod admission;
mod announced;
mod close;
mod departure;
mod gradient;
mod hold;
mod links;
mod load;
mod phases;
mod publish;
mod receive;
mod reissue;
mod rounds;
mod sending;
mod timing;

use crate::allocation::Allocation;
use crate::backoff::Backoff;
use crate::collection::{Collection, Memory};
use crate::contract::{Input, MemberView, Output, OwnLimits, Phase};
use crate::deadline::DeadlineRule;
use crate::event::{Event, Obstacle};
use crate::job_spec::JobSpec;
use crate::outbox::Outbox;
use crate::outlier::Outlier;
use crate::plan::Plan;
use crate::record::{Counters, Outcome};
use crate::roster::Roster;
use crate::scoring::Scoring;
use crate::start::BestModel;
use crate::stopwatch::Stopwatch;
use crate::trainer::Trainer;
use admission::Admission;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_allocate::Outlook;
use heijunka_judge::{Judge, ScoreName};
use heijunka_units::{RoundId, RunId, Start, Timestamp};
use heijunka_wire::document::{Job, Scores};
use heijunka_wire::{Head, Shape};
use links::Links;
use timing::Timings;

/// The aggregator's mind.
#[derive(Debug)]
pub struct Coordinator {
    plan: Plan,
    run: RunId,
    start: Start,
    phase: Phase,
    phase_since: Timestamp,
    /// Pauses between rounds, for the broker's sake.
    backoff: Backoff,
    outbox: Outbox,
    roster: Roster,
    admission: Admission,
    links: Links,
    stopwatch: Stopwatch,
    counters: Counters,
    deadline_rule: DeadlineRule,
    /// The job's document as published, and its digest.
    spec: JobSpec,
    trainer: Option<Trainer>,
    pub(crate) allocation: Allocation,
    timings: Timings,
    /// Where the next batch begins in the stream of samples.
    position: u64,
    round: RoundId,
    open: Option<Collection>,
    /// Memory of rounds that are over, for the next one.
    memory: Memory,
    /// The roster for which settling the job was last tried.
    settle_tried: Timestamp,
    /// Why that failed.
    obstacle: Option<Obstacle>,
    scoring: Scoring,
    stop: Option<Outcome>,
    /// The last gradient that was out of all proportion.
    outlier: Option<Outlier>,
}

impl Coordinator {
    /// Begins run `run` of the job. `run` must be higher than any before; `start` is drawn by the caller, for each start
    /// another one.
    pub fn new(plan: Plan, run: RunId, start: Start, now: Timestamp) -> Self {
        let (links, before) = (Links::new(&plan), plan.start.as_ref().map_or(Duration::ZERO, |start| start.trained));
        // The rows continue where the steps before have left them.
        let taken = plan.start.as_ref().map_or(0, |start| start.steps);
        let position = taken.wrapping_mul(u64::from(plan.batch_samples));
        Self {
            allocation: Allocation::new(heijunka_allocate::policy(plan.policy, plan.round_end)),
            outbox: Outbox::new(plan.downlink, now),
            spec: JobSpec::new(plan.job.clone(), now),
            scoring: Scoring::new(),
            plan,
            run,
            start,
            phase: Phase::Surveying,
            phase_since: now,
            backoff: Backoff::default(),
            roster: Roster::default(),
            admission: Admission::default(),
            links,
            stopwatch: Stopwatch::new(now, before),
            counters: Counters::default(),
            deadline_rule: DeadlineRule::new(),
            trainer: None,
            timings: Timings::default(),
            position,
            round: RoundId(0),
            open: None,
            memory: Memory::default(),
            settle_tried: Timestamp::ZERO,
            obstacle: None,
            stop: None,
            outlier: None,
        }
    }

    /// Takes note of what happened.
    pub fn handle(&mut self, now: Timestamp, input: Input<'_>) {
        self.outbox.tick(now);
        match input {
            Input::Connected { .. } => self.on_connected(),
            Input::Disconnected => self.outbox.set_connected(false),
            Input::Frame { channel, agent, bytes } => self.receive(now, channel, agent, bytes),
            Input::Offline { agent } => self.on_offline(now, agent),
            Input::BrokerLoad(load) => self.on_broker_load(now, load),
            Input::Sent { packet_bytes } => self.outbox.pay(packet_bytes),
            Input::Stop => self.finish(Outcome::Stopped),
            Input::Pause => self.on_pause(now),
            Input::Resume => self.on_resume(now),
            Input::Tick => {}
        }
        self.advance(now);
        self.release();
    }

    /// The next thing to do. Call until it returns [`Output::Wait`].
    pub fn poll_output(&mut self) -> Output {
        self.outbox.pop().unwrap_or_else(|| Output::Wait(self.next_deadline().min(self.outbox.release_at())))
    }

    /// Where the job is.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Why the job cannot begin with the agents that are here, if it has been tried.
    pub fn obstacle(&self) -> Option<&Obstacle> {
        self.obstacle.as_ref().filter(|_| self.phase == Phase::Surveying)
    }

    /// The run's number.
    pub fn run(&self) -> RunId {
        self.run
    }

    /// What the heads of its frames name.
    pub fn head(&self) -> Head {
        Head { run: self.run, start: self.start }
    }

    /// What became of the answers.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// The model's parameters, once the job is settled.
    pub fn model(&self) -> Option<&[f32]> {
        self.trainer.as_ref().map(Trainer::agents_model)
    }

    /// What the model looks like, once the job is settled.
    pub fn shape(&self) -> Option<&Shape> {
        self.trainer.as_ref().map(Trainer::shape)
    }

    /// Steps that the model has taken.
    pub fn steps(&self) -> u64 {
        self.trainer.as_ref().map_or(0, Trainer::steps)
    }

    /// The round of this job's own unfinished model after which training resumed; `None` if it did not.
    pub fn gone_on_after(&self) -> Option<u64> {
        self.plan.start.as_ref().filter(|start| start.unfinished).map(|start| start.steps)
    }

    /// What the steps so far have left in the optimizer, to resume from; empty before the job is settled.
    pub fn optimizer_state(&self) -> &[f32] {
        self.trainer.as_ref().map_or(&[], Trainer::optimizer_state)
    }

    /// The job as agents know it; fitted once it is settled.
    pub fn job(&self) -> &Job {
        self.spec.job()
    }

    /// The plan as it was given.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The held-out scores of the model that [`Self::model`] returns, if it has been scored.
    pub fn scores(&self) -> Option<&Scores> {
        self.scoring.last()
    }

    /// How scores are judged, once the job is settled.
    pub fn judge(&self) -> Judge {
        self.scoring.judge()
    }

    /// The figure that models are compared by.
    pub fn judged_by(&self) -> ScoreName {
        self.scoring.judged_by()
    }

    /// The step after which the model was the best, if it is this one that [`Self::model`] returns rather than the last.
    pub fn best_step(&self) -> Option<u64> {
        self.scoring.best_step()
    }

    /// What the policy expects of each agent in the open round, in the order of their names; empty if it does not predict.
    pub fn outlooks(&self) -> Vec<Outlook> {
        self.allocation.outlooks()
    }

    /// The best model so far, where the plan keeps it and it has been scored.
    pub fn best(&self) -> Option<BestModel> {
        self.trainer.as_ref().and_then(Trainer::best)
    }

    /// The agents in the order of their names.
    pub fn members(&self) -> impl Iterator<Item = MemberView> {
        self.roster.members.iter().map(|(agent, member)| MemberView {
            agent: agent.clone(),
            online: member.online,
            limits: OwnLimits {
                away: member.is_away(),
                cpu_share_percent: member.join.cpu_share_percent,
                uplink_bytes_per_s: member.join.uplink_bytes_per_s,
            },
            rows: member.join.rows,
            held_out_rows: member.join.held_out_rows,
            share_samples: member.share.filter(|share| member.online && !share.probe).map_or(0, |share| share.samples),
        })
    }

    pub(crate) fn report(&mut self, event: Event) {
        self.outbox.push(Output::Event(event));
    }

    pub(crate) fn enter(&mut self, now: Timestamp, phase: Phase) {
        self.phase = phase;
        self.phase_since = now;
    }

    fn on_connected(&mut self) {
        self.outbox.set_connected(true);
        if self.phase == Phase::Finished {
            return self.publish_finished();
        }
        // The broker may have come back empty: say everything again, and give the answers time to come.
        self.forget_all();
        self.publish_spec();
        self.publish_assignments();
        self.publish_round();
        self.publish_extras();
        let sent = self.outbox.all_leave_at();
        if let Some(open) = &mut self.open {
            open.put_off(sent);
        }
    }
}
