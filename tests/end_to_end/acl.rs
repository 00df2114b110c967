//! The production configuration with what `make.sh` makes: jobs are trained with it, and attacks come to nothing. What
//! counts is what the victim sees: the broker acknowledges what it forbids (F5).

use crate::secured::{Client, Made, agent, topics};
use heijunka_broker::mosquitto::Mosquitto;
use heijunka_bus::{DisconnectReason, Message, Tls, TlsFiles};
use heijunka_wire::{CONTRACT, Channel, Contract, Direction};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

/// The topic of a row of the contract, for the agents' rows that of `name`.
fn topic(row: &Contract, name: &str) -> String {
    match row.pattern.contains("<agent>") {
        true => topics().of(row.channel, &agent(name)).to_string(),
        false => topics().common(row.channel).to_string(),
    }
}

fn rows(wanted: impl Fn(&Contract) -> bool) -> impl Iterator<Item = &'static Contract> {
    CONTRACT.iter().filter(move |row| wanted(row))
}

/// Whether an agent writes it.
fn is_agents(row: &Contract) -> bool {
    row.direction == Direction::Up
        || matches!(row.channel, Channel::AgentState | Channel::AgentInfo | Channel::AgentStatus)
}

fn trains(more: &[&str]) {
    let made = Made::new(&[more, &["press-07", "press-08", "rogue"]].concat());
    let mosquitto = made.broker(String::new());
    // Were these to arrive, the aggregator would begin with run 1001, and the agents with a job that is none.
    let rogue = made.client(&mosquitto, "agents/rogue", &[]);
    let state = topics().common(Channel::AggregatorState);
    rogue.send(Message::new(state.as_str(), "{\"state\":\"online\",\"run\":1000}").retained());
    rogue.send(Message::new(topics().common(Channel::Spec).as_str(), "forged").retained());
    rogue.settle();
    for name in ["press-07", "press-08"] {
        let ended = made.agent(&mosquitto, name, "check").wait().unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
    }
    let ended = made.start(&mosquitto, "aggregator", "check", "").wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let agents = ["press-07", "press-08"].map(|name| made.agent(&mosquitto, name, "run"));
    let mut people = made.client(&mosquitto, "people/people", &["heijunka/#"]);
    let aggregator = made.start(&mosquitto, "aggregator", "run", "");
    while people.next().topic != topics().common(Channel::AggregatorStatus).as_str() {
        for row in rows(|_| true) {
            rogue.send(Message::new(topic(row, "press-07"), "forged"));
        }
        rogue.settle();
    }
    let ended = aggregator.wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("run 1 begins"), "{}", ended.log);
    assert_eq!(made.rounds(), 50);
    for agent in agents {
        let ended = agent.stop().unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert!(!ended.log.contains("refused"), "{}", ended.log);
    }
}

#[test]
fn a_model_is_trained_with_passwords_while_a_rogue_forges() {
    trains(&[]);
}

#[test]
fn a_model_is_trained_with_certificates_while_a_rogue_forges() {
    trains(&["--certificates"]);
}

#[test]
fn each_user_reads_only_what_its_rights_allow() {
    let made = Made::new(&["press-07", "press-08"]);
    let mosquitto = made.broker(String::new());
    let everything = ["#", "heijunka-wire/#", &topic(Channel::Assign.contract(), "press-07")];
    let mut aggregator = made.client(&mosquitto, "aggregator", &everything);
    let mut people = made.client(&mosquitto, "people/people", &everything);
    let mut both = ["press-07", "press-08"].map(|name| made.client(&mosquitto, &format!("agents/{name}"), &everything));
    // Every topic of the contract, sent by the user who has the right.
    for row in rows(|_| true) {
        for (client, name) in both.iter().zip(["press-07", "press-08"]) {
            let sender = if is_agents(row) { client } else { &aggregator };
            sender.publish(&topic(row, name), "x");
        }
    }
    let seen = |client: &mut Client| {
        let mut seen = client.topics_before("last");
        seen.sort();
        seen.dedup();
        seen
    };
    let wanted = |wanted: &dyn Fn(&Contract) -> bool, names: &[&str]| {
        let mut all: Vec<String> = rows(wanted).flat_map(|row| names.iter().map(|name| topic(row, name))).collect();
        all.sort();
        all.dedup();
        all
    };
    for (client, name) in both.iter_mut().zip(["press-07", "press-08"]) {
        aggregator.publish(&topic(Channel::Assign.contract(), name), "last");
        let own = |row: &Contract| row.direction == Direction::Down || row.channel == Channel::AgentStatus;
        assert_eq!(seen(client), wanted(&own, &[name]), "{name}");
    }
    aggregator.publish(&topic(Channel::AggregatorStatus.contract(), ""), "last");
    let names = ["press-07", "press-08"];
    assert_eq!(seen(&mut people), wanted(&|row| row.direction == Direction::People, &names));
    let its = |row: &Contract| {
        let others = [Channel::AgentState, Channel::AggregatorState, Channel::AggregatorStatus, Channel::Spec];
        row.direction == Direction::Up || others.contains(&row.channel)
    };
    assert_eq!(seen(&mut aggregator), wanted(&its, &names));
}

