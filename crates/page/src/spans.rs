//! Times of rounds in words: microseconds to hours.

use heijunka_units::readable_seconds;

/// `12.3 ms`, `1.20 s`.
pub(crate) fn span(seconds: f64) -> String {
    match seconds {
        ..1e-3 => format!("{:.0} µs", seconds * 1e6),
        1e-3..0.1 => format!("{:.1} ms", seconds * 1e3),
        0.1..1.0 => format!("{:.0} ms", seconds * 1e3),
        1.0..60.0 => format!("{seconds:.2} s"),
        _ => readable_seconds(seconds).to_string(),
    }
}
