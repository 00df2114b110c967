//! Writes a commented settings file.

use heijunka_settings::{Failure, write_sample};
use std::path::Path;

/// The sample, as `init` writes it and the tests load it.
pub(crate) const SAMPLE: &str = include_str!("../agent.sample.toml");

/// Writes the sample for the broker at `url`; never over a file that is there.
pub(crate) fn init(path: &Path, url: &str) -> Result<(), Failure> {
    write_sample(path, SAMPLE, url)?;
    println!("{} is written: set site, job and [data] path, then run", path.display());
    println!("  heijunka-agent check --config {}", path.display());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_a_valid_settings_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("agent.toml");
        init(&path, "mqtt://10.0.0.7:1884").unwrap();
        let valid = crate::config::load(&path).unwrap();
        assert_eq!((valid.bus.host.as_str(), valid.bus.port), ("10.0.0.7", 1884));
        assert!(init(&path, "mqtt://10.0.0.7").is_err(), "a file that is there stays");
    }
}
