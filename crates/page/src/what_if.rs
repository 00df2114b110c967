//! What a round would take with one machine less or one machine more, if all finished at the same moment.
//!
//! An estimate from the machines as they are now; `heijunka-study advise` simulates recorded rounds.

use crate::ideal::{Machine, ideal_s};
use crate::spans::span;
use heijunka_units::AgentId;

/// Differences below this fraction of a round are not shown.
const SAVING_MIN: f64 = 0.01;

/// What an agent is to the fleet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) agent: AgentId,
    /// How much longer a round would take without it, as a fraction; `None` if there is no other machine.
    pub(crate) without: Option<f64>,
    /// How much shorter it would be with a second machine like it, as a fraction.
    pub(crate) second: f64,
    /// Seconds of a round without it, and with a second one.
    without_s: f64,
    second_s: f64,
}

/// For each machine, in their order.
pub(crate) fn findings(machines: &[(AgentId, Machine)], samples: f64) -> Vec<Finding> {
    let all = || machines.iter().map(|(_, machine)| *machine);
    let Some(base_s) = ideal_s(all(), samples).filter(|base_s| *base_s > 0.0) else { return Vec::new() };
    let finding = |(place, (agent, machine)): (usize, &(AgentId, Machine))| {
        let others = all().enumerate().filter(|(other, _)| *other != place).map(|(_, machine)| machine);
        let without_s = ideal_s(others, samples);
        let second_s = ideal_s(all().chain([*machine]), samples).unwrap_or(base_s);
        Finding {
            agent: agent.clone(),
            without: without_s.map(|without_s| without_s / base_s - 1.0),
            second: 1.0 - second_s / base_s,
            without_s: without_s.unwrap_or(0.0),
            second_s,
        }
    };
    machines.iter().enumerate().map(finding).collect()
}

/// The most useful machine to add, the least and the most needed ones of those that are online.
pub(crate) fn sentences(findings: &[Finding]) -> Vec<String> {
    let percent = |fraction: f64| format!("{:.0} %", 100.0 * fraction);
    let mut said = Vec::new();
    let best = findings.iter().max_by(|a, b| a.second.total_cmp(&b.second));
    if let Some(best) = best.filter(|best| best.second >= SAVING_MIN) {
        let (agent, shorter) = (&best.agent, percent(best.second));
        said.push(format!(
            "A second machine like {agent} would make rounds {shorter} shorter ({}).",
            span(best.second_s)
        ));
    }
    let needed = || findings.iter().filter_map(|finding| Some((finding.without?, finding)));
    let idle: Vec<&str> =
        needed().filter(|(without, _)| *without < SAVING_MIN).map(|(_, finding)| finding.agent.as_str()).collect();
    let least = needed().min_by(|a, b| a.0.total_cmp(&b.0));
    match (idle.as_slice(), least) {
        ([], Some((without, finding))) => {
            let (agent, time) = (&finding.agent, span(finding.without_s));
            said.push(format!(
                "{agent} is needed least: without it, rounds would take {} longer ({time}).",
                percent(without)
            ));
        }
        ([], None) => {}
        ([one], _) => said.push(format!("Without {one}, rounds would take as long.")),
        (several, _) => {
            let (shown, more) = several.split_at(several.len().min(4));
            let more = if more.is_empty() { String::new() } else { format!(" or {} more", more.len()) };
            said.push(format!("Without any one of {}{more}, rounds would take as long.", shown.join(", ")));
        }
    }
    let most = needed().max_by(|a, b| a.0.total_cmp(&b.0)).filter(|_| findings.len() > 2);
    if let Some((without, finding)) = most.filter(|(without, _)| *without >= SAVING_MIN) {
        let (agent, time) = (&finding.agent, span(finding.without_s));
        said.push(format!(
            "{agent} is needed most: without it, rounds would take {} longer ({time}).",
            percent(without)
        ));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings_of(machines: &[(&str, f64, f64)], samples: f64) -> (Vec<Finding>, Vec<String>) {
        let machine = |&(name, fixed_s, per_sample_s): &(&str, f64, f64)| {
            (AgentId::new(name).unwrap(), Machine { fixed_s, per_sample_s })
        };
        let findings = findings(&machines.iter().map(machine).collect::<Vec<_>>(), samples);
        let said = sentences(&findings);
        (findings, said)
    }

    #[test]
    fn adding_and_removing_is_told_with_numbers() {
        // 400 samples a second in all: 100 samples take 0.25 s; without slow 0.333 s, without fast 1 s.
        let (findings, said) = findings_of(&[("fast", 0.0, 1.0 / 300.0), ("slow", 0.0, 1.0 / 100.0)], 100.0);
        let close = |found: f64, right: f64| assert!((found - right).abs() < 1e-9, "{found}");
        close(findings[0].without.unwrap(), 3.0);
        close(findings[1].without.unwrap(), 1.0 / 3.0);
        close(findings[0].second, 1.0 - 400.0 / 700.0);
        assert_eq!(
            said,
            [
                "A second machine like fast would make rounds 43 % shorter (143 ms).",
                "slow is needed least: without it, rounds would take 33 % longer (333 ms).",
            ]
        );
    }

    #[test]
    fn machines_that_add_nothing_are_named() {
        let far: Vec<String> = (0..6).map(|number| format!("far-{number}")).collect();
        let mut machines: Vec<(&str, f64, f64)> = far.iter().map(|name| (name.as_str(), 9.0, 0.01)).collect();
        machines.extend([("a", 0.0, 0.01), ("b", 0.0, 0.01)]);
        let (_, said) = findings_of(&machines, 60.0);
        assert_eq!(said[1], "Without any one of far-0, far-1, far-2, far-3 or 2 more, rounds would take as long.");
        assert_eq!(said.len(), 3);
    }

    #[test]
    fn one_machine_cannot_be_left_out_and_none_is_nothing() {
        let (findings, said) = findings_of(&[("a", 0.0, 0.01)], 100.0);
        assert_eq!((findings[0].without, said.len()), (None, 1));
        assert_eq!(findings_of(&[], 100.0).1, Vec::<String>::new());
        assert_eq!(findings_of(&[("a", 0.0, 0.01)], 0.0).1, Vec::<String>::new());
    }
}
