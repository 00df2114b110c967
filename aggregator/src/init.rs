//! Writes a commented settings file.

use heijunka_settings::{Failure, write_sample};
use std::path::Path;

/// The sample, as `init` writes it and the tests load it.
const SAMPLE: &str = include_str!("../aggregator.sample.toml");

/// Writes the sample for the broker at `url`; never over a file that is there.
pub(crate) fn init(path: &Path, url: &str) -> Result<(), Failure> {
    write_sample(path, SAMPLE, url)?;
    println!("{} is written: set site, job, [task] and [training], then run", path.display());
    println!("  heijunka-aggregator check --config {}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_a_valid_settings_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aggregator.toml");
        init(&path, "mqtt://10.0.0.7:1884").unwrap();
        let valid = crate::config::load(&path).unwrap();
        assert_eq!((valid.bus.host.as_str(), valid.bus.port), ("10.0.0.7", 1884));
        assert!(init(&path, "mqtt://10.0.0.7").is_err(), "a file that is there stays");
    }

    #[test]
    fn every_commented_default_is_the_default() {
        let folder = tempfile::tempdir().unwrap();
        let (plain, spelled) = (folder.path().join("plain.toml"), folder.path().join("spelled.toml"));
        std::fs::write(&plain, SAMPLE).unwrap();
        // Keys whose commented value is an example rather than the default.
        let examples = [
            "username",
            "password_file",
            "ca_file",
            "client_cert_file",
            "client_key_file",
            "tls_server_name",
            "inputs",
            "ignore",
            "learning_rate",
            "momentum",
            "max_time",
            "pins",
            "validation_column",
            "stop_when_no_better_for_rounds",
            "trace",
        ];
        let uncomment = |line: &str| match line.strip_prefix("# ").and_then(|rest| rest.split_once(" = ")) {
            Some((key, _)) if !key.contains(' ') && !examples.contains(&key) => line[2..].to_owned(),
            _ => line.to_owned(),
        };
        std::fs::write(&spelled, SAMPLE.lines().map(uncomment).collect::<Vec<_>>().join("\n")).unwrap();
        let shown = |path: &Path| format!("{:?}", crate::config::load(path).unwrap().plan);
        assert_eq!(shown(&plain), shown(&spelled));
    }
}
