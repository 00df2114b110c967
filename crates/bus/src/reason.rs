//! Why a connection is lost, in plain words with the likely causes.

use std::fmt;
use std::io;

use rumqttc::v5::mqttbytes::Error as CodecError;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, DisconnectReasonCode};
use rumqttc::v5::{ConnectionError, StateError};

use crate::TlsTrouble;
use crate::tls::trouble_of;

/// Abrupt endings within a minute from which a second user of the client id becomes likely.
const ABRUPT_MANY: usize = 3;

/// Why a connection was lost or not made. `Display` gives a sentence for the log, with what to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// No program listens at this address.
    Refused {
        /// `host:port`.
        address: String,
    },
    /// The name has no address.
    UnknownHost {
        /// The name.
        host: String,
    },
    /// No answer, or no way there.
    Unreachable {
        /// `host:port`.
        address: String,
        /// What the system says.
        detail: String,
    },
    /// The broker does not accept the login; a wrong and a missing password look the same.
    NotAuthorised {
        /// Whether a password was sent.
        password_sent: bool,
    },
    /// No TLS connection was made.
    Tls {
        /// `host:port`.
        address: String,
        /// Why.
        trouble: TlsTrouble,
    },
    /// The peer ended a connection without TLS, or answered with nothing that is MQTT, before there was any.
    NotMqtt {
        /// `host:port`.
        address: String,
    },
    /// The peer ended the connection without giving a reason.
    ClosedAbruptly {
        /// How often within the last minute, this one included.
        times_in_a_minute: usize,
    },
    /// The broker gave the connection to another client with the same id.
    TakenOver {
        /// The client id.
        client_id: String,
    },
    /// A packet is larger than the other side takes.
    PacketTooLarge {
        /// Which, and the limits, as far as known.
        detail: String,
    },
    /// The peer no longer reads or answers.
    Silent {
        /// How long it may be silent, in seconds.
        limit_s: u64,
    },
    /// The broker says that it shuts down or is busy.
    BrokerUnavailable {
        /// What it says.
        detail: String,
    },
    /// What came does not follow MQTT 5.
    Protocol {
        /// What was wrong.
        detail: String,
    },
}

impl fmt::Display for DisconnectReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { address } => write!(
                f,
                "{address} refuses the connection: is the broker running, and is the port right? \
                 A Mosquitto without a `listener` line accepts local connections only"
            ),
            Self::UnknownHost { host } => {
                write!(f, "cannot resolve host '{host}': check the name, or use its address")
            }
            Self::Unreachable { address, detail } => {
                write!(f, "{address} does not answer ({detail}): check the address, the network and the firewall")
            }
            Self::NotAuthorised { password_sent: true } => f.write_str(
                "the broker does not accept the login: user name or password is wrong, see username and password_file \
                 (a wrong and a missing password look the same)",
            ),
            Self::NotAuthorised { password_sent: false } => f.write_str(
                "the broker requires a login and no password was given: write username and password_file \
                 (a wrong and a missing password look the same)",
            ),
            Self::Tls { address, trouble } => write!(f, "no TLS with {address}: {trouble}"),
            Self::NotMqtt { address } => write!(
                f,
                "{address} closed the connection before it answered in MQTT 5: probably the port expects TLS (write \
                 mqtts:// and ca_file); otherwise it is not a broker, or the broker is shutting down"
            ),
            Self::ClosedAbruptly { times_in_a_minute } if *times_in_a_minute >= ABRUPT_MANY => write!(
                f,
                "the broker closed the connection abruptly, {times_in_a_minute} times within a minute: \
                 probably another agent uses the same client id: give each its own agent_id; otherwise a packet over \
                 the broker's max_packet_size"
            ),
            Self::ClosedAbruptly { .. } => f.write_str(
                "the broker closed the connection abruptly: it was stopped, or a packet exceeded its \
                 max_packet_size",
            ),
            Self::TakenOver { client_id } => {
                write!(f, "another agent connected with the same client id '{client_id}': give each its own")
            }
            Self::PacketTooLarge { detail } => write!(f, "a packet is too large: {detail}"),
            Self::Silent { limit_s } => {
                write!(f, "the broker neither read nor answered for {limit_s} s: is it stopped, or the network cut?")
            }
            Self::BrokerUnavailable { detail } => write!(f, "the broker is not available: {detail}"),
            Self::Protocol { detail } => write!(f, "the peer does not speak MQTT 5 as expected: {detail}"),
        }
    }
}

/// What is known besides the error itself.
#[derive(Clone, Copy)]
pub(crate) struct Circumstances<'a> {
    pub(crate) host: &'a str,
    pub(crate) port: u16,
    pub(crate) client_id: &'a str,
    pub(crate) password_sent: bool,
    pub(crate) silence_limit_s: u64,
    /// Whether TLS is spoken, and if so, whether this side shows a certificate.
    pub(crate) tls_with_certificate: Option<bool>,
    /// Whether the broker had accepted the connection.
    pub(crate) connected: bool,
}

