//! What the manual page says beyond the command line.

use heijunka_program::Manual;

/// Of the aggregator.
pub(crate) const MANUAL: Manual = Manual {
    files: &[
        ("aggregator.toml", "Settings, if --config names no other file. Relative paths in it count from its folder."),
        ("/etc/heijunka/aggregator.toml", "Settings of the service heijunka-aggregator.service."),
        ("heijunka-output/", "What a job leaves: model.safetensors, model.onnx, model_card.json, history.csv."),
        ("/var/lib/heijunka/aggregator/", "The same, of the service."),
    ],
    examples: &[
        (
            "heijunka-aggregator init --broker mqtt://192.168.1.10",
            "Writes aggregator.toml with a comment for each key.",
        ),
        ("heijunka-aggregator check", "Tries settings, broker, login and topics, one line each."),
        ("heijunka-aggregator run", "Trains until the job is done or it is stopped."),
        ("heijunka-aggregator predict --data new.csv", "Scores the rows of a table with the trained model."),
    ],
    see_also: "heijunka-agent(1), heijunka-predict(1), heijunka-study(1), mosquitto(8), systemctl(1)",
};
