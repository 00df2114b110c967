//! The commented settings file that `init` writes.

use heijunka_program::Sample;

/// As `init` writes it and the tests load it.
pub(crate) const SAMPLE: Sample = Sample {
    program: "heijunka-agent",
    text: include_str!("../agent.sample.toml"),
    to_set: "site, job and [data] path",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_a_valid_settings_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.toml");
        SAMPLE.write(&path, "mqtt://10.0.0.7:1884").unwrap();
        let valid = crate::config::load(&path).unwrap();
        assert_eq!((valid.bus.host.as_str(), valid.bus.port), ("10.0.0.7", 1884));
        assert!(SAMPLE.write(&path, "mqtt://10.0.0.7").is_err(), "a file that is there stays");
    }

    /// The settings in `text`, without what differs from one time to the next.
    fn settings(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.toml");
        std::fs::write(&path, text).unwrap();
        let mut valid = crate::config::load(&path).unwrap();
        valid.places = heijunka_settings::Places::default();
        format!("{valid:?}").replace(&folder.path().display().to_string(), "FOLDER")
    }

    /// The sample with the commented keys set that `wanted` says yes to.
    fn set(wanted: impl Fn(&str) -> bool) -> String {
        let is_key = |rest: &str| rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
        let line =
            |line: &'static str| line.strip_prefix("# ").filter(|rest| is_key(rest) && wanted(rest)).unwrap_or(line);
        SAMPLE.text.lines().map(line).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn every_commented_default_is_the_default() {
        let spelled = set(|line| !line.ends_with("# example"));
        assert_ne!(SAMPLE.text, spelled);
        assert_eq!(settings(SAMPLE.text), settings(&spelled));
    }

    #[test]
    fn every_example_is_read() {
        crate::config::read(&set(|_| true)).unwrap();
    }
}
