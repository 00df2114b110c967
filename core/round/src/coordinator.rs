//! The coordinator's state, inputs and outputs.

use crate::deadline::DeadlineRule;
use crate::downlink::Downlink;
use crate::event::{Event, Obstacle};
use crate::hold::Hold;
use crate::load::{Backoff, BrokerLoad};
use crate::open::OpenRound;
use crate::outlier::Outlier;
use crate::plan::{LocalSteps, Plan};
use crate::record::{Counters, Outcome, RoundRecord};
use crate::roster::Roster;
use crate::rounds::Pace;
use crate::start::BestModel;
use crate::timing::Timings;
use crate::trainer::Trainer;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_allocate::{Outlook, Policy};
use heijunka_judge::{Judge, ScoreName};
use heijunka_units::{AgentId, AllocationVersion, RoundId, RunId, Samples, Start, Timestamp};
use heijunka_wire::document::{Job, Scores};
use heijunka_wire::{Channel, Codec, Head, Shape};

/// What happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// The broker is reached.
    Connected {
        /// Whether the broker still had this client's session.
        session_present: bool,
    },
    /// The broker is lost.
    Disconnected,
    /// A message on an agent's `join`, `gradient`, `survey` or `scores` topic, or on `spec` (another aggregator's).
    Frame {
        /// The topic's channel.
        channel: Channel,
        /// The agent that the topic names.
        agent: Option<&'a AgentId>,
        /// The packet's payload.
        bytes: &'a [u8],
    },
    /// An agent's last will or farewell.
    Offline {
        /// Who.
        agent: &'a AgentId,
    },
    /// What the broker is seen to bear; at least every few seconds.
    BrokerLoad(BrokerLoad),
    /// The driver has sent a packet by itself, for people: what is sent next pays for it.
    Sent {
        /// The packet's size.
        packet_bytes: usize,
    },
    /// Somebody asks to stop now.
    Stop,
    /// Somebody asks to pause: the open round is finished, no further one is opened.
    Pause,
    /// Somebody asks to go on after [`Input::Pause`].
    Resume,
    /// Time passed.
    Tick,
}

/// What to do.
#[must_use]
#[derive(Debug)]
pub enum Output {
    /// Publish with the quality and retention of the channel's contract.
    Publish {
        /// The topic's channel.
        channel: Channel,
        /// The agent whose topic it is, if the channel has one for each.
        agent: Option<AgentId>,
        /// The packet's payload; empty to clear what is retained.
        bytes: Vec<u8>,
    },
    /// A round was closed.
    Closed(Box<RoundRecord>),
    /// Something that people should know.
    Event(Event),
    /// The job is over.
    Finished(Outcome),
    /// A newer aggregator of the same job has been heard: leave at once.
    Superseded(RunId),
    /// Nothing until then, or until something happens.
    Wait(Timestamp),
}

/// Where the job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Agents are asked what their data look like.
    Surveying,
    /// Columns and model are settled, agents encode their data.
    Preparing,
    /// A round for gradients or scores is open.
    Training,
    /// Too few agents, or somebody has asked for it ([`Coordinator::is_held`]).
    Paused,
    /// Over.
    Finished,
}

impl Phase {
    /// One word for people's tools.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Surveying => "surveying",
            Self::Preparing => "preparing",
            Self::Training => "training",
            Self::Paused => "paused",
            Self::Finished => "finished",
        }
    }
}

/// What an agent says that it keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnLimits {
    /// Whether it takes no share until its hours begin again.
    pub away: bool,
    /// Share of the time in which its threads compute, 1 to 100.
    pub cpu_share_percent: u8,
    /// Bytes a second that it sends at most; 0: as many as its link carries.
    pub uplink_bytes_per_s: u32,
}

impl Default for OwnLimits {
    fn default() -> Self {
        Self { away: false, cpu_share_percent: 100, uplink_bytes_per_s: 0 }
    }
}

/// What the roster knows of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberView {
    /// Who.
    pub agent: AgentId,
    /// Whether it is connected.
    pub online: bool,
    /// What it keeps to by itself.
    pub limits: OwnLimits,
    /// Rows to train on.
    pub rows: u64,
    /// Rows held out.
    pub held_out_rows: u64,
    /// Samples a round; 0 while it is not here.
    pub share_samples: Samples,
}

