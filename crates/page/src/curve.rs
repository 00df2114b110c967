//! A curve over the whole run in bounded memory: once it is full, every two of its points become one.

use std::collections::VecDeque;

/// What a curve is made of.
pub(crate) trait Point {
    /// Makes one point of itself and the next one.
    fn merge(&mut self, next: Self);
}

/// The points, oldest first; all but the last few stand for equally many of those that were added.
#[derive(Debug)]
pub(crate) struct Curve<P> {
    points: VecDeque<P>,
    points_max: usize,
    /// How many added points make one.
    stride: u64,
    /// Not yet enough to be a point, and of how many.
    partial: Option<(P, u64)>,
}

impl<P: Point> Curve<P> {
    /// An empty curve of at most that many points, at least two.
    pub(crate) fn new(points_max: usize) -> Self {
        Self { points: VecDeque::new(), points_max: points_max.max(2), stride: 1, partial: None }
    }

    /// The points, oldest first.
    pub(crate) fn points(&self) -> &VecDeque<P> {
        &self.points
    }

    /// Adds a point.
    pub(crate) fn push(&mut self, point: P) {
        let (point, count) = match self.partial.take() {
            Some((mut earlier, count)) => {
                earlier.merge(point);
                (earlier, count + 1)
            }
            None => (point, 1),
        };
        if count < self.stride {
            self.partial = Some((point, count));
            return;
        }
        if self.points.len() >= self.points_max {
            self.thin();
            // With half as many points each stands for twice as many: this one waits for its other half.
            if self.stride > 1 {
                self.partial = Some((point, count));
                return;
            }
        }
        self.points.push_back(point);
    }

    fn thin(&mut self) {
        let mut thinned = VecDeque::with_capacity(self.points_max);
        let mut points = self.points.drain(..);
        while let Some(mut point) = points.next() {
            if let Some(next) = points.next() {
                point.merge(next);
            }
            thinned.push_back(point);
        }
        drop(points);
        self.points = thinned;
        self.stride *= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the first to the last of the points that it stands for.
    #[derive(Debug, PartialEq)]
    struct Span(u64, u64);

    impl Point for Span {
        fn merge(&mut self, next: Self) {
            assert_eq!(self.1 + 1, next.0, "nothing is lost between two points");
            self.1 = next.1;
        }
    }

    #[test]
    fn it_covers_all_that_was_added_with_few_points() {
        let mut curve = Curve::new(10);
        for number in 0..1000 {
            curve.push(Span(number, number));
            assert!(curve.points().len() <= 10);
        }
        let points = curve.points();
        assert!(points.len() >= 5, "{points:?}");
        assert_eq!(points[0].0, 0);
        assert!(points.iter().zip(points.iter().skip(1)).all(|(a, b)| a.1 + 1 == b.0), "{points:?}");
        let last = points.back().unwrap().1;
        assert!(1000 - last <= curve.stride, "{points:?}");
    }

    #[test]
    fn a_short_curve_has_every_point() {
        let mut curve = Curve::new(10);
        (0..10).for_each(|number| curve.push(Span(number, number)));
        assert!(curve.points().iter().zip(0..).all(|(point, number)| *point == Span(number, number)));
    }
}
