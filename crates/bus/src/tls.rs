//! TLS to the broker: which authority to trust, and this program's own certificate.

use std::fmt;

#[cfg(not(feature = "tls"))]
mod absent;
#[cfg(feature = "tls")]
mod present;
#[cfg(feature = "tls")]
mod subject;
mod trouble;

#[cfg(not(feature = "tls"))]
use absent as built;
#[cfg(feature = "tls")]
use present as built;
pub use trouble::TlsTrouble;

pub(crate) use built::{trouble_of, with_tls};

/// What TLS needs. Certificates and key are PEM texts.
#[derive(Clone, Copy)]
pub struct TlsFiles<'a> {
    /// Certificates of the authorities (CA) that may vouch for the broker.
    pub ca: &'a [u8],
    /// This program's certificate (its own first, then those up to its CA) and private key, if the broker requires one.
    pub client: Option<(&'a [u8], &'a [u8])>,
    /// The name that the broker's certificate must be for; the address it is reached at, if none.
    pub server_name: Option<&'a str>,
}

/// Certificates and key that have been checked, ready for a connection. Cloning shares them; `Debug` shows nothing.
#[derive(Clone)]
pub struct Tls {
    inner: built::Inner,
    has_client_certificate: bool,
    client_name: Option<String>,
}

impl Tls {
    /// Checks certificates and key.
    ///
    /// # Errors
    /// The first of `files` that cannot be used, or that this program was built without TLS.
    pub fn new(files: &TlsFiles<'_>) -> Result<Self, TlsError> {
        let (inner, client_name) = (built::build(files)?, built::client_name(files));
        Ok(Self { inner, has_client_certificate: files.client.is_some(), client_name })
    }

    /// Whose this program's certificate is: its common name.
    #[must_use]
    pub fn client_name(&self) -> Option<&str> {
        self.client_name.as_deref()
    }

    pub(crate) fn has_client_certificate(&self) -> bool {
        self.has_client_certificate
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(hidden)")
    }
}

/// Why TLS is not possible with these files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The program was built without the feature `tls`.
    #[error("mqtts:// asks for TLS, and this program was built without it")]
    NotBuiltIn,
    /// The CA's certificates cannot be used.
    #[error("it has no usable certificate: {detail}")]
    Ca {
        /// What is wrong.
        detail: String,
    },
    /// This program's certificate cannot be used.
    #[error("it has no usable certificate: {detail}")]
    ClientCertificate {
        /// What is wrong.
        detail: String,
    },
    /// This program's key cannot be used.
    #[error("it has no usable private key: {detail}")]
    ClientKey {
        /// What is wrong.
        detail: String,
    },
    /// The key is protected by a passphrase, and no person is there to enter it.
    #[error("the private key is protected by a passphrase")]
    KeyProtected,
    /// The key is another certificate's.
    #[error("the private key does not belong to the certificate in client_cert_file")]
    KeyMismatch,
    /// The name is not valid.
    #[error("'{name}' is neither a host name nor an address")]
    ServerName {
        /// The name.
        name: String,
    },
}

impl TlsError {
    /// The key of the settings' `[broker]` section that it is about.
    #[must_use]
    pub fn setting(&self) -> &'static str {
        match self {
            Self::NotBuiltIn => "url",
            Self::Ca { .. } => "ca_file",
            Self::ClientCertificate { .. } => "client_cert_file",
            Self::ClientKey { .. } | Self::KeyProtected | Self::KeyMismatch => "client_key_file",
            Self::ServerName { .. } => "tls_server_name",
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn fix(&self) -> &'static str {
        match self {
            Self::NotBuiltIn => {
                "build it with its feature `tls`, which is on by default; or use mqtt:// within a trusted network"
            }
            Self::Ca { .. } => {
                "name the certificate of the CA that signed the broker's, in PEM form (-----BEGIN CERTIFICATE-----)"
            }
            Self::ClientCertificate { .. } => {
                "name this program's certificate, in PEM form (-----BEGIN CERTIFICATE-----)"
            }
            Self::ClientKey { .. } => "name the certificate's private key, in PEM form (-----BEGIN PRIVATE KEY-----)",
            Self::KeyProtected => {
                "remove the passphrase (openssl pkey -in KEY -out NEW_KEY) and let only this user read the file"
            }
            Self::KeyMismatch => "name the key that the certificate was made with",
            Self::ServerName { .. } => "write the name in the broker's certificate, without a port",
        }
    }
}

#[cfg(test)]
#[cfg(feature = "tls")]
#[path = "tls/tests.rs"]
mod tests;

#[cfg(test)]
#[cfg(not(feature = "tls"))]
mod tests {
    use super::*;

    #[test]
    fn a_program_without_tls_says_so() {
        let error = Tls::new(&TlsFiles { ca: b"", client: None, server_name: None }).unwrap_err();
        assert_eq!(error.setting(), "url");
        assert_eq!(error.to_string(), "mqtts:// asks for TLS, and this program was built without it");
    }
}
