//! How well scores put positive rows above negative ones, from counts of rows by bucket of their score.
//!
//! Counts can be added over agents, so no score of a single row leaves its agent. What they lose is the order within a
//! bucket, and each figure comes with the largest error that this can cause.

/// Buckets of a histogram of scores.
pub const BUCKETS: u16 = 1024;

/// The bucket whose lower edge is a margin of 0 and an error of 1.
const MIDDLE: f64 = 512.0;

/// What a score is, and thereby where the buckets' edges lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoreScale {
    /// A difference of two logits. Buckets are 1/32 wide at 0, 1/20 at 5 and 1/8 at 16: 4 sinh((bucket - 512) / 128).
    Margin,
    /// An error, not negative. Each bucket is 2.7 % wide, from 10^-6 to 10^6: exp((bucket - 512) / 37).
    Error,
}

impl ScoreScale {
    /// The bucket of a score: the highest whose [`edge`](Self::edge) is not above it, 0 if none is.
    pub fn bucket(self, score: f32) -> u16 {
        let score = f64::from(score);
        let place = match self {
            Self::Margin => libm::asinh(score / 4.0) * 128.0,
            Self::Error => libm::log(score) * 37.0,
        };
        // Below the first bucket, and what is not a number, become 0.
        let near = (libm::floor(place) + MIDDLE).clamp(0.0, f64::from(BUCKETS - 1)) as u16;
        // Logarithms round; the edges decide.
        if near > 0 && score < self.edge(near) {
            near - 1
        } else if near + 1 < BUCKETS && score >= self.edge(near + 1) {
            near + 1
        } else {
            near
        }
    }

    /// The least score of a bucket. The first bucket holds all lower ones, too, and the last one all higher ones.
    pub fn edge(self, bucket: u16) -> f64 {
        let place = f64::from(bucket) - MIDDLE;
        match self {
            Self::Margin => 4.0 * libm::sinh(place / 128.0),
            Self::Error => libm::exp(place / 37.0),
        }
    }
}

/// Rows of one bucket: its number, then how many are negative and how many positive.
pub type BucketCount = (u16, [u64; 2]);

/// What two kinds of mistakes cost, in any unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Costs {
    /// A positive row that is taken for negative.
    pub missed: f64,
    /// A negative row that is taken for positive.
    pub false_alarm: f64,
}

/// Rows ordered by the buckets of their scores.
#[derive(Clone, Copy, Debug)]
pub struct Ranking<'a> {
    counts: &'a [BucketCount],
    rows: [f64; 2],
}

/// A threshold, and what rows are taken for there: positive from the lower edge of `bucket` on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cut {
    /// First bucket that is taken for positive, at most [`BUCKETS`].
    pub bucket: u16,
    /// Positive rows that are taken for positive.
    pub hits: f64,
    /// Negative rows that are.
    pub false_alarms: f64,
    /// All rows: negative ones, positive ones.
    pub rows: [f64; 2],
}

impl Cut {
    /// Share of the rows taken for positive that are, in [0, 1]; 0 if none is taken.
    pub fn precision(&self) -> f64 {
        ratio(self.hits, self.hits + self.false_alarms)
    }

    /// Share of the positive rows that are taken for positive, in [0, 1].
    pub fn recall(&self) -> f64 {
        ratio(self.hits, self.positives())
    }

    /// Share of the negative rows that are taken for positive, in [0, 1]; nothing without negative rows.
    pub fn false_alarm_share(&self) -> Option<f64> {
        let [negatives, _] = self.rows;
        (negatives > 0.0).then(|| self.false_alarms / negatives)
    }

    /// Harmonic mean of both.
    pub fn f1(&self) -> f64 {
        ratio(2.0 * self.hits, self.hits + self.false_alarms + self.positives())
    }

    /// Mean cost of a row.
    pub fn cost_per_row(&self, costs: Costs) -> f64 {
        let missed = self.positives() - self.hits;
        ratio(missed * costs.missed + self.false_alarms * costs.false_alarm, self.rows.iter().sum())
    }

    fn positives(&self) -> f64 {
        let [_, positives] = self.rows;
        positives
    }
}

impl<'a> Ranking<'a> {
    /// `counts` come in the order of their buckets, each bucket at most once.
    pub fn new(counts: &'a [BucketCount]) -> Self {
        Self { counts, rows: sums(counts) }
    }

