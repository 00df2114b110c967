//! The page, `/state`, `/events` and `/metrics` of a real aggregator with two agents.

use crate::training::STEEL;
use heijunka_tests::{Plant, Program, skip, steel_plates};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Far beyond what an answer takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// Events, four a second, after which what has not come will not come.
const EVENTS_MAX: usize = 400;

/// The page's address, from the aggregator's log, once that says so.
pub(crate) fn address(aggregator: &mut Program, once: &str) -> String {
    aggregator.wait_for("the page is at http://").unwrap();
    aggregator.wait_for(once).unwrap();
    let text = aggregator.text();
    let (_, rest) = text.split_once("the page is at http://").unwrap();
    rest.split('/').next().unwrap().to_owned()
}

fn connect(address: &str, path: &str, more: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n{more}\r\n").unwrap();
    stream
}

pub(crate) fn get(address: &str, path: &str) -> String {
    let mut answer = String::new();
    connect(address, path, "connection: close\r\n").read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{path}: {head}");
    body.to_owned()
}

/// What is served there once it holds `word`.
pub(crate) fn until(address: &str, path: &str, word: &str) -> String {
    let mut news = events(address);
    loop {
        let text = get(address, path);
        if text.contains(word) {
            return text;
        }
        news.next().unwrap();
    }
}

/// Whether a program is installed; if not, that is recorded as a skip. `package` is Debian's package of it.
fn is_here(program: &str, package: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_err() {
        skip(program, &format!("apt-get install {package}")).unwrap();
    }
    found.is_ok()
}

/// The events of the stream, one after the other.
fn events(address: &str) -> impl Iterator<Item = Value> {
    let lines = BufReader::new(connect(address, "/events", "")).lines();
    lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok())
}

#[test]
fn a_browser_sees_the_job_as_it_is() {
    let plant = Plant::new().unwrap();
    let slow = "[emulate]\nper_sample_us = 400";
    let door = "[status]\nhttp_listen = \"127.0.0.1:0\"\n[emulate]\nper_sample_us = 100";
    let mut agents = [
        plant.agent("press-07", &steel_plates(), door).unwrap(),
        plant.agent("oven-02", &steel_plates(), slow).unwrap(),
    ];
    let more = "[allocation]\nmin_agents = 2\n[web]\nlisten = \"127.0.0.1:0\"";
    let mut aggregator = plant.aggregator(STEEL, "max_rounds = 100000\nscore_every_rounds = 10", more).unwrap();
    let address = address(&mut aggregator, "training begins");
    let mut seen = events(&address);
    let first = seen.next().unwrap();
    assert_eq!((&first["whole"], &first["job"], &first["max_rounds"]), (&true.into(), &"job".into(), &100_000.into()));
    let begins = |news: &Value| news["events"].as_array().is_some_and(|all| all.iter().any(|e| e["code"] == "HJ-122"));
    assert!(begins(&first) || seen.any(|news| begins(&news)));
    seen.find(|news| news["round"].as_u64() > Some(30)).unwrap();
    seen.find(|news| !news["score"].is_null()).unwrap();
    let state = once_levelled(&address, &mut seen);
    assert_eq!((&state["phase"], &state["agents_online"]), (&"training".into(), &2.into()));
    assert!(state["score"]["accuracy"].as_f64() > Some(0.1), "{state}");
    agents_are_true(&state);
    let rounds = state["rounds"].as_array().unwrap();
    assert!(rounds.len() > 30 && rounds.iter().all(|round| round["seconds"].as_f64() > Some(0.0)), "{state}");
    let answered = metrics_are_true(&get(&address, "/metrics"), state["round"].as_u64().unwrap());
    agents[0].wait_for("/metrics").unwrap();
    own_figures_are_true(&agents[0].text(), answered);
    assert!(get(&address, "/").starts_with("<!doctype html>"));
    shown_by_chromium(&address, plant.folder());
    ordered_about(&address, &mut seen, &plant);
    let ended = aggregator.wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let last = seen.last().unwrap();
    let line = last["line"].as_str().unwrap();
    assert!(last["phase"] == "finished" && line.starts_with("Ended after round "), "{last}");
    assert!(line.ends_with(": it was asked to stop."), "{last}");
    drop(agents);
}

