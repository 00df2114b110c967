//! What is known of each row before the rows are divided.

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Train,
    HeldOut,
    /// Neither, but part of windows.
    Context,
}

/// What is known of each row.
#[derive(Debug)]
pub(crate) struct Marks {
    fates: Vec<Fate>,
    empty_input: Vec<bool>,
    empty_target: Vec<bool>,
    /// Before the row there was a longer pause than windows may have; empty if pauses do not matter.
    pauses: Vec<bool>,
}

impl Marks {
    /// Rows without empty cells and pauses, whose fates are not set yet.
    pub(crate) fn new(rows: usize) -> Self {
        Self { fates: Vec::new(), empty_input: vec![false; rows], empty_target: vec![false; rows], pauses: Vec::new() }
    }

    /// A cell of the row is empty: of its target, or of what it needs besides.
    pub(crate) fn set_empty(&mut self, row: usize, is_target: bool) {
        let empty = if is_target { &mut self.empty_target } else { &mut self.empty_input };
        empty.get_mut(row).into_iter().for_each(|mark| *mark = true);
    }

    /// Sets the fate of every row.
    pub(crate) fn set_fates(&mut self, fates: Vec<Fate>) {
        self.fates = fates;
    }

    /// Holds out the rows that would train and are not `wanted`.
    pub(crate) fn train_only(&mut self, wanted: impl Fn(usize) -> bool) {
        let trained = self.fates.iter_mut().enumerate().filter(|(_, fate)| **fate == Fate::Train);
        trained.filter(|(row, _)| !wanted(*row)).for_each(|(_, fate)| *fate = Fate::HeldOut);
    }

    /// Sets, for every row, whether a long pause comes before it.
    pub(crate) fn set_pauses(&mut self, pauses: Vec<bool>) {
        self.pauses = pauses;
    }

    pub(crate) fn fate(&self, row: usize) -> Fate {
        self.fates.get(row).copied().unwrap_or(Fate::Context)
    }

    pub(crate) fn lacks_input(&self, row: usize) -> bool {
        self.empty_input.get(row).copied().unwrap_or(true)
    }

    pub(crate) fn lacks_target(&self, row: usize) -> bool {
        self.empty_target.get(row).copied().unwrap_or(true)
    }

    pub(crate) fn follows_pause(&self, row: usize) -> bool {
        self.pauses.get(row).copied().unwrap_or(false)
    }
}
