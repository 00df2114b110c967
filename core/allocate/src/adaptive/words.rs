//! Decisions in plain words and numbers.

use super::law::Law;
use super::machine::Machine;
use super::ratios::quantile;
use crate::{Outlook, Share, agents};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use heijunka_units::{AgentId, Samples};

pub(crate) fn no_times_yet(count: usize, batch: Samples, same: bool) -> String {
    let shares = if same { "equal shares" } else { "shares by the threads and limits that agents announce," };
    format!("{shares} until times are known: {batch} samples over {}", agents(count))
}

/// Seconds with three significant digits, in the unit that suits.
pub(crate) fn span(seconds: f64) -> String {
    let (value, unit) = if seconds < 0.9995e-3 {
        (seconds * 1e6, "µs")
    } else if seconds < 0.9995 {
        (seconds * 1e3, "ms")
    } else {
        (seconds, "s")
    };
    let digits = if value < 9.995 { 2 } else { usize::from(value < 99.95) };
    format!("{value:.digits$} {unit}")
}

/// What is expected of each agent. Rounds are named `ahead` of the policy's own count.
pub(crate) fn outlooks(
    shares: &[Share],
    laws: &[Law],
    machines: &BTreeMap<AgentId, Machine>,
    (batch, ahead): (Samples, i64),
) -> Vec<Outlook> {
    let of = |(share, law): (&Share, &Law)| outlook(share, law, machines.get(&share.agent), (batch, ahead));
    shares.iter().zip(laws).map(of).collect()
}

fn outlook(share: &Share, law: &Law, machine: Option<&Machine>, (batch, ahead): (Samples, i64)) -> Outlook {
    let mut times: Vec<f64> = law.seconds(f64::from(share.samples.max(share.probe))).collect();
    times.sort_unstable_by(f64::total_cmp);
    let mean_s = times.iter().sum::<f64>() / times.len().max(1) as f64;
    let p95_s = quantile(&times, 0.95);
    let (fixed_s, per_sample_s) = machine.map_or((0.0, 0.0), |machine| machine.compute().bank().line());
    let network_s = machine.map_or(0.0, |machine| machine.network.usual_s());
    let (agent, samples) = (&share.agent, share.samples);
    let mut text = match (machine, samples) {
        (None, _) => format!("{agent}: {samples} of {batch}; not yet measured, taken to be like the others"),
        (_, 0) => format!(
            "{agent}: sits out; even a single sample would take {}, of which network and start are {}",
            span(fixed_s + per_sample_s + network_s),
            span(fixed_s + network_s)
        ),
        _ => {
            let (each, p95) = (span(per_sample_s), span(p95_s));
            let computing_s = per_sample_s * f64::from(samples);
            let parts = [("network", network_s), ("start", fixed_s), ("computing", computing_s)];
            let (part, takes_s) =
                parts.into_iter().fold(("", 0.0), |most, part| if part.1 > most.1 { part } else { most });
            let most = format!("{part} takes {} of {}", span(takes_s), span(mean_s));
            format!("{agent}: {samples} of {batch}; {each} a sample, p95 {p95}, {most}")
        }
    };
    if let Some((level, since)) = machine.and_then(Machine::unusual) {
        let (word, factor) = if level > 0.0 { ("busy", libm::exp(level)) } else { ("faster", libm::exp(-level)) };
        let since = (since as i64).saturating_add(ahead).max(1);
        text += &format!(", {word} since round {since} ({factor:.1} times)");
    }
    if machine.is_some_and(|machine| machine.network.in_burst) {
        text += ", its network is slow just now";
    }
    Outlook { agent: agent.clone(), fixed_s, per_sample_s, network_s, mean_s, p95_s, text }
}

pub(crate) fn stays(seconds: f64) -> String {
    format!("the shares stay: {} a round is expected, moving would not pay", span(seconds))
}

/// Why the shares moved, or why not.
pub(crate) fn reason(
    before: &[Share],
    after: &[Share],
    outlooks: &[Outlook],
    seconds: f64,
    gain_s: Option<f64>,
) -> String {
    let expected = span(seconds);
    if before.iter().map(|s| (&s.agent, s.samples)).eq(after.iter().map(|s| (&s.agent, s.samples))) {
        return stays(seconds);
    }
    let was = |share: &Share| before.iter().find(|b| b.agent == share.agent).map(|b| b.samples);
    let largest =
        after.iter().zip(outlooks).max_by_key(|(share, _)| was(share).map_or(0, |b| b.abs_diff(share.samples)));
    let gain = gain_s.map_or_else(String::new, |gain| format!(" instead of {}", span(seconds + gain)));
    match largest.and_then(|(share, outlook)| was(share).map(|was| (was, outlook))) {
        Some((was, outlook)) => format!("{} (was {was}); {expected} a round is expected{gain}", outlook.text),
        None => format!("shares by measured times: {expected} a round is expected{gain}"),
    }
}
