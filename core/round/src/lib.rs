//! The aggregator's mind: surveys the data, settles the job, opens and closes rounds, steps the model.
//!
//! Call [`Coordinator::handle`] with whatever happens, then [`Coordinator::poll_output`] until it returns
//! [`Output::Wait`]. A tick that comes too early or too often does no harm. Nothing here has a clock, a socket,
//! a file or ambient randomness.
//!
//! ```
//! use heijunka_round::{Coordinator, Input, Output};
//! use heijunka_units::{AgentId, Timestamp};
//! use heijunka_wire::Channel;
//!
//! /// Handles one input and returns when to call again.
//! fn drive(mind: &mut Coordinator, now: Timestamp, input: Input<'_>, send: fn(Channel, Option<AgentId>, &[u8])) -> Timestamp {
//!     mind.handle(now, input);
//!     loop {
//!         match mind.poll_output() {
//!             Output::Publish { channel, agent, bytes } => send(channel, agent, &bytes),
//!             Output::Event(event) => println!("{} {event}", event.code()),
//!             Output::Closed(record) => println!("round {}: loss {:?}", record.number(), record.loss),
//!             Output::Finished(_) | Output::Superseded(_) => return Timestamp::NEVER,
//!             Output::Wait(until) => return until,
//!         }
//!     }
//! }
//! ```
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod allocation;
mod backoff;
mod collection;
mod compact;
mod contract;
mod coordinator;
mod deadline;
mod event;
pub mod fit;
mod inclusion;
mod incoming;
mod job_spec;
mod judging;
mod link;
mod outbox;
mod outlier;
mod plan;
mod record;
mod rejected;
mod replica;
mod roster;
mod scoring;
mod shape;
mod start;
mod stopwatch;
#[cfg(test)]
mod tests;
mod trainer;

pub use backoff::BrokerLoad;
pub use compact::Compact;
pub use contract::{Input, MemberView, Output, OwnLimits, Phase};
pub use coordinator::Coordinator;
pub use event::{Cause, Code, Event, Level, Obstacle, RoundName, Strain, are_here};
pub use heijunka_judge::{Judge, Judging, ScoreName, Summary};
pub use outbox::DownlinkView;
pub use outlier::Outlier;
pub use plan::{LocalSteps, Patience, Plan, Until};
pub use record::{AgentRound, Counters, Ending, Outcome, RoundRecord};
pub use rejected::{Rejections, Remedy, Why};
pub use start::{BestModel, Start};
