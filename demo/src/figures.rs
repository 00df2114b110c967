//! The figures of one policy's run, from its `history.csv`.

use heijunka_metrics::Usage;
use serde::Serialize;
use std::path::Path;

/// What is compared.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct PolicyFigures {
    pub(crate) policy: String,
    pub(crate) rounds: u64,
    pub(crate) warmup_rounds: u64,
    /// Publication to closing plus the time to the next publication, after the warm-up.
    pub(crate) round_seconds_mean: f64,
    pub(crate) round_seconds_p50: f64,
    pub(crate) round_seconds_p95: f64,
    pub(crate) ideal_seconds: f64,
    pub(crate) ratio_to_ideal: Option<f64>,
    /// Mean over the rounds after the warm-up; all agents together.
    pub(crate) bytes_up_per_round: f64,
    pub(crate) bytes_down_per_round: f64,
    pub(crate) target_score: Option<f64>,
    pub(crate) rounds_to_target: Option<u64>,
    pub(crate) seconds_to_target: Option<f64>,
    pub(crate) final_loss: Option<f64>,
    pub(crate) accuracy: Option<f64>,
    pub(crate) macro_f1: Option<f64>,
    pub(crate) rmse: Option<f64>,
    pub(crate) aggregator: Usage,
    pub(crate) agents: Vec<Usage>,
}

/// One line of `history.csv`, as far as it is needed.
#[derive(serde::Deserialize)]
struct Line {
    purpose: String,
    model_version: u64,
    agents: u64,
    seconds: f64,
    between_seconds: f64,
    bytes_down: u64,
    bytes_up: u64,
    elapsed_seconds: f64,
    held_out_loss: Option<f64>,
    accuracy: Option<f64>,
    macro_f1: Option<f64>,
    rmse: Option<f64>,
}

/// Reads a run's history. `target`: accuracy to reach (or RMSE, for a regression). `ideal`: seconds per round if each
/// answer has that many bytes.
pub(crate) fn read(
    policy: &str,
    directory: &Path,
    warmup_rounds: u64,
    ideal: impl Fn(f64) -> f64,
    target: Option<f64>,
    aggregator: Usage,
    agents: Vec<Usage>,
) -> Result<PolicyFigures, csv::Error> {
    let lines: Vec<Line> =
        csv::Reader::from_path(directory.join("history.csv"))?.deserialize().collect::<Result<_, _>>()?;
    let train: Vec<&Line> = lines.iter().filter(|line| line.purpose == "train").collect();
    let scored: Vec<&Line> = lines.iter().filter(|line| line.purpose == "score").collect();
    let counted = train.get(usize::try_from(warmup_rounds).unwrap_or(0)..).unwrap_or(&[]);
    let mut seconds: Vec<f64> = counted.iter().map(|line| line.seconds + line.between_seconds).collect();
    seconds.sort_by(f64::total_cmp);
    let mean = mean(&seconds);
    let reached = target.and_then(|target| {
        scored.iter().find(|line| {
            line.accuracy.is_some_and(|accuracy| accuracy >= target) || line.rmse.is_some_and(|rmse| rmse <= target)
        })
    });
    let last = scored.last();
    let bytes = |of: fn(&Line) -> u64| self::mean(&counted.iter().map(|line| of(line) as f64).collect::<Vec<_>>());
    let answer = |line: &&&Line| line.bytes_up as f64 / line.agents.max(1) as f64;
    let ideal_seconds = ideal(self::mean(&counted.iter().map(|line| answer(&line)).collect::<Vec<_>>()));
    Ok(PolicyFigures {
        policy: policy.to_owned(),
        rounds: train.len() as u64,
        warmup_rounds,
        round_seconds_mean: mean,
        round_seconds_p50: quantile(&seconds, 0.5),
        round_seconds_p95: quantile(&seconds, 0.95),
        ideal_seconds,
        ratio_to_ideal: (ideal_seconds > 1e-6).then_some(mean / ideal_seconds),
        bytes_up_per_round: bytes(|line| line.bytes_up),
        bytes_down_per_round: bytes(|line| line.bytes_down),
        target_score: target,
        rounds_to_target: reached.map(|line| line.model_version),
        seconds_to_target: reached.map(|line| line.elapsed_seconds),
        final_loss: last.and_then(|line| line.held_out_loss),
        accuracy: last.and_then(|line| line.accuracy),
        macro_f1: last.and_then(|line| line.macro_f1),
        rmse: last.and_then(|line| line.rmse),
        aggregator,
        agents,
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The nearest value of `sorted` at `q` in 0..1; 0 if there is none.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted.get((q * last as f64).round() as usize).copied().unwrap_or(0.0)
}

/// The table at the end.
pub(crate) fn table(figures: &[PolicyFigures], reference: Option<(f64, f64)>) -> String {
    let mut text = String::from(
        "policy     ms per round: mean   p50    p95   ideal  x ideal   faster than equal   accuracy   macro-F1\n",
    );
    let equal = figures.iter().find(|f| f.policy == "equal").map(|f| f.round_seconds_mean);
    let percent = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.3}"));
    for f in figures {
        let faster = equal.map_or("-".to_owned(), |equal| format!("{:.2} x", equal / f.round_seconds_mean));
        text += &format!(
            "{:<10} {:>16.1} {:>6.1} {:>6.1} {:>7.1} {:>8} {:>19} {:>10} {:>10}\n",
            f.policy,
            f.round_seconds_mean * 1e3,
            f.round_seconds_p50 * 1e3,
            f.round_seconds_p95 * 1e3,
            f.ideal_seconds * 1e3,
            f.ratio_to_ideal.map_or("-".to_owned(), |ratio| format!("{ratio:.2}")),
            faster,
            percent(f.accuracy.or(f.rmse)),
            percent(f.macro_f1),
        );
    }
    if let Some((accuracy, macro_f1)) = reference {
        text +=
            &format!("{:<78} {accuracy:>17.3} {macro_f1:>10.3}\n", "reference (scikit-learn, one machine, all data)");
    }
    text
}
