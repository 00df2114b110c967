//! The page, `/state`, `/events` and `/metrics`: HTTP on a thread of its own, which is handed snapshots and asks for nothing.

mod board;
mod curve;
mod figures;
mod files;
mod gate;
mod ideal;
mod lines;
mod listen;
mod metrics;
mod observe;
mod orders;
mod routes;
mod server;
mod snapshot;
mod spans;
mod state;
#[cfg(test)]
mod tests;
mod what_if;
mod words;

pub use figures::{Figures, data_mode, phase};
pub use listen::Listen;
pub use orders::{Asked, Done, Order};
pub use server::{Server, bind};
pub use snapshot::Facts;

use board::Board;
use heijunka_round::{Coordinator, Event, RoundRecord};
use observe::Seen;
use routes::Desk;
use snapshot::Snapshot;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};
use what_if::Finding;

/// A snapshot is made at most this often.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(250);
/// The times of other fleets are estimated at most this often.
const WHAT_IF_EVERY: Duration = Duration::from_secs(2);

/// What a page needs to begin.
pub struct Setup {
    /// Where it is served; none if it is off.
    pub listen: Option<Listen>,
    /// What it shows from the start.
    pub facts: Facts,
    /// The output folder, from which it serves the model's files.
    pub folder: PathBuf,
    /// How long the job had taken before, if it was resumed.
    pub before: Duration,
}

/// The driver's side of the page; nothing happens if it is off.
pub struct Page(Option<Open>);

struct Open {
    facts: Arc<Facts>,
    board: Board,
    snapshots: watch::Sender<Arc<Snapshot>>,
    orders: mpsc::Receiver<Asked>,
    server: Server,
    begun: Instant,
    /// How long the job had taken before.
    before: Duration,
    due: Instant,
    what_if: Arc<[Finding]>,
    what_if_due: Instant,
}

impl Page {
    /// Serves the page, unless it is off. Training continues without the page if it cannot be served.
    pub fn start(setup: Setup) -> Self {
        let Setup { listen, facts, folder, before } = setup;
        let Some(listen) = listen else { return Self(None) };
        let facts = Arc::new(facts);
        let (snapshots, receiver) = watch::channel(Arc::new(Snapshot::connecting(Arc::clone(&facts))));
        let (sender, orders) = mpsc::channel(orders::ORDERS_MAX);
        match Server::start(&listen, Desk { snapshots: receiver, orders: sender, folder }) {
            Ok(server) => {
                info!("the page is at http://{}/", server.address());
                let now = Instant::now();
                let (board, what_if) = (Board::default(), Arc::default());
                Self(Some(Open {
                    facts,
                    board,
                    snapshots,
                    orders,
                    server,
                    begun: now,
                    before,
                    due: now,
                    what_if,
                    what_if_due: now,
                }))
            }
            Err(error) => {
                let address = listen.address;
                warn!(
                    "no page at {address}: {error}; training continues without it; set [web] listen to another address, or to \"off\""
                );
                Self(None)
            }
        }
    }

    /// Takes in a closed round; `step` is the model's number of steps after it.
    pub fn add(&mut self, record: &RoundRecord, step: u64) {
        if let Some(open) = &mut self.0 {
            open.board.add(record, step);
        }
    }

    /// Takes in an event of that time, as people read it.
    pub fn add_event(&mut self, event: &Event, time: String) {
        if let Some(open) = &mut self.0 {
            open.board.add_event(event, time);
        }
    }

    /// The next order; never if there is no page.
    pub async fn order(&mut self) -> Asked {
        if let Some(open) = &mut self.0
            && let Some(asked) = open.orders.recv().await
        {
            return asked;
        }
        std::future::pending().await
    }

    /// The next snapshot is due at once: an order has changed something.
    pub fn hasten(&mut self) {
        if let Some(open) = &mut self.0 {
            open.due = Instant::now();
        }
    }

    /// Hands a snapshot to the server, if the last one is old enough.
    pub fn show(&mut self, coordinator: &Coordinator, figures: &Figures, connected: bool) {
        let Some(open) = &mut self.0 else { return };
        if Instant::now() >= open.due {
            open.due = Instant::now() + SNAPSHOT_EVERY;
            open.hand_over(&Seen { coordinator, figures, connected, elapsed: open.elapsed(), ended: None });
        }
    }

    /// Hands over the last snapshot, which says why the job is over. Browsers need a moment to get it: wait for the server.
    pub fn close(self, coordinator: &Coordinator, figures: &Figures, connected: bool, ended: &str) -> Option<Server> {
        let mut open = self.0?;
        let (elapsed, ended) = (open.elapsed(), Some(ended));
        open.hand_over(&Seen { coordinator, figures, connected, elapsed, ended });
        Some(open.server)
    }
}

impl Open {
    fn elapsed(&self) -> Duration {
        self.before + self.begun.elapsed()
    }

    fn hand_over(&mut self, seen: &Seen<'_>) {
        let mut snapshot = Snapshot::new(&self.facts, &self.board, seen);
        if Instant::now() >= self.what_if_due {
            self.what_if_due = Instant::now() + WHAT_IF_EVERY;
            self.what_if = what_if::findings(&snapshot.machines(), f64::from(self.facts.batch_samples)).into();
        }
        snapshot.what_if = Arc::clone(&self.what_if);
        self.snapshots.send_replace(Arc::new(snapshot));
    }
}
