//! The last rows of each group, for models that look at several rows at once.

use std::collections::HashMap;
use std::time::Duration;

/// Groups that are kept; of more the one that was silent longest is forgotten.
const GROUPS_MAX: usize = 1024;

/// Encoded rows, as many as a window holds, group by group.
#[derive(Debug)]
pub(crate) struct Recent {
    window_rows: usize,
    /// The longest pause within a window.
    gap_ms: Option<i64>,
    groups: HashMap<String, Group>,
    clock: u64,
}

#[derive(Debug, Default)]
struct Group {
    /// Rows side by side.
    x: Vec<f32>,
    rows: usize,
    /// When the last one was measured.
    time: Option<i64>,
    seen: u64,
}

impl Recent {
    pub(crate) fn new(window_rows: usize, gap: Option<Duration>) -> Self {
        let gap_ms = gap.map(|gap| i64::try_from(gap.as_millis()).unwrap_or(i64::MAX));
        Self { window_rows, gap_ms, groups: HashMap::new(), clock: 0 }
    }

    /// Takes a group's next row, measured at `time` in milliseconds. Adds the window that it ends to `x`; `false` if there
    /// are not enough rows yet. A row after a long pause, or of an earlier time, begins a new window.
    pub(crate) fn take(&mut self, group: &str, time: Option<i64>, row: &[f32], x: &mut Vec<f32>) -> bool {
        self.clock += 1;
        if !self.groups.contains_key(group) {
            self.make_room();
        }
        let kept = self.groups.entry(group.to_owned()).or_default();
        let passed = time.zip(kept.time).map(|(time, before)| time.saturating_sub(before));
        if passed.is_some_and(|passed| passed < 0 || self.gap_ms.is_some_and(|gap| passed > gap)) {
            *kept = Group::default();
        }
        kept.time = time;
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

    /// A row is missing, of an unknown group.
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
        assert_eq!(recent.take(group, None, &[row, -row], &mut x), !x.is_empty());
        x
    }

    #[test]
    fn windows_are_of_one_group_without_gaps() {
        let mut recent = Recent::new(2, None);
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
    fn windows_go_across_no_long_pause_and_never_back_in_time() {
        let mut recent = Recent::new(2, Some(Duration::from_secs(1)));
        let mut at = |group, ms| recent.take(group, Some(ms), &[ms as f32], &mut Vec::new());
        let taken =
            [at("a", 0), at("a", 1000), at("b", 1500), at("a", 2001), at("a", 2001), at("a", 1001), at("a", 2001)];
        assert_eq!(taken, [false, true, false, false, true, false, true]);
    }

    #[test]
    fn a_row_may_be_a_window() {
        let mut recent = Recent::new(1, None);
        assert_eq!(take(&mut recent, "", 1.0), [1.0, -1.0]);
        assert_eq!(take(&mut recent, "", 2.0), [2.0, -2.0]);
    }

    #[test]
    fn the_group_that_was_silent_longest_is_forgotten() {
        let mut recent = Recent::new(2, None);
        (0..GROUPS_MAX).for_each(|group| drop(take(&mut recent, &group.to_string(), 1.0)));
        assert_eq!(take(&mut recent, "0", 2.0).len(), 4);
        take(&mut recent, "new", 1.0);
        assert_eq!((take(&mut recent, "1", 2.0).len(), take(&mut recent, "0", 3.0).len()), (0, 4));
    }
}
