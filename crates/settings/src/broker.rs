//! The `[broker]` section.

use crate::secret::{read_bounded, secret_from_environment, secret_from_file};
use crate::{Problem, Secret, Size, Span};
use heijunka_wire::limits::{PACKET_BYTES_DEFAULT, PACKET_BYTES_MIN};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Port of MQTT without TLS.
const PORT_DEFAULT: u16 = 1883;
/// Port of MQTT with TLS.
const PORT_TLS_DEFAULT: u16 = 8883;
/// Largest packet that MQTT can carry, in bytes.
const PACKET_BYTES_MAX: u64 = 268_435_455;
/// Environment variable with the password.
const PASSWORD_VARIABLE: &str = "HEIJUNKA_BROKER_PASSWORD";
const URL_FIX: &str = "write for example mqtt://192.168.1.10 or mqtts://broker.local:8883";

/// Where the broker listens: `mqtt://host:port`, or `mqtts://host:port` with TLS; the default port is 1883 or 8883.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerUrl {
    /// Name or address, an IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether it uses TLS.
    pub tls: bool,
}

impl FromStr for BrokerUrl {
    type Err = String;

    /// The error is one line on what is wrong and one line on what to write. It never repeats user information.
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(format!("the broker's address has no mqtt:// in front\n{URL_FIX}"));
        };
        let tls = match scheme {
            "mqtt" | "tcp" => false,
            "mqtts" | "ssl" | "tls" => true,
            _ => return Err(format!("{scheme}:// is not supported\n{URL_FIX}")),
        };
        if rest.contains('@') {
            return Err("the broker's address holds a user name or password\n\
                 write username and password_file as keys of their own"
                .to_owned());
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', ' ']) {
            return Err(format!("the broker's address '{text}' has more than a port after the host\n{URL_FIX}"));
        }
        let port_default = if tls { PORT_TLS_DEFAULT } else { PORT_DEFAULT };
        let (host, port) =
            split_port(rest, port_default).ok_or_else(|| format!("'{text}' has no valid port\n{URL_FIX}"))?;
        if host.is_empty() {
            return Err(format!("'{text}' has no host\n{URL_FIX}"));
        }
        Ok(Self { host: host.to_owned(), port, tls })
    }
}

/// Host and port; an IPv6 address is in brackets.
fn split_port(text: &str, port_default: u16) -> Option<(&str, u16)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => text.find(':').map_or((text, ""), |colon| text.split_at(colon)),
    };
    match rest.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port > 0).map(|port| (host, port)),
        None => rest.is_empty().then_some((host, port_default)),
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

impl Serialize for BrokerUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for BrokerUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How to reach the broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrokerSettings {
    /// The broker's address; with TLS it reads mqtts://broker.local:8883. `url = "mqtt://127.0.0.1:1883"`
    pub url: BrokerUrl,
    /// Login, if the broker requires one; for example `username = "press-07"`
    pub username: Option<String>,
    /// File whose first line is the password; the environment variable HEIJUNKA_BROKER_PASSWORD overrides it; for example
    /// `password_file = "password.txt"`
    pub password_file: Option<PathBuf>,
    /// TLS: certificate of the CA that signed the broker's, PEM; needed for mqtts://; for example `ca_file = "ca.crt"`
    pub ca_file: Option<PathBuf>,
    /// TLS: this program's certificate, if the broker requires one, PEM; for example `client_cert_file = "own.crt"`
    pub client_cert_file: Option<PathBuf>,
    /// TLS: the private key of that certificate, PEM; for example `client_key_file = "own.key"`
    pub client_key_file: Option<PathBuf>,
    /// TLS: the name in the broker's certificate, if it is not the one in the url; for example
    /// `tls_server_name = "broker"`
    pub tls_server_name: Option<String>,
    /// Longest silence on the connection, 5s to 18h. `keep_alive = "15s"`
    #[serde(default = "keep_alive_default")]
    pub keep_alive: Span,
    /// Longest wait between two attempts to connect, 1s to 1h. `reconnect_max = "30s"`
    #[serde(default = "reconnect_max_default")]
    pub reconnect_max: Span,
    /// Largest packet, 1KiB to 268435455B, not above the broker's limit; the same for all programs of the job.
    /// `max_packet = "256KiB"`
    #[serde(default = "max_packet_default")]
    pub max_packet: Size,
}

const fn keep_alive_default() -> Span {
    Span::from_secs(15)
}

const fn reconnect_max_default() -> Span {
    Span::from_secs(30)
}

const fn max_packet_default() -> Size {
    Size::from_bytes(PACKET_BYTES_DEFAULT as u64)
}

impl BrokerSettings {
    /// The defaults for a broker at `url`.
    pub fn new(url: BrokerUrl) -> Self {
        Self {
            url,
            username: None,
            password_file: None,
            ca_file: None,
            client_cert_file: None,
            client_key_file: None,
            tls_server_name: None,
            keep_alive: keep_alive_default(),
            reconnect_max: reconnect_max_default(),
            max_packet: max_packet_default(),
        }
    }

