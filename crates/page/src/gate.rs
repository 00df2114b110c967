//! Who may read: with a password, those who know it; without one, browsers that ask for this machine.

use crate::listen::Listen;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use heijunka_metrics::http::Request;
use subtle::ConstantTimeEq;

/// What the gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Open,
    /// No password was given.
    Asked,
    /// A wrong one was given.
    Wrong,
    /// The name in the request is not this machine's: another site's page may be behind it (DNS rebinding).
    Misdirected,
}

/// Whether this request may read.
pub(crate) fn pass(listen: &Listen, request: &Request) -> Pass {
    let Some(password) = &listen.password else {
        return if request.is_for_this_machine() { Pass::Open } else { Pass::Misdirected };
    };
    let Some(given) = request.header("authorization") else { return Pass::Asked };
    match password_in(given) {
        Some(given) if bool::from(given.as_slice().ct_eq(password.reveal().as_bytes())) => Pass::Open,
        _ => Pass::Wrong,
    }
}

/// The password of `Basic` and base64 of `name:password` (RFC 7617).
fn password_in(header: &str) -> Option<Vec<u8>> {
    let (scheme, coded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = STANDARD.decode(coded.trim()).ok()?;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    pair.get(colon + 1..).map(<[u8]>::to_vec)
}