/// The aggregator's mind.
#[derive(Debug)]
pub struct Coordinator {
    pub(crate) plan: Plan,
    pub(crate) run: RunId,
    pub(crate) start: Start,
    /// When it was last called.
    pub(crate) now: Timestamp,
    pub(crate) phase: Phase,
    pub(crate) phase_since: Timestamp,
    pub(crate) hold: Hold,
    /// Pauses between rounds, for the broker's sake.
    pub(crate) backoff: Backoff,
    /// When the next round is opened, if it waits for the end of such a pause.
    pub(crate) resume_at: Option<Timestamp>,
    pub(crate) connected: bool,
    pub(crate) outputs: VecDeque<Output>,
    /// Publications that a cap holds back on their way to `outputs`.
    pub(crate) downlink: Option<Downlink>,
    pub(crate) roster: Roster,
    /// Who has been told why it may not take part, at most as many as there may be agents.
    pub(crate) refused: BTreeSet<AgentId>,
    pub(crate) counters: Counters,
    pub(crate) deadline_rule: DeadlineRule,
    pub(crate) policy: Box<dyn Policy>,
    /// The job's document as published, and its digest.
    pub(crate) job: Job,
    pub(crate) document: Vec<u8>,
    pub(crate) content: u64,
    /// Digest of the rows that all agents of a job with shared data must have.
    pub(crate) shared_digest: Option<u64>,
    /// When the spec may be published again for somebody who lacks it.
    pub(crate) spec_repeat_from: Timestamp,
    pub(crate) spec_repeat_wait: Duration,
    pub(crate) trainer: Option<Trainer>,
    pub(crate) allocation: AllocationVersion,
    /// The agents and shares that `allocation` stands for.
    pub(crate) divided: Vec<(AgentId, Samples)>,
    /// Samples of those who compute for their timing alone.
    pub(crate) probing: BTreeMap<AgentId, Samples>,
    pub(crate) pace: Pace,
    pub(crate) timings: Timings,
    /// Where the next batch begins in the stream of samples.
    pub(crate) position: u64,
    pub(crate) round: RoundId,
    pub(crate) open: Option<OpenRound>,
    /// How the model's updates are written; `Float32`: whole models.
    pub(crate) update_codec: Codec,
    /// Steps of a round that agents take by themselves.
    pub(crate) local_steps: u16,
    /// Mean seconds of the last training rounds.
    pub(crate) round_s: f64,
    /// Seconds that the open round's model has waited to be sent.
    pub(crate) sending_s: f64,
    /// Memory of answers that have been added, for the next ones.
    pub(crate) spare: Vec<Vec<u8>>,
    pub(crate) closed_at: Timestamp,
    pub(crate) training_since: Option<Timestamp>,
    /// The roster for which settling the job was last tried.
    pub(crate) settle_tried: Timestamp,
    /// Why that was in vain.
    pub(crate) obstacle: Option<Obstacle>,
    /// The step at which the model was last scored.
    pub(crate) scored_at_step: Option<u64>,
    pub(crate) last_scores: Option<Scores>,
    /// How scores are judged, once the job is settled.
    pub(crate) judge: Judge,
    pub(crate) judged_by: ScoreName,
    /// The step of the best model, once it has been made the model.
    pub(crate) best_step: Option<u64>,
    pub(crate) stop: Option<Outcome>,
    /// The last gradient that was out of all proportion.
    pub(crate) outlier: Option<Outlier>,
}

