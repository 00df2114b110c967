//! The page, `/state`, `/events` and `/metrics`: HTTP on a thread of its own, which is handed snapshots and asks for nothing.

mod board;
mod body;
mod curve;
mod files;
mod gate;
mod ideal;
mod lines;
mod metrics;
mod orders;
mod routes;
mod server;
mod settings;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;
mod what_if;
mod words;

pub(crate) use orders::{Asked, Order};
pub(crate) use server::bind;
pub(crate) use settings::{Listen, Web};

use crate::config::Valid;
use crate::people::Figures;
use board::Board;
use heijunka_round::{Coordinator, Event, RoundRecord};
use routes::Desk;
use server::Server;
use snapshot::{Facts, Seen, Snapshot};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};
use what_if::Finding;

/// A snapshot is made at most so often.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(250);
/// What another fleet would take is estimated anew at most so often.
const WHAT_IF_EVERY: Duration = Duration::from_secs(2);

/// The driver's side of the page; nothing happens if it is off.
pub(crate) struct Page(Option<Open>);

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
    /// Begins to serve, if the settings want it. A page that cannot be served is no reason not to train.
    pub(crate) fn start(valid: &Valid) -> Self {
        let Some(listen) = &valid.web else { return Self(None) };
        let facts = Arc::new(Facts::new(valid));
        let (snapshots, receiver) = watch::channel(Arc::new(Snapshot::connecting(Arc::clone(&facts))));
        let (sender, orders) = mpsc::channel(orders::ORDERS_MAX);
        match Server::start(listen, Desk { snapshots: receiver, orders: sender, folder: valid.output.clone() }) {
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
                    before: valid.gone_on.unwrap_or_default(),
                    due: now,
                    what_if,
                    what_if_due: now,
                }))
            }
            Err(error) => {
                let address = listen.address;
                warn!(
                    "no page at {address}: {error}; training goes on; [web] listen names another address, or \"off\""
                );
                Self(None)
            }
        }
    }

    /// Takes in a closed round; `step` is the model's number of steps after it.
    pub(crate) fn add(&mut self, record: &RoundRecord, step: u64) {
        if let Some(open) = &mut self.0 {
            open.board.add(record, step);
        }
    }

    /// Takes in an event.
    pub(crate) fn tell(&mut self, event: &Event) {
        if let Some(open) = &mut self.0 {
            open.board.tell(event);
        }
    }

    /// The next order; never if there is no page.
    pub(crate) async fn order(&mut self) -> Asked {
        if let Some(open) = &mut self.0
            && let Some(asked) = open.orders.recv().await
        {
            return asked;
        }
        std::future::pending().await
    }

    /// The next snapshot is due at once: somebody has changed something and wants to see it.
    pub(crate) fn hasten(&mut self) {
        if let Some(open) = &mut self.0 {
            open.due = Instant::now();
        }
    }

    /// Hands a snapshot to the server, if the last one is old enough.
    pub(crate) fn show(&mut self, coordinator: &Coordinator, figures: &Figures, connected: bool) {
        let Some(open) = &mut self.0 else { return };
        if Instant::now() >= open.due {
            open.due = Instant::now() + SNAPSHOT_EVERY;
            open.hand_over(&Seen { coordinator, figures, connected, elapsed: open.elapsed(), ended: None });
        }
    }

    /// Hands over the last snapshot, which says why the job is over. Browsers need a moment to get it: wait for the server.
    pub(crate) fn close(
        self,
        coordinator: &Coordinator,
        figures: &Figures,
        connected: bool,
        ended: &str,
    ) -> Option<Server> {
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
