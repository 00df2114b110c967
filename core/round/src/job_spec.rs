//! The job as agents know it, and how often it is published.

use alloc::vec::Vec;
use core::time::Duration;
use heijunka_units::Timestamp;
use heijunka_wire::digest;
use heijunka_wire::document::{Document, Job};

/// Shortest and longest time between two publications for agents that lack it.
const REPEAT_BETWEEN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(8));

/// The job's document.
#[derive(Debug)]
pub(crate) struct JobSpec {
    job: Job,
    document: Vec<u8>,
    content: u64,
    repeat_from: Timestamp,
    repeat_wait: Duration,
}

impl JobSpec {
    pub(crate) fn new(job: Job, now: Timestamp) -> Self {
        let mut spec = Self { job, document: Vec::new(), content: 0, repeat_from: now, repeat_wait: Duration::ZERO };
        spec.write();
        spec
    }

    fn write(&mut self) {
        self.document = self.job.to_bytes();
        self.content = digest(&self.document);
    }

    /// Agents get another job from now on.
    pub(crate) fn settle(&mut self, job: Job) {
        self.job = job;
        self.write();
    }

    pub(crate) fn job(&self) -> &Job {
        &self.job
    }

    /// As it is published.
    pub(crate) fn document(&self) -> &[u8] {
        &self.document
    }

    /// The document's digest, by which agents name it.
    pub(crate) fn content(&self) -> u64 {
        self.content
    }

    /// Whether it may be published once more for an agent that lacks it. The wait doubles while it is asked for again and
    /// again.
    pub(crate) fn may_repeat(&mut self, now: Timestamp) -> bool {
        if now < self.repeat_from {
            return false;
        }
        let (least, most) = REPEAT_BETWEEN;
        let quiet = now.since(self.repeat_from) > most;
        self.repeat_wait = if quiet { least } else { self.repeat_wait.saturating_mul(2).clamp(least, most) };
        self.repeat_from = now + self.repeat_wait;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repetitions_become_rarer_and_start_over_after_a_quiet_time() {
        let mut spec = JobSpec::new(crate::tests::plan().job, Timestamp::ZERO);
        let at = |seconds| Timestamp::ZERO + Duration::from_secs(seconds);
        let sent =
            (0..60_000).filter(|millis| spec.may_repeat(Timestamp::ZERO + Duration::from_millis(*millis))).count();
        assert!((6..14).contains(&sent), "{sent}");
        assert!(spec.may_repeat(at(600)) && !spec.may_repeat(at(600)));
        assert!(spec.may_repeat(at(601)), "it is the shortest wait again");
    }

    #[test]
    fn another_job_has_another_digest() {
        let job = crate::tests::plan().job;
        let mut spec = JobSpec::new(job.clone(), Timestamp::ZERO);
        let before = spec.content();
        spec.settle(Job { target: "z".into(), ..job });
        assert!(spec.content() != before && spec.content() == digest(spec.document()));
    }
}
