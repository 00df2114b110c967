//! The broker's section.

use super::{HEAD, read, report};
use crate::{BrokerSettings, BrokerUrl, Secret, Size, Span};
use insta::assert_snapshot;
use std::path::Path;

fn settings() -> BrokerSettings {
    BrokerSettings::new("mqtt://broker".parse().unwrap())
}

fn with_tls() -> BrokerSettings {
    let url = "mqtts://broker".parse().unwrap();
    BrokerSettings { ca_file: Some("ca.crt".into()), ..BrokerSettings::new(url) }
}

#[test]
fn addresses_are_read_and_shown() {
    for (text, host, port, tls) in [
        ("mqtt://broker", "broker", 1883, false),
        ("mqtt://192.168.1.10:1884/", "192.168.1.10", 1884, false),
        ("mqtt://[fe80::1]:1883", "fe80::1", 1883, false),
        ("mqtt://[::1]", "::1", 1883, false),
        ("mqtts://broker", "broker", 8883, true),
        ("ssl://192.168.1.10:1884", "192.168.1.10", 1884, true),
        ("tls://[::1]", "::1", 8883, true),
    ] {
        let url: BrokerUrl = text.parse().unwrap();
        assert_eq!((url.host.as_str(), url.port, url.tls), (host, port, tls));
        assert_eq!(url.to_string().parse::<BrokerUrl>().unwrap(), url);
    }
}

#[test]
fn invalid_addresses_are_refused() {
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
    assert_eq!(with_tls().check(), Ok(()));
    let outside = [
        BrokerSettings { keep_alive: Span::from_secs(1), ..settings() },
        BrokerSettings { reconnect_max: Span::from_millis(1), ..settings() },
        BrokerSettings { max_packet: Size::from_bytes(100), ..settings() },
        BrokerSettings { password_file: Some("p".into()), ..settings() },
        BrokerSettings { ca_file: Some("ca.crt".into()), ..settings() },
        BrokerSettings { client_cert_file: Some("c".into()), ..settings() },
        BrokerSettings { client_key_file: Some("k".into()), ..settings() },
        BrokerSettings { tls_server_name: Some("plant".into()), ..settings() },
        BrokerSettings { ca_file: None, ..with_tls() },
        BrokerSettings { client_cert_file: Some("c".into()), ..with_tls() },
        BrokerSettings { client_key_file: Some("k".into()), ..with_tls() },
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

#[test]
fn the_environments_password_goes_before_the_files_and_needs_a_user() {
    let of = |settings: &BrokerSettings, environment| settings.password_of(environment, Path::to_owned);
    let secret = || Ok(Some(Secret::new("open sesame")));
    let named = BrokerSettings { username: Some("plant".into()), password_file: Some("absent".into()), ..settings() };
    assert_eq!(of(&named, secret()).unwrap().unwrap().reveal(), "open sesame");
    assert!(of(&named, Ok(None)).unwrap_err().message.contains("there is no file"));
    let problem = of(&settings(), secret()).unwrap_err();
    assert!(problem.key == "username" && !format!("{problem:?}").contains("sesame"), "{problem:?}");
    assert_eq!(of(&named, Err("no text".into())).unwrap_err().message, "no text");
    assert_eq!(crate::secret_from_environment("HEIJUNKA_THAT_IS_NEVER_SET"), Ok(None));
}

#[test]
fn files_of_tls_are_read_beside_the_settings_file() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("ca.crt", "ca"), ("own.crt", "own"), ("own.key", "key")] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let read = |settings: &BrokerSettings| settings.tls(|path: &Path| folder.path().join(path));
    let texts = read(&with_tls()).unwrap().unwrap();
    assert_eq!((texts.ca.as_slice(), texts.client), (b"ca".as_slice(), None));
    let mut settings = with_tls();
    settings.client_cert_file = Some("own.crt".into());
    settings.client_key_file = Some("own.key".into());
    let texts = read(&settings).unwrap().unwrap();
    assert_eq!(texts.client, Some((b"own".to_vec(), b"key".to_vec())));
    settings.client_key_file = Some("absent.key".into());
    let problem = read(&settings).err().unwrap();
    assert!(problem.key == "client_key_file" && problem.message.contains("there is no file"), "{problem:?}");
    std::fs::write(folder.path().join("own.key"), vec![b'x'; 300_000]).unwrap();
    settings.client_key_file = Some("own.key".into());
    assert!(read(&settings).err().unwrap().message.contains("is larger than"));
    let plain = BrokerSettings { ca_file: None, url: "mqtt://broker".parse().unwrap(), ..with_tls() };
    assert!(read(&plain).unwrap().is_none());
}
