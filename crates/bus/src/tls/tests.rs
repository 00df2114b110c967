//! Files that can and that cannot be used.

use rcgen::{CertificateParams, KeyPair};

use super::*;

/// A self-signed certificate and its key, PEM.
fn identity() -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["plant".to_owned()]).unwrap().self_signed(&key).unwrap();
    (certificate.pem(), key.serialize_pem())
}

fn built(ca: &str, client: Option<(&str, &str)>, server_name: Option<&str>) -> Result<Tls, TlsError> {
    let client = client.map(|(certificate, key)| (certificate.as_bytes(), key.as_bytes()));
    Tls::new(&TlsFiles { ca: ca.as_bytes(), client, server_name })
}

#[test]
fn good_files_show_nothing() {
    let (certificate, key) = identity();
    let tls = built(&certificate, Some((&certificate, &key)), Some("broker.plant")).unwrap();
    assert!(tls.has_client_certificate());
    assert_eq!(format!("{tls:?}"), "Tls(hidden)");
    assert!(!built(&certificate, None, None).unwrap().has_client_certificate());
}

#[test]
fn each_wrong_file_is_named() {
    let (certificate, key) = identity();
    let (_, other_key) = identity();
    let protected = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let damaged = key.replace("-----END PRIVATE KEY-----", "");
    let setting = |outcome: Result<Tls, TlsError>| outcome.err().map(|error| (error.setting(), error.to_string()));
    for (outcome, expected, words) in [
        (built("", None, None), "ca_file", "no -----BEGIN CERTIFICATE----- in it"),
        (built(&key, None, None), "ca_file", "no -----BEGIN CERTIFICATE----- in it"),
        (built(&certificate, Some((&key, &key)), None), "client_cert_file", "no -----BEGIN CERTIFICATE-----"),
        (built(&certificate, Some((&certificate, "")), None), "client_key_file", "no -----BEGIN PRIVATE KEY-----"),
        (built(&certificate, Some((&certificate, &damaged)), None), "client_key_file", "its text is damaged"),
        (built(&certificate, Some((&certificate, protected)), None), "client_key_file", "passphrase"),
        (built(&certificate, Some((&certificate, &other_key)), None), "client_key_file", "does not belong"),
        (built(&certificate, None, Some("broker:8883")), "tls_server_name", "'broker:8883' is neither"),
    ] {
        let (found, text) = setting(outcome).expect(words);
        assert_eq!(found, expected, "{text}");
        assert!(text.contains(words), "{text}");
    }
}

#[test]
fn a_broken_certificate_is_not_a_root() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert!(matches!(built(broken, None, None), Err(TlsError::Ca { .. })));
}
