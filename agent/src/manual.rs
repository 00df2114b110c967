//! What the manual page says beyond the command line.

use heijunka_program::Manual;

/// Of the agent.
pub(crate) const MANUAL: Manual = Manual {
    files: &[
        ("agent.toml", "Settings, if --config names no other file. Relative paths in it count from its folder."),
        ("/etc/heijunka/agent.toml", "Settings of the service heijunka-agent.service."),
        (
            "/etc/heijunka/agent-NAME.toml",
            "Settings of the service heijunka-agent@NAME.service: a further job on this machine.",
        ),
    ],
    examples: &[
        ("heijunka-agent init --broker mqtt://192.168.1.10", "Writes agent.toml with a comment for each key."),
        ("heijunka-agent check", "Tries settings, data, broker, login and topics, one line each."),
        ("heijunka-agent run", "Works until it is stopped."),
        ("systemctl enable --now heijunka-agent", "The same as a service, now and after each start of the machine."),
    ],
    see_also: "heijunka-aggregator(1), mosquitto(8), systemctl(1)",
};
