//! `cpu_share_percent`: how long a thread rests after a slice of work, so that the machine's first job stays smooth.
//!
//! Work is paid for in advance: c of the processor's time cost c / share of the clock's, and the thread rests until that
//! has passed. What it rests too long, because the system wakes it late or another program holds the processor, it may
//! make up for, but never more than one cycle. So in any time T a thread has no more than
//! share x (T + [`CYCLE`]) and one slice.
//!
//! What the rest of the program takes, such as models in and gradients out, does not wait for its turn: the first thread
//! pays for it before its next slice.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Work and rest together, about: short enough for the eye, long enough that switching costs nothing.
pub(crate) const CYCLE: Duration = Duration::from_millis(40);

/// A shorter rest is put off to the next slice.
const REST_MIN: Duration = Duration::from_millis(1);

/// Most that a thread rests for what others took: where models alone take more than the share, some of each round is computed
/// all the same.
const OTHERS_MAX: Duration = Duration::from_secs(1);

/// One thread's account.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Duty {
    /// Share of the time, in (0, 1].
    share: f64,
    /// Until when the work done so far is paid for.
    paid_until: Duration,
}

impl Duty {
    /// The account of a thread that may work for `percent` (1 to 100) of the time.
    pub(crate) fn new(percent: u8) -> Self {
        Self { share: f64::from(percent.clamp(1, 100)) / 100.0, paid_until: Duration::ZERO }
    }

    /// Whether it ever rests.
    pub(crate) fn is_limited(&self) -> bool {
        self.share < 1.0
    }

    /// Work of one cycle: slices shall be no longer.
    pub(crate) fn slice(&self) -> Duration {
        CYCLE.mul_f64(self.share)
    }

    /// A slice that began at `began` took `cpu` of the processor's time.
    pub(crate) fn charge(&mut self, began: Duration, cpu: Duration) {
        self.paid_until = self.paid_until.max(began.saturating_sub(CYCLE)) + cpu.div_f64(self.share);
    }

    /// Others took `cpu` of the processor's time between `began` and `now`.
    pub(crate) fn charge_others(&mut self, began: Duration, now: Duration, cpu: Duration) {
        let most = self.paid_until.max(now + OTHERS_MAX);
        self.charge(began, cpu);
        self.paid_until = self.paid_until.min(most);
    }

    /// How long to rest at `now` before the next slice.
    pub(crate) fn rest(&self, now: Duration) -> Duration {
        let rest = self.paid_until.saturating_sub(now);
        if !self.is_limited() || rest < REST_MIN { Duration::ZERO } else { rest }
    }
}

/// What the program takes of the processor beside the slices of the threads that compute.
#[derive(Debug, Default)]
pub(crate) struct Others {
    /// The process' time that a thread has paid for, or that is not charged.
    settled: Duration,
}

impl Others {
    /// What they took since this was last asked; `process` is the whole process' time since it began, `slices` what the threads
    /// have paid for since then.
    pub(crate) fn take(&mut self, process: Duration, slices: Duration) -> Duration {
        let paid = self.settled + slices;
        self.settled = paid.max(process);
        self.settled - paid
    }
}

/// The processor's time that this thread has had since it began.
pub(crate) fn thread_cpu() -> Duration {
    cpu(ClockId::ThreadCPUTime)
}

/// The processor's time that all threads have had since the program began.
pub(crate) fn process_cpu() -> Duration {
    cpu(ClockId::ProcessCPUTime)
}

