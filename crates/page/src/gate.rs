//! Who may read: whoever knows the password; without one, browsers that mean this machine.

use crate::listen::Listen;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap};
use hyper::http::uri::Authority;
use std::net::IpAddr;
use subtle::ConstantTimeEq;

/// What the gate says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pass {
    Open,
    /// No password was given.
    Asked,
    /// A wrong one was given.
    Wrong,
    /// The name in the request is not one of this machine: another site's page may be behind it (DNS rebinding).
    Misdirected,
}

/// Whether a request with these headers may read.
pub(crate) fn pass(listen: &Listen, headers: &HeaderMap) -> Pass {
    let Some(password) = &listen.password else {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        return if host.is_none_or(is_own) { Pass::Open } else { Pass::Misdirected };
    };
    let Some(given) = headers.get(AUTHORIZATION) else { return Pass::Asked };
    match given.to_str().ok().and_then(password_in) {
        Some(given) if bool::from(given.as_slice().ct_eq(password.reveal().as_bytes())) => Pass::Open,
        _ => Pass::Wrong,
    }
}

/// An address, or the one name that no name server can point elsewhere.
fn is_own(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.parse::<IpAddr>().is_ok() || name.eq_ignore_ascii_case("localhost")
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
