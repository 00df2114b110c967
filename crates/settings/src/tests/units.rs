//! Durations and sizes.

use super::report_on;
use crate::{Size, Span};
use insta::assert_snapshot;

#[test]
fn durations_are_read_and_shown_with_their_unit() {
    for (text, seconds) in [
        ("500ms", 0.5),
        ("2s", 2.0),
        ("1.5 min", 90.0),
        ("5min", 300.0),
        ("1h", 3_600.0),
        ("150us", 150e-6),
        ("1d", 86_400.0),
    ] {
        assert_eq!(text.parse::<Span>().unwrap().as_secs_f64(), seconds, "{text}");
    }
    for text in ["500ms", "2s", "90s", "5min", "1h", "150us", "1d", "0s", "36h"] {
        assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
    }
    assert_eq!("24h".parse::<Span>().unwrap().to_string(), "1d");
}

#[test]
fn invalid_durations_are_refused() {
    for text in ["", "5", "s", "5 m", "-5s", "1..5s", "1e3s", "99999999999999999999999d", "NaNs"] {
        assert!(text.parse::<Span>().is_err(), "{text}");
    }
}

#[test]
fn sizes_are_read_and_shown_with_their_unit() {
    for (text, bytes) in [("256KB", 256_000), ("256 KiB", 262_144), ("2mb", 2_000_000), ("1GiB", 1 << 30), ("7B", 7)] {
        assert_eq!(text.parse::<Size>().unwrap().bytes(), bytes, "{text}");
    }
    for text in ["256KB", "256KiB", "2MB", "1GiB", "7B", "0B"] {
        assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
    }
}

#[test]
fn invalid_sizes_are_refused() {
    for text in ["", "5", "KB", "5 K", "-5KB", "1.5MB", "99999999999GiB"] {
        assert!(text.parse::<Size>().is_err(), "{text}");
    }
}

#[test]
fn errors_of_units() {
    assert_snapshot!("duration_without_unit", report_on("keep_alive = 15"));
    assert_snapshot!("duration_of_a_fraction_without_unit", report_on("keep_alive = 1.5"));
    assert_snapshot!("duration_without_unit_in_quotes", report_on("keep_alive = \"15\""));
    assert_snapshot!("duration_without_quotes", report_on("keep_alive = 15s"));
    assert_snapshot!("duration_with_unknown_unit", report_on("keep_alive = \"15 parsecs\""));
    assert_snapshot!("size_without_unit", report_on("max_packet = 256"));
    assert_snapshot!("size_with_fraction", report_on("max_packet = \"2.5MB\""));
}
