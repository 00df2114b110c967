//! Where a round's time goes on this machine, and what takes the most of it.

use heijunka_units::Samples;
use std::time::Duration;

/// Time of one share, measured on the compute thread.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spent {
    pub(crate) samples: Samples,
    /// Choosing rows and copying them together.
    pub(crate) data: Duration,
    /// Gradients, with the time that the threads waited for a processor.
    pub(crate) computing: Duration,
    /// Rested to keep to `[limits] cpu_share_percent`.
    pub(crate) resting: Duration,
    /// Answers held back to keep to `[limits] uplink`.
    pub(crate) capped_uplink: Duration,
    /// Slept to seem slower at computing.
    pub(crate) emulated_compute: Duration,
    /// Slept to seem to have a slower uplink.
    pub(crate) emulated_uplink: Duration,
    /// Ready to run but without a processor, within `data` and `computing`; none where the system does not say.
    pub(crate) cpu_wait: Option<Duration>,
}

impl Spent {
    pub(crate) fn emulated(&self) -> Duration {
        self.emulated_compute + self.emulated_uplink
    }

    pub(crate) fn limited(&self) -> Duration {
        self.resting + self.capped_uplink
    }

    pub(crate) fn worked(&self) -> Duration {
        self.data + self.computing + self.limited() + self.emulated()
    }
}

/// What takes the most of a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dominant {
    Compute,
    Data,
    Emulated,
    OwnLimit,
    OtherLoad,
    Waiting,
}

impl Dominant {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Data => "data",
            Self::Emulated => "emulated limit",
            Self::OwnLimit => "own limit",
            Self::OtherLoad => "other load",
            Self::Waiting => "waiting",
        }
    }
}

/// A share, and how long it then was until the next round began here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Diagnosis {
    pub(crate) spent: Spent,
    pub(crate) waited: Duration,
}

impl Diagnosis {
    /// Waiting if that is longer than the work; else the longest part of the work. Work of which more than a quarter was
    /// spent ready to run but without a processor is other load.
    pub(crate) fn dominant(&self) -> Dominant {
        let Spent { data, computing, cpu_wait, .. } = self.spent;
        let (limited, emulated) = (self.spent.limited(), self.spent.emulated());
        let slept_most = emulated > data.max(computing).max(limited);
        let rested_most = limited > data.max(computing);
        let crowded = cpu_wait.is_some_and(|wait| wait > (data + computing) / 4);
        match () {
            () if self.waited > self.spent.worked() => Dominant::Waiting,
            () if slept_most => Dominant::Emulated,
            () if rested_most => Dominant::OwnLimit,
            () if crowded => Dominant::OtherLoad,
            () if data > computing => Dominant::Data,
            () => Dominant::Compute,
        }
    }

    /// The same as a sentence, with the numbers that it rests on.
    pub(crate) fn why(&self) -> String {
        let Spent { samples, data, computing, resting, capped_uplink, cpu_wait, .. } = self.spent;
        let whole = time(self.spent.worked() + self.waited);
        let computed = format!("of {whole} a round {} went to computing {samples} samples", time(computing));
        match self.dominant() {
            Dominant::Compute => computed,
            Dominant::Data => {
                format!("of {whole} a round {} went to gathering the rows of {samples} samples", time(data))
            }
            Dominant::Emulated => format!(
                "of {whole} a round {} were slept because [emulate] asks for it: {} for the speed of computing, {} for the \
                 uplink",
                time(self.spent.emulated()),
                time(self.spent.emulated_compute),
                time(self.spent.emulated_uplink)
            ),
            Dominant::OwnLimit => format!(
                "of {whole} a round this machine is held back for {} by its own [limits]: {} by cpu_share_percent, {} by uplink; \
                 computing {samples} samples took {}",
                time(self.spent.limited()),
                time(resting),
                time(capped_uplink),
                time(data + computing)
            ),
            Dominant::OtherLoad => format!(
                "of {whole} a round {} went to gathering and computing {samples} samples; other programs held the processor \
                 for {} of these",
                time(data + computing),
                time(cpu_wait.unwrap_or_default())
            ),
            Dominant::Waiting => format!(
                "of {whole} a round {} went to waiting for the other agents and the network; {samples} samples took {} here",
                time(self.waited),
                time(self.spent.worked())
            ),
        }
    }
}