    /// Area under the curve of precision over recall as scikit-learn's `average_precision_score` takes it, that is, the
    /// sum over thresholds of precision times the growth of recall; scores of one bucket are taken as equal. With the
    /// furthest that the figure can be from that of the scores themselves. `None` without positive rows.
    pub fn average_precision(&self) -> Option<(f64, f64)> {
        let [_, positives] = self.rows;
        let (mut hits, mut alarms) = (0.0, 0.0);
        let (mut area, mut least, mut most) = (0.0, 0.0, 0.0);
        for (_, [negative, positive]) in self.counts.iter().rev() {
            let (n, p) = (*negative as f64, *positive as f64);
            if p > 0.0 {
                area += p * ratio(hits + p, hits + p + alarms + n);
                // All positive rows of the bucket first, as equals.
                most += p * ratio(hits + p, hits + p + alarms);
                // All negative ones first, then the positive ones one by one: the sum over i = 1..p of
                // (hits + i) / (hits + i + wrong), with the harmonic sum bounded by a logarithm.
                let wrong = alarms + n;
                let lost = if wrong > 0.0 { wrong * libm::log((hits + p + wrong) / (hits + wrong)) } else { 0.0 };
                least += (p - lost).max(0.0);
            }
            hits += p;
            alarms += n;
        }
        (positives > 0.0).then(|| (area / positives, (most - area).max(area - least) / positives))
    }

    /// Probability that a positive row scores higher than a negative one, equals counting half: the area under the ROC
    /// curve. With the furthest that it can be from that of the scores themselves. `None` without rows of either kind.
    pub fn roc_auc(&self) -> Option<(f64, f64)> {
        let [negatives, positives] = self.rows;
        let pairs = negatives * positives;
        let (mut above, mut won, mut tied) = (0.0, 0.0, 0.0);
        for (_, [negative, positive]) in self.counts.iter().rev() {
            let (n, p) = (*negative as f64, *positive as f64);
            won += n * (above + p / 2.0);
            tied += n * p / 2.0;
            above += p;
        }
        (pairs > 0.0).then(|| (won / pairs, tied / pairs))
    }

    /// The threshold of the greatest F1 of the positive rows, the highest of several, in the middle of the gap to the next
    /// lower score. `None` without positive rows.
    pub fn best_f1(&self) -> Option<Cut> {
        let [_, positives] = self.rows;
        self.best(|cut| cut.f1()).filter(|_| positives > 0.0)
    }

    /// The threshold of the least cost, which may be above all rows. `None` without rows of either kind.
    pub fn least_cost(&self, costs: Costs) -> Option<Cut> {
        let [negatives, positives] = self.rows;
        self.best(|cut| -cut.cost_per_row(costs)).filter(|_| negatives > 0.0 && positives > 0.0)
    }

    /// The lowest threshold below which at least `quantile` of the negative rows lie. `None` without negative rows.
    pub fn negative_quantile(&self, quantile: f64) -> Option<Cut> {
        let [negatives, _] = self.rows;
        let mut below = 0.0;
        let full = self.counts.iter().find(|(_, [negative, _])| {
            below += *negative as f64;
            *negative > 0 && below >= quantile * negatives
        });
        full.map(|(bucket, _)| self.at(bucket + 1))
    }

    /// What rows are taken for at the lower edge of `bucket`.
    pub fn at(&self, bucket: u16) -> Cut {
        let first = self.counts.partition_point(|(own, _)| *own < bucket);
        let [false_alarms, hits] = sums(self.counts.get(first..).unwrap_or_default());
        Cut { bucket, hits, false_alarms, rows: self.rows }
    }

    fn best(&self, worth: impl Fn(&Cut) -> f64) -> Option<Cut> {
        let mut cut = Cut { bucket: BUCKETS, hits: 0.0, false_alarms: 0.0, rows: self.rows };
        let mut best: Option<(f64, Cut)> = None;
        // Rows that come may fall into the gap below a cut: its middle parts them best.
        let mut note = |cut: Cut, lowest: u16| {
            let value = worth(&cut);
            if best.is_none_or(|(most, _)| value > most) {
                best = Some((value, Cut { bucket: lowest.midpoint(cut.bucket), ..cut }));
            }
        };
        for (bucket, [negative, positive]) in self.counts.iter().rev() {
            note(cut, bucket.saturating_add(1));
            cut.bucket = *bucket;
            cut.hits += *positive as f64;
            cut.false_alarms += *negative as f64;
        }
        note(cut, cut.bucket);
        best.map(|(_, cut)| cut)
    }
}

fn sums(counts: &[BucketCount]) -> [f64; 2] {
    counts.iter().fold([0.0; 2], |[negative, positive], (_, [n, p])| [negative + *n as f64, positive + *p as f64])
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
