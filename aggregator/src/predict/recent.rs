//! The last rows of each group, for models that look at several rows at once.

use std::collections::HashMap;

/// Groups that are kept; of more the one that was silent longest is forgotten.
const GROUPS_MAX: usize = 1024;

/// Encoded rows, as many as a window holds, group by group.
#[derive(Debug)]
pub(crate) struct Recent {
    window_rows: usize,
    groups: HashMap<String, Group>,
    clock: u64,
}

#[derive(Debug, Default)]
struct Group {
    /// Rows side by side.
    x: Vec<f32>,
    rows: usize,
    seen: u64,
}

impl Recent {
    pub(crate) fn new(window_rows: usize) -> Self {
        Self { window_rows, groups: HashMap::new(), clock: 0 }
    }

    /// Takes a group's next row. Adds the window that it ends to `x`; `false` if there are not enough rows yet.
    pub(crate) fn take(&mut self, group: &str, row: &[f32], x: &mut Vec<f32>) -> bool {
        self.clock += 1;
        if !self.groups.contains_key(group) {
            self.make_room();
        }
        let kept = self.groups.entry(group.to_owned()).or_default();
        if kept.rows == self.window_rows {
            kept.x.drain(..row.len().min(kept.x.len()));
            kept.rows -= 1;
        }
        kept.x.extend_from_slice(row);
        (kept.rows, kept.seen) = (kept.rows + 1, self.clock);
        let whole = kept.rows == self.window_rows;
        if whole {
            x.extend_from_slice(&kept.x);
        }
        whole
    }

    /// A row of the group is missing: no window goes across.
    pub(crate) fn interrupt(&mut self, group: &str) {
        self.groups.remove(group);
    }

    /// A row is missing, and nobody knows of which group.
    pub(crate) fn interrupt_all(&mut self) {
        self.groups.clear();
    }

    fn make_room(&mut self) {
        if self.groups.len() < GROUPS_MAX {
            return;
        }
        let silent = self.groups.iter().min_by_key(|(_, group)| group.seen).map(|(name, _)| name.clone());
        silent.into_iter().for_each(|name| self.interrupt(&name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(recent: &mut Recent, group: &str, row: f32) -> Vec<f32> {
        let mut x = Vec::new();
        assert_eq!(recent.take(group, &[row, -row], &mut x), !x.is_empty());
        x
    }

    #[test]
    fn windows_are_of_one_group_without_gaps() {
        let mut recent = Recent::new(2);
        assert!(take(&mut recent, "a", 1.0).is_empty());
        assert!(take(&mut recent, "b", 5.0).is_empty());
        assert_eq!(take(&mut recent, "a", 2.0), [1.0, -1.0, 2.0, -2.0]);
        assert_eq!(take(&mut recent, "a", 3.0), [2.0, -2.0, 3.0, -3.0]);
        recent.interrupt("a");
        assert!(take(&mut recent, "a", 4.0).is_empty());
        assert_eq!(take(&mut recent, "b", 6.0), [5.0, -5.0, 6.0, -6.0]);
        recent.interrupt_all();
        assert!(take(&mut recent, "b", 7.0).is_empty());
    }

    #[test]
    fn a_row_may_be_a_window() {
        let mut recent = Recent::new(1);
        assert_eq!(take(&mut recent, "", 1.0), [1.0, -1.0]);
        assert_eq!(take(&mut recent, "", 2.0), [2.0, -2.0]);
    }

    #[test]
    fn the_group_that_was_silent_longest_is_forgotten() {
        let mut recent = Recent::new(2);
        (0..GROUPS_MAX).for_each(|group| drop(take(&mut recent, &group.to_string(), 1.0)));
        assert_eq!(take(&mut recent, "0", 2.0).len(), 4);
        take(&mut recent, "new", 1.0);
        assert_eq!((take(&mut recent, "1", 2.0).len(), take(&mut recent, "0", 3.0).len()), (0, 4));
    }
}
