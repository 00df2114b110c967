//! What agents' announced limits mean for a job, before anything is measured.

use super::Coordinator;
use crate::event::Event;
use crate::trainer::Trainer;
use alloc::vec::Vec;
use heijunka_compress::bytes_max;
use heijunka_units::{AgentId, Codec};

impl Coordinator {
    /// Bytes of an agent's gradient, as that codec writes it.
    pub(crate) fn answer_bytes(&self, named: Codec) -> f64 {
        let parameters = self.trainer.as_ref().map_or(0, |trainer| trainer.parameters().len());
        let share = f64::from(self.plan.compact.kept_ppm(self.trainer.as_ref().map_or(0, Trainer::steps))) / 1e6;
        bytes_max(named, parameters, (parameters as f64 * share) as usize) as f64
    }

    /// Chooses the codecs that capped uplinks need from the first round on, where codecs are ours to choose.
    pub(crate) fn plan_links(&mut self) {
        if self.plan.compact.gradient.is_some() {
            return;
        }
        let (dense_bytes, last) = (self.answer_bytes(Codec::Float32), self.last_codec());
        let capped = self.roster.members.iter_mut().filter(|(_, member)| member.join.uplink_bytes_per_s > 0);
        let planned: Vec<(AgentId, Codec, u32, f64)> = capped
            .filter_map(|(agent, member)| {
                let cap = member.join.uplink_bytes_per_s;
                let dense_s = dense_bytes / f64::from(cap);
                let codec = member.link.plan(dense_s, last)?;
                Some((agent.clone(), codec, cap, dense_s))
            })
            .collect();
        if planned.is_empty() {
            return;
        }
        for (agent, codec, cap, dense_s) in planned {
            let uplink_bits_per_s = u64::from(cap) * 8;
            self.report(Event::CodecPlanned { agent, uplink_bits_per_s, dense_s, codec });
        }
        self.follow_links();
    }
}
