//! `cargo xtask bench round`: what a round costs beside the same bytes without Heijunka, all in one run.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use crate::shell::{Outcome, Place, find_program, output_of, succeed};

/// Digits, 64-64-10: 4,810 parameters.
const GRADIENT_BYTES: &str = "19240";
const AGENTS: &str = "8";
/// Rounds of the real job; every run of the others takes so many seconds.
const ROUNDS: &str = "3000";
const SECONDS: &str = "4";
/// Time for Mosquitto to listen.
const START: Duration = Duration::from_secs(10);

/// A broker for this run only.
struct Mosquitto {
    process: Child,
    port: u16,
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The command `bench`.
pub(crate) fn run(place: &Place, args: &[String]) -> Outcome<ExitCode> {
    match args {
        [what] if what == "round" => round(place).map(|()| ExitCode::SUCCESS),
        _ => Err("say what: round".into()),
    }
}

fn round(place: &Place) -> Outcome {
    let programs = ["build", "--release", "-p", "heijunka-agent", "-p", "heijunka-aggregator"];
    succeed(&mut place.cargo(&programs))?;
    let example = ["build", "--release", "-p", "heijunka-broker", "--example", "fan"];
    succeed(&mut place.cargo(&example))?;
    let release = place.target.join("release");
    let fan = |client: &str| -> Outcome<f64> {
        let words = [client, "mosquitto", AGENTS, GRADIENT_BYTES, SECONDS];
        let text = output_of(Command::new(release.join("examples/fan")).args(words))?;
        let rate = text.split(':').nth(1).and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        rate.map(|rate| 1e3 / rate).ok_or_else(|| format!("fan says {text:?}"))
    };
    let json = place.target.join("bench-round.json");
    let digits = place.root.join("tests/data/digits.csv");
    let job = |port: u16| {
        let url = format!("mqtt://127.0.0.1:{port}");
        let mut command = Command::new(release.join("heijunka-aggregator"));
        command.args([
            "demo",
            "--headless",
            "--fleet",
            "zero8",
            "--policy",
            "equal",
            "--no-header",
            "--target",
            "col64",
        ]);
        command.args(["--optimizer", "sgd", "--momentum", "0.9", "--learning-rate", "0.1", "--broker", &url]);
        command.args(["--rounds", ROUNDS, "--score-every", ROUNDS]).arg("--data").arg(&digits).arg("--json").arg(&json);
        command
    };
    println!("milliseconds a round, {AGENTS} agents, {GRADIENT_BYTES} bytes each way, Mosquitto on loopback");
    let mut rows: [(&str, Vec<f64>); 4] =
        [("TCP, no broker", vec![]), ("rumqttc alone", vec![]), ("heijunka-bus", vec![]), ("heijunka, digits", vec![])];
    // In turn, so that a busy moment of the machine meets all alike.
    for _ in 0..3 {
        let heijunka = {
            let mosquitto = start(place)?;
            output_of(&mut job(mosquitto.port))?;
            let text = fs::read_to_string(&json).map_err(|error| format!("{}: {error}", json.display()))?;
            number(&text, "\"round_seconds_mean\":").ok_or("no figure in the demo's JSON")? * 1e3
        };
        for (row, value) in rows.iter_mut().zip([fan("tcp")?, fan("bare")?, fan("bus")?, heijunka]) {
            row.1.push(value);
        }
    }
    let medians: Vec<f64> = rows.iter_mut().map(|row| median(&mut row.1)).collect();
    for ((name, _), median) in rows.iter().zip(&medians) {
        println!("{name:<18} {median:>7.2} ms  {:>5.2} x rumqttc alone", median / medians[1]);
    }
    Ok(())
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn number(text: &str, key: &str) -> Option<f64> {
    let rest = text.split_once(key)?.1;
    rest.split([',', '\n']).next()?.trim().parse().ok()
}

fn start(place: &Place) -> Outcome<Mosquitto> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    let port = port.map_err(|error| format!("no free port: {error}"))?.port();
    let shipped = place.root.join("broker-config/local/mosquitto.conf");
    let text = fs::read_to_string(&shipped).map_err(|error| format!("{}: {error}", shipped.display()))?;
    let line = |line: &str| match line.split(' ').next() {
        Some("listener") => format!("listener {port} 127.0.0.1\n"),
        Some("persistence") => "persistence false\n".to_owned(),
        _ => format!("{line}\n"),
    };
    let config = place.target.join("bench-mosquitto.conf");
    fs::write(&config, text.lines().map(line).collect::<String>()).map_err(|error| error.to_string())?;
    let program = find_program("mosquitto").or_else(|| find_program("/usr/sbin/mosquitto"));
    let process = Command::new(program.ok_or("mosquitto is not installed")?)
        .arg("-c")
        .arg(&config)
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("mosquitto: {error}"))?;
    let mosquitto = Mosquitto { process, port };
    let deadline = Instant::now() + START;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if Instant::now() > deadline {
            return Err("mosquitto does not listen".into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(mosquitto)
}
