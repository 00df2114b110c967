//! How long a round would take if all finished at the same moment.

/// What a machine takes: seconds for any share, and seconds per sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    pub(crate) fixed_s: f64,
    pub(crate) per_sample_s: f64,
}

impl Machine {
    fn is_sound(&self) -> bool {
        self.fixed_s.is_finite() && self.fixed_s >= 0.0 && self.per_sample_s.is_finite() && self.per_sample_s > 0.0
    }
}

/// The smallest T with sum over the machines of max(0, T - fixed) / per_sample >= `samples`: machines are taken in the order
/// of what they need at least, as long as the time found is not yet the next one's least.
pub(crate) fn ideal_s(machines: impl Iterator<Item = Machine>, samples: f64) -> Option<f64> {
    let mut machines: Vec<Machine> = machines.filter(Machine::is_sound).collect();
    machines.sort_unstable_by(|a, b| a.fixed_s.total_cmp(&b.fixed_s));
    let (mut rates, mut offsets, mut found) = (0.0, 0.0, None);
    for machine in machines {
        if found.is_some_and(|found| found <= machine.fixed_s) {
            break;
        }
        rates += 1.0 / machine.per_sample_s;
        offsets += machine.fixed_s / machine.per_sample_s;
        found = Some((samples + offsets) / rates);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ideal(machines: &[(f64, f64)], samples: f64) -> Option<f64> {
        ideal_s(machines.iter().map(|&(fixed_s, per_sample_s)| Machine { fixed_s, per_sample_s }), samples)
    }

    #[test]
    fn all_finish_together_or_are_not_needed() {
        let close = |found: Option<f64>, right: f64| assert!((found.unwrap() - right).abs() < 1e-12, "{found:?}");
        // 0.2 s: 200 samples at 1 ms, 50 at 2 ms after 0.1 s.
        close(ideal(&[(0.1, 0.002), (0.0, 0.001)], 250.0), 0.2);
        // The second begins after the first has done all.
        close(ideal(&[(0.0, 0.001), (5.0, 0.001)], 100.0), 0.1);
        close(ideal(&[(0.0, 0.001), (f64::NAN, 0.001), (0.0, 0.0)], 100.0), 0.1);
        assert_eq!(ideal(&[], 100.0), None);
    }
}
