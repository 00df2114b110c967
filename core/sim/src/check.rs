//! What must hold whenever a round closes.

use crate::world::World;
use alloc::format;
use alloc::string::String;
use heijunka_allocate::RoundEnd;
use heijunka_round::{Ending, RoundRecord};
use heijunka_units::ModelVersion;
use heijunka_wire::Purpose;

/// Rounding of seconds.
const ROUNDING_S: f64 = 1e-6;

impl World<'_, '_> {
    pub(crate) fn on_closed(&mut self, index: usize, round: RoundRecord) {
        let aggregator = &self.aggregators[index];
        let before = aggregator.record.rounds.last();
        let version = before.map_or(ModelVersion(0), |round| round.model);
        let quorum = self.scenario.plan.patience.quorum;
        let batch = self.scenario.plan.batch_samples;
        let exact = self.scenario.plan.round_end == RoundEnd::Exact;
        let mut wrong = broken_laws(&round, quorum, exact);
        if before.is_some_and(|before| before.round >= round.round) {
            wrong.push("its number was used before");
        }
        let stepped = round.purpose == Purpose::Train && round.ending != Ending::GivenUp;
        if round.model != (if stepped { version.next() } else { version }) {
            wrong.push("the model's version does not follow");
        }
        if round.samples > batch && self.scenario.plan.round_end != RoundEnd::Anytime {
            wrong.push("more samples than the batch");
        }
        if round.seconds > round.deadline_s + ROUNDING_S && !aggregator.was_cut_off {
            wrong.push("it closed after its deadline");
        }
        for what in wrong {
            self.violation(format!("round {}: {what}", round.round));
        }
        let model = self.aggregators[index].mind.model().unwrap_or_default();
        for parameter in model {
            self.record.trace(u64::from(parameter.to_bits()));
        }
        let aggregator = &mut self.aggregators[index];
        if self.scenario.keep_models {
            aggregator.record.models.push(model_of(aggregator));
        }
        aggregator.was_cut_off = !aggregator.link.connected;
        aggregator.record.rounds.push(round);
    }
}

fn model_of(aggregator: &crate::aggregator::Aggregator) -> alloc::vec::Vec<f32> {
    aggregator.mind.model().unwrap_or_default().to_vec()
}

fn broken_laws(round: &RoundRecord, quorum: f64, exact: bool) -> alloc::vec::Vec<&'static str> {
    let mut wrong = alloc::vec::Vec::new();
    let whole = |agent: &heijunka_round::AgentRound| agent.samples + agent.reissued == agent.assigned;
    let computed = |agent: &&heijunka_round::AgentRound| whole(agent) || (agent.samples > 0 && !exact);
    let delivered = round.agents.iter().filter(computed).count();
    if round.purpose == Purpose::Train {
        if round.ending != Ending::GivenUp && (delivered as f64) < quorum * round.agents.len() as f64 {
            wrong.push("it stepped below the quorum");
        }
        if (round.ending == Ending::Full) != (delivered == round.agents.len()) && round.ending != Ending::GivenUp {
            wrong.push("it names another ending than what arrived");
        }
    }
    if round.agents.iter().any(|agent| agent.samples > agent.assigned) {
        wrong.push("an agent delivered more than it was assigned");
    }
    if !round.agents.is_sorted_by(|a, b| a.agent < b.agent) {
        wrong.push("an agent stands twice in it");
    }
    if round.agents.iter().any(|agent| agent.reissued + agent.samples > agent.assigned) {
        wrong.push("a range was computed twice");
    }
    if round.samples != round.agents.iter().map(|agent| agent.samples + agent.reissued).sum::<u32>() {
        wrong.push("its samples are not the sum of the agents'");
    }
    wrong
}

impl World<'_, '_> {
    /// Keeps the first model, before any round has moved it.
    pub(crate) fn keep_first_model(&mut self, index: usize) {
        let aggregator = &mut self.aggregators[index];
        if self.scenario.keep_models && aggregator.record.models.is_empty() && aggregator.mind.model().is_some() {
            aggregator.record.models.push(model_of(aggregator));
        }
    }

    /// Records a second, different question for the same round.
    pub(crate) fn check_asked(&mut self, agent: usize, key: crate::agent::AskedKey, asked: crate::agent::Asked) {
        let first = *self.agents[agent].asked.entry(key).or_insert(asked);
        let model = *self.models_asked.entry((key.1, key.2)).or_insert(asked.2);
        if model != asked.2 && self.scenario.bus.forgery == 0.0 {
            let what = format!("agent {agent} has another model in round {} than the first that was asked", key.2);
            self.violation(what);
        }
        // Who obeys forged words may be asked anything.
        if first != asked && self.scenario.bus.forgery == 0.0 {
            let what: String = format!("agent {agent} was asked for two different things in round {}", key.2);
            self.violation(what);
        }
    }
}
