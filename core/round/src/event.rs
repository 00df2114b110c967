//! Everything that an aggregator reports to people: one enum for the mind's events and the program's.
//!
//! An event is data. Its text is [`Event`]'s `Display`, its number [`Event::code`]; logs, JSON, metrics, the page and the
//! table in `docs/operations.md` are made of these.

mod code;
mod text;

pub use code::Code;
pub use text::are_here;

use crate::outlier::Outlier;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_judge::ScoreName;
use heijunka_units::{AgentId, Codec, Samples};
use heijunka_wire::Refusal;

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Good to know.
    Info,
    /// A person should look at it.
    Warn,
}

impl Level {
    /// As JSON has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warn => "warn",
        }
    }
}

/// A round as people count it: by the steps of the model, as `max_rounds` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoundName {
    /// The round that makes this step.
    Training(u64),
    /// The scoring of the model after this step.
    Scoring(u64),
}

/// Why a job cannot begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// In plain words.
    pub why: String,
    /// What to do.
    pub fix: &'static str,
}

/// Why others compute what an agent was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It left.
    Left,
    /// It started again.
    Restarted,
    /// The clock stopped it before it was done.
    Slow,
    /// It has yet to answer.
    Late,
}

/// What is wrong with a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strain {
    /// It has dropped so many messages since it was last asked.
    Dropped(u64),
    /// It takes so long to acknowledge a message.
    Slow(Duration),
}

