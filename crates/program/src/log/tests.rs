//! Logging, which a process can start only once.

use super::init_logging;
use heijunka_settings::{Exit, LogFormat, LogLevel, LogSettings};
use log::{Level, log_enabled};

#[test]
fn lines_of_the_mqtt_client_are_logged_from_warnings_up() {
    init_logging(&LogSettings { level: LogLevel::Debug, format: LogFormat::Text }).unwrap();
    assert!(log_enabled!(target: "rumqttc::state", Level::Warn));
    assert!(!log_enabled!(target: "rumqttc::state", Level::Info));
    assert!(log_enabled!(target: "heijunka_bus", Level::Debug));
    assert!(!log_enabled!(target: "heijunka_bus", Level::Trace));
    let again = init_logging(&LogSettings { level: LogLevel::Error, format: LogFormat::Json }).unwrap_err();
    assert_eq!((again.exit(), again.to_string().as_str()), (Exit::Config, "logging cannot start"));
}
