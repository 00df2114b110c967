//! `predict --follow`: scores rows as they come and publishes each.
//!
//! A thread reads and scores; this task publishes and never waits for either. While the broker is away, [`QUEUE_MAX`]
//! predictions wait for it at most: a file's further rows stay in the file, those of standard input, whose writer must
//! not be blocked, are counted and dropped.

use super::scorer::{ROWS_AT_ONCE, Scored, Scorer};
use super::tail::{Got, Head, Tail};
use crate::Arguments;
use crate::connection::{Connection, QUEUE_MAX};
use heijunka_bus::{Bus, BusConfig, BusEvent, Message, Outage, PublishError};
use heijunka_model::Trained;
use heijunka_program::{Signals, init_logging, runtime};
use heijunka_settings::{Exit, Failure};
use heijunka_units::counted;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tracing::{info, warn};

/// How often a file that did not grow is checked again.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// How often the queue is checked while it is full.
const ROOM_EVERY: Duration = Duration::from_millis(20);
/// How often skipped and lost rows are reported.
const REPORT_EVERY: Duration = Duration::from_secs(10);
/// How long the last predictions may take to reach the broker: of an input that has ended, and when asked to stop.
const FAREWELL: [Duration; 2] = [Duration::from_secs(30), Duration::from_secs(5)];

type Batch = Result<Scored, Failure>;

/// Scores and publishes until stopped, or until standard input ends.
pub(crate) fn follow(arguments: &Arguments, trained: Trained) -> Result<(), Failure> {
    let connection = Connection::load(&arguments.config)?;
    init_logging(&connection.log)?;
    let topic = topic(arguments, &connection)?;
    let path = (arguments.data != Path::new("-")).then(|| arguments.data.clone());
    let source = arguments.reading.source(&arguments.data, &trained.card)?;
    let head = Head { skip_lines: source.skip_lines, header_rows: source.header_rows.unwrap_or(1) };
    let tail = match &path {
        Some(path) => Tail::file(path.clone(), head, arguments.from_start).map_err(|e| unreadable(path, &e))?,
        None => Tail::stdin(head),
    };
    let scorer = Scorer::new(trained, arguments.threshold, source);
    let runtime = runtime()?;
    let (sender, batches) = channel(1);
    let pipe = path.is_none();
    let name = path.unwrap_or_else(|| PathBuf::from("standard input"));
    info!("following {}: predictions go to {topic}", name.display());
    // It is not joined at the end: reading standard input may block for ever.
    std::thread::spawn(move || work(tail, scorer, &name, &sender));
    let served = runtime.block_on(serve(connection.bus, Arc::from(topic), batches, pipe));
    runtime.shutdown_background();
    served
}

fn topic(arguments: &Arguments, connection: &Connection) -> Result<String, Failure> {
    let usual = || format!("heijunka/{}/{}/predictions", connection.site, connection.job);
    let topic = arguments.topic.clone().unwrap_or_else(usual);
    if topic.is_empty() || topic.contains(['+', '#', '\0']) {
        return Err(Failure::new(Exit::Usage, format!("'{topic}' is not a topic")).fix("write one without + and #"));
    }
    Ok(topic)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Unavailable, format!("cannot read {}", path.display())).why(error.to_string())
}

/// Reads and scores until the receiver is gone, the input ends, or no row can be scored any more.
fn work(mut tail: Tail, mut scorer: Scorer, name: &Path, batches: &Sender<Batch>) {
    let (mut rows, mut waited) = (Vec::new(), false);
    loop {
        rows.clear();
        let got = match tail.read(&mut rows) {
            Ok(got) => got,
            Err(error) => {
                let _ = batches.blocking_send(Err(unreadable(name, &error)));
                return;
            }
        };
        if !is_plain(tail.lines.head()) {
            let failure = Failure::new(Exit::Config, format!("{} is not plain text", name.display()));
            let _ = batches.blocking_send(Err(failure.fix("follow a CSV file in UTF-8 that is not compressed")));
            return;
        }
        for rows in rows.chunks(ROWS_AT_ONCE) {
            let scored = scorer.score(tail.lines.head(), rows);
            let failed = scored.is_err();
            if batches.blocking_send(scored).is_err() || failed {
                return;
            }
        }
        match got {
            Got::Something => {}
            Got::Restart => info!("{} was replaced or truncated: reading it from the start", name.display()),
            Got::Nothing => {
                if !std::mem::replace(&mut waited, true) {
                    info!("{} so far; waiting for more", counted(tail.lines.rows(), "row"));
                }
                std::thread::sleep(LOOK_EVERY);
            }
            Got::End => return,
        }
        if batches.is_closed() {
            return;
        }
    }
}

