//! What shall happen.

use crate::data::Data;
use alloc::vec::Vec;
use core::time::Duration;
use heijunka_round::Plan;
use heijunka_units::{Cap, Samples};

/// A world to run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What the aggregator has to do.
    pub plan: Plan,
    /// The agents' machines; agent i is called `agent-i`, with two digits.
    pub machines: Vec<Machine>,
    /// The rows to learn from.
    pub data: Data,
    /// What the bus does to messages.
    pub bus: BusFaults,
    /// What goes wrong, and when.
    pub steps: Vec<Step>,
    /// Virtual time after which the world is given up.
    pub limit: Duration,
    /// How long the broker waits for a sign of life before it publishes a last will.
    pub keep_alive: Duration,
    /// Node i's clock is ahead by i + 1 times as much.
    pub clock_offset: Duration,
    /// Keep the model after every round.
    pub keep_models: bool,
}

/// One agent's machine.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    /// When it is started.
    pub starts: Duration,
    /// Time to read and encode the data.
    pub prepare: Duration,
    /// Seconds that a computation takes whatever its samples.
    pub fixed_s: f64,
    /// Seconds a sample.
    pub per_sample_s: f64,
    /// Computations take exp(jitter x z) times as long, z normally distributed.
    pub jitter: f64,
    /// Rows to train on and held out, in place of the data's own.
    pub rows: Option<(usize, usize)>,
    /// Private data: only rows of this class.
    pub class: Option<u32>,
    /// Shared data: it has other rows than the others.
    pub other_rows: bool,
    /// Largest share that it can take.
    pub samples_max: Samples,
    /// The most that its agent sends; `None` without a limit.
    pub uplink: Option<Cap>,
    /// It also claims more samples than it was assigned, repeats old answers and names foreign runs.
    pub lies: bool,
}

/// What the bus does to messages. Each copy of a message draws its own fate; delays that differ reorder.
#[derive(Clone, Copy, Debug)]
pub struct BusFaults {
    /// Shortest and longest time that a message takes.
    pub delay: (Duration, Duration),
    /// Probability that a copy is lost.
    pub drop: f64,
    /// Probability that a copy arrives twice.
    pub duplicate: f64,
    /// Probability that a message is followed by random bytes on its topic.
    pub noise: f64,
    /// Probability that a message is followed by a damaged copy of itself that does not decode, or not as a word of
    /// this run.
    pub damage: f64,
    /// Probability that a message of the aggregator is followed by a damaged copy that does decode.
    pub forgery: f64,
}

/// Something goes wrong at some time.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// When, since the beginning of the world.
    pub at: Duration,
    /// What.
    pub trouble: Trouble,
}

/// What goes wrong.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// An agent loses the broker for a while.
    AgentCutOff {
        /// Which.
        agent: usize,
        /// How long.
        lasts: Duration,
        /// Whether the broker keeps its session, and what arrives meanwhile.
        keeps_session: bool,
    },
    /// An agent's process dies, and starts again or not.
    AgentCrashes {
        /// Which.
        agent: usize,
        /// When it starts again.
        back_after: Option<Duration>,
    },
    /// An agent does nothing for a while. The broker gives it up after the keep-alive time.
    AgentFreezes {
        /// Which.
        agent: usize,
        /// How long.
        lasts: Duration,
    },
    /// The newest aggregator loses the broker for a while.
    AggregatorCutOff {
        /// How long.
        lasts: Duration,
        /// Whether the broker keeps its session.
        keeps_session: bool,
    },
    /// The broker is gone for a while, and everybody comes back in some order.
    BrokerRestarts {
        /// How long.
        lasts: Duration,
        /// Whether it keeps retained messages and sessions.
        keeps_state: bool,
    },
    /// A person asks the newest aggregator to pause.
    Pause,
    /// A person asks the newest aggregator to resume.
    Resume,
    /// An aggregator with the next higher run starts.
    AggregatorStarts {
        /// Whether the one before it has died without a word.
        old_dies: bool,
    },
}
