//! TLS against a real Mosquitto: training with certificates on both sides, and the words for each thing that is wrong.

use heijunka_broker::mosquitto::Options;
use heijunka_tests::{Plant, Program, steel_plates};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use std::fmt::Write;
use std::path::Path;
use tempfile::TempDir;

/// A certificate authority with a folder for what it signs.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    /// Its own certificate is `ca.crt`.
    pub(crate) fn new() -> Self {
        Self::named("ca.plant")
    }

    pub(crate) fn named(name: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let (params, key) = (authority(&[name]), KeyPair::generate().unwrap());
        std::fs::write(folder.path().join("ca.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    fn path(&self, file: &str) -> String {
        self.folder.path().join(file).display().to_string()
    }

    /// Signs a certificate as `name.crt` with `name.key`.
    pub(crate) fn sign(&self, name: &str, params: &CertificateParams) {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        std::fs::write(self.path(&format!("{name}.crt")), certificate.pem()).unwrap();
        std::fs::write(self.path(&format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

pub(crate) fn params(names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let common_name = names.first().map_or("nameless", String::as_str).to_owned();
    let mut params = CertificateParams::new(names).unwrap();
    // OpenSSL takes a certificate for self-signed if its subject is its issuer's.
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

fn authority(names: &[&str]) -> CertificateParams {
    let mut params = params(names);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// Mosquitto with the certificate `name.crt` of `ca`.
pub(crate) fn secured(ca: &Authority, name: &str, more: &str) -> Plant {
    let (certificate, key) = (ca.path(&format!("{name}.crt")), ca.path(&format!("{name}.key")));
    let more_lines = format!("certfile {certificate}\nkeyfile {key}\n{more}");
    Plant::with_broker(&Options { more_lines, ..Options::default() }).unwrap()
}

/// The lines of Mosquitto that ask for certificates signed by `ca`.
fn wanting(ca: &Authority) -> String {
    format!("cafile {}\nrequire_certificate true\n", ca.path("ca.crt"))
}

/// What `check` says to an agent with `broker` in its settings, without what changes from run to run.
pub(crate) fn check(plant: &Plant, ca: &Authority, broker: &str) -> (Option<i32>, String) {
    let broker = broker.replace("PORT", &plant.mosquitto.port().to_string());
    let config = format!(
        "site = \"test\"\njob = \"job\"\nagent_id = \"press-07\"\n[broker]\n{broker}\n[data]\npath = '{}'\n",
        steel_plates().display()
    );
    // Beside the certificates: relative paths count from there.
    std::fs::write(ca.path("agent.toml"), config).unwrap();
    let (config, log) = (ca.path("agent.toml"), ca.path("check.log"));
    let arguments = ["check", "--config", &config];
    let ended = Program::start("heijunka-agent", &arguments, plant.folder(), Path::new(&log)).unwrap().wait().unwrap();
    let folder = format!("{}/", ca.folder.path().display());
    let text = ended.log.replace(&folder, "").replace(&plant.mosquitto.port().to_string(), "PORT");
    let text = text
        .lines()
        .filter(|line| !line.starts_with("ok  ") && !line.starts_with("--  "))
        .collect::<Vec<_>>()
        .join("\n");
    (ended.code, text.replace("\n  | ", " "))
}

pub(crate) const WITH_CA: &str = "url = \"mqtts://127.0.0.1:PORT\"\nca_file = \"ca.crt\"";

/// The settings above with more lines.
fn with(lines: &str) -> String {
    format!("{WITH_CA}\n{lines}")
}

#[test]
fn a_model_is_trained_with_certificates_on_both_sides() {
    let ca = Authority::new();
    ca.sign("broker", &params(&["127.0.0.1"]));
    ca.sign("own", &params(&["own"]));
    let plant = secured(&ca, "broker", &wanting(&ca));
    let files = ["ca.crt", "own.crt", "own.key"];
    for file in files {
        plant.write(file, std::fs::read(ca.path(file)).unwrap()).unwrap();
    }
    let common = format!(
        "site = \"test\"\njob = \"job\"\n[broker]\nurl = \"mqtts://{}\"\nca_file = \"ca.crt\"\n\
         client_cert_file = \"own.crt\"\nclient_key_file = \"own.key\"\n",
        plant.mosquitto.addr()
    );
    let agents: Vec<_> = ["machine-1", "machine-2"]
        .iter()
        .map(|id| {
            let data = steel_plates();
            let text =
                format!("agent_id = \"{id}\"\n{common}[data]\npath = {data:?}\n[limits]\ncpu_threads = 1\nnice = 0\n");
            plant.write(&format!("{id}.toml"), text).unwrap();
            let arguments = ["run", "--config", &format!("{id}.toml")];
            plant.start("heijunka-agent", &arguments, &format!("{id}.log")).unwrap()
        })
        .collect();
    let job = "[task]\nkind = \"classification\"\ntarget = \"fault\"\nignore = [\"split\"]\ndata = \"shared\"\n\
               [training]\nmax_rounds = 50\n[allocation]\nmin_agents = 2\n";
    plant.write("aggregator.toml", format!("{common}{job}")).unwrap();
    let ended = plant.start("heijunka-aggregator", &["run"], "aggregator.log").unwrap().wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(plant.card().unwrap()["training"]["rounds"], 50);
    for agent in agents {
        assert_eq!(agent.stop().unwrap().code, Some(0));
    }
}

#[test]
fn another_name_is_right_where_the_settings_say_so() {
    let ca = Authority::new();
    ca.sign("broker", &params(&["broker.plant"]));
    let plant = secured(&ca, "broker", "");
    let (code, text) = check(&plant, &ca, &with("tls_server_name = \"broker.plant\""));
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = check(&plant, &ca, &with("tls_server_name = \"broker.elsewhere\""));
    assert_eq!(code, Some(69));
    assert!(text.contains("is for broker.plant, not for broker.elsewhere"), "{text}");
}

/// How long ago and how early depends on the day.
fn without_days(text: &str) -> String {
    let word = |word: &str| {
        if word.starts_with('(') && word.ends_with(|c: char| c.is_ascii_digit()) { "(N" } else { word }.to_owned()
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_wrong_with_the_brokers_certificate_is_named() {
    let ca = Authority::new();
    let past = |mut params: CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
        params
    };
    let future = |mut params: CertificateParams| {
        params.not_before = date_time_ymd(4000, 1, 1);
        params
    };
    ca.sign("nameless", &params(&[]));
    ca.sign("expired", &past(params(&["127.0.0.1"])));
    ca.sign("early", &future(params(&["127.0.0.1"])));
    ca.sign("authority", &authority(&["127.0.0.1"]));
    let namesake = Authority::new();
    namesake.sign("namesake", &params(&["127.0.0.1"]));
    let mut all = String::new();
    for (signer, name) in
        [(&namesake, "namesake"), (&ca, "nameless"), (&ca, "expired"), (&ca, "early"), (&ca, "authority")]
    {
        let (code, text) = check(&secured(signer, name, ""), &ca, WITH_CA);
        assert_eq!(code, Some(69), "{text}");
        let _ = writeln!(all, "{name}\n{text}\n");
    }
    insta::assert_snapshot!(without_days(&all));
}

#[test]
fn a_missing_and_a_strange_certificate_of_the_program_are_named() {
    let (ca, stranger) = (Authority::new(), Authority::named("ca.elsewhere"));
    ca.sign("broker", &params(&["127.0.0.1"]));
    stranger.sign("own", &params(&["own"]));
    for file in ["own.crt", "own.key"] {
        std::fs::copy(stranger.path(file), ca.path(file)).unwrap();
    }
    let own = with("client_cert_file = \"own.crt\"\nclient_key_file = \"own.key\"");
    for version in ["tlsv1.3", "tlsv1.2"] {
        let plant = secured(&ca, "broker", &format!("{}tls_version {version}\n", wanting(&ca)));
        let (code, missing) = check(&plant, &ca, WITH_CA);
        assert_eq!(code, Some(69), "{missing}");
        // The broker's alert may be lost when it ends the connection; then the words are more careful.
        assert!(missing.contains("requires a certificate from this program"), "{version}: {missing}");
        let (code, strange) = check(&plant, &ca, &own);
        assert_eq!(code, Some(69), "{strange}");
        assert!(strange.contains("not accept the certificate in client_cert_file"), "{version}: {strange}");
    }
}

#[test]
fn files_that_cannot_be_used_are_named_before_anything_begins() {
    let (ca, plant) = (Authority::new(), Plant::new().unwrap());
    ca.sign("own", &params(&["own"]));
    ca.sign("other", &params(&["other"]));
    std::fs::write(ca.path("empty"), "").unwrap();
    let protected = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    std::fs::write(ca.path("protected.key"), protected).unwrap();
    let mut all = String::new();
    for broker in [
        "url = \"mqtts://127.0.0.1\"",
        "url = \"mqtts://127.0.0.1\"\nca_file = \"absent.crt\"",
        "url = \"mqtts://127.0.0.1\"\nca_file = \"empty\"",
        "url = \"mqtt://127.0.0.1\"\nca_file = \"ca.crt\"",
        &with("client_cert_file = \"own.crt\""),
        &with("client_cert_file = \"own.crt\"\nclient_key_file = \"own.crt\""),
        &with("client_cert_file = \"own.crt\"\nclient_key_file = \"other.key\""),
        &with("client_cert_file = \"own.crt\"\nclient_key_file = \"protected.key\""),
        &with("tls_server_name = \"broker:8883\""),
    ] {
        let (code, text) = check(&plant, &ca, broker);
        assert_eq!(code, Some(78), "{text}");
        let _ = writeln!(all, "{text}\n");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_password_without_tls_is_warned_about_once() {
    let plant = Plant::new().unwrap();
    plant.write("password.txt", "hunter2\n").unwrap();
    // An address for documentation: no machine answers there.
    let text = format!(
        "site = \"test\"\njob = \"job\"\nagent_id = \"press-07\"\n[broker]\nurl = \"mqtt://192.0.2.1\"\n\
         username = \"press-07\"\npassword_file = \"password.txt\"\n[data]\npath = {:?}\n",
        steel_plates()
    );
    plant.write("agent.toml", text).unwrap();
    let mut agent = plant.start("heijunka-agent", &["run"], "agent.log").unwrap();
    agent.wait_for("looks for job").unwrap();
    let warnings = agent.text().matches("crosses the network unencrypted").count();
    assert_eq!(warnings, 1, "{}", agent.text());
    assert!(!agent.stop().unwrap().log.contains("hunter2"));
}
