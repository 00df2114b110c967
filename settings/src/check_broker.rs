//! The broker's part of `check`: the way there, TLS, login, packets and topics, each by itself.

use crate::{Checklist, Exit, Places};
use heijunka_bus::{BusConfig, DisconnectReason, ProbeError, Probed, TlsTrouble, probe};
use std::time::Duration;

/// How long the broker may take to answer, without the time that a connection may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// What is looked at, in order.
const STEPS: [&str; 6] = ["broker", "tls", "login", "packets", "topics", "echo"];
/// Places in it.
const TLS: usize = 1;
const LOGIN: usize = 2;
const PACKETS: usize = 3;
const TOPICS: usize = 4;
const ECHO: usize = 5;

/// The keys of `[broker]` that a failed check may be about.
pub const BROKER_KEYS: [&str; 5] =
    ["broker.url", "broker.username", "broker.ca_file", "broker.client_cert_file", "broker.max_packet"];

/// Connects with `config`, subscribes its filters, writes to `echo` and reads it back; a line for each step. `places` knows
/// where [`BROKER_KEYS`] are written. Returns whether the broker accepted the connection.
pub async fn check_broker(list: &mut Checklist, config: &BusConfig, places: &Places, echo: &str) -> bool {
    let payload = format!("{{\"check\":{}}}", std::process::id()).into();
    let mut reached = 0;
    let told = |step| match step {
        Probed::Connected { packet_bytes_max } => {
            passed(list, config, PACKETS);
            packets(list, config, places, packet_bytes_max);
            reached = TOPICS;
        }
        Probed::Subscribed => {
            list.pass("topics", "what this program reads may be read");
            reached = ECHO;
        }
        Probed::Echoed => {
            list.pass("echo", format!("{echo} written and read back"));
            reached = STEPS.len();
        }
    };
    let tried = probe(config.clone(), echo, payload, PATIENCE, told).await;
    let connected = reached >= TOPICS;
    if let Err(error) = tried {
        let step = if connected { reached } else { step_of(&error) };
        if !connected {
            passed(list, config, step);
        }
        failed(list, config, places, step, &error);
    }
    connected
}

/// The step that an error belongs to, when no connection came about.
fn step_of(error: &ProbeError) -> usize {
    match error {
        ProbeError::Disconnected(DisconnectReason::Tls { .. } | DisconnectReason::NotMqtt { .. }) => TLS,
        ProbeError::Disconnected(DisconnectReason::NotAuthorised { .. }) => LOGIN,
        _ => 0,
    }
}

/// The lines of the steps before `step` up to the login.
fn passed(list: &mut Checklist, config: &BusConfig, step: usize) {
    if step > 0 {
        list.pass("broker", format!("{} answers", address(config)));
    }
    if step > TLS {
        match config.tls {
            Some(_) => list.pass("tls", "the broker's certificate is the one that is expected"),
            None => list.note("tls", "not asked for: the url begins with mqtt://"),
        }
    }
    if step > LOGIN {
        let user = config.username.as_ref().map_or("without a user name".to_owned(), |user| format!("as '{user}'"));
        list.pass("login", format!("accepted {user}"));
    }
}

fn packets(list: &mut Checklist, config: &BusConfig, places: &Places, broker_bytes_max: usize) {
    let bytes_max = config.packet_bytes_max as usize;
    if broker_bytes_max < bytes_max {
        let (text, fix) = ProbeError::PacketLimit { broker_bytes_max, bytes_max }.what_and_fix();
        list.fail("packets", Exit::Config, &text, &fix, Some(places.of("broker.max_packet")));
    } else {
        list.pass("packets", format!("{bytes_max} bytes, and the broker takes them"));
    }
}

fn failed(list: &mut Checklist, config: &BusConfig, places: &Places, step: usize, error: &ProbeError) {
    let (text, fix) = match error {
        ProbeError::NoEcho { patience_s, .. } if step == 0 => (
            format!("{} does not answer within {patience_s} s", address(config)),
            "check the address, the network and the firewall".to_owned(),
        ),
        error => error.what_and_fix(),
    };
    let exit = if matches!(error, ProbeError::Config(_)) { Exit::Config } else { Exit::Unavailable };
    list.fail(STEPS.get(step).copied().unwrap_or("echo"), exit, &text, &fix, Some(places.of(key_of(config, error))));
    for later in STEPS.iter().skip(step + 1) {
        list.note(later, "not tried after that");
    }
}

/// The setting that an error is about.
fn key_of(config: &BusConfig, error: &ProbeError) -> &'static str {
    let names_user = config.username.is_some();
    match error {
        ProbeError::Disconnected(DisconnectReason::Tls { trouble, .. }) => match trouble {
            TlsTrouble::UnknownCa => "broker.ca_file",
            TlsTrouble::ClientCertificateWanted | TlsTrouble::ClientCertificateRefused { .. } => {
                "broker.client_cert_file"
            }
            _ => "broker.url",
        },
        ProbeError::Disconnected(DisconnectReason::NotAuthorised { .. }) => "broker.username",
        ProbeError::Refused { .. } | ProbeError::NoEcho { .. } if names_user => "broker.username",
        _ => "broker.url",
    }
}

fn address(config: &BusConfig) -> String {
    format!("{}:{}", config.host, config.port)
}
