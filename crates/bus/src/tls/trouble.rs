//! Why a TLS connection is not made, in plain words with what to do.

use std::fmt;

/// Why a TLS connection is not made. `Display` continues `no TLS with HOST:PORT: `.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsTrouble {
    /// The peer does not use TLS.
    NotTls,
    /// The broker's certificate is not signed by a trusted authority.
    UnknownCa,
    /// The broker shows a CA's certificate as its own.
    CaAsServer,
    /// The broker's certificate is for another name.
    OtherName {
        /// The name that was looked for.
        expected: String,
        /// The names that the certificate is for.
        presented: Vec<String>,
    },
    /// The broker's certificate has expired by this machine's clock.
    Expired {
        /// Whole days since then, where known.
        days: Option<u64>,
    },
    /// The broker's certificate is not valid yet by this machine's clock.
    NotValidYet {
        /// Whole days until then, where known.
        days: Option<u64>,
    },
    /// The broker requires a certificate from this program, and there is none.
    ClientCertificateWanted,
    /// The broker does not accept this program's certificate.
    ClientCertificateRefused {
        /// What the broker says.
        detail: String,
    },
    /// The broker ended the connection after the handshake without giving a reason: with TLS 1.3 its refusal of the certificate,
    /// or of a missing one, may be lost.
    EndedWithoutReason {
        /// Whether this program showed a certificate.
        client_certificate: bool,
    },
    /// The two sides have no version or method in common.
    NothingInCommon {
        /// What is missing.
        detail: String,
    },
    /// Anything else.
    Other {
        /// What was wrong.
        detail: String,
    },
}

impl fmt::Display for TlsTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotTls => f.write_str(
                "the port does not use TLS: name the broker's port for TLS (usually 8883), or write mqtt:// for \
                 a port without (usually 1883)",
            ),
            Self::UnknownCa => f.write_str(
                "the broker's certificate is not signed by the CA in ca_file: name the certificate of the CA that \
                 signed it",
            ),
            Self::CaAsServer => f.write_str(
                "the broker shows a CA's certificate as its own: make a certificate for the broker, signed by that CA \
                 (basicConstraints CA:FALSE)",
            ),
            Self::OtherName { expected, presented } if presented.is_empty() => write!(
                f,
                "the broker's certificate does not name a host, so not {expected} either: make one with a subjectAltName \
                 (a common name does not count)"
            ),
            Self::OtherName { expected, presented } => write!(
                f,
                "the broker's certificate is for {}, not for {expected}: write one of its names in the url, or as \
                 tls_server_name",
                presented.join(", ")
            ),
            Self::Expired { days } => write!(
                f,
                "the broker's certificate has expired{} by this machine's clock: renew it, or set the clock",
                days_text(*days, "ago")
            ),
            Self::NotValidYet { days } => write!(
                f,
                "the broker's certificate is not valid yet{} by this machine's clock: set the clock",
                days_text(*days, "too early")
            ),
            Self::ClientCertificateWanted => f.write_str(
                "the broker requires a certificate from this program: write client_cert_file and client_key_file",
            ),
            Self::ClientCertificateRefused { detail } => write!(
                f,
                "the broker does not accept the certificate in client_cert_file ({detail}): is it signed by the CA \
                 that the broker asks for, and not expired?"
            ),
            Self::EndedWithoutReason { client_certificate: false } => f.write_str(
                "the broker ended the connection without giving a reason: probably it requires a certificate from this program \
                 (client_cert_file and client_key_file)",
            ),
            Self::EndedWithoutReason { client_certificate: true } => f.write_str(
                "the broker ended the connection without giving a reason: probably it does not accept the certificate in \
                 client_cert_file",
            ),
            Self::NothingInCommon { detail } => {
                write!(
                    f,
                    "the broker and this program have no version or method in common ({detail}): update the broker"
                )
            }
            Self::Other { detail } => f.write_str(detail),
        }
    }
}

fn days_text(days: Option<u64>, after: &str) -> String {
    match days {
        Some(1) => format!(" (1 day {after})"),
        Some(days @ 2..) => format!(" ({days} days {after})"),
        _ => String::new(),
    }
}

#[cfg(feature = "tls")]
mod from_rustls {
    use rustls::pki_types::UnixTime;
    use rustls::{AlertDescription as Alert, CertificateError, Error};

    use super::TlsTrouble;

    impl TlsTrouble {
        /// Names the reason behind rustls' error.
        pub(crate) fn of(error: &Error, client_certificate: bool) -> Self {
            match error {
                Error::InvalidCertificate(error) => of_certificate(error),
                Error::AlertReceived(alert) => of_alert(*alert, client_certificate),
                Error::InvalidMessage(_) => Self::NotTls,
                Error::PeerIncompatible(_) => Self::NothingInCommon { detail: error.to_string() },
                _ => Self::Other { detail: error.to_string() },
            }
        }
    }

    fn of_certificate(error: &CertificateError) -> TlsTrouble {
        use CertificateError as Wrong;
        match error {
            // A CA of the same name with another key makes a bad signature.
            Wrong::UnknownIssuer | Wrong::BadSignature => TlsTrouble::UnknownCa,
            Wrong::Expired => TlsTrouble::Expired { days: None },
            Wrong::ExpiredContext { time, not_after } => TlsTrouble::Expired { days: days_between(*not_after, *time) },
            Wrong::NotValidYet => TlsTrouble::NotValidYet { days: None },
            Wrong::NotValidYetContext { time, not_before } => {
                TlsTrouble::NotValidYet { days: days_between(*time, *not_before) }
            }
            Wrong::NotValidForNameContext { expected, presented } => TlsTrouble::OtherName {
                expected: expected.to_str().into_owned(),
                presented: presented.iter().map(|name| bare(name)).collect(),
            },
            // The verifier's own errors have no variant here; their names are stable within rustls' version.
            Wrong::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => TlsTrouble::CaAsServer,
            _ => TlsTrouble::Other { detail: format!("the broker's certificate cannot be used: {error}") },
        }
    }

    fn days_between(from: UnixTime, to: UnixTime) -> Option<u64> {
        to.as_secs().checked_sub(from.as_secs()).map(|seconds| seconds / 86_400)
    }

    /// `plant` from `DnsName("plant")`.
    fn bare(name: &str) -> String {
        let inner = name.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')')).map_or(name, |(inner, _)| inner);
        inner.trim_matches('"').to_owned()
    }

    fn of_alert(alert: Alert, client_certificate: bool) -> TlsTrouble {
        let detail = format!("{alert:?}");
        match alert {
            Alert::CertificateRequired => TlsTrouble::ClientCertificateWanted,
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::DecryptError
                if client_certificate =>
            {
                TlsTrouble::ClientCertificateRefused { detail }
            }
            // A broker with TLS 1.2 has no other word for a missing certificate.
            Alert::HandshakeFailure if !client_certificate => TlsTrouble::EndedWithoutReason { client_certificate },
            Alert::HandshakeFailure | Alert::ProtocolVersion | Alert::InsufficientSecurity => {
                TlsTrouble::NothingInCommon { detail }
            }
            _ => TlsTrouble::Other { detail: format!("the broker refuses with the alert {detail}") },
        }
    }
}