fn time(span: Duration) -> String {
    let ms = span.as_secs_f64() * 1e3;
    match ms {
        ..10.0 => format!("{ms:.1} ms"),
        ..10_000.0 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1e3),
    }
}

/// How long this thread has been ready to run but without a processor since it began. Only Linux says.
pub(crate) fn thread_cpu_wait() -> Option<Duration> {
    parse_cpu_wait(&std::fs::read_to_string("/proc/thread-self/schedstat").ok()?)
}

/// The second of `nanoseconds run, nanoseconds waited, turns` (Linux, Documentation/scheduler/sched-stats.rst).
fn parse_cpu_wait(schedstat: &str) -> Option<Duration> {
    schedstat.split_ascii_whitespace().nth(1)?.parse().ok().map(Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds of data, computing, emulation, waiting for a processor, and waiting for others.
    fn diagnosis(data: u64, computing: u64, emulated: u64, cpu_wait: Option<u64>, waited: u64) -> Diagnosis {
        let ms = Duration::from_millis;
        let spent = Spent {
            samples: 61,
            data: ms(data),
            computing: ms(computing),
            emulated_compute: ms(emulated),
            cpu_wait: cpu_wait.map(ms),
            ..Spent::default()
        };
        Diagnosis { spent, waited: ms(waited) }
    }

    #[test]
    fn the_largest_part_dominates() {
        for (dominant, d) in [
            (Dominant::Compute, diagnosis(20, 240, 0, Some(0), 50)),
            (Dominant::Compute, diagnosis(20, 240, 0, None, 50)),
            (Dominant::Compute, diagnosis(0, 240, 200, Some(60), 440)),
            (Dominant::OtherLoad, diagnosis(0, 240, 200, Some(61), 440)),
            (Dominant::OtherLoad, diagnosis(100, 20, 0, Some(80), 50)),
            (Dominant::Data, diagnosis(100, 20, 0, Some(10), 50)),
            (Dominant::Emulated, diagnosis(10, 100, 101, Some(90), 50)),
            (Dominant::Waiting, diagnosis(10, 100, 100, Some(90), 211)),
            (Dominant::Compute, diagnosis(0, 0, 0, Some(0), 0)),
        ] {
            assert_eq!(d.dominant(), dominant, "{d:?}");
        }
    }

    #[test]
    fn the_sentence_has_the_numbers() {
        let crowded = "of 310 ms a round 260 ms went to gathering and computing 61 samples; other programs held the processor \
                       for 120 ms of these";
        assert_eq!(diagnosis(20, 240, 0, Some(120), 50).why(), crowded);
        assert_eq!(diagnosis(2, 240, 0, None, 8).why(), "of 250 ms a round 240 ms went to computing 61 samples");
        let waiting = "of 20.0 s a round 20.0 s went to waiting for the other agents and the network; 61 samples took 5.0 ms here";
        assert_eq!(diagnosis(1, 4, 0, None, 19_995).why(), waiting);
        assert!(diagnosis(1, 2, 30, None, 0).why().contains("30 ms were slept"));
        assert!(diagnosis(9, 2, 0, None, 0).why().contains("9.0 ms went to gathering"));
    }

    #[test]
    fn an_own_limit_is_named() {
        let plain = diagnosis(10, 90, 0, Some(60), 50);
        assert_eq!(plain.dominant(), Dominant::OtherLoad);
        let ms = Duration::from_millis;
        let spent = Spent { resting: ms(230), capped_uplink: ms(20), ..plain.spent };
        let limited = Diagnosis { spent, ..plain };
        assert_eq!(limited.dominant(), Dominant::OwnLimit);
        let said = "of 400 ms a round this machine is held back for 250 ms by its own [limits]: 230 ms by cpu_share_percent, \
                    20 ms by uplink; computing 61 samples took 100 ms";
        assert_eq!(limited.why(), said);
        let emulated = Diagnosis { spent: Spent { emulated_compute: ms(251), ..spent }, ..plain };
        assert_eq!(emulated.dominant(), Dominant::Emulated);
    }

    #[test]
    fn what_the_system_does_not_tell_is_none() {
        assert_eq!(parse_cpu_wait("870646 4006460 2\n"), Some(Duration::from_nanos(4_006_460)));
        for text in ["", "12", "12 x 3", "12 -4 3"] {
            assert_eq!(parse_cpu_wait(text), None, "{text}");
        }
    }
}