/// What reaches the aggregator, people and press-07, up to what they rightly send each other.
fn nothing_reached([mut aggregator, mut people, mut press]: [Client; 3]) {
    press.publish(&topic(Channel::Join.contract(), "press-07"), "last");
    assert_eq!(aggregator.topics_before("last"), [""; 0]);
    aggregator.publish(&topic(Channel::Round.contract(), ""), "last");
    assert_eq!(press.topics_before("last"), [""; 0]);
    aggregator.publish(&topic(Channel::Events.contract(), ""), "last");
    assert_eq!(people.topics_before("last"), [""; 0]);
}

#[test]
fn forged_messages_reach_no_client() {
    let made = Made::new(&["press-07", "press-08"]);
    let mosquitto = made.broker(String::new());
    let victims =
        || ["aggregator", "people/people", "agents/press-07"].map(|user| made.client(&mosquitto, user, &["#"]));
    let early = victims();
    for user in ["agents/press-08", "people/people"] {
        let attacker = Client::start(made.config(&mosquitto, user, "attacker"));
        for row in rows(|_| true) {
            attacker.send(Message::new(topic(row, "press-07"), "forged").retained());
            attacker.send(Message::new(topic(row, "press-07"), "forged"));
        }
        attacker.settle();
    }
    nothing_reached(early);
    // Those who come later would see what is retained.
    nothing_reached(victims());
}

#[test]
fn a_client_without_a_login_of_its_own_is_refused() {
    let made = Made::new(&["press-07"]);
    made.more(&["--certificates", "press-08"]);
    let stranger = Made::new(&["--certificates", "press-07"]);
    let mosquitto = made.broker(String::new());
    let mut aggregator = made.client(&mosquitto, "aggregator", &["#"]);
    let press = made.client(&mosquitto, "agents/press-07", &[]);
    let (own, by_certificate) = ("agents/press-07", "agents/press-08");
    let attempt = |what: &str, user: &str, change: &dyn Fn(&mut heijunka_bus::BusConfig)| {
        let mut config = made.config(&mosquitto, user, what);
        change(&mut config);
        let mut client = Client::start(config);
        client.send(Message::new(topic(Channel::Join.contract(), "press-07"), what.to_owned()));
        client.refused()
    };
    let ca = std::fs::read(made.path("ca/ca.crt")).unwrap();
    let with = |certificate: &Path| {
        let read = |ending| std::fs::read(certificate.with_extension(ending)).unwrap();
        Tls::new(&TlsFiles { ca: &ca, client: Some((&read("crt"), &read("key"))), server_name: None }).ok()
    };
    for (what, reason) in [
        ("no login", attempt("no login", own, &|config| (config.username, config.password) = (None, None))),
        ("no password", attempt("no password", own, &|config| config.password = None)),
        ("another's name", attempt("another's name", own, &|config| config.username = Some("aggregator".to_owned()))),
        ("no such user", attempt("no such user", own, &|config| config.username = Some("press-09".to_owned()))),
        // Who has a certificate has no password, not even an empty one.
        ("a name of the other port", {
            attempt("other port", own, &|config| config.username = Some("press-08".to_owned()))
        }),
    ] {
        assert!(matches!(reason, DisconnectReason::NotAuthorised { .. }), "{what}: {reason}");
    }
    for (what, reason) in [
        ("no TLS", attempt("no TLS", own, &|config| config.tls = None)),
        ("no certificate", { attempt("no certificate", own, &|config| config.port = mosquitto.ports()[1]) }),
        ("another CA's", {
            let tls = with(&stranger.path("agents/press-07/client.crt"));
            attempt("another CA's", by_certificate, &|config| config.tls.clone_from(&tls))
        }),
        ("the broker's own", {
            let tls = with(&made.path("broker/server.crt"));
            attempt("the broker's own", by_certificate, &|config| config.tls.clone_from(&tls))
        }),
    ] {
        assert!(!matches!(reason, DisconnectReason::NotAuthorised { .. }), "{what}: {reason}");
    }
    press.publish(&topic(Channel::Join.contract(), "press-07"), "last");
    assert_eq!(aggregator.topics_before("last"), [""; 0]);
}

