//! Orders from the page.

use super::Driver;
use crate::export;
use heijunka_page::{Asked, Order};
use heijunka_round::{Input, Phase};
use tracing::info;

impl Driver<'_> {
    pub(super) fn on_order(&mut self, asked: Asked) {
        let outcome = self.obey(asked.order);
        let done = outcome.as_ref().unwrap_or_else(|why| why);
        self.progress.print(|| info!("order from the page: {:?}: {done}", asked.order));
        self.page.hasten();
        // The browser may be gone; the order is carried out all the same.
        let _ = asked.answer.send(outcome);
    }

    fn obey(&mut self, order: Order) -> Result<String, String> {
        let now = self.now();
        match order {
            Order::Pause => {
                self.coordinator.handle(now, Input::Pause);
                Ok(match self.coordinator.phase() {
                    Phase::Training => "the open round is finished, then the job pauses; resume continues it",
                    _ => "paused; resume continues the job",
                }
                .to_owned())
            }
            Order::Resume if !self.coordinator.is_held() => Ok("the job is not paused".to_owned()),
            Order::Resume => {
                self.coordinator.handle(now, Input::Resume);
                Ok(match self.coordinator.phase() {
                    Phase::Paused => "training continues as soon as enough agents are online",
                    _ => "training continues",
                }
                .to_owned())
            }
            Order::Checkpoint => self.save(),
            Order::Export => {
                let saved = self.save()?;
                let why = match export::beside(&self.valid.output) {
                    Ok(Ok(said)) => return Ok(format!("{saved}; {}: {said}", export::FILE)),
                    Ok(Err(error)) => error.to_string(),
                    Err(failure) => failure.reason(),
                };
                Err(format!("{saved}; {} is not written: {why}", export::FILE))
            }
            Order::Stop if self.last.is_some() => {
                Err("the job is over, and the program exits once the model is written: see above".to_owned())
            }
            Order::Stop => {
                self.coordinator.handle(now, Input::Stop);
                Ok("the job ends; the model is being written".to_owned())
            }
        }
    }
}