impl Circumstances<'_> {
    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Names the reason behind an error of rumqttc's event loop.
    pub(crate) fn classify(&self, error: &ConnectionError) -> DisconnectReason {
        if let Some(trouble) = trouble_of(error, self.tls_with_certificate == Some(true)) {
            return DisconnectReason::Tls { address: self.address(), trouble };
        }
        let reason = self.classify_mqtt(error);
        if self.connected || !matches!(reason, DisconnectReason::ClosedAbruptly { .. }) {
            return reason;
        }
        match self.tls_with_certificate {
            None => DisconnectReason::NotMqtt { address: self.address() },
            Some(client_certificate) => {
                let trouble = TlsTrouble::EndedWithoutReason { client_certificate };
                DisconnectReason::Tls { address: self.address(), trouble }
            }
        }
    }

    fn classify_mqtt(&self, error: &ConnectionError) -> DisconnectReason {
        match error {
            ConnectionError::Io(error) => self.classify_io(error),
            ConnectionError::Timeout(_) => {
                DisconnectReason::Unreachable { address: self.address(), detail: "timed out".to_owned() }
            }
            ConnectionError::ConnectionRefused(code) => self.classify_refusal(*code),
            ConnectionError::MqttState(error) => self.classify_state(error),
            other => DisconnectReason::Protocol { detail: other.to_string() },
        }
    }

    fn classify_io(&self, error: &io::Error) -> DisconnectReason {
        use io::ErrorKind as Kind;
        let detail = error.to_string();
        match error.kind() {
            Kind::ConnectionRefused => DisconnectReason::Refused { address: self.address() },
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof => {
                DisconnectReason::ClosedAbruptly { times_in_a_minute: 1 }
            }
            // The resolver's errors have no kind of their own; std always words them like this.
            _ if detail.starts_with("failed to lookup address") || detail.contains("could not resolve") => {
                DisconnectReason::UnknownHost { host: self.host.to_owned() }
            }
            _ => DisconnectReason::Unreachable { address: self.address(), detail },
        }
    }

    fn classify_refusal(&self, code: ConnectReturnCode) -> DisconnectReason {
        use ConnectReturnCode as Code;
        match code {
            Code::BadUserNamePassword | Code::NotAuthorized | Code::BadAuthenticationMethod | Code::Banned => {
                DisconnectReason::NotAuthorised { password_sent: self.password_sent }
            }
            Code::ServiceUnavailable | Code::ServerUnavailable | Code::ServerBusy | Code::ConnectionRateExceeded => {
                DisconnectReason::BrokerUnavailable { detail: format!("{code:?}") }
            }
            Code::PacketTooLarge => DisconnectReason::PacketTooLarge { detail: "the last will".to_owned() },
            _ => DisconnectReason::Protocol { detail: format!("it refuses the connection with {code:?}") },
        }
    }

    fn classify_state(&self, error: &StateError) -> DisconnectReason {
        match error {
            StateError::ConnectionAborted => DisconnectReason::ClosedAbruptly { times_in_a_minute: 1 },
            StateError::Io(error) => self.classify_io(error),
            StateError::Deserialization(error) => self.classify_codec(error),
            StateError::AwaitPingResp | StateError::CollisionTimeout => {
                DisconnectReason::Silent { limit_s: self.silence_limit_s }
            }
            StateError::ServerDisconnect { reason_code, reason_string } => {
                self.classify_farewell(*reason_code, reason_string.as_deref())
            }
            StateError::OutgoingPacketTooLarge { .. } | StateError::IncomingPacketTooLarge { .. } => {
                DisconnectReason::PacketTooLarge { detail: error.to_string() }
            }
            other => DisconnectReason::Protocol { detail: other.to_string() },
        }
    }

    fn classify_codec(&self, error: &CodecError) -> DisconnectReason {
        match error {
            CodecError::Io(error) => self.classify_io(error),
            CodecError::PayloadSizeLimitExceeded { pkt_size, max } => DisconnectReason::PacketTooLarge {
                detail: format!("one of {pkt_size} bytes arrived, but this side takes at most {max} bytes"),
            },
            CodecError::OutgoingPacketTooLarge { pkt_size, max } => DisconnectReason::PacketTooLarge {
                detail: format!("one of {pkt_size} bytes was to be sent, but the broker takes at most {max} bytes"),
            },
            other => DisconnectReason::Protocol { detail: other.to_string() },
        }
    }

    fn classify_farewell(&self, code: DisconnectReasonCode, text: Option<&str>) -> DisconnectReason {
        use DisconnectReasonCode as Code;
        let detail = text.map_or_else(|| format!("{code:?}"), |text| format!("{code:?}, \"{text}\""));
        match code {
            Code::SessionTakenOver => DisconnectReason::TakenOver { client_id: self.client_id.to_owned() },
            Code::PacketTooLarge => DisconnectReason::PacketTooLarge {
                detail: "the broker's max_packet_size is smaller than what was sent".to_owned(),
            },
            Code::NotAuthorized => DisconnectReason::NotAuthorised { password_sent: self.password_sent },
            Code::KeepAliveTimeout => DisconnectReason::Silent { limit_s: self.silence_limit_s },
            Code::ServerShuttingDown | Code::ServerBusy | Code::AdministrativeAction | Code::QuotaExceeded => {
                DisconnectReason::BrokerUnavailable { detail }
            }
            _ => DisconnectReason::Protocol { detail },
        }
    }
}

#[cfg(test)]
#[path = "reason_tests.rs"]
mod tests;