/// Pauses, has the model written, resumes and stops.
fn ordered_about(address: &str, seen: &mut impl Iterator<Item = Value>, plant: &Plant) {
    let order = |path: &str, more: &str| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{more}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    assert!(order("/pause", "").starts_with("HTTP/1.1 403"));
    let own = "X-Heijunka: 1\r\n";
    assert!(order("/pause", own).starts_with("HTTP/1.1 200"));
    seen.find(|news| news["phase"] == "paused").unwrap();
    let state = || serde_json::from_str::<Value>(&get(address, "/state")).unwrap();
    let paused = state();
    assert_eq!((&paused["pause_requested"], &paused["agents_online"]), (&true.into(), &2.into()));
    assert!(get(address, "/metrics").contains("\nheijunka_pause_requested 1\n"));
    let exported = order("/export", own);
    assert!(exported.starts_with("HTTP/1.1 200") && exported.contains("opset"), "{exported}");
    assert!(
        plant.folder().join("heijunka-output/model.onnx").exists()
            && get(address, "/model_card.json").contains("fault")
    );
    assert_eq!(state()["round"], paused["round"], "nothing is trained meanwhile");
    assert!(order("/resume", own).starts_with("HTTP/1.1 200"));
    seen.find(|news| news["round"].as_u64() > paused["round"].as_u64()).unwrap();
    assert!(order("/stop", own).starts_with("HTTP/1.1 200"));
}

/// The state as soon as the slow machine has the smaller share and both answer. Other programs of this machine may make the
/// fast one look slow for a while; the fleet is read again with each event.
fn once_levelled(address: &str, seen: &mut impl Iterator<Item = Value>) -> Value {
    let state = || serde_json::from_str::<Value>(&get(address, "/state")).unwrap();
    let is_levelled = |state: &Value| {
        let figure = |agent: usize, name: &str| state["agents"][agent][name].as_f64();
        let smaller = figure(0, "share_samples") > Some(0.0) && figure(0, "share_samples") < figure(1, "share_samples");
        let both =
            (0..2).all(|agent| state["agents"][agent]["online"] == true && figure(agent, "compute_seconds").is_some());
        smaller && both && state["ideal_seconds"].as_f64() < state["equal_seconds"].as_f64()
    };
    let states = std::iter::once(state()).chain(seen.take(EVENTS_MAX).map(|_| state()));
    let mut last = Value::Null;
    states.inspect(|state| last.clone_from(state)).find(is_levelled).unwrap_or_else(|| panic!("never levelled: {last}"))
}

/// The slow machine has the smaller share, and its time is spent computing, as emulated.
fn agents_are_true(state: &Value) {
    let agents = state["agents"].as_array().unwrap();
    let names: Vec<&str> = agents.iter().map(|agent| agent["agent"].as_str().unwrap()).collect();
    assert_eq!(names, ["oven-02", "press-07"]);
    let shares: Vec<u64> = agents.iter().map(|agent| agent["share_samples"].as_u64().unwrap()).collect();
    assert_eq!(shares[0] + shares[1], 256, "{state}");
    assert!(shares[0] < shares[1], "{state}");
    for agent in agents {
        assert_eq!(agent["online"], true);
        assert!(agent["compute_seconds"].as_f64() > Some(0.001), "{agent}");
        let why = agent["why"].as_str().unwrap();
        assert!(why.starts_with("limited by") || why.starts_with("mostly waits for"), "{agent}");
    }
}

/// Returns of how many answers of press-07 the aggregator knows.
fn metrics_are_true(text: &str, round: u64) -> f64 {
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
    };
    assert_eq!((value("heijunka_agents_online"), value("heijunka_phase{phase=\"training\"}")), (2.0, 1.0));
    assert!(value("heijunka_steps_total") >= round as f64);
    // Another program may hold a machine up, so that a round ends without it.
    let rounds = ["full", "partial"].map(|ending| value(&format!("heijunka_rounds_total{{ending=\"{ending}\"}}")));
    assert!(rounds[0] > 0.0 && rounds[0] + rounds[1] >= round as f64, "{text}");
    let delivered =
        ["oven-02", "press-07"].map(|agent| value(&format!("heijunka_agent_samples_total{{agent=\"{agent}\"}}")));
    let for_others = value("heijunka_reissued_samples_total");
    assert!(delivered[0] + delivered[1] + for_others >= value("heijunka_samples_total"), "{text}");
    promtool_agrees(text);
    value("heijunka_agent_answered_rounds_total{agent=\"press-07\"}")
}

