//! Tries everything that `run` needs, one line each.

use crate::config::Valid;
use crate::web;
use heijunka_bus::{Probed, probe};
use heijunka_settings::{Exit, Failure};
use heijunka_wire::{Channel, Topics};
use std::time::Duration;

/// How long the broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Prints a line for each thing that works; the first one that does not is the failure.
pub(crate) fn check(valid: &Valid) -> Result<(), Failure> {
    println!("ok  {}: settings", valid.path.display());
    std::fs::create_dir_all(&valid.output)
        .and_then(|()| tempfile::NamedTempFile::new_in(&valid.output).map(|_| ()))
        .map_err(|error| {
            Failure::new(Exit::Unavailable, format!("cannot write to {}", valid.output.display()))
                .why(error.to_string())
                .fix("name a folder that this user may write to in [output] directory")
        })?;
    println!("ok  {}: writable", valid.output.display());
    if let Some(listen) = &valid.web {
        match web::bind(listen) {
            Ok(_) => println!("ok  http://{}/: free for the page", listen.address),
            Err(error) => println!("--  http://{}/: no page ({error}), training would go on", listen.address),
        }
    }
    let topics = Topics::new(valid.site.clone(), valid.job.clone());
    let echo = topics.common(Channel::AggregatorStatus);
    let mut config = valid.bus.clone();
    config.subscriptions =
        [Channel::Join, Channel::Gradient, Channel::Evidence].map(|channel| topics.all(channel).to_string()).into();
    let address = format!("{}:{}", config.host, config.port);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Unavailable, "no runtime").why(error.to_string()))?;
    let payload = format!("{{\"check\":{}}}", std::process::id()).into();
    let told = |step| match step {
        Probed::Connected => println!("ok  {address}: broker reached, login accepted"),
        Probed::Subscribed => println!("ok  the agents' topics may be read"),
        Probed::Echoed => println!("ok  {echo}: written and read back"),
    };
    let tried = runtime.block_on(probe(config, echo.as_str(), payload, PATIENCE, told));
    tried.map_err(|error| Failure::new(Exit::Unavailable, format!("broker {address}: {error}")))
}
