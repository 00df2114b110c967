//! This machine's clock and name, as people read them.

use std::time::SystemTime;

/// The time by this machine's clock, in UTC: RFC 3339, whole seconds.
pub fn now() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// This machine's name, if the system has one.
pub fn host_name() -> Option<String> {
    let text = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(text.trim()).filter(|name| !name.is_empty()).map(str::to_owned)
}

/// This machine's name; `unknown` if the system has none.
pub fn host() -> String {
    host_name().unwrap_or_else(|| "unknown".to_owned())
}
