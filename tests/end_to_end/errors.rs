//! The errors that will really happen, with the text that people get.

use heijunka_broker::Credentials;
use heijunka_broker::mosquitto::Options;
use heijunka_tests::{Ended, Plant, Program, steel_plates};

/// What does not depend on the test's folder, ports or times.
fn text(plant: &Plant, ended: &Ended) -> String {
    let port = plant.mosquitto.port().to_string();
    let log = ended.log.replace(&plant.folder().display().to_string(), "FOLDER").replace(&port, "PORT");
    // Log lines with times are another test's business.
    let lines: Vec<&str> = log.lines().filter(|line| !line.contains("INFO") && !line.contains("WARN")).collect();
    // Where a line is folded depends on the length of the folder's name.
    lines.join("\n").replace("\n  | ", " ")
}

fn agent_with(plant: &Plant, config: &str) -> Ended {
    plant.write("agent.toml", config).unwrap();
    plant.start("heijunka-agent", &["run"], "agent.log").unwrap().wait().unwrap()
}

fn good(plant: &Plant) -> String {
    format!(
        "site = \"test\"\njob = \"job\"\nagent_id = \"press-07\"\n[broker]\nurl = \"{}\"\n[data]\npath = '{}'\n",
        plant.url(),
        steel_plates().display()
    )
}

#[test]
fn a_typo_in_a_key() {
    let plant = Plant::new().unwrap();
    let ended = agent_with(&plant, &good(&plant).replace("agent_id", "agend_id"));
    assert_eq!(ended.code, Some(78));
    insta::assert_snapshot!(text(&plant, &ended));
}

#[test]
fn a_missing_section() {
    let plant = Plant::new().unwrap();
    let ended = agent_with(&plant, "site = \"test\"\njob = \"job\"\n");
    assert_eq!(ended.code, Some(78));
    insta::assert_snapshot!(text(&plant, &ended));
}

#[test]
fn a_missing_settings_file() {
    let plant = Plant::new().unwrap();
    let ended = plant.start("heijunka-agent", &["run"], "agent.log").unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(78));
    insta::assert_snapshot!(text(&plant, &ended));
}

#[test]
fn a_value_out_of_range_in_the_aggregator() {
    let plant = Plant::new().unwrap();
    let task = "kind = \"classification\"\ntarget = \"fault\"";
    let ended = plant.aggregator(task, "max_rounds = 10\nlearning_rate = -1.0", "").unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(78));
    insta::assert_snapshot!(text(&plant, &ended));
}

#[test]
fn a_policy_that_does_not_exist() {
    let plant = Plant::new().unwrap();
    let task = "kind = \"classification\"\ntarget = \"fault\"";
    let more = "[allocation]\npolicy = \"fair\"\n";
    let ended = plant.aggregator(task, "max_rounds = 10", more).unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(78));
    insta::assert_snapshot!(text(&plant, &ended));
}

#[test]
fn a_wrong_command_line() {
    let plant = Plant::new().unwrap();
    let ended = plant.start("heijunka-agent", &["ran"], "agent.log").unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(64));
    insta::assert_snapshot!(text(&plant, &ended));
}

#[test]
fn data_that_do_not_match_the_job() {
    let plant = Plant::new().unwrap();
    let data = plant.write("a.csv", "Luminosity;class\n1,5;good\n2,5;bad\n").unwrap();
    let agent = plant.agent("press-07", &data, "").unwrap();
    let task = "kind = \"classification\"\ntarget = \"class\"\ninputs = [\"luminosity\"]";
    let aggregator = plant.aggregator(task, "max_rounds = 10", "").unwrap();
    let ended = agent.wait().unwrap();
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    insta::assert_snapshot!(text(&plant, &ended));
    drop(aggregator);
}

