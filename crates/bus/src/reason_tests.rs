//! Pins the words that people read when a connection fails.

use super::*;

const HERE: Circumstances<'static> = Circumstances {
    host: "plant",
    port: 1883,
    client_id: "press-07",
    password_sent: true,
    silence_limit_s: 45,
    tls_with_certificate: None,
    connected: true,
};

fn io_reason(error: io::Error) -> DisconnectReason {
    HERE.classify(&ConnectionError::Io(error))
}

#[test]
fn a_refused_connection_names_address_and_listener() {
    let reason = io_reason(io::ErrorKind::ConnectionRefused.into());
    assert_eq!(
        reason.to_string(),
        "plant:1883 refuses the connection: is the broker running, and is the port right? \
         A Mosquitto without a `listener` line accepts local connections only"
    );
}

#[test]
fn an_unknown_host_is_named() {
    let reason =
        io_reason(io::Error::other("failed to lookup address information: Temporary failure in name resolution"));
    assert_eq!(reason.to_string(), "cannot resolve host 'plant': check the name, or use its address");
}

#[test]
fn a_bad_login_says_that_wrong_and_missing_look_the_same() {
    for code in [ConnectReturnCode::NotAuthorized, ConnectReturnCode::BadUserNamePassword] {
        let reason = HERE.classify(&ConnectionError::ConnectionRefused(code));
        assert_eq!(
            reason.to_string(),
            "the broker does not accept the login: user name or password is wrong, see username and password_file \
             (a wrong and a missing password look the same)"
        );
    }
    let anonymous = Circumstances { password_sent: false, ..HERE };
    let reason = anonymous.classify(&ConnectionError::ConnectionRefused(ConnectReturnCode::NotAuthorized));
    assert!(reason.to_string().contains("no password was given"));
}

#[test]
fn three_abrupt_endings_point_to_the_client_id() {
    let abrupt = |times_in_a_minute| DisconnectReason::ClosedAbruptly { times_in_a_minute }.to_string();
    assert!(!abrupt(2).contains("client id"));
    assert!(abrupt(3).contains("3 times within a minute: probably another agent uses the same client id"));
    assert_eq!(
        HERE.classify(&ConnectionError::MqttState(StateError::ConnectionAborted)),
        DisconnectReason::ClosedAbruptly { times_in_a_minute: 1 }
    );
    assert_eq!(
        io_reason(io::ErrorKind::ConnectionReset.into()),
        DisconnectReason::ClosedAbruptly { times_in_a_minute: 1 }
    );
}

#[test]
fn the_brokers_farewell_is_understood() {
    let farewell = |reason_code| {
        HERE.classify(&ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, reason_string: None }))
    };
    assert_eq!(
        farewell(DisconnectReasonCode::SessionTakenOver).to_string(),
        "another agent connected with the same client id 'press-07': give each its own"
    );
    assert!(matches!(farewell(DisconnectReasonCode::PacketTooLarge), DisconnectReason::PacketTooLarge { .. }));
    assert!(matches!(farewell(DisconnectReasonCode::ServerShuttingDown), DisconnectReason::BrokerUnavailable { .. }));
}

#[test]
fn an_oversize_arrival_names_size_and_limit() {
    let error = CodecError::PayloadSizeLimitExceeded { pkt_size: 2_000, max: 1_000 };
    let reason = HERE.classify(&ConnectionError::MqttState(StateError::Deserialization(error)));
    assert_eq!(
        reason.to_string(),
        "a packet is too large: one of 2000 bytes arrived, but this side takes at most 1000 bytes"
    );
}

#[test]
fn an_ending_before_the_first_answer_points_to_the_port() {
    let before = Circumstances { connected: false, ..HERE };
    let ended = || ConnectionError::MqttState(StateError::ConnectionAborted);
    assert_eq!(
        before.classify(&ended()).to_string(),
        "plant:1883 closed the connection before it answered in MQTT 5: probably the port expects TLS (write \
         mqtts:// and ca_file); otherwise it is not a broker, or the broker is shutting down"
    );
    let text = |client_certificate| {
        let circumstances = Circumstances { tls_with_certificate: Some(client_certificate), ..before };
        circumstances.classify(&ended()).to_string()
    };
    assert_eq!(
        text(false),
        "no TLS with plant:1883: the broker ended the connection without giving a reason: probably it requires a \
         certificate from this program (client_cert_file and client_key_file)"
    );
    assert!(text(true).contains("probably it does not accept the certificate in client_cert_file"));
    let with_tls = Circumstances { tls_with_certificate: Some(false), ..HERE };
    assert_eq!(with_tls.classify(&ended()), DisconnectReason::ClosedAbruptly { times_in_a_minute: 1 });
}
