//! When the rounds that are left will be done, by drawing from the simulated ones.

use super::clock::Clock;
use crate::simulate::WARMUP_ROUNDS;
use heijunka_units::{SplitMix64, grouped, readable_seconds};
use serde::Serialize;

/// Rounds are drawn in blocks of this length, so that spells of several rounds remain in the drawing (block bootstrap,
/// Künsch 1989).
const BLOCK_ROUNDS: usize = 25;
const DRAWINGS: usize = 1000;

/// How long the rest takes.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finish {
    pub(crate) rounds_left: u64,
    /// Every second drawing takes no longer.
    pub(crate) p50_s: f64,
    /// Nineteen of twenty drawings take no longer.
    pub(crate) p95_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<By>,
    pub(crate) text: String,
}

/// Whether it is done in time.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct By {
    time: String,
    pub(crate) yes: bool,
    pub(crate) probability: f64,
}

impl Finish {
    pub(crate) fn new(seconds: &[f64], rounds_left: u64, now: Clock, by: Option<Clock>, seed: u64) -> Self {
        let drawn = drawings(seconds, rounds_left, seed);
        let quantile = |q: f64| drawn.get((q * drawn.len() as f64) as usize).copied().unwrap_or(0.0);
        let (p50_s, p95_s) = (quantile(0.5), quantile(0.95));
        let mut text = format!(
            "{} {} (95 %: at most {}): done by {} with 95 %, by {} with 50 %",
            if rounds_left == 1 { "1 round takes".to_owned() } else { format!("{} rounds take", grouped(rounds_left)) },
            readable_seconds(p50_s),
            readable_seconds(p95_s),
            now.after(p95_s),
            now.after(p50_s)
        );
        let by = by.map(|by| {
            let limit = now.seconds_until(by);
            let probability =
                drawn.iter().filter(|seconds| **seconds <= limit).count() as f64 / drawn.len().max(1) as f64;
            By { time: by.to_string(), yes: probability >= 0.5, probability }
        });
        if let Some(By { time, yes, probability }) = &by {
            let answer = if *yes { "yes" } else { "no" };
            text += &format!("\ndone by {time}: {answer}, the probability is {}", percent(*probability));
        }
        Self { rounds_left, p50_s, p95_s, by, text }
    }
}

/// A drawing of a thousand knows no certainty.
fn percent(probability: f64) -> String {
    match probability {
        ..0.01 => "below 1 %".to_owned(),
        0.99.. => "above 99 %".to_owned(),
        _ => format!("{:.0} %", probability * 100.0),
    }
}

/// Seconds of that many rounds, drawn a thousand times; sorted. The rounds in which the policy learned the fleet are left
/// out if there are enough others.
fn drawings(seconds: &[f64], rounds_left: u64, seed: u64) -> Vec<f64> {
    let seconds = seconds.get(WARMUP_ROUNDS..).filter(|rest| rest.len() >= 2 * BLOCK_ROUNDS).unwrap_or(seconds);
    if seconds.is_empty() {
        return Vec::new();
    }
    let block = BLOCK_ROUNDS.min(seconds.len());
    // Prefix sums of the rounds, extended by one block from the start: every round may begin a block.
    let mut sums = vec![0.0];
    let mut sum = 0.0;
    for one in seconds.iter().chain(seconds.iter().take(block)) {
        sum += one;
        sums.push(sum);
    }
    let length =
        |begin: usize, rounds: usize| sums.get(begin + rounds).zip(sums.get(begin)).map_or(0.0, |(to, from)| to - from);
    let (blocks, rest) = (rounds_left / block as u64, (rounds_left % block as u64) as usize);
    let mut random = SplitMix64::stream(seed, rounds_left);
    let mut draw = || (random.uniform() * seconds.len() as f64) as usize;
    let mut drawn: Vec<f64> =
        (0..DRAWINGS).map(|_| (0..blocks).map(|_| length(draw(), block)).sum::<f64>() + length(draw(), rest)).collect();
    drawn.sort_by(f64::total_cmp);
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_that_all_take_the_same_are_done_when_they_must_be() {
        let at = |text: &str| text.parse::<Clock>().unwrap();
        let finish = |rounds, by| Finish::new(&[0.5; 200], rounds, at("22:00"), Some(at(by)), 0);
        let answer = |finish: &Finish| finish.by.as_ref().map(|by| (by.yes, by.probability));
        let (early, late) = (finish(7207, "23:00"), finish(7207, "23:01"));
        assert_eq!((early.p50_s, early.p95_s), (3603.5, 3603.5));
        assert_eq!((answer(&early), answer(&late)), (Some((false, 0.0)), Some((true, 1.0))));
        assert_eq!(
            early.text,
            "7,207 rounds take 1 h 00 min (95 %: at most 1 h 00 min): done by 23:01 with 95 %, by 23:01 with 50 %\n\
             done by 23:00: no, the probability is below 1 %"
        );
        assert_eq!(answer(&finish(7200, "23:00")), Some((true, 1.0)));
    }

    #[test]
    fn drawings_are_as_wide_as_independent_rounds_are() {
        // Rounds of 1 or 3 s: 10,000 of them take 20,000 s, with a standard deviation of 100 s.
        let mut random = SplitMix64::new(1);
        let seconds: Vec<f64> = (0..10_050).map(|_| if random.uniform() < 0.5 { 1.0 } else { 3.0 }).collect();
        let drawn = drawings(&seconds, 10_000, 2);
        assert_eq!(drawn, drawings(&seconds, 10_000, 2), "the same seed draws the same");
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let deviation = (drawn.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / drawn.len() as f64).sqrt();
        assert!((mean / 20_000.0 - 1.0).abs() < 0.03, "{mean}");
        assert!((70.0..140.0).contains(&deviation), "{deviation}");
        // What lasts for some rounds makes the rest less certain than independent rounds would.
        let slow: Vec<f64> = (0..10_000).map(|round| if round / 25 % 2 == 0 { 1.0 } else { 3.0 }).collect();
        let drawn = drawings(&slow, 1000, 2);
        assert!(drawn[950] - drawn[50] > 2.0 * 1.6 * 32.0, "{} {}", drawn[50], drawn[950]);
    }

    #[test]
    fn few_rounds_are_better_than_none() {
        let drawn = drawings(&[2.0], 10, 0);
        assert!(drawn.iter().all(|seconds| (seconds - 20.0).abs() < 1e-9));
        assert!(drawings(&[], 10, 0).is_empty());
        assert_eq!(
            (percent(1.0), percent(0.5), percent(0.0)),
            ("above 99 %".into(), "50 %".into(), "below 1 %".into())
        );
    }
}
