//! The fifteen mistakes that will really happen, each really made, with the text that people get.

use crate::tls::{Authority, WITH_CA, check as check_tls, params, secured};
use heijunka_broker::Credentials;
use heijunka_broker::mosquitto::Options;
use heijunka_tests::{Ended, Plant, Program, steel_plates};
use insta::assert_snapshot;

/// What does not depend on the test's folder, ports or times.
pub(crate) fn text(plant: &Plant, ended: &Ended) -> String {
    let port = plant.mosquitto.port().to_string();
    let log = ended.log.replace(&plant.folder().display().to_string(), "FOLDER").replace(&port, "PORT");
    let log = log.replace(&steel_plates().display().to_string(), "DATA");
    // Log lines with times are another test's business.
    let lines: Vec<&str> = log.lines().filter(|line| !line.contains("INFO") && !line.contains("WARN")).collect();
    // Where a line is folded depends on the length of the folder's name.
    lines.join("\n").replace("\n  | ", " ")
}

pub(crate) fn good(plant: &Plant) -> String {
    format!(
        "site = \"test\"\njob = \"job\"\nagent_id = \"press-07\"\n[broker]\nurl = \"{}\"\n[data]\npath = '{}'\n",
        plant.url(),
        steel_plates().display()
    )
}

/// What the agent says to `config`, and that it ends with 78: a service manager does not try again.
fn refused(plant: &Plant, config: &str) -> String {
    plant.write("agent.toml", config).unwrap();
    let ended = plant.start("heijunka-agent", &["run"], "agent.log").unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    text(plant, &ended)
}

pub(crate) fn check(plant: &Plant, more: &[&str]) -> Ended {
    let arguments = [&["check", "--config", "agent.toml"], more].concat();
    let log = plant.folder().join("check.log");
    Program::start("heijunka-agent", &arguments, plant.folder(), &log).unwrap().wait().unwrap()
}

/// What `check` finds wrong with `config`, with its exit code.
fn found(plant: &Plant, config: &str, code: i32) -> String {
    plant.write("agent.toml", config).unwrap();
    let ended = check(plant, &[]);
    assert_eq!(ended.code, Some(code), "{}", ended.log);
    text(plant, &ended).lines().filter(|line| line.starts_with("FAIL")).collect::<Vec<_>>().join("\n")
}

#[test]
fn mistake_01_a_typo_in_a_key() {
    let plant = Plant::new().unwrap();
    assert_snapshot!(refused(&plant, &good(&plant).replace("agent_id", "agend_id")));
}

#[test]
fn mistake_02_a_number_in_quotes() {
    let plant = Plant::new().unwrap();
    assert_snapshot!(refused(&plant, &format!("{}[limits]\ncpu_threads = \"2\"\n", good(&plant))));
}

#[test]
fn mistake_03_a_windows_path_in_double_quotes() {
    let plant = Plant::new().unwrap();
    let path = |path: &str| good(&plant).replace(&format!("'{}'", steel_plates().display()), path);
    let (loud, silent) = (path("\"C:\\Users\\press\\data.csv\""), path("\"C:\\temp\\new.csv\""));
    assert_snapshot!(format!("{}\n\n{}", refused(&plant, &loud), refused(&plant, &silent)));
}

#[test]
fn mistake_04_a_duration_without_a_unit() {
    let plant = Plant::new().unwrap();
    assert_snapshot!(refused(&plant, &format!("{}[status]\npublish_every = 2\n", good(&plant))));
}

#[test]
fn mistake_05_a_missing_section() {
    let plant = Plant::new().unwrap();
    let missing = refused(&plant, "site = \"test\"\njob = \"job\"\n");
    let emptied = refused(&plant, &good(&plant).replace(&format!("path = '{}'", steel_plates().display()), ""));
    assert_snapshot!(format!("{missing}\n\n{emptied}"));
}

#[test]
fn mistake_06_an_unknown_host() {
    let plant = Plant::new().unwrap();
    let config = good(&plant).replace("127.0.0.1", "no-such-host.invalid");
    assert_snapshot!(found(&plant, &config, 69));
}

#[test]
fn mistake_07_a_mosquitto_that_accepts_local_connections_only() {
    // The shipped local configuration listens at 127.0.0.1: from anywhere else it refuses.
    let plant = Plant::new().unwrap();
    assert_snapshot!(found(&plant, &good(&plant).replace("127.0.0.1", "127.0.0.2"), 69));
}

