//! Figures from histograms of scores, against those of the scores themselves and of scikit-learn 1.9.

use heijunka_learn::metrics::ranking::{BUCKETS, BucketCount, Costs, Ranking, ScoreScale};
use proptest::prelude::*;
use std::collections::BTreeMap;

type Row = (f32, bool);

fn histogram(scale: ScoreScale, rows: &[Row]) -> Vec<BucketCount> {
    let mut counts: BTreeMap<u16, [u64; 2]> = BTreeMap::new();
    for (score, positive) in rows {
        counts.entry(scale.bucket(*score)).or_default()[usize::from(*positive)] += 1;
    }
    counts.into_iter().collect()
}

/// The rows' scores themselves: distinct scores in order stand for buckets.
fn exact(rows: &[Row]) -> Vec<BucketCount> {
    let mut scores: Vec<f32> = rows.iter().map(|(score, _)| *score).collect();
    scores.sort_by(f32::total_cmp);
    scores.dedup();
    let mut counts: Vec<BucketCount> = (0..scores.len()).map(|place| (place as u16, [0, 0])).collect();
    for (score, positive) in rows {
        let place = scores.partition_point(|other| other < score);
        counts[place].1[usize::from(*positive)] += 1;
    }
    counts
}

fn near(found: f64, expected: f64, off: f64) {
    assert!((found - expected).abs() <= off, "{found}, expected {expected} within {off}");
}

/// 2,000 rows of which 71 are positive, as the reference made them.
fn rare() -> Vec<Row> {
    let mut state = 12_345_u64;
    let mut next = || {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        state as f64 / f64::from(1_u32 << 31)
    };
    let row = |_| {
        let (first, second) = (next(), next());
        let positive = first < 0.034;
        ((8.0 * second - 6.0 + if positive { 3.0 } else { 0.0 }) as f32, positive)
    };
    (0..2000).map(row).collect()
}

/// average_precision_score, roc_auc_score, precision_recall_curve.
#[test]
fn figures_are_those_of_scikit_learn() {
    let scores = [-3.0, -1.0, -0.5, 2.0, 0.25, 2.0, 2.0, -8.0, -3.0, 0.25, -4.0, 1.0];
    let positive = [2, 3, 5, 9];
    let rows: Vec<Row> = scores.iter().enumerate().map(|(i, score)| (*score, positive.contains(&i))).collect();
    for counts in [exact(&rows), histogram(ScoreScale::Margin, &rows)] {
        let ranking = Ranking::new(&counts);
        near(ranking.average_precision().unwrap().0, 0.601_190_476_190_476_2, 1e-12);
        near(ranking.roc_auc().unwrap().0, 0.796_875, 1e-12);
        near(ranking.best_f1().unwrap().f1(), 8.0 / 11.0, 1e-12);
    }
    let counts = exact(&rare());
    let ranking = Ranking::new(&counts);
    near(ranking.average_precision().unwrap().0, 0.546_648_694_854_810_5, 1e-12);
    near(ranking.roc_auc().unwrap().0, 0.835_520_119_159_748_6, 1e-12);
    near(ranking.best_f1().unwrap().f1(), 0.647_619_047_619_047_5, 1e-12);
    let least = |missed| {
        let costs = Costs { missed, false_alarm: 1.0 };
        ranking.least_cost(costs).unwrap().cost_per_row(costs)
    };
    near(least(50.0), 0.5685, 1e-12);
    near(least(1.0), 0.0185, 1e-12);
}