#[test]
fn a_login_gives_no_rights_under_another_name() {
    let made = Made::new(&["press-07", "press-08"]);
    let mosquitto = made.broker(String::new());
    let mut aggregator = made.client(&mosquitto, "aggregator", &["#"]);
    let impostor = |command| made.start(&mosquitto, "agents/press-08", command, "agent_id = \"press-07\"");
    let ended = impostor("check").wait().unwrap();
    assert_eq!(ended.code, Some(69), "{}", ended.log);
    let log = ended.log.replace("\n  | ", " ");
    assert!(log.contains("agents/press-07/status: the broker refuses it: NotAuthorized"), "{log}");
    let fix = "the broker let in user 'press-08', but agent_id is 'press-07': set agent_id = \"press-08\"";
    assert!(log.contains(fix), "{log}");
    let mut running = impostor("run");
    running.wait_for("refused a message to").unwrap();
    drop(running);
    made.client(&mosquitto, "agents/press-07", &[]).publish(&topic(Channel::Join.contract(), "press-07"), "last");
    assert_eq!(aggregator.topics_before("last"), [""; 0]);
}

#[test]
fn check_names_the_agent_id_that_a_login_asks_for() {
    let made = Made::new(&["--certificates", "press-08"]);
    assert!(
        made.read("agents/press-08/broker.toml").starts_with("# At the top of agent.toml: agent_id = \"press-08\"\n")
    );
    let mosquitto = made.broker(String::new());
    let ended = made.start(&mosquitto, "agents/press-08", "check", "agent_id = \"press-8\"").wait().unwrap();
    let log = ended.log.replace("\n  | ", " ");
    assert!(log.contains("ok    login: accepted as 'press-08'"), "the certificate says so: {log}");
    let fix = "the broker let in user 'press-08', but agent_id is 'press-8': set agent_id = \"press-08\"";
    assert!(
        ended.code == Some(69) && log.contains(fix) && log.contains("heijunka-agent.toml:3:12: agent_id)"),
        "{log}"
    );
}

#[test]
fn a_stolen_session_holds_nothing() {
    let made = Made::new(&["press-07", "press-08"]);
    let mosquitto = made.broker(String::new());
    let aggregator = made.client(&mosquitto, "aggregator", &[]);
    let (assign, round) = (topic(Channel::Assign.contract(), "press-07"), topic(Channel::Round.contract(), ""));
    drop(made.client(&mosquitto, "agents/press-07", &[&assign, &round]));
    aggregator.publish(&assign, "waits for press-07");
    let mut thief = Client::start(made.config(&mosquitto, "agents/press-08", "test-agents/press-07"));
    assert!(thief.finds_a_session(), "the broker gives a session to any client with its id and a login");
    aggregator.publish(&assign, "for press-07");
    aggregator.publish(&round, "last");
    assert_eq!(thief.topics_before("last"), [""; 0]);
}

/// Whether press-07 loses its connection to press-08, who comes with its client id. `more` is for the second listener.
fn is_displaced(more: &str) -> bool {
    let made = Made::new(&["--certificates", "press-07", "press-08"]);
    let mosquitto = made.broker(more.to_owned());
    let assign = topic(Channel::Assign.contract(), "press-07");
    let mut press = made.client(&mosquitto, "agents/press-07", &[&assign]);
    let mut config = made.config(&mosquitto, "agents/press-08", "test-agents/press-07");
    config.reconnect_max = Duration::from_secs(60);
    let mut rude = Client::start(config);
    rude.finds_a_session();
    made.client(&mosquitto, "aggregator", &[]).publish(&assign, "last");
    press.loses_its_connection_before("last")
}

#[test]
fn user_names_as_client_ids_keep_agents_from_displacing_each_other() {
    assert!(is_displaced(""), "as it is shipped, for the reasons in broker-config/README.md");
    assert!(!is_displaced("use_username_as_clientid true\n"));
}

