//! Figures for Prometheus: its text format, what every process reports of itself, and a small HTTP server.
//!
//! ```
//! let mut text = heijunka_metrics::Text::default();
//! text.counter("presses_total", "Presses since the start.", 3);
//! let figures = text.finish();
//! assert_eq!(figures, "# HELP presses_total Presses since the start.\n# TYPE presses_total counter\npresses_total 3\n");
//! ```

#[cfg(feature = "server")]
pub mod http;
mod process;
#[cfg(feature = "server")]
mod server;
mod text;
mod usage;

pub use process::process;
#[cfg(feature = "server")]
pub use server::{MetricsServer, Reply};
pub use text::Text;
pub use usage::Usage;

/// Content type of [`Text`].
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
