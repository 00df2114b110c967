//! The data files' rows as the arithmetic takes them.

use heijunka_compute::RowTargets;
use heijunka_data::Targets;

/// Encoded rows of the agent's data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoded<'a>(pub(crate) &'a heijunka_data::Rows);

impl heijunka_compute::Rows for Encoded<'_> {
    fn have_classes(&self) -> bool {
        matches!(self.0.targets(), Targets::Classes(_))
    }

    fn gather(&self, indices: &[usize], x: &mut Vec<f32>, targets: &mut RowTargets) -> usize {
        let mut gathered = match std::mem::take(targets) {
            RowTargets::Classes(classes) => Targets::Classes(classes),
            RowTargets::Values(values) => Targets::Values(values),
        };
        let rows = self.0.gather(indices.iter().copied(), x, &mut gathered);
        *targets = match gathered {
            Targets::Classes(classes) => RowTargets::Classes(classes),
            Targets::Values(values) => RowTargets::Values(values),
        };
        rows
    }
}
