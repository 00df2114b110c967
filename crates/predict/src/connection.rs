//! The parts of the aggregator's settings file that `predict --follow` needs: broker, site, job and log.

use heijunka_bus::BusConfig;
use heijunka_program::bus_config;
use heijunka_settings::{BrokerSettings, Failure, Guide, Loaded, LogSettings, Problem, load, name};
use heijunka_units::{JobName, SiteName};
use serde::Deserialize;
use std::hash::{BuildHasher, Hasher};
use std::path::Path;

/// Predictions that may wait for the broker.
pub(crate) const QUEUE_MAX: usize = 4096;

/// The file; its other sections are the aggregator's.
#[derive(Deserialize)]
struct File {
    site: String,
    job: String,
    broker: BrokerSettings,
    #[serde(default)]
    log: LogSettings,
}

const GUIDE: Guide = Guide {
    init: "heijunka-aggregator init",
    examples: &[
        ("site", "site = \"plant-1\""),
        ("job", "job = \"steel-faults\""),
        ("broker", "[broker]"),
        ("broker.url", "url = \"mqtt://192.168.1.10\""),
    ],
    also: &[],
};

/// Where predictions are published.
pub(crate) struct Connection {
    pub(crate) site: SiteName,
    pub(crate) job: JobName,
    pub(crate) bus: BusConfig,
    pub(crate) log: LogSettings,
}

impl Connection {
    /// Reads the aggregator's settings file.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        let loaded: Loaded<File> = load(path, &GUIDE)?;
        Self::check(&loaded).map_err(|problem| Failure::from(loaded.report(problem)))
    }

    fn check(loaded: &Loaded<File>) -> Result<Self, Problem> {
        let file = &loaded.settings;
        let (site, job): (SiteName, JobName) = (name("site", &file.site)?, name("job", &file.job)?);
        let unique = std::hash::RandomState::new().build_hasher().finish();
        let client_id = format!("heijunka-{site}-{job}-predictor-{unique:016x}");
        let bus = bus_config(&file.broker, client_id, |path| loaded.resolve(path));
        let mut bus = bus.map_err(|problem| problem.within("broker"))?;
        bus.queue_max = QUEUE_MAX;
        Ok(Self { site, job, bus, log: file.log })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_sections_are_the_aggregators_own() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("aggregator.toml");
        let text =
            "site = \"plant\"\njob = \"steel\"\n[broker]\nurl = \"mqtt://10.0.0.7:1884\"\n[task]\nkind = \"?\"\n";
        std::fs::write(&path, text).unwrap();
        let connection = Connection::load(&path).unwrap();
        assert_eq!((connection.site.as_str(), connection.job.as_str()), ("plant", "steel"));
        assert_eq!((connection.bus.host.as_str(), connection.bus.port), ("10.0.0.7", 1884));
        assert!(connection.bus.client_id.starts_with("heijunka-plant-steel-predictor-"));
        std::fs::write(&path, text.replace("site = \"plant\"\n", "")).unwrap();
        let failure = format!("{:?}", Connection::load(&path).err().unwrap());
        assert!(failure.contains("site = \\\"plant-1") || failure.contains("plant-1"), "{failure}");
    }
}