/// Something that people should know.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An agent joined.
    Joined {
        /// Which.
        agent: AgentId,
        /// Its rows to train on.
        rows: u64,
    },
    /// An agent left without having announced it.
    Left {
        /// Which.
        agent: AgentId,
    },
    /// An agent takes no share until its hours begin again.
    Away {
        /// Which.
        agent: AgentId,
        /// For how many seconds.
        for_s: u32,
    },
    /// An agent's program ended before it could take part. Reported by the program: the mind never met the agent.
    Unable {
        /// Which.
        agent: AgentId,
        /// As the agent says it.
        reason: String,
    },
    /// An agent may not take part.
    Refused {
        /// Which.
        agent: AgentId,
        /// Why.
        refusal: Refusal,
    },
    /// An agent speaks another version of the protocol: it cannot read a refusal.
    OtherVersion {
        /// Which.
        agent: AgentId,
        /// The version of its message.
        version: u8,
    },
    /// The job cannot begin.
    CannotBegin {
        /// Whose data were looked at.
        agents: Vec<AgentId>,
        /// What is in the way.
        obstacle: Obstacle,
    },
    /// Columns and model are settled.
    Settled {
        /// Input columns.
        columns: usize,
        /// Rows of a window; 1 without windows.
        window_rows: usize,
        /// Inputs of the model.
        inputs: usize,
        /// Parameters of the model.
        parameters: usize,
    },
    /// The first round is about to be opened.
    Started {
        /// Agents that take part.
        agents: usize,
    },
    /// The job ended with the model of an earlier step.
    BestKept {
        /// That step.
        step: u64,
        /// The last step.
        last: u64,
        /// What it was judged by, and its figure.
        score: Option<(ScoreName, f64)>,
    },
    /// A start found this job's unfinished model and continues it.
    Continued {
        /// Where that model is.
        folder: String,
        /// Steps that it has taken.
        step: u64,
    },
    /// A start found a model that it does not continue.
    StartedOver {
        /// Where that model was.
        folder: String,
        /// Where it is kept.
        kept: String,
    },
    /// A start repaired what a save that was cut off had left.
    Repaired {
        /// What it did.
        what: String,
    },
    /// Too few agents are here.
    Paused {
        /// Agents that are ready.
        ready: usize,
        /// Agents that are needed.
        needed: usize,
        /// Agents that will come back when their hours begin.
        away: usize,
    },
    /// Training continues after a pause.
    Resumed {
        /// Agents that take part; none where a pause was taken back before it began.
        agents: Option<usize>,
    },
    /// A person has asked to pause.
    PauseRequested {
        /// The round that is finished first, if one is open.
        round: Option<RoundName>,
    },
    /// An agent left a round unanswered.
    Unanswered {
        /// Which.
        agent: AgentId,
        /// The round.
        round: RoundName,
        /// Whether the next rounds no longer wait for it.
        dropped: bool,
    },
    /// A round ended without a step.
    GivenUp {
        /// The round.
        round: RoundName,
        /// Ranges that were computed.
        completed: usize,
        /// Agents that were asked.
        expected: usize,
        /// Ranges that were needed.
        needed: usize,
    },
    /// An agent found a loss or gradient that is not finite.
    NotFinite {
        /// Which.
        agent: AgentId,
        /// In which round.
        round: RoundName,
    },
    /// Others compute what an agent was asked for.
    Reissued {
        /// Which.
        agent: AgentId,
        /// Why.
        cause: Cause,
        /// In which round.
        round: RoundName,
        /// How many samples.
        samples: Samples,
        /// Who computes them.
        helpers: Vec<AgentId>,
    },
    /// The model is no longer finite: the job ends.
    Diverged {
        /// In which round.
        round: RoundName,
        /// The gradient that was out of all proportion shortly before, if there was one.
        outlier: Option<Outlier>,
    },
    /// A link was measured, and the codec of its agent's gradients changed for it.
    CodecChanged {
        /// Whose link.
        agent: AgentId,
        /// Seconds of a round that the network takes.
        network_s: f64,
        /// Seconds of a round.
        round_s: f64,
        /// The codec from now on.
        codec: Codec,
        /// The codec until now.
        before: Codec,
    },
    /// The number of steps that agents take by themselves in a round changed.
    LocalSteps {
        /// Seconds of a round that the network takes.
        network_s: f64,
        /// Seconds of a step.
        step_s: f64,
        /// From now on.
        steps: u16,
        /// Until now.
        before: u16,
    },
    /// An agent's announced uplink needs a shorter codec from the first round on.
    CodecPlanned {
        /// Whose uplink.
        agent: AgentId,
        /// What it sends at most.
        uplink_bits_per_s: u64,
        /// Seconds that a gradient would take in full.
        dense_s: f64,
        /// The codec of its gradients.
        codec: Codec,
    },
    /// The broker cannot keep up: rounds pause between each other.
    BrokerOverloaded {
        /// What is wrong.
        strain: Strain,
        /// The pause between two rounds.
        pause: Duration,
    },
    /// The broker keeps up again.
    BrokerRecovered {
        /// The pause between two rounds from now on; none if it is zero.
        pause: Duration,
    },
    /// A whole model takes long to send, because `[limits] downlink` lets no more through.
    SlowModel {
        /// The cap.
        bits_per_s: u64,
        /// Parameters of the model.
        parameters: usize,
        /// What it takes to send all of them.
        time: Duration,
        /// Whether that is longer than a first round may take.
        too_long: bool,
    },
    /// The program cannot write the model. It keeps trying.
    CannotSave {
        /// What.
        what: String,
        /// Where.
        folder: String,
        /// As the operating system says it.
        error: String,
        /// What to do.
        fix: &'static str,
        /// Whether training is over.
        over: bool,
    },
    /// The program could write again.
    SavedAgain {
        /// What.
        what: String,
        /// Where it is.
        folder: String,
    },
}

impl Event {
    /// Its number, by which it can be looked up.
    pub fn code(&self) -> Code {
        match self {
            Self::Joined { .. } => Code::Joined,
            Self::Left { .. } => Code::Left,
            Self::Away { .. } => Code::Away,
            Self::Unable { .. } => Code::Unable,
            Self::Refused { .. } | Self::OtherVersion { .. } => Code::Refused,
            Self::CannotBegin { .. } => Code::CannotBegin,
            Self::Settled { .. } => Code::Settled,
            Self::Started { .. } => Code::Started,
            Self::BestKept { .. } => Code::BestKept,
            Self::Continued { .. } => Code::Continued,
            Self::StartedOver { .. } => Code::StartedOver,
            Self::Repaired { .. } => Code::Repaired,
            Self::Paused { .. } => Code::Paused,
            Self::Resumed { .. } => Code::Resumed,
            Self::PauseRequested { .. } => Code::PauseRequested,
            Self::Unanswered { .. } => Code::Unanswered,
            Self::GivenUp { .. } => Code::GivenUp,
            Self::NotFinite { .. } => Code::NotFinite,
            Self::Reissued { .. } => Code::Reissued,
            Self::Diverged { .. } => Code::Diverged,
            Self::CodecChanged { .. } => Code::CodecChanged,
            Self::LocalSteps { .. } => Code::LocalSteps,
            Self::CodecPlanned { .. } => Code::CodecPlanned,
            Self::BrokerOverloaded { .. } => Code::BrokerOverloaded,
            Self::BrokerRecovered { .. } => Code::BrokerRecovered,
            Self::SlowModel { .. } => Code::SlowModel,
            Self::CannotSave { .. } => Code::CannotSave,
            Self::SavedAgain { .. } => Code::SavedAgain,
        }
    }

