//! Gradients that arrive: for the open round, or for their timing alone.

use super::Coordinator;
use crate::collection::{Collection, Taken};
use crate::event::Event;
use crate::rejected::{Rejected, Why};
use crate::roster::Roster;
use heijunka_allocate::Weighting;
use heijunka_units::{AgentId, Timestamp};
use heijunka_wire::{DataMode, Gradient, Purpose};

/// What an agent's own answer of so many samples weighs.
pub(crate) fn weight(roster: &Roster, data: DataMode, weighting: Weighting, agent: &AgentId, samples: u32) -> f64 {
    match roster.members.get(agent) {
        // Each machine's data count by their number of rows, however many it computes in a round and however often it
        // misses one.
        Some(member) if data == DataMode::Private => member.join.rows as f64 / member.inclusion.probability(),
        Some(_) if weighting == Weighting::PerAgent => 1.0,
        Some(_) => f64::from(samples),
        None => 0.0,
    }
}

impl Coordinator {
    pub(crate) fn on_gradient(
        &mut self,
        now: Timestamp,
        agent: &AgentId,
        gradient: Gradient,
        payload: &[u8],
        frame_bytes: usize,
    ) -> Result<(), Rejected> {
        if self.trainer.is_none() || gradient.round > self.round {
            return Err(Rejected(Why::UnknownRound));
        }
        let is_asked =
            |open: &&mut Collection| (open.head().round, open.head().purpose()) == (gradient.round, Purpose::Train);
        let open = self.open.as_mut().filter(is_asked);
        let probe = self.timings.is_probe(gradient.round, agent);
        let Some(open) = open.filter(|open| !probe || open.is_piece(agent, &gradient)) else {
            self.take_timing(now, agent, &gradient);
            return Ok(());
        };
        let known = self.roster.members.contains_key(agent);
        match open.take_gradient(now, (agent, known), &gradient, payload, frame_bytes)? {
            Taken::Chunk | Taken::Useless => {}
            Taken::Duplicate => self.counters.duplicate += 1,
            Taken::Answered => self.on_answered(agent, &gradient),
            Taken::Piece => self.counters.reissued += 1,
            Taken::LatePiece => self.counters.late += 1,
            Taken::TimingOnly => self.take_timing(now, agent, &gradient),
            Taken::Failed => {
                let round = open.name();
                self.report(Event::NotFinite { agent: agent.clone(), round });
            }
        }
        self.add_in_order();
        Ok(())
    }

    fn on_answered(&mut self, agent: &AgentId, gradient: &Gradient) {
        if let Some(member) = self.roster.members.get_mut(agent) {
            let compute_s = f64::from(gradient.durations.compute_us.max(1)) / 1e6;
            member.samples_per_s = f64::from(gradient.samples) / compute_s;
        }
        self.counters.accepted += 1;
        self.note_timed(agent, gradient.round);
    }

    /// Adds every range whose turn it is and that is complete.
    fn add_in_order(&mut self) {
        let (roster, data, weighting) = (&self.roster, self.spec.job().data_mode, self.allocation.weighting());
        if let Some(open) = &mut self.open {
            open.add_in_order(&|agent, samples| weight(roster, data, weighting, agent, samples));
        }
    }
}