/// Neither compressed nor UTF-16.
fn is_plain(header: &[u8]) -> bool {
    !header.contains(&0) && !header.starts_with(&[0x1f, 0x8b])
}

async fn serve(config: BusConfig, topic: Arc<str>, mut batches: Receiver<Batch>, pipe: bool) -> Result<(), Failure> {
    let mut signals = Signals::new()?;
    let (bus, mut events) =
        heijunka_bus::start(config).map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    let mut tally = Tally::new(topic);
    let (ended, farewell) = loop {
        let room = bus.unacknowledged() + ROWS_AT_ONCE <= QUEUE_MAX;
        let takes = room || (pipe && !bus.is_connected());
        tokio::select! {
            batch = batches.recv(), if takes => match batch {
                Some(Ok(scored)) => tally.publish(&bus, scored),
                Some(Err(failure)) => break (Err(failure), FAREWELL[0]),
                None => break (Ok(()), FAREWELL[0]),
            },
            event = events.next() => match event {
                Some(event) => tally.log(&event),
                None => return Err(Failure::new(Exit::Unavailable, "the bus has ended")),
            },
            () = tokio::time::sleep(ROOM_EVERY), if !takes => {}
            () = signals.received() => break (Ok(()), FAREWELL[1]),
        }
    };
    let left = bus.close(farewell).await as u64;
    tally.sum_up(left);
    if ended.is_ok() && left + tally.lost > 0 {
        let lost = format!("{} did not reach the broker", counted(left + tally.lost, "prediction"));
        return Err(Failure::new(Exit::Unavailable, lost));
    }
    ended
}

/// What has been done, and when problems were reported last.
struct Tally {
    topic: Arc<str>,
    published: u64,
    skipped: u64,
    lost: u64,
    refused: u64,
    due: Instant,
    outage: Outage,
}

impl Tally {
    fn new(topic: Arc<str>) -> Self {
        Self { topic, published: 0, skipped: 0, lost: 0, refused: 0, due: Instant::now(), outage: Outage::default() }
    }

    fn publish(&mut self, bus: &Bus, scored: Scored) {
        for said in scored.said {
            match bus.publish(Message::new(Arc::clone(&self.topic), said)) {
                Ok(()) => self.published += 1,
                Err(error) => self.lose(&error),
            }
        }
        for skipped in scored.skipped {
            self.skipped += skipped.rows;
            let (first, why, all) = (skipped.first, skipped.why, self.skipped);
            self.warn(|| warn!("row {first} is skipped: {why}; {all} skipped so far"));
        }
    }

    fn lose(&mut self, error: &PublishError) {
        self.lost += 1;
        let all = self.lost;
        self.warn(|| warn!("a prediction is lost: {error}; {all} lost so far"));
    }

    fn log(&mut self, event: &BusEvent) {
        match event {
            BusEvent::Connected { .. } => info!("{}", self.outage.over(Instant::now())),
            BusEvent::Disconnected { reason, retry_in } => {
                let messages = self.outage.lost(Instant::now(), reason, *retry_in);
                messages.into_iter().for_each(|message| warn!("{message}"));
            }
            BusEvent::PublishRefused { topic, reason } => {
                self.refused += 1;
                let all = self.refused;
                self.warn(|| warn!("the broker refused a message to {topic}: {reason}; {all} refused so far"));
            }
            _ => {}
        }
    }

    /// Problems with rows may come with every row; they are reported now and then.
    fn warn(&mut self, warn: impl FnOnce()) {
        if Instant::now() >= self.due {
            self.due = Instant::now() + REPORT_EVERY;
            warn();
        }
    }

    fn sum_up(&self, left: u64) {
        let arrived = self.published.saturating_sub(left + self.refused);
        let (arrived, skipped) = (counted(arrived, "prediction"), counted(self.skipped, "row"));
        info!("{arrived} published, {skipped} skipped, {} lost", self.lost + left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_and_wide_texts_are_not_plain() {
        assert!(is_plain("a,grün".as_bytes()) && is_plain(b""));
        assert!(!is_plain(&[0x1f, 0x8b, 8]) && !is_plain(&[0xff, 0xfe, b'a', 0]));
    }
}
