//! Writes a program's commented sample settings.

use crate::{BrokerUrl, Exit, Failure};
use std::io::Write;
use std::path::Path;

/// The broker's address in every sample.
const SAMPLE_URL: &str = "mqtt://127.0.0.1:1883";

/// Writes `sample` to `path` with the broker at `url` in it; never over a file that is there. `url` is what the person
/// wrote after `--broker`.
///
/// # Errors
/// The address is none; the file exists or cannot be written.
pub fn write_sample(path: &Path, sample: &str, url: &str) -> Result<(), Failure> {
    let url: BrokerUrl = url
        .parse()
        .map_err(|why: String| Failure::new(Exit::Usage, format!("--broker {url}")).why(why.replace('\n', "; ")))?;
    let cannot = |error: std::io::Error| {
        let fix = "remove it, or name another one with --config";
        Failure::new(Exit::Config, format!("cannot write {}", path.display())).why(error.to_string()).fix(fix)
    };
    let mut file = std::fs::File::create_new(path).map_err(cannot)?;
    file.write_all(sample.replace(SAMPLE_URL, &url.to_string()).as_bytes()).map_err(cannot)
}
