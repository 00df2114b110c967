//! The driver: one `select!` over bus, compute thread, timer and shutdown, one `match` over the worker's outputs.

mod events;
mod reporting;
mod setup;

pub(crate) use setup::work;

use crate::clock::Clock;
use crate::computing::Computing;
use crate::config::Valid;
use crate::engine::Ended;
use crate::notes::on_note;
use crate::outlet::Outlet;
use crate::shares::Shares;
use crate::shift::{Look, Parting, Shift};
use crate::tally::Tally;
use crate::watch::Watch;
use crate::work::Work;
use heijunka_bus::{Events, Outage};
use heijunka_compute::LocalSteps;
use heijunka_data::Usage;
use heijunka_metrics::MetricsServer;
use heijunka_program::{Service, Signals};
use heijunka_settings::Failure;
use heijunka_units::Timestamp;
use heijunka_worker::{Input, Output, Worker};
use std::time::Instant;
use tracing::{info, warn};

/// Messages that are taken from the bus before the other sources are looked at.
const MESSAGES_AT_ONCE: usize = 32;

struct Driver<'a> {
    valid: &'a Valid,
    clock: Clock,
    worker: Worker<'a>,
    computing: Computing,
    outlet: Outlet,
    data: Data,
    shares: Shares,
    tally: Tally,
    outage: Outage,
    metrics_server: MetricsServer,
    shift: &'a mut Shift,
    people: People<'a>,
}

/// The data files.
struct Data {
    /// What is used of them, once they have been read.
    usage: Option<Usage>,
    watch: Watch,
}

/// Regular reports: status for people, signs of life for the service manager.
struct People<'a> {
    status_due: Instant,
    service: &'a mut Service,
}

impl Driver<'_> {
    /// Works until the agent is stopped or its hours are over.
    async fn serve(&mut self, mut events: Events, signals: &mut Signals) -> Result<Parting, Failure> {
        loop {
            let late = self.look_at_clock();
            let wait = self.drain()?;
            if late || (self.worker.may_leave() && self.outlet.due().is_none()) {
                return Ok(Parting::HoursOver);
            }
            self.publish_status();
            self.turn_service();
            let due = self.due(wait);
            tokio::select! {
                event = events.next() => {
                    let Some(event) = event else { return Err(self.valid.unavailable("the bus has ended")) };
                    self.on_bus(event)?;
                    self.on_waiting(&mut events)?;
                }
                done = self.computing.done() => {
                    let Some(done) = done else { return Err(self.compute_thread_ended()) };
                    self.on_done(done)?;
                }
                () = tokio::time::sleep_until(due.into()) => self.on_timer(),
                // The client may be gone.
                reply = self.metrics_server.next() => drop(reply.send(self.metrics())),
                () = signals.received() => {
                    info!("stopping: the aggregator continues without this agent");
                    return Ok(Parting::Stopped);
                }
            }
        }
    }

    /// When something is to be done, whatever happens; the worker wants to be called at `wait`.
    fn due(&self, wait: Timestamp) -> Instant {
        let dues = [self.clock.instant(wait), self.people.service.due()];
        let others = [self.outlet.due().map(|due| self.clock.instant(due)), self.shift.due(), self.data.watch.due()];
        dues.into_iter().chain(others.into_iter().flatten()).fold(self.people.status_due, Instant::min)
    }

    fn on_timer(&mut self) {
        let now = self.clock.now();
        self.outlet.release(now);
        self.data.watch.check(self.computing.inbox());
        self.worker.handle(now, Input::Tick);
    }

    fn compute_thread_ended(&self) -> Failure {
        self.valid.unavailable("the compute thread has ended")
    }

    /// Begins to leave when the hours are over; returns whether it is time to go at once.
    fn look_at_clock(&mut self) -> bool {
        match self.shift.look() {
            Look::Same => false,
            Look::Over { away_s } => {
                info!("[limits] train_only: the hours are over, away until {}", self.shift.back());
                self.worker.handle(self.clock.now(), Input::Leave { away_s });
                false
            }
            Look::Late => {
                warn!("the work in hand is left to other agents: it takes too long after the end of the hours");
                true
            }
        }
    }

    /// Does what the worker wants; returns when it next wants to be called.
    fn drain(&mut self) -> Result<Timestamp, Failure> {
        loop {
            let now = self.clock.now();
            let held = self.worker.held(now);
            let work = match self.worker.poll_output(now) {
                Output::Wait(until) => return Ok(until),
                Output::Publish { channel, bytes } => {
                    let emulated = self.outlet.send(channel, bytes, now, &mut self.tally);
                    self.shares.sent(held, emulated);
                    continue;
                }
                Output::Note(note) => {
                    on_note(self.valid, note)?;
                    continue;
                }
                Output::Abandon => {
                    self.computing.cancel();
                    continue;
                }
                Output::Prepare { spec, document } => {
                    self.data.watch.reads(spec, document);
                    Work::Prepare { spec: spec.clone(), document: document.to_vec() }
                }
                Output::Compute {
                    round,
                    position,
                    samples,
                    local_steps,
                    stride,
                    learning_rate,
                    stop_after,
                    model,
                    ..
                } => {
                    let local = LocalSteps { steps: local_steps, stride, rate: learning_rate };
                    self.computing.gradient(round, (position, samples, local), stop_after, model)
                }
                Output::Score { round, first, rows, model } => self.computing.scores(round, (first, rows), model),
            };
            match self.computing.ask(work) {
                Ok(Some(done)) => self.on_done(done)?,
                Ok(None) => {}
                Err(Ended) => return Err(self.compute_thread_ended()),
            }
        }
    }
}