#[test]
fn shared_data_that_differ() {
    let plant = Plant::new().unwrap();
    let a = plant.write("a.csv", "x,y\n1,a\n2,b\n3,a\n4,b\n").unwrap();
    let b = plant.write("b.csv", "x,y\n1,a\n2,b\n3,a\n5,b\n").unwrap();
    let first = plant.agent("machine-1", &a, "").unwrap();
    let task = "kind = \"classification\"\ntarget = \"y\"\ndata = \"shared\"";
    let training = "max_rounds = 1000000\nvalidation_fraction = 0.0";
    let mut aggregator = plant.aggregator(task, training, "").unwrap();
    // From then on the first agent's rows are the job's.
    aggregator.wait_for("training begins").unwrap();
    let ended = plant.agent("machine-2", &b, "").unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    insta::assert_snapshot!(text(&plant, &ended));
    drop((first, aggregator));
}

fn check(plant: &Plant, program: &str, config: &str) -> Ended {
    let arguments = ["check", "--config", config];
    Program::start(program, &arguments, plant.folder(), &plant.folder().join("check.log")).unwrap().wait().unwrap()
}

#[test]
fn check_passes_where_run_would() {
    let plant = Plant::new().unwrap();
    plant.write("agent.toml", good(&plant)).unwrap();
    let ended = check(&plant, "heijunka-agent", "agent.toml");
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let data = steel_plates().display().to_string();
    insta::assert_snapshot!(text(&plant, &ended).replace(&data, "DATA"));
}

#[test]
fn check_finds_a_dead_broker() {
    let mut plant = Plant::new().unwrap();
    plant.mosquitto.kill().unwrap();
    plant.write("agent.toml", good(&plant)).unwrap();
    let ended = check(&plant, "heijunka-agent", "agent.toml");
    assert_eq!(ended.code, Some(69), "{}", ended.log);
    let data = steel_plates().display().to_string();
    insta::assert_snapshot!(text(&plant, &ended).replace(&data, "DATA"));
}

#[test]
fn check_finds_a_wrong_password() {
    let login = Credentials { username: "plant".into(), password: "correct-horse".into() };
    let plant = Plant::with_broker(&Options { login: Some(login), ..Options::default() }).unwrap();
    plant.write("password.txt", "hunter2\n").unwrap();
    let login = "username = \"plant\"\npassword_file = \"password.txt\"\n[data]";
    plant.write("agent.toml", good(&plant).replace("[data]", login)).unwrap();
    let ended = check(&plant, "heijunka-agent", "agent.toml");
    assert_eq!(ended.code, Some(69), "{}", ended.log);
    let data = steel_plates().display().to_string();
    let text = text(&plant, &ended).replace(&data, "DATA");
    assert!(!ended.log.contains("hunter2") && !ended.log.contains("correct-horse"), "no secret is shown");
    insta::assert_snapshot!(text);
}

#[test]
fn a_broker_that_takes_smaller_packets() {
    let plant = Plant::with_broker(&Options { packet_bytes_max: Some(100_000), ..Options::default() }).unwrap();
    let ended = agent_with(&plant, &good(&plant));
    assert_eq!(ended.code, Some(78), "F10: {}", ended.log);
    insta::assert_snapshot!(text(&plant, &ended));
    let task = "kind = \"classification\"\ntarget = \"fault\"";
    let ended = plant.aggregator(task, "max_rounds = 10", "").unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(78), "{}", ended.log);
}

#[test]
fn check_finds_a_topic_that_the_broker_forbids() {
    // The user may do everything but write its own status: the broker takes the message and delivers it to nobody (F5).
    let folder = tempfile::tempdir().unwrap();
    let acl = folder.path().join("acl");
    std::fs::write(&acl, "topic readwrite heijunka-wire/#\ntopic read heijunka/#\n").unwrap();
    let more_lines = format!("acl_file {}\n", acl.display());
    let plant = Plant::with_broker(&Options { more_lines, ..Options::default() }).unwrap();
    plant.write("agent.toml", good(&plant)).unwrap();
    let ended = check(&plant, "heijunka-agent", "agent.toml");
    assert_eq!(ended.code, Some(69), "{}", ended.log);
    let data = steel_plates().display().to_string();
    insta::assert_snapshot!(text(&plant, &ended).replace(&data, "DATA"));
}
