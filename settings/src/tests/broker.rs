//! The broker's section.

use super::{HEAD, read, report};
use crate::{BrokerSettings, BrokerUrl, Size, Span};
use insta::assert_snapshot;
use std::path::Path;

fn settings() -> BrokerSettings {
    BrokerSettings::new("mqtt://broker".parse().unwrap())
}

#[test]
fn addresses_are_read_and_shown() {
    for (text, host, port) in [
        ("mqtt://broker", "broker", 1883),
        ("mqtt://192.168.1.10:1884/", "192.168.1.10", 1884),
        ("mqtt://[fe80::1]:1883", "fe80::1", 1883),
        ("mqtt://[::1]", "::1", 1883),
    ] {
        let url: BrokerUrl = text.parse().unwrap();
        assert_eq!((url.host.as_str(), url.port), (host, port));
        assert_eq!(url.to_string().parse::<BrokerUrl>().unwrap(), url);
    }
}

#[test]
fn what_is_no_address_is_refused() {
    for text in [
        "",
        "mqtt://",
        "mqtt://:1883",
        "mqtt://a:0",
        "mqtt://a:99999",
        "mqtt://a/b",
        "mqtt://[::1",
        "http://a",
        "mqtt://a b",
    ] {
        assert!(text.parse::<BrokerUrl>().is_err(), "{text}");
    }
}

#[test]
fn errors_of_addresses() {
    let with = |url: &str| report(&format!("site = \"hall-3\"\n[broker]\nurl = \"{url}\"\n"));
    assert_snapshot!("url_without_scheme", with("192.168.1.10"));
    assert_snapshot!("url_with_tls", with("mqtts://broker"));
    assert_snapshot!("url_of_another_scheme", with("http://broker"));
    assert_snapshot!("url_with_bad_port", with("mqtt://broker:port"));
    assert_snapshot!("url_with_user_information", with("mqtt://alice:secret@broker"));
}

#[test]
fn passwords_do_not_reach_the_log() {
    let shown = report(&format!("{HEAD}password = \"open sesame\"\n"));
    assert!(!shown.contains("sesame"));
    assert_snapshot!("password_in_the_settings", shown);
    for line in
        ["password = sesame", "password = \"\\dsesame\"", "url = \"alice:sesame@broker\"", "url = \"x://a:sesame@b\""]
    {
        let shown = report(&format!("site = \"hall-3\"\n[broker]\n{line}\n"));
        assert!(!shown.contains("sesame"), "{shown}");
    }
}

#[test]
fn ranges_are_checked() {
    assert_eq!(settings().check(), Ok(()));
    let outside = [
        BrokerSettings { keep_alive: Span::from_secs(1), ..settings() },
        BrokerSettings { reconnect_max: Span::from_millis(1), ..settings() },
        BrokerSettings { max_packet: Size::from_bytes(100), ..settings() },
        BrokerSettings { password_file: Some("p".into()), ..settings() },
    ];
    let problems = outside.map(|settings| settings.check().unwrap_err());
    assert_snapshot!("broker_problems", problems.map(|p| format!("{}: {}; {}", p.key, p.message, p.fix)).join("\n"));
}

#[test]
fn a_problem_with_a_range_points_at_its_line() {
    let loaded = read(&format!("{HEAD}keep_alive = \"1s\"\n")).unwrap();
    let problem = loaded.settings.broker.check().unwrap_err().within("broker");
    assert_eq!(loaded.report(problem).position(), "agent.toml:4:14");
}

#[test]
fn the_password_is_the_first_line_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("password"), "open sesame\r\n").unwrap();
    std::fs::write(folder.path().join("empty"), "\n").unwrap();
    let read = |file: &str| {
        let settings = BrokerSettings { password_file: Some(file.into()), ..settings() };
        settings.password(|path: &Path| folder.path().join(path))
    };
    let secret = read("password").unwrap().unwrap();
    assert_eq!(secret.reveal(), "open sesame");
    assert_eq!(format!("{secret} {secret:?}"), "hidden Secret(hidden)");
    assert!(read("empty").unwrap_err().message.contains("is empty"));
    assert!(read("absent").unwrap_err().message.contains("there is no file"));
    assert_eq!(settings().password(Path::to_owned), Ok(None));
}