#[test]
fn buckets_lose_little_and_say_how_much() {
    let counts = histogram(ScoreScale::Margin, &rare());
    let ranking = Ranking::new(&counts);
    let (area, off) = ranking.average_precision().unwrap();
    near(area, 0.546_648_694_854_810_5, 0.005);
    assert!(off < 0.005, "{off}");
    let (auc, off) = ranking.roc_auc().unwrap();
    near(auc, 0.835_520_119_159_748_6, 0.001);
    assert!(off < 0.003, "{off}");
    let cut = ranking.best_f1().unwrap();
    near(cut.f1(), 0.647_619_047_619_047_5, 0.01);
    near(ScoreScale::Margin.edge(cut.bucket), 2.078_871_5, 0.1);
    let costs = Costs { missed: 50.0, false_alarm: 1.0 };
    near(ranking.least_cost(costs).unwrap().cost_per_row(costs), 0.5685, 0.01);
    let quantile = ranking.negative_quantile(0.99).unwrap();
    near(ScoreScale::Margin.edge(quantile.bucket), 1.933_959_7, 0.05);
    assert!(quantile.false_alarms / quantile.rows[0] <= 0.01);
}

#[test]
fn without_rows_of_a_kind_there_is_no_figure() {
    assert!(Ranking::new(&[]).best_f1().is_none());
    let negative = Ranking::new(&[(5, [3, 0])]);
    assert_eq!((negative.average_precision(), negative.roc_auc(), negative.best_f1()), (None, None, None));
    assert_eq!(negative.negative_quantile(0.5).unwrap().bucket, 6);
    let positive = Ranking::new(&[(5, [0, 3])]);
    assert_eq!((positive.average_precision(), positive.roc_auc()), (Some((1.0, 0.0)), None));
    assert!(positive.negative_quantile(0.5).is_none());
}

#[test]
fn a_threshold_lies_in_the_middle_of_the_gap() {
    let counts = [(100, [9, 0]), (200, [1, 0]), (301, [0, 4])];
    let cut = Ranking::new(&counts).best_f1().unwrap();
    assert_eq!((cut.bucket, cut.hits, cut.false_alarms, cut.f1()), (251, 4.0, 0.0, 1.0));
    let dear = Costs { missed: 1.0, false_alarm: 100.0 };
    let never = Ranking::new(&[(100, [50, 1])]).least_cost(dear).unwrap();
    assert!(never.bucket > 100 && never.hits == 0.0);
}

#[test]
fn edges_and_buckets_agree() {
    for scale in [ScoreScale::Margin, ScoreScale::Error] {
        for bucket in 1..BUCKETS {
            let edge = scale.edge(bucket) as f32;
            let above = if f64::from(edge) < scale.edge(bucket) { edge.next_up() } else { edge };
            assert_eq!((scale.bucket(above), scale.bucket(above.next_down())), (bucket, bucket - 1), "{edge}");
        }
        assert_eq!(scale.bucket(f32::INFINITY), BUCKETS - 1);
        assert_eq!((scale.bucket(f32::NEG_INFINITY), scale.bucket(f32::NAN)), (0, 0));
    }
    assert_eq!((ScoreScale::Error.bucket(0.0), ScoreScale::Error.bucket(1.0)), (0, 512));
}

proptest! {
    /// Whatever the scores: theirs is as far from the histogram's as is said, or nearer.
    #[test]
    fn the_error_is_bounded(rows in prop::collection::vec((-12.0_f32..12.0, prop::bool::weighted(0.2)), 1..600), coarse in 0_u8..2) {
        let rows: Vec<Row> = rows.into_iter().map(|(score, positive)| {
            (if coarse == 1 { (score * 40.0).round() / 40.0 } else { score }, positive)
        }).collect();
        let (exact, counts) = (exact(&rows), histogram(ScoreScale::Margin, &rows));
        let (exact, ranking) = (Ranking::new(&exact), Ranking::new(&counts));
        prop_assert_eq!(exact.average_precision().is_some(), ranking.average_precision().is_some());
        if let (Some((truth, _)), Some((found, off))) = (exact.average_precision(), ranking.average_precision()) {
            prop_assert!((truth - found).abs() <= off + 1e-9, "{} {} {}", truth, found, off);
        }
        if let (Some((truth, _)), Some((found, off))) = (exact.roc_auc(), ranking.roc_auc()) {
            prop_assert!((truth - found).abs() <= off + 1e-9, "{} {} {}", truth, found, off);
        }
    }
}
