//! Encoded rows, held compactly.

use std::sync::Arc;

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

impl Rows {
    /// Memory of the inputs, which other rows may share, and of what only these rows use, in bytes.
    pub(crate) fn memory(&self) -> (*const Cells, [u64; 2]) {
        let cells = match self.examples.cells.as_ref() {
            Cells::Floats(floats) => 4 * floats.len(),
            Cells::Bytes { bytes, scaling } => bytes.len() + 16 * scaling.len(),
        };
        let own = 4 * (self.targets.len() + self.examples.starts.as_ref().map_or(0, Vec::len));
        (Arc::as_ptr(&self.examples.cells), [cells as u64, own as u64])
    }
}

/// Examples as the model sees them, without targets: of one row each, or windows of several. Rows that windows have in
/// common are held once.
#[derive(Clone, Debug)]
pub struct Examples {
    /// Numbers of a row.
    pub(crate) width: usize,
    /// Rows of an example.
    pub(crate) window_rows: usize,
    pub(crate) cells: Arc<Cells>,
    /// Each example's first row; `None`: each row is an example.
    pub(crate) starts: Option<Vec<u32>>,
}

/// Examples with their targets.
#[derive(Clone, Debug)]
pub struct Rows {
    pub(crate) examples: Examples,
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

impl Examples {
    /// Number of examples.
    pub fn len(&self) -> usize {
        match &self.starts {
            Some(starts) => starts.len(),
            None => self.rows(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The model's inputs for each example: of a window those of its first row, then those of the second, and so on.
    pub fn width(&self) -> usize {
        self.width * self.window_rows
    }

    /// Rows of an example.
    pub fn window_rows(&self) -> usize {
        self.window_rows
    }

    /// Adds an example's inputs to `x`. `false` if there is no such example.
    pub fn extend(&self, example: usize, x: &mut Vec<f32>) -> bool {
        let start = match &self.starts {
            Some(starts) => starts.get(example).map(|start| *start as usize),
            None => Some(example),
        };
        start.is_some_and(|start| self.extend_rows(start, self.window_rows, x))
    }

    /// Rows that are held.
    pub(crate) fn rows(&self) -> usize {
        let cells = match &*self.cells {
            Cells::Floats(floats) => floats.len(),
            Cells::Bytes { bytes, .. } => bytes.len(),
        };
        cells / self.width.max(1)
    }

    /// Adds the numbers of rows that follow one another.
    pub(crate) fn extend_rows(&self, start: usize, rows: usize, x: &mut Vec<f32>) -> bool {
        let end = start.checked_add(rows).and_then(|end| end.checked_mul(self.width));
        let Some(range) = end.map(|end| end - rows * self.width..end) else { return false };
        match &*self.cells {
            Cells::Floats(floats) => floats.get(range).map(|row| x.extend_from_slice(row)).is_some(),
            Cells::Bytes { bytes, scaling } => {
                let Some(row) = bytes.get(range) else { return false };
                let scale = |(byte, (offset, factor)): (&u8, &(f64, f64))| scaled(f64::from(*byte), *offset, *factor);
                x.extend(row.iter().zip(scaling.iter().cycle()).map(scale));
                true
            }
        }
    }
}

impl Rows {
    /// Number of rows; of windows, if examples are windows.
    pub fn len(&self) -> usize {
        self.targets.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The model's inputs for each row.
    pub fn width(&self) -> usize {
        self.examples.width()
    }

    /// The rows without their targets.
    pub fn examples(&self) -> &Examples {
        &self.examples
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
            && rows.examples.extend(index, x)
        {
            some.push(*target);
        }
    }
    some.len()
}
