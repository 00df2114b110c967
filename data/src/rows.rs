//! Encoded rows, held compactly.

/// What the model should give, row by row.
#[derive(Clone, Debug, PartialEq)]
pub enum Targets {
    /// One class for each row.
    Classes(Vec<u32>),
    /// One number for each row, scaled as the job says.
    Values(Vec<f32>),
}

impl Targets {
    /// How many.
    pub fn len(&self) -> usize {
        match self {
            Self::Classes(classes) => classes.len(),
            Self::Values(values) => values.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Rows as the model sees them.
#[derive(Clone, Debug)]
pub struct Rows {
    pub(crate) width: usize,
    pub(crate) cells: Cells,
    pub(crate) targets: Targets,
}

/// The rows' inputs, row by row.
#[derive(Clone, Debug)]
pub(crate) enum Cells {
    /// As they are.
    Floats(Vec<f32>),
    /// Before scaling, with each column's (offset, scale).
    Bytes { bytes: Vec<u8>, scaling: Vec<(f64, f64)> },
}

/// (x - offset) x scale, as the job's encoding says.
pub(crate) fn scaled(number: f64, offset: f64, scale: f64) -> f32 {
    ((number - offset) * scale) as f32
}

impl Rows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The model's inputs for each row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All rows' targets in order.
    pub fn targets(&self) -> &Targets {
        &self.targets
    }

    /// Writes the rows at `indices` one after another: inputs to `x` (`[rows][width]`) and targets to `y`, both emptied
    /// first. Returns how many rows; an index that is not below [`len`](Self::len) gives none.
    pub fn gather(&self, indices: impl Iterator<Item = usize>, x: &mut Vec<f32>, y: &mut Targets) -> usize {
        x.clear();
        match (&self.targets, y) {
            (Targets::Classes(all), Targets::Classes(some)) => gather(self, all, indices, x, some),
            (Targets::Values(all), Targets::Values(some)) => gather(self, all, indices, x, some),
            (Targets::Classes(all), y) => {
                let mut some = Vec::new();
                let rows = gather(self, all, indices, x, &mut some);
                *y = Targets::Classes(some);
                rows
            }
            (Targets::Values(all), y) => {
                let mut some = Vec::new();
                let rows = gather(self, all, indices, x, &mut some);
                *y = Targets::Values(some);
                rows
            }
        }
    }

    /// Adds a row's inputs to `x`. `false` if there is no such row.
    pub(crate) fn extend_row(&self, row: usize, x: &mut Vec<f32>) -> bool {
        let Some(end) = row.checked_add(1).and_then(|next| next.checked_mul(self.width)) else { return false };
        let range = end - self.width..end;
        match &self.cells {
            Cells::Floats(floats) => floats.get(range).map(|row| x.extend_from_slice(row)).is_some(),
            Cells::Bytes { bytes, scaling } => {
                let Some(row) = bytes.get(range) else { return false };
                let scale = |(byte, (offset, factor)): (&u8, &(f64, f64))| scaled(f64::from(*byte), *offset, *factor);
                x.extend(row.iter().zip(scaling).map(scale));
                true
            }
        }
    }
}

fn gather<T: Copy>(
    rows: &Rows,
    all: &[T],
    indices: impl Iterator<Item = usize>,
    x: &mut Vec<f32>,
    some: &mut Vec<T>,
) -> usize {
    some.clear();
    for index in indices {
        if let Some(target) = all.get(index)
            && rows.extend_row(index, x)
        {
            some.push(*target);
        }
    }
    some.len()
}