#[test]
fn mistake_08_a_wrong_and_a_missing_password() {
    let login = Credentials { username: "plant".into(), password: "correct-horse".into() };
    let plant = Plant::with_broker(&Options { login: Some(login), ..Options::default() }).unwrap();
    plant.write("password.txt", "hunter2\n").unwrap();
    let login = "username = \"plant\"\npassword_file = \"password.txt\"\n[data]";
    let wrong = found(&plant, &good(&plant).replace("[data]", login), 69);
    let missing = found(&plant, &good(&plant), 69);
    let log = std::fs::read_to_string(plant.folder().join("check.log")).unwrap();
    assert!(!(wrong.clone() + &log).contains("hunter2"), "no secret is shown");
    assert_snapshot!(format!("{wrong}\n{missing}"));
}

#[test]
fn mistake_09_tls_to_a_port_without_and_the_reverse() {
    let ca = Authority::new();
    ca.sign("broker", &params(&["127.0.0.1"]));
    let (code, plain) = check_tls(&Plant::new().unwrap(), &ca, WITH_CA);
    assert_eq!(code, Some(69), "{plain}");
    let (code, reverse) = check_tls(&secured(&ca, "broker", ""), &ca, "url = \"mqtt://127.0.0.1:PORT\"");
    assert_eq!(code, Some(69), "{reverse}");
    assert_snapshot!(format!("{plain}\n{reverse}"));
}

#[test]
fn mistake_10_a_certificate_of_an_unknown_ca() {
    let (ca, stranger) = (Authority::new(), Authority::named("ca.elsewhere"));
    stranger.sign("strange", &params(&["127.0.0.1"]));
    let (code, text) = check_tls(&secured(&stranger, "strange", ""), &ca, WITH_CA);
    assert_eq!(code, Some(69), "{text}");
    assert_snapshot!(text);
}

#[test]
fn mistake_11_a_certificate_for_another_name() {
    let ca = Authority::new();
    ca.sign("elsewhere", &params(&["broker.elsewhere", "10.0.0.7"]));
    let (code, text) = check_tls(&secured(&ca, "elsewhere", ""), &ca, WITH_CA);
    assert_eq!(code, Some(69), "{text}");
    assert_snapshot!(text);
}

#[test]
fn mistake_12_the_same_agent_id_twice() {
    let plant = Plant::new().unwrap();
    plant.write("agent.toml", good(&plant)).unwrap();
    let mut first = plant.start("heijunka-agent", &["run"], "first.log").unwrap();
    first.wait_for("looks for job").unwrap();
    let second = plant.start("heijunka-agent", &["run"], "second.log").unwrap();
    first.wait_for("same client id").unwrap();
    let text = first.text();
    let line = text.lines().find(|line| line.contains("same client id")).unwrap();
    // Without the time in front and the wait behind.
    let line = line.split_once("WARN").map_or(line, |(_, line)| line.trim());
    assert_snapshot!(line.split("; retrying").next().unwrap());
    drop(second);
}

#[test]
fn mistake_13_a_right_missing_in_the_access_list() {
    // The user has all rights but to write its own status: the broker accepts the message and delivers it to no client (F5).
    let folder = tempfile::tempdir().unwrap();
    let acl = folder.path().join("acl");
    std::fs::write(&acl, "topic readwrite heijunka-wire/#\ntopic read heijunka/#\n").unwrap();
    let more_lines = format!("acl_file {}\n", acl.display());
    let plant = Plant::with_broker(&Options { more_lines, ..Options::default() }).unwrap();
    assert_snapshot!(found(&plant, &good(&plant), 69));
}

#[test]
fn mistake_14_a_broker_that_takes_smaller_packets() {
    let plant = Plant::with_broker(&Options { packet_bytes_max: Some(100_000), ..Options::default() }).unwrap();
    let run = refused(&plant, &good(&plant));
    let task = "kind = \"classification\"\ntarget = \"fault\"";
    let ended = plant.aggregator(task, "max_rounds = 10", "").unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    let written = good(&plant).replace("[data]", "max_packet = \"256KiB\"\n[data]");
    assert_snapshot!(format!("{run}\n{}\n{}", text(&plant, &ended), found(&plant, &written, 78)));
}

#[test]
fn mistake_15_data_that_do_not_match_the_job() {
    let plant = Plant::new().unwrap();
    let data = plant.write("a.csv", "Luminosity;class\n1,5;good\n2,5;bad\n").unwrap();
    let agent = plant.agent("press-07", &data, "").unwrap();
    let task = "kind = \"classification\"\ntarget = \"class\"\ninputs = [\"luminosity\"]";
    let aggregator = plant.aggregator(task, "max_rounds = 10", "").unwrap();
    let ended = agent.wait().unwrap();
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    let run = text(&plant, &ended);
    let config = good(&plant).replace(&steel_plates().display().to_string(), "a.csv");
    assert_snapshot!(format!("{run}\n{}", found(&plant, &config, 78)));
    drop(aggregator);
}
