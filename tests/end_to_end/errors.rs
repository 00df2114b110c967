//! Further errors, with the text that people get; what `check` says, as lines and as JSON.

use crate::mistakes::{check, good, text};
use heijunka_broker::Credentials;
use heijunka_broker::mosquitto::Options;
use heijunka_tests::{Ended, Plant, Program};

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

#[test]
fn check_passes_where_run_would() {
    let plant = Plant::new().unwrap();
    plant.write("agent.toml", good(&plant)).unwrap();
    let ended = check(&plant, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    insta::assert_snapshot!(text(&plant, &ended));
}

#[test]
fn check_shows_what_was_detected_in_the_data_and_what_cannot_be_read() {
    let plant = Plant::new().unwrap();
    let text = b"Report of press 7;;\nGr\xf6\xdfe;flow;fault\n1.234,5;1.234;0\n2,5;2.345;1\n";
    let data = plant.write("odd.csv", text).unwrap();
    let config = good(&plant);
    let (head, _) = config.split_once("path = ").unwrap();
    plant.write("agent.toml", format!("{head}path = {data:?}\n")).unwrap();
    let ended = check(&plant, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let expected = [
        "odd.csv: 2 rows, 3 columns",
        "odd.csv is not UTF-8 (line 2 is the first that is not); read as Windows-1252",
        "odd.csv line 1 ('Report of press 7') is taken as a title above the names; header_rows = 1 if it holds them",
        "column 'Größe' has marks of thousands: '1.234,5' (line 3) is read as 1234.5",
        "column 'flow' is taken as text: it is not certain what '.' in '1.234' (",
    ];
    let data: Vec<&str> =
        ended.log.lines().filter(|line| line.get(6..).is_some_and(|line| line.starts_with("data: "))).collect();
    assert_eq!(data.len(), expected.len(), "{}", ended.log);
    assert!(data.iter().zip(expected).all(|(line, expected)| line.contains(expected)), "{}", ended.log);
    plant.write("odd.csv", b"PK\x03\x04\x14\0\x06\0[Content_Types].xml").unwrap();
    let ended = check(&plant, &[]);
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    let refused =
        "odd.csv is a workbook, not CSV; save the sheet as CSV (File, Save as, CSV UTF-8) (agent.toml:7:8: data.path)";
    assert!(ended.log.contains(refused), "{}", ended.log);
}

#[test]
fn check_compares_data_and_job() {
    let plant = Plant::new().unwrap();
    let task = "kind = \"classification\"\ntarget = \"fault\"\nignore = [\"split\"]";
    let mut aggregator = plant.aggregator(task, "max_rounds = 10", "").unwrap();
    aggregator.wait_for("waiting for 1 agent").unwrap();
    plant.write("agent.toml", good(&plant)).unwrap();
    let ended = check(&plant, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("ok    job: job: "), "{}", ended.log);
    drop(aggregator);
}

#[test]
fn check_continues_after_a_failure_and_the_worst_one_gives_the_exit_code() {
    let mut plant = Plant::new().unwrap();
    plant.mosquitto.kill().unwrap();
    let lines = |ended: &Ended| -> Vec<String> {
        let lines: Vec<serde_json::Value> = serde_json::from_str(&ended.log).unwrap();
        let name = |line: &serde_json::Value| {
            let ok = line["ok"].as_bool().map_or("not tried", |ok| if ok { "ok" } else { "failed" });
            assert_eq!(line["fix"].is_string(), ok == "failed", "{line}");
            format!("{}: {ok}", line["name"].as_str().unwrap())
        };
        lines.iter().map(name).collect()
    };
    plant.write("agent.toml", good(&plant)).unwrap();
    let ended = check(&plant, &["--json"]);
    assert_eq!(ended.code, Some(69), "{}", ended.log);
    let after = ["tls", "login", "packets", "topics", "echo", "job"].map(|name| format!("{name}: not tried"));
    assert_eq!(lines(&ended), [&["file: ok", "data: ok", "broker: failed"].map(String::from)[..], &after].concat());
    plant.write("agent.toml", good(&plant).replace(".csv", ".tsv")).unwrap();
    let ended = check(&plant, &["--json"]);
    assert_eq!(ended.code, Some(78), "wrong data are worse than a broker that is away: {}", ended.log);
    assert_eq!(lines(&ended)[1..3], ["data: failed", "broker: failed"]);
    plant.write("agent.toml", "site = 5\n").unwrap();
    let ended = check(&plant, &["--json"]);
    assert_eq!((ended.code, lines(&ended)), (Some(78), vec!["file: failed".to_owned()]));
}

#[test]
fn the_aggregators_check_looks_at_folder_disk_and_broker() {
    let plant = Plant::new().unwrap();
    let config = format!(
        "site = \"test\"\njob = \"job\"\n[broker]\nurl = \"{}\"\n[task]\nkind = \"regression\"\ntarget = \"y\"\n\
         [training]\nmax_rounds = 1\n[web]\nlisten = \"off\"\n",
        plant.url()
    );
    plant.write("aggregator.toml", &config).unwrap();
    let check = |log: &str| {
        let arguments = ["check", "--config", "aggregator.toml"];
        plant.start("heijunka-aggregator", &arguments, log).unwrap().wait().unwrap()
    };
    let ended = check("good.log");
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    // How much is free depends on the day.
    let shown = text(&plant, &ended);
    let shown: Vec<&str> = shown.lines().filter(|line| !line.starts_with("ok    disk: ")).collect();
    assert_eq!(shown.len() + 1, ended.log.lines().count(), "one line is the disk's");
    insta::assert_snapshot!(shown.join("\n"));
    plant.write("occupied", "").unwrap();
    plant.write("aggregator.toml", format!("{config}[output]\ndirectory = \"occupied\"\n")).unwrap();
    let ended = check("bad.log");
    assert_eq!(ended.code, Some(69), "{}", ended.log);
    assert!(ended.log.contains("FAIL  output: cannot write to occupied"), "{}", ended.log);
    assert!(ended.log.contains("(aggregator.toml:13:13: output.directory)"), "{}", ended.log);
    assert!(ended.log.contains("ok    echo: "), "the checks continue: {}", ended.log);
}

#[test]
fn passwords_may_come_from_the_environment() {
    let login = Credentials { username: "plant".into(), password: "correct-horse".into() };
    let plant = Plant::with_broker(&Options { login: Some(login), ..Options::default() }).unwrap();
    plant.write("agent.toml", good(&plant).replace("[data]", "username = \"plant\"\n[data]")).unwrap();
    let arguments = ["check", "--config", "agent.toml"];
    let log = plant.folder().join("check.log");
    let environment = [("HEIJUNKA_BROKER_PASSWORD", "correct-horse")];
    let program = Program::start_with("heijunka-agent", &arguments, plant.folder(), &log, &environment);
    let ended = program.unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("ok    login: accepted as 'plant'"), "{}", ended.log);
    assert!(!ended.log.contains("correct-horse"));
}
