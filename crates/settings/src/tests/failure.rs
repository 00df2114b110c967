//! Exit codes and the look of failures.

use crate::{Exit, Failure};
use insta::assert_snapshot;

fn refused() -> Failure {
    Failure::new(Exit::Unavailable, "the broker at 192.168.1.10:1883 refuses the connection")
        .why("connection refused (os error 111)")
        .fix(
            "see whether it runs; since version 2 a Mosquitto without a `listener` line accepts local connections only",
        )
}

#[test]
fn failures_are_shown_in_plain_words() {
    assert_snapshot!("failure_without_colour", refused().render(false, 80));
    assert_snapshot!("failure_bare", Failure::new(Exit::Usage, "nothing to do").render(false, 80));
}

#[test]
fn a_terminal_gets_colours_and_a_log_does_not() {
    assert!(refused().render(true, 80).contains('\u{1b}'));
    assert!(!refused().render(false, 80).contains('\u{1b}'));
}

#[test]
fn exit_codes_are_those_of_sysexits() {
    let codes = [Exit::Success, Exit::Usage, Exit::Unavailable, Exit::Config].map(Exit::code);
    assert_eq!(codes, [0, 64, 69, 78]);
    assert_eq!(refused().exit(), Exit::Unavailable);
}
