//! The aggregator's mind: surveys the data, settles the job, opens and closes rounds, steps the model.
//!
//! Call [`Coordinator::handle`] with whatever happens, then [`Coordinator::poll_output`] until it returns
//! [`Output::Wait`]. A tick that comes too early or too often does no harm. Nothing here has a clock, a socket,
//! a file or ambient randomness.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod announced;
mod close;
mod compact;
mod coordinator;
mod deadline;
mod downlink;
mod event;
pub mod fit;
mod gradient;
mod hold;
mod inclusion;
mod join;
mod judging;
mod links;
mod load;
mod mean;
mod open;
mod outlier;
mod phases;
mod pieces;
mod plan;
mod publish;
mod receive;
mod record;
mod reissue;
mod replica;
mod roster;
mod rounds;
mod shape;
mod start;
#[cfg(test)]
mod tests;
mod timing;
mod trainer;

pub use compact::Compact;
pub use coordinator::{Coordinator, Input, MemberView, Output, OwnLimits, Phase};
pub use downlink::DownlinkView;
pub use event::{Cause, Code, Event, Level, Obstacle, RoundName, Strain, are_here};
pub use heijunka_judge::{Judge, Judging, ScoreName, Summary};
pub use load::BrokerLoad;
pub use outlier::Outlier;
pub use plan::{LocalSteps, Patience, Plan, Until};
pub use record::{AgentRound, Counters, Ending, Outcome, RoundRecord};
pub use start::{BestModel, Start};