fn cpu(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// Works in slices for `seconds`, woken `late` after each rest; returns the processor's time.
    fn work(duty: &mut Duty, from: Duration, seconds: u64, slice: Duration, late: Duration) -> (Duration, Duration) {
        let (mut now, mut cpu) = (from, Duration::ZERO);
        while now < from + Duration::from_secs(seconds) {
            let began = now;
            now += slice;
            cpu += slice;
            duty.charge(began, slice);
            let rest = duty.rest(now);
            now += if rest.is_zero() { rest } else { rest + late };
        }
        (now, cpu)
    }

    #[test]
    fn a_thread_has_its_share_whatever_its_slices_and_however_late_it_is_woken() {
        for percent in [1, 10, 30, 75, 99] {
            for slice in [MS / 10, 3 * MS, 12 * MS, 200 * MS] {
                for late in [Duration::ZERO, MS / 5, 4 * MS] {
                    let mut duty = Duty::new(percent);
                    let (now, cpu) = work(&mut duty, Duration::from_secs(5), 60, slice, late);
                    let wall = now - Duration::from_secs(5);
                    let share = cpu.as_secs_f64() / wall.as_secs_f64();
                    let (slack, cap) = (CYCLE + REST_MIN + slice, f64::from(percent) / 100.0);
                    let most = cap * (1.0 + slack.as_secs_f64() / wall.as_secs_f64());
                    assert!(share <= most + slice.as_secs_f64() / wall.as_secs_f64(), "{percent} {slice:?} {late:?}");
                    // What is woken late is made up for, unless the rests are longer than the cycle's credit allows.
                    let least = f64::from(percent) / 100.0 * 0.97;
                    assert!(share >= least, "{percent} {slice:?} {late:?}: {share}");
                }
            }
        }
    }

    #[test]
    fn idle_time_is_not_saved_up() {
        let mut duty = Duty::new(50);
        let hour = Duration::from_secs(3600);
        let rests = [0, 20, 40].map(|begins| {
            duty.charge(hour + begins * MS, 20 * MS);
            duty.rest(hour + (begins + 20) * MS)
        });
        assert_eq!(rests, [Duration::ZERO, Duration::ZERO, 20 * MS]);
    }

    #[test]
    fn time_without_a_processor_is_rest_already() {
        let mut duty = Duty::new(25);
        // The second slice took 50 ms for 10 ms of work: another program had the processor.
        let rests = [(1000, 1010), (1010, 1060), (1060, 1070)].map(|(begins, ends)| {
            duty.charge(begins * MS, 10 * MS);
            duty.rest(ends * MS)
        });
        assert_eq!(rests, [Duration::ZERO, Duration::ZERO, 10 * MS]);
    }

    #[test]
    fn a_whole_share_never_rests() {
        let mut duty = Duty::new(100);
        assert!(!duty.is_limited());
        duty.charge(Duration::ZERO, 500 * MS);
        assert_eq!(duty.rest(5 * MS), Duration::ZERO);
        assert_eq!(Duty::new(30).slice(), 12 * MS);
    }

    #[test]
    fn what_others_took_is_rested_for_but_no_longer_than_a_second() {
        let mut duty = Duty::new(20);
        // 20 ms at a fifth are 100 ms, of which 60 have passed; a thread that idled has its cycle beside.
        duty.charge_others(1000 * MS, 1060 * MS, 20 * MS);
        assert_eq!(duty.rest(1060 * MS), Duration::ZERO);
        duty.charge_others(1060 * MS, 1100 * MS, 20 * MS);
        assert_eq!(duty.rest(1100 * MS), 60 * MS);
        duty.charge_others(1100 * MS, 1200 * MS, 5000 * MS);
        assert_eq!(duty.rest(1200 * MS), OTHERS_MAX);
        // A slice of its own is paid for in full, and what was owed before stays.
        duty.charge(1200 * MS, 400 * MS);
        duty.charge_others(1600 * MS, 1600 * MS, Duration::ZERO);
        assert_eq!(duty.rest(1600 * MS), OTHERS_MAX + 1600 * MS);
    }

    #[test]
    fn others_are_the_process_without_the_slices() {
        let mut others = Others::default();
        let took = [(30, 0), (50, 15), (60, 12), (70, 5), (70, 0)]
            .map(|(process, slices)| others.take(process * MS, slices * MS).as_millis());
        // The process' clock may lag behind that of its threads.
        assert_eq!(took, [30, 5, 0, 3, 0]);
    }

    #[test]
    fn a_threads_own_time_grows_with_its_work() {
        let before = thread_cpu();
        let mut sum = 0_u64;
        while thread_cpu() - before < 2 * MS {
            sum = sum.wrapping_add(std::hint::black_box(1));
        }
        assert!(sum > 0 && process_cpu() >= 2 * MS);
    }
}