/// The agent's own figures, served at the address that its log names; the aggregator knows of `answered` rounds.
fn own_figures_are_true(log: &str, answered: f64) {
    let (_, rest) = log.split_once("figures for Prometheus are at http://").unwrap();
    let text = get(rest.split('/').next().unwrap(), "/metrics");
    let value = |name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in\n{text}")).parse().unwrap()
    };
    assert_eq!((value("heijunka_worker_connected"), value("heijunka_worker_reconnects_total")), (1.0, 0.0));
    assert!(answered > 0.0 && value("heijunka_worker_answered_rounds_total") >= answered, "{text}");
    // Emulated to take 100 us a sample.
    let (samples, slept) =
        (value("heijunka_worker_samples_total"), value("heijunka_worker_spent_seconds_total{part=\"emulated\"}"));
    assert!(samples > 0.0 && slept > 0.0, "{text}");
    assert!(
        value("heijunka_worker_sent_bytes_total") > 1000.0 && value("heijunka_worker_rows{for=\"training\"}") > 1000.0
    );
    assert!(value("process_resident_memory_bytes") > 1e6, "{text}");
    assert!(text.contains("agent=\"press-07\""), "{text}");
    promtool_agrees(&text);
}

fn promtool_agrees(text: &str) {
    if !is_here("promtool", "prometheus") {
        return;
    }
    let mut promtool = Command::new("promtool");
    let promtool =
        promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut checking = promtool.spawn().unwrap();
    checking.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let checked = checking.wait_with_output().unwrap();
    let output = String::from_utf8_lossy(&checked.stderr).into_owned() + &String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && output.trim().is_empty(), "{output}");
}

/// The page in a real browser shows the agents; a picture of it is kept in the target folder.
fn shown_by_chromium(address: &str, folder: &Path) {
    if !is_here("chromium", "chromium") {
        return;
    }
    let profile = format!("--user-data-dir={}", folder.join("browser").display());
    // A stream never ends, and with it the browser's virtual time.
    let url = format!("http://{address}/?still");
    let common =
        ["--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--window-size=1280,1400"];
    let browse = |more: &str| {
        let output = Command::new("chromium").args(common).args([&profile, more, &url]).output().unwrap();
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (page, errors) = browse("--dump-dom");
    for name in ["oven-02", "press-07"] {
        assert!(page.contains(&format!("data-agent=\"{name}\"")), "{page}\n{errors}");
    }
    let is_said = ["limited by", "mostly waits for"].iter().any(|why| page.contains(why));
    assert!(is_said && page.contains("job at test"), "{page}\n{errors}");
    let folder = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    let picture = folder.join("two-agents.png");
    let (_, errors) = browse(&format!("--screenshot={}", picture.display()));
    assert!(picture.exists(), "{errors}");
}

#[test]
fn the_first_line_names_an_agent_that_cannot_take_part() {
    let plant = Plant::new().unwrap();
    let mut aggregator = plant.aggregator(STEEL, "max_rounds = 1", "[web]\nlisten = \"127.0.0.1:0\"").unwrap();
    let address = address(&mut aggregator, "run 1 begins");
    let mut seen = events(&address);
    plant.write("other.csv", "x,y\n1,2\n3,4\n").unwrap();
    let agent = plant.agent("press-07", &plant.folder().join("other.csv"), "").unwrap();
    let says = |news: &Value, what: &str| news["line"].as_str().is_some_and(|line| line.contains(what));
    let line = "online. press-07 does not take part: column 'fault' missing";
    let event = seen.find(|news| says(news, line)).unwrap();
    assert_eq!(event["events"][0]["code"], "HJ-104", "{event}");
    assert_eq!(agent.wait().unwrap().code, Some(78));
}

#[test]
fn without_a_password_the_page_stays_on_this_machine() {
    let plant = Plant::new().unwrap();
    let aggregator = plant.aggregator(STEEL, "max_rounds = 1", "[web]\nlisten = \"0.0.0.0:0\"").unwrap();
    let ended = aggregator.wait().unwrap();
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    assert!(ended.log.contains("password_file"), "{}", ended.log);
}

#[test]
fn alerts_fire_when_they_should() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/grafana");
    let dashboard = std::fs::read(folder.join("dashboard.json")).unwrap();
    let dashboard: Value = serde_json::from_slice(&dashboard).unwrap();
    assert!(!dashboard["panels"].as_array().unwrap().is_empty());
    if !is_here("promtool", "prometheus") {
        return;
    }
    for (kind, file) in [("check", "alerts.yml"), ("test", "alerts_test.yml")] {
        let checked = Command::new("promtool").args([kind, "rules", file]).current_dir(&folder).output().unwrap();
        let output = String::from_utf8_lossy(&checked.stdout).into_owned() + &String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{file}: {output}");
    }
}
