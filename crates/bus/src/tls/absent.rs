//! TLS in a program that was built without it: there is none.

use std::convert::Infallible;

use rumqttc::v5::{ConnectionError, MqttOptions};

use super::{Tls, TlsError, TlsFiles, TlsTrouble};

pub(crate) type Inner = Infallible;

pub(crate) fn build(_: &TlsFiles<'_>) -> Result<Inner, TlsError> {
    Err(TlsError::NotBuiltIn)
}

pub(crate) fn client_name(_: &TlsFiles<'_>) -> Option<String> {
    None
}

pub(crate) fn with_tls(_: &mut MqttOptions, tls: &Tls) {
    match tls.inner {}
}

pub(crate) fn trouble_of(_: &ConnectionError, _: bool) -> Option<TlsTrouble> {
    None
}
