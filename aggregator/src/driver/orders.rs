//! What somebody asks for on the page.

use super::Driver;
use crate::export;
use heijunka_page::{Asked, Order};
use heijunka_round::{Input, Phase};
use tracing::info;

impl Driver<'_> {
    pub(super) fn on_order(&mut self, asked: Asked) {
        let told = self.obey(asked.order);
        let done = told.as_ref().unwrap_or_else(|why| why);
        self.progress.tell(|| info!("asked on the page: {:?}: {done}", asked.order));
        self.page.hasten();
        // Whoever asked may be gone; it is done all the same.
        let _ = asked.answer.send(told);
    }

    fn obey(&mut self, order: Order) -> Result<String, String> {
        let now = self.now();
        match order {
            Order::Pause => {
                self.coordinator.handle(now, Input::Pause);
                Ok(match self.coordinator.phase() {
                    Phase::Training => "the open round is finished, then the job pauses; resume goes on",
                    _ => "paused; resume goes on",
                }
                .to_owned())
            }
            Order::Resume if !self.coordinator.is_held() => Ok("nobody has paused the job".to_owned()),
            Order::Resume => {
                self.coordinator.handle(now, Input::Resume);
                Ok(match self.coordinator.phase() {
                    Phase::Paused => "it goes on as soon as enough agents are here",
                    _ => "it goes on",
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
                Err("the job is over, and the program ends once the model is written: see above".to_owned())
            }
            Order::Stop => {
                self.coordinator.handle(now, Input::Stop);
                Ok("the job ends; the model is written".to_owned())
            }
        }
    }
}