    /// How much it matters.
    pub fn level(&self) -> Level {
        let warns = match self {
            Self::Paused { ready, needed, away } => ready + away < *needed,
            Self::SlowModel { too_long, .. } => *too_long,
            Self::Left { .. }
            | Self::Unable { .. }
            | Self::Refused { .. }
            | Self::OtherVersion { .. }
            | Self::CannotBegin { .. }
            | Self::Repaired { .. }
            | Self::Unanswered { .. }
            | Self::GivenUp { .. }
            | Self::NotFinite { .. }
            | Self::Diverged { .. }
            | Self::BrokerOverloaded { .. }
            | Self::CannotSave { .. } => true,
            Self::Joined { .. }
            | Self::Away { .. }
            | Self::Settled { .. }
            | Self::Started { .. }
            | Self::BestKept { .. }
            | Self::Continued { .. }
            | Self::StartedOver { .. }
            | Self::Resumed { .. }
            | Self::PauseRequested { .. }
            | Self::Reissued { .. }
            | Self::CodecChanged { .. }
            | Self::LocalSteps { .. }
            | Self::CodecPlanned { .. }
            | Self::BrokerRecovered { .. }
            | Self::SavedAgain { .. } => false,
        };
        if warns { Level::Warn } else { Level::Info }
    }

    /// The agent that it is about, if it is about one.
    pub fn agent(&self) -> Option<&AgentId> {
        match self {
            Self::Joined { agent, .. }
            | Self::Left { agent }
            | Self::Away { agent, .. }
            | Self::Unable { agent, .. }
            | Self::Refused { agent, .. }
            | Self::OtherVersion { agent, .. }
            | Self::Unanswered { agent, .. }
            | Self::NotFinite { agent, .. }
            | Self::Reissued { agent, .. }
            | Self::CodecChanged { agent, .. }
            | Self::CodecPlanned { agent, .. } => Some(agent),
            Self::Diverged { outlier, .. } => outlier.as_ref().map(|outlier| &outlier.agent),
            _ => None,
        }
    }

    /// What to do, if there is something to do.
    pub fn fix(&self) -> Option<&'static str> {
        Some(match self {
            Self::Left { .. } => "it joins again by itself",
            Self::Away { .. } => "it comes back by itself",
            Self::Unable { .. } => "fix it on that machine",
            Self::Refused { refusal, .. } => text::refusal_fix(*refusal),
            Self::OtherVersion { .. } => "install the same release of aggregator and agents",
            Self::CannotBegin { obstacle, .. } => obstacle.fix,
            Self::Continued { .. } => {
                "to train from the start, set [training] resume = false: this model is then kept in the folder checkpoints"
            }
            Self::StartedOver { .. } => "to begin with that one, set [model] start_from",
            Self::Repaired { .. } => "nothing has to be done",
            Self::Paused { .. } if self.level() == Level::Warn => "start more agents, or lower min_agents",
            Self::PauseRequested { .. } => "Resume on the page continues the job",
            Self::Unanswered { .. } => "look at that machine; it is asked again once it sends something",
            Self::GivenUp { .. } => "if this repeats, look at the agents that did not answer",
            Self::NotFinite { .. } => "lower learning_rate, or look at its data",
            Self::Diverged { outlier: Some(_), .. } => "look at the data and the program of that agent",
            Self::Diverged { outlier: None, .. } => "lower learning_rate",
            Self::BrokerOverloaded { .. } => "give the broker a faster machine or fewer other jobs",
            Self::SlowModel { .. } => text::SHORTER,
            Self::CannotSave { fix, .. } => fix,
            _ => return None,
        })
    }
}
