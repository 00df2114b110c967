//! The broker's part of `check`: the way there, TLS, login, packets and topics, each by itself.

use crate::Checklist;
use heijunka_bus::{BusConfig, DisconnectReason, ProbeError, Probed, Tls, TlsTrouble, probe};
use heijunka_settings::{Exit, Places};
use std::time::Duration;

/// How long the broker may take to answer, without the time that a connection may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// What is checked, in order.
const STEPS: [&str; 6] = ["broker", "tls", "login", "packets", "topics", "echo"];
/// Places in it.
const TLS: usize = 1;
const LOGIN: usize = 2;
const PACKETS: usize = 3;
const TOPICS: usize = 4;
const ECHO: usize = 5;

/// The keys of `[broker]` that a failed check may be about.
pub const BROKER_KEYS: [&str; 6] =
    ["broker.url", "broker.username", "broker.ca_file", "broker.client_cert_file", "broker.max_packet", "agent_id"];

/// Connects with `config`, subscribes its filters, writes to `echo` and reads it back; a line for each step. `places` knows
/// where [`BROKER_KEYS`] are written; `agent` is the agent's name, if the program is one. Returns whether the broker accepted
/// the connection.
pub async fn check_broker(
    list: &mut Checklist,
    config: &BusConfig,
    places: &Places,
    echo: &str,
    agent: Option<&str>,
) -> bool {
    let payload = format!("{{\"check\":{}}}", std::process::id()).into();
    let mut reached = 0;
    let report = |step| match step {
        Probed::Connected { packet_bytes_max } => {
            passed(list, config, PACKETS);
            packets(list, config, places, packet_bytes_max);
            reached = TOPICS;
        }
        Probed::Subscribed => {
            list.pass("topics", "this program may read what it needs");
            reached = ECHO;
        }
        Probed::Echoed => {
            list.pass("echo", format!("{echo} written and read back"));
            reached = STEPS.len();
        }
    };
    let tried = probe(config.clone(), echo, payload, PATIENCE, report).await;
    let connected = reached >= TOPICS;
    if let Err(error) = tried {
        let step = if connected { reached } else { step_of(&error) };
        if !connected {
            passed(list, config, step);
        }
        failed(list, config, places, step, &error, agent);
        STEPS.iter().skip(step + 1).for_each(|later| list.note(later, "not tried after this failure"));
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
            Some(_) => list.pass("tls", "the broker's certificate is valid"),
            None => list.note("tls", "not used: the url begins with mqtt://"),
        }
    }
    if step > LOGIN {
        let user = user(config).map_or("without a user name".to_owned(), |user| format!("as '{user}'"));
        list.pass("login", format!("accepted {user}"));
    }
}

fn packets(list: &mut Checklist, config: &BusConfig, places: &Places, broker_bytes_max: usize) {
    let bytes_max = config.packet_bytes_max as usize;
    if broker_bytes_max < bytes_max {
        let (text, fix) = ProbeError::PacketLimit { broker_bytes_max, bytes_max }.what_and_fix();
        list.fail("packets", Exit::Config, &text, &fix, Some(places.of("broker.max_packet")));
    } else {
        list.pass("packets", format!("{bytes_max} bytes, which the broker accepts"));
    }
}

fn failed(
    list: &mut Checklist,
    config: &BusConfig,
    places: &Places,
    step: usize,
    error: &ProbeError,
    agent: Option<&str>,
) {
    let (text, fix) = match error {
        ProbeError::NoEcho { patience_s, .. } if step == 0 => (
            format!("{} does not answer within {patience_s} s", address(config)),
            "check the address, the network and the firewall".to_owned(),
        ),
        error => error.what_and_fix(),
    };
    let misnamed = agent.and_then(|agent| misnamed(user(config), agent, step, error));
    let (fix, key) = match (misnamed, error) {
        (Some(names), ProbeError::Disconnected(_)) => (format!("{fix}; {names}"), key_of(config, error)),
        (Some(names), _) => (names, "agent_id"),
        (None, _) => (fix, key_of(config, error)),
    };
    let exit = if matches!(error, ProbeError::Config(_)) { Exit::Config } else { Exit::Unavailable };
    list.fail(name(step), exit, &text, &fix, Some(places.of(key)));
}

fn name(step: usize) -> &'static str {
    STEPS.get(step).copied().unwrap_or("echo")
}

/// Who this program is to the broker.
fn user(config: &BusConfig) -> Option<&str> {
    config.username.as_deref().or(config.tls.as_ref().and_then(Tls::client_name))
}

/// What to do if an agent goes by another name than its login, and the broker refuses what has the agent's name: access
/// lists such as that of broker-config/make.sh go by the user's.
fn misnamed(user: Option<&str>, agent: &str, step: usize, error: &ProbeError) -> Option<String> {
    let user = user.filter(|user| *user != agent)?;
    let is_own = |topic: &str| topic.split('/').any(|level| level == agent);
    match error {
        ProbeError::Disconnected(DisconnectReason::NotAuthorised { .. }) => Some(format!(
            "with users from make.sh, agent_id must be the user name: here user '{user}', agent_id '{agent}'"
        )),
        ProbeError::Refused { topic, .. } | ProbeError::NoEcho { topic, .. } if step >= TOPICS && is_own(topic) => {
            Some(format!("the broker let in user '{user}', but agent_id is '{agent}': set agent_id = \"{user}\""))
        }
        _ => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_to_go_by_the_name_of_its_login() {
        let topic = || "heijunka/plant/job/agents/press-7/status".to_owned();
        let refused = ProbeError::Refused { topic: topic(), reason: "NotAuthorized".into() };
        let silent = ProbeError::NoEcho { topic: topic(), patience_s: 8 };
        let spec =
            ProbeError::Refused { topic: "heijunka-wire/v2/plant/job/spec".into(), reason: "NotAuthorized".into() };
        let login = ProbeError::Disconnected(DisconnectReason::NotAuthorised { password_sent: true });
        let fix = |step, error| misnamed(Some("press-07"), "press-7", step, error);
        let expected = "the broker let in user 'press-07', but agent_id is 'press-7': set agent_id = \"press-07\"";
        assert_eq!((fix(ECHO, &refused).as_deref(), fix(ECHO, &silent).as_deref()), (Some(expected), Some(expected)));
        assert_eq!((fix(TOPICS, &spec), fix(0, &silent)), (None, None));
        assert!(fix(LOGIN, &login).unwrap().ends_with("here user 'press-07', agent_id 'press-7'"));
        assert_eq!(misnamed(Some("press-7"), "press-7", ECHO, &refused), None);
        assert_eq!(misnamed(None, "press-7", ECHO, &refused), None);
    }
}
