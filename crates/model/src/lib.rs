//! What a training job leaves, and how it is read again: the model as safetensors and as ONNX, its card, checkpoints, and the
//! columns of a trace. Nothing here trains.

mod card;
pub mod checkpoint;
pub mod onnx;
mod replace;
mod safetensors;
mod trained;

pub use card::{
    Card, CardAgent, CardConvolution, CardConvolutions, CardCosts, CardData, CardDecision, CardInput, CardModel,
    CardTimestamps, CardTraining, CardWindow, Scaling, activation, digest, held_out, task,
};
pub use replace::replace_file;
pub use trained::Trained;

/// The columns of a trace, in the order in which they are written: n samples took network + fixed + n x seconds_per_sample.
pub const TRACE_COLUMNS: [&str; 5] = ["round", "agent", "network_s", "fixed_s", "seconds_per_sample"];