    /// Checks ranges; the problem's key counts from the `[broker]` section.
    pub fn check(&self) -> Result<(), Problem> {
        between("keep_alive", self.keep_alive, Span::from_secs(5), Span::from_secs(18 * 3_600))?;
        between("reconnect_max", self.reconnect_max, Span::from_secs(1), Span::from_secs(3_600))?;
        let (least, most) = (Size::from_bytes(PACKET_BYTES_MIN as u64), Size::from_bytes(PACKET_BYTES_MAX));
        between("max_packet", self.max_packet, least, most)?;
        if self.password_file.is_some() && self.username.is_none() {
            return Err(Problem::new("password_file", "there is a password but no user name", "add username = \"…\""));
        }
        if self.url.tls { self.check_tls() } else { self.check_without_tls() }
    }

    fn check_tls(&self) -> Result<(), Problem> {
        if self.ca_file.is_none() {
            let message = "mqtts:// needs ca_file: without it the broker's certificate cannot be verified";
            let fix = "add ca_file = \"ca.crt\", the certificate of the CA that signed the broker's";
            return Err(Problem::new("url", message, fix));
        }
        match (&self.client_cert_file, &self.client_key_file) {
            (Some(_), None) => {
                let fix = "add client_key_file = \"…\", or remove it";
                Err(Problem::new("client_cert_file", "there is a certificate but no private key", fix))
            }
            (None, Some(_)) => {
                let fix = "add client_cert_file = \"…\", or remove it";
                Err(Problem::new("client_key_file", "there is a private key but no certificate", fix))
            }
            _ => Ok(()),
        }
    }

    /// A key of TLS without TLS would suggest a protection that is not there.
    fn check_without_tls(&self) -> Result<(), Problem> {
        let keys = [
            ("ca_file", self.ca_file.is_some()),
            ("client_cert_file", self.client_cert_file.is_some()),
            ("client_key_file", self.client_key_file.is_some()),
            ("tls_server_name", self.tls_server_name.is_some()),
        ];
        let Some((key, _)) = keys.into_iter().find(|(_, written)| *written) else { return Ok(()) };
        let fix = format!("write url = \"mqtts://…\" and the broker's port for TLS, or remove {key}");
        Err(Problem::new(key, "it is for TLS, but the url begins with mqtt://", fix))
    }

    /// Reads the password, if there is one; the environment's overrides the file's. `resolve` turns a path of the settings
    /// into one to open ([`Loaded::resolve`](crate::Loaded::resolve)).
    pub fn password(&self, resolve: impl Fn(&Path) -> PathBuf) -> Result<Option<Secret>, Problem> {
        self.password_of(secret_from_environment(PASSWORD_VARIABLE), resolve)
    }

    /// The same with what the environment holds, or what is wrong with it.
    pub(crate) fn password_of(
        &self,
        environment: Result<Option<Secret>, String>,
        resolve: impl Fn(&Path) -> PathBuf,
    ) -> Result<Option<Secret>, Problem> {
        let fix = format!("correct or unset {PASSWORD_VARIABLE}");
        match environment {
            Err(why) => return Err(Problem::new("password_file", why, fix)),
            Ok(Some(_)) if self.username.is_none() => {
                let message = format!("{PASSWORD_VARIABLE} holds a password, but there is no user name");
                return Err(Problem::new(
                    "username",
                    message,
                    format!("add username = \"…\", or unset {PASSWORD_VARIABLE}"),
                ));
            }
            Ok(Some(secret)) => return Ok(Some(secret)),
            Ok(None) => {}
        }
        let Some(path) = &self.password_file else { return Ok(None) };
        let read = secret_from_file(&resolve(path));
        read.map(Some)
            .map_err(|why| Problem::new("password_file", why, "put only the password on the file's first line"))
    }

    /// Reads what TLS needs, if the url asks for it and [`BrokerSettings::check`] passes. `resolve` as above.
    pub fn tls(&self, resolve: impl Fn(&Path) -> PathBuf) -> Result<Option<TlsTexts>, Problem> {
        let (true, Some(ca_file)) = (self.url.tls, &self.ca_file) else { return Ok(None) };
        let read = |key: &str, path: &Path| {
            read_bounded(&resolve(path)).map_err(|why| Problem::new(key, why, "name a file in PEM form"))
        };
        let client = match (&self.client_cert_file, &self.client_key_file) {
            (Some(certificate), Some(key)) => {
                Some((read("client_cert_file", certificate)?, read("client_key_file", key)?))
            }
            _ => None,
        };
        Ok(Some(TlsTexts { ca: read("ca_file", ca_file)?, client }))
    }
}

/// The texts of the files that TLS needs. No `Debug`: one of them is a secret.
pub struct TlsTexts {
    /// Of `ca_file`.
    pub ca: Vec<u8>,
    /// Of `client_cert_file` and `client_key_file`.
    pub client: Option<(Vec<u8>, Vec<u8>)>,
}

fn between<T: PartialOrd + fmt::Display>(key: &str, value: T, least: T, most: T) -> Result<(), Problem> {
    if value >= least && value <= most {
        return Ok(());
    }
    let message = format!("{value} is out of range");
    Err(Problem::new(key, message, format!("write a value from {least} to {most}")))
}