impl Coordinator {
    /// Begins run `run` of the job. `run` must be higher than any before; `start` is drawn by the caller, for each start
    /// another one.
    pub fn new(plan: Plan, run: RunId, start: Start, now: Timestamp) -> Self {
        let job = plan.job.clone();
        let update_codec = plan.compact.update.unwrap_or_default();
        let local_steps = match plan.local_steps {
            LocalSteps::Fixed(steps) => steps.max(1),
            LocalSteps::Auto => 1,
        };
        // The rows go on where the steps before have left them.
        let taken = plan.start.as_ref().map_or(0, |start| start.steps);
        let position = taken.wrapping_mul(u64::from(plan.batch_samples));
        let mut coordinator = Self {
            policy: heijunka_allocate::policy(plan.policy, plan.round_end),
            downlink: plan.downlink.map(Downlink::new),
            plan,
            run,
            start,
            now,
            phase: Phase::Surveying,
            phase_since: now,
            hold: Hold::No,
            backoff: Backoff::default(),
            resume_at: None,
            connected: false,
            outputs: VecDeque::new(),
            roster: Roster::default(),
            refused: BTreeSet::new(),
            counters: Counters::default(),
            deadline_rule: DeadlineRule::new(),
            job: job.clone(),
            document: Vec::new(),
            content: 0,
            shared_digest: None,
            spec_repeat_from: now,
            spec_repeat_wait: Duration::ZERO,
            trainer: None,
            allocation: AllocationVersion(0),
            divided: Vec::new(),
            probing: BTreeMap::new(),
            pace: Pace::default(),
            timings: Timings::default(),
            position,
            round: RoundId(0),
            open: None,
            update_codec,
            local_steps,
            round_s: 0.0,
            sending_s: 0.0,
            spare: Vec::new(),
            closed_at: now,
            training_since: None,
            settle_tried: Timestamp::ZERO,
            obstacle: None,
            scored_at_step: None,
            last_scores: None,
            judge: Judge::default(),
            judged_by: ScoreName::Loss,
            best_step: None,
            stop: None,
            outlier: None,
        };
        coordinator.settle_document(job);
        coordinator
    }

    /// Takes note of what happened.
    pub fn handle(&mut self, now: Timestamp, input: Input<'_>) {
        self.now = now;
        match input {
            Input::Connected { .. } => self.on_connected(),
            Input::Disconnected => self.connected = false,
            Input::Frame { channel, agent, bytes } => self.receive(now, channel, agent, bytes),
            Input::Offline { agent } => self.on_offline(now, agent),
            Input::BrokerLoad(load) => self.on_broker_load(now, load),
            Input::Sent { packet_bytes } => self.on_sent(packet_bytes),
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
        self.outputs.pop_front().unwrap_or_else(|| Output::Wait(self.next_deadline().min(self.release_at())))
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

    /// The round of this job's own unfinished model that training went on after; `None` if it did not.
    pub fn gone_on_after(&self) -> Option<u64> {
        self.plan.start.as_ref().filter(|start| start.unfinished).map(|start| start.steps)
    }

    /// What the steps so far have left in the optimizer, to go on from; empty before the job is settled.
    pub fn optimizer_state(&self) -> &[f32] {
        self.trainer.as_ref().map_or(&[], Trainer::optimizer_state)
    }

    /// The job as agents know it; fitted once it is settled.
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// The plan as it was given.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The held-out scores of the model that [`Self::model`] returns, if it has been scored.
    pub fn scores(&self) -> Option<&Scores> {
        self.last_scores.as_ref()
    }

    /// How scores are judged; of no use before the job is settled.
    pub fn judge(&self) -> Judge {
        self.judge
    }

    /// The figure that tells the better model.
    pub fn judged_by(&self) -> ScoreName {
        self.judged_by
    }

    /// The step after which the model was the best, if it is this one that [`Self::model`] returns rather than the last.
    pub fn best_step(&self) -> Option<u64> {
        self.best_step
    }

    /// What the policy expects of each agent in the open round, in the order of their names; empty if it does not predict.
    pub fn outlooks(&self) -> Vec<Outlook> {
        self.policy.outlooks()
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
        self.outputs.push_back(Output::Event(event));
    }

    pub(crate) fn enter(&mut self, now: Timestamp, phase: Phase) {
        self.phase = phase;
        self.phase_since = now;
    }

    fn on_connected(&mut self) {
        self.connected = true;
        if self.phase == Phase::Finished {
            return self.publish_finished();
        }
        // The broker may have come back empty: say everything again, and give the answers time to come.
        self.forget_all();
        self.publish_spec();
        self.publish_assignments();
        self.publish_round();
        self.publish_extras();
        let sent = self.all_leave_at();
        if let Some(open) = &mut self.open {
            open.put_off(sent);
        }
    }
}
