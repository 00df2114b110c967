//! Figures for Prometheus: its text format, and what every process tells of itself.

mod process;
mod text;

pub use process::process;
pub use text::Text;

/// Content type of [`Text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
