//! `init`: writes a program's commented sample settings.

use heijunka_settings::{BrokerUrl, Exit, Failure};
use std::io::Write;
use std::path::Path;

/// The broker's address in every sample.
const SAMPLE_URL: &str = "mqtt://127.0.0.1:1883";

/// A program's commented settings file.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// The program's name: `heijunka-agent`.
    pub program: &'static str,
    /// The file's text.
    pub text: &'static str,
    /// The keys that every plant has to set: `site, job and [data] path`.
    pub to_set: &'static str,
}

impl Sample {
    /// Writes the sample to `path` with the broker at `url` in it, and prints what to do next. It never replaces a file.
    /// `url` is what was written after `--broker`.
    ///
    /// # Errors
    /// `url` is not a broker's address; the file exists or cannot be written.
    pub fn write(&self, path: &Path, url: &str) -> Result<(), Failure> {
        let url: BrokerUrl = url
            .parse()
            .map_err(|why: String| Failure::new(Exit::Usage, format!("--broker {url}")).why(why.replace('\n', "; ")))?;
        let cannot = |error: std::io::Error| {
            let fix = "remove it, or name another one with --config";
            Failure::new(Exit::Config, format!("cannot write {}", path.display())).why(error.to_string()).fix(fix)
        };
        let mut file = std::fs::File::create_new(path).map_err(cannot)?;
        file.write_all(self.text.replace(SAMPLE_URL, &url.to_string()).as_bytes()).map_err(cannot)?;
        println!("{} is written: set {}, then run", path.display(), self.to_set);
        println!("  {} check --config {}", self.program, path.display());
        Ok(())
    }
}
