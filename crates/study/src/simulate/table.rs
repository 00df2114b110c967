//! The figures in plain words.

use super::figures::Figures;
use super::run::Setup;
use super::source::Source;
use heijunka_units::counted;

/// Title, one line a policy, and what should be known of it.
pub(crate) fn table(source: &Source, setup: &Setup, figures: &[Figures], equal: Option<&Figures>) -> String {
    let batch = format!("s per {}", setup.batch_samples);
    let mut text = format!("{}\n{}\n", source.title(setup), source.remarks());
    text += &format!(
        "{:<10} {:>10} {:>9} {:>9} {:>13} {:>12} {:>16} {:>12}\n",
        "policy", "s/round", "after 50", "95 % <=", "of equal's", "shares moved", "samples/round", batch
    );
    for one in figures {
        let seconds = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.4}"));
        let ratio = equal.map(|equal| one.settled_s() / equal.settled_s()).filter(|ratio| ratio.is_finite());
        text += &format!(
            "{:<10} {:>10} {:>9} {:>9} {:>13} {:>12} {:>16.1} {:>12}\n",
            one.policy(),
            seconds(Some(one.mean_s)),
            seconds(one.mean_after_50_s),
            seconds(Some(one.p95_s)),
            ratio.map_or("-".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0)),
            format!("{} x", one.reallocations),
            one.samples_mean,
            seconds(Some(one.settled_s())),
        );
    }
    for one in figures.iter().filter(|one| one.overdue_rounds > 0) {
        text += &format!("{}: {} ran into the deadline\n", one.policy(), counted(one.overdue_rounds, "round"));
    }
    text
}