#[test]
fn agents_are_added_and_taken_away() {
    let made = Made::new(&["press-07"]);
    let mut mosquitto = made.broker(String::new());
    made.more(&["press-08"]);
    std::fs::remove_dir_all(made.path("agents/press-07")).unwrap();
    let before = made.config(&mosquitto, "agents/press-08", "late");
    made.make(&[]);
    mosquitto.kill().unwrap();
    mosquitto.start_again().unwrap();
    let mut aggregator = made.client(&mosquitto, "aggregator", &["#"]);
    let mut gone = before.clone();
    gone.username = Some("press-07".to_owned());
    assert!(matches!(Client::start(gone).refused(), DisconnectReason::NotAuthorised { .. }));
    assert!(!made.read("broker/passwords").contains("press-07") && !made.read("broker/acl").contains("press-07"));
    made.client(&mosquitto, "agents/press-08", &[]).publish(&topic(Channel::Join.contract(), "press-08"), "new");
    assert_eq!(aggregator.next().payload, "new");
}

/// Names and contents of all files below `folder`.
fn files(folder: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mode = path.metadata().unwrap().permissions().mode() & 0o777;
        if path.is_dir() {
            all.push((path.display().to_string(), mode, Vec::new()));
            all.extend(files(&path));
        } else {
            all.push((path.display().to_string(), mode, std::fs::read(&path).unwrap()));
        }
    }
    all.sort();
    all
}

#[test]
fn a_second_call_changes_nothing_and_only_the_owner_may_read_the_files() {
    let made = Made::new(&["--people", "grafana", "--certificates", "press-07", "Säge-3"]);
    let first = files(&made.path(""));
    assert!(first.iter().all(|(_, mode, _)| mode & 0o077 == 0), "{first:?}");
    made.more(&["--people", "grafana", "--certificates", "press-07", "Säge-3"]);
    made.more(&["press-07"]);
    made.make(&[]);
    assert_eq!(files(&made.path("")), first);
    mosquitto_takes(&made);
}

/// Names beyond ASCII come through openssl and Mosquitto unchanged.
fn mosquitto_takes(made: &Made) {
    let mosquitto: Mosquitto = made.broker(String::new());
    let mut people = made.client(&mosquitto, "people/grafana", &["#"]);
    let status = topic(Channel::AgentStatus.contract(), "Säge-3");
    made.client(&mosquitto, "agents/Säge-3", &[]).publish(&status, "here");
    assert_eq!(people.next().topic, status);
}

#[test]
fn a_plants_own_ca_is_used_and_nothing_is_signed_without_its_key() {
    let (theirs, made) = (Made::new(&[]), Made::empty());
    for folder in ["ca", "broker"] {
        std::fs::create_dir(made.path(folder)).unwrap();
    }
    for file in ["ca/ca.crt", "broker/server.crt", "broker/server.key"] {
        std::fs::copy(theirs.path(file), made.path(file)).unwrap();
    }
    made.more(&["--host", "127.0.0.1", "press-07"]);
    let mosquitto = made.broker(String::new());
    made.client(&mosquitto, "agents/press-07", &[]);
    assert_eq!(made.read("broker/server.crt"), theirs.read("broker/server.crt"));
    let output = made.try_make(&["--site", "s", "--job", "j", "--certificates", "press-08"]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && error.contains("ca.key is not there"), "{error}");
}

#[test]
fn names_that_would_carry_another_users_rights_are_refused() {
    let made = Made::new(&["press-07"]);
    let before = made.read("broker/acl");
    let site = ["--site", "s", "--job", "j"];
    for name in
        ["+", "#", "a/b", "a b", "a:b", "a\nuser people", "$SYS", "..", "", "aggregator", "people", "a\\b", "a\"b"]
    {
        let output = made.try_make(&[&site[..], &[name]].concat());
        assert_eq!(output.status.code(), Some(1), "{name:?}");
    }
    for level in ["+", "#", "a/b", "a\nb", " a", ""] {
        assert!(!made.try_make(&["--site", level, "--job", "j", "x"]).status.success(), "{level:?}");
        assert!(!made.try_make(&["--site", "s", "--job", level, "x"]).status.success(), "{level:?}");
    }
    assert_eq!(made.read("broker/acl"), before);
}

#[test]
fn one_more_machine_joins_the_only_job_and_changes_nothing_else() {
    let made = Made::new(&["press-07"]);
    let before = made.read("broker/passwords");
    made.make(&["press-08"]);
    let (passwords, acl) = (made.read("broker/passwords"), made.read("broker/acl"));
    assert!(passwords.starts_with(&before) && passwords.contains("\npress-08:"), "{passwords}");
    assert!(acl.contains("\nuser press-08\n") && acl.contains(&topic(Channel::Join.contract(), "press-08")), "{acl}");
    made.make(&["--site", "s", "--job", "another", "press-07"]);
    assert!(!made.try_make(&["press-09"]).status.success(), "of two jobs it does not choose one");
}
