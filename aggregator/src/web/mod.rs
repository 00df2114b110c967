//! The page, `/state`, `/events` and `/metrics`: HTTP on a thread of its own, which is handed snapshots and asks for nothing.

mod board;
mod body;
mod gate;
mod ideal;
mod metrics;
mod routes;
mod server;
mod settings;
mod snapshot;
mod state;
#[cfg(test)]
mod tests;
mod words;

pub(crate) use server::bind;
pub(crate) use settings::{Listen, Web};

use crate::config::Valid;
use crate::people::Figures;
use board::Board;
use heijunka_round::{Coordinator, Event, RoundRecord};
use server::Server;
use snapshot::{Facts, Seen, Snapshot};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tracing::{info, warn};

/// A snapshot is made at most so often.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(250);

/// The driver's side of the page; nothing happens if it is off.
pub(crate) struct Page(Option<Open>);

struct Open {
    facts: Arc<Facts>,
    board: Board,
    snapshots: watch::Sender<Arc<Snapshot>>,
    server: Server,
    begun: Instant,
    due: Instant,
}

impl Page {
    /// Begins to serve, if the settings want it. A page that cannot be served is no reason not to train.
    pub(crate) fn start(valid: &Valid) -> Self {
        let Some(listen) = &valid.web else { return Self(None) };
        let facts = Arc::new(Facts::new(valid));
        let (snapshots, receiver) = watch::channel(Arc::new(Snapshot::connecting(Arc::clone(&facts))));
        match Server::start(listen, receiver) {
            Ok(server) => {
                info!("the page is at http://{}/", server.address());
                let now = Instant::now();
                Self(Some(Open { facts, board: Board::default(), snapshots, server, begun: now, due: now }))
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

    /// Hands a snapshot to the server, if the last one is old enough.
    pub(crate) fn show(&mut self, coordinator: &Coordinator, figures: &Figures, connected: bool) {
        let Some(open) = &mut self.0 else { return };
        if Instant::now() >= open.due {
            open.due = Instant::now() + SNAPSHOT_EVERY;
            open.hand_over(&Seen { coordinator, figures, connected, elapsed: open.begun.elapsed(), ended: None });
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
        let open = self.0?;
        let (elapsed, ended) = (open.begun.elapsed(), Some(ended));
        open.hand_over(&Seen { coordinator, figures, connected, elapsed, ended });
        Some(open.server)
    }
}

impl Open {
    fn hand_over(&self, seen: &Seen<'_>) {
        self.snapshots.send_replace(Arc::new(Snapshot::new(&self.facts, &self.board, seen)));
    }
}
