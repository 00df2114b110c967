//! `/metrics`: the snapshot in Prometheus' text format.

use crate::board::{AgentHistory, BUCKETS_S};
use crate::figures::CANNOT_SAVE;
use crate::snapshot::{AgentView, Snapshot};
use heijunka_metrics::Usage;
use heijunka_metrics::{Text, process};
use heijunka_round::{OwnLimits, Why};

const PHASES: [&str; 7] = ["connecting", "surveying", "preparing", "training", "paused", CANNOT_SAVE, "finished"];

/// The whole page of text.
pub(crate) fn metrics(snapshot: &Snapshot) -> String {
    let mut text = Text::default();
    job(&mut text, snapshot);
    rounds(&mut text, snapshot);
    scores(&mut text, snapshot);
    answers(&mut text, snapshot);
    agents(&mut text, snapshot);
    limits(&mut text, snapshot);
    if let Some(usage) = Usage::of("self") {
        let name = "heijunka_peak_resident_memory_bytes";
        text.gauge(name, "Largest resident memory of the aggregator so far.", usage.peak_rss_bytes);
    }
    process(&mut text);
    text.finish()
}

fn job(text: &mut Text, snapshot: &Snapshot) {
    let facts = &snapshot.facts;
    text.family("gauge", "heijunka_build_info", "Version of the aggregator.");
    text.sample("heijunka_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
    text.family("gauge", "heijunka_job_info", "What is trained.");
    let labels = [
        ("site", facts.site.as_str()),
        ("job", facts.job.as_str()),
        ("policy", facts.policy.as_str()),
        ("data", snapshot.data),
    ];
    text.sample("heijunka_job_info", &labels, 1);
    text.family("gauge", "heijunka_phase", "1 for the phase that the job is in.");
    for phase in PHASES {
        text.sample("heijunka_phase", &[("phase", phase)], u8::from(phase == snapshot.phase));
    }
    let held = u8::from(snapshot.held);
    text.gauge(
        "heijunka_pause_requested",
        "1 while the job is paused, or about to pause, because a person requested it.",
        held,
    );
    let cannot_begin = u8::from(snapshot.obstacle.is_some());
    text.gauge("heijunka_cannot_begin", "1 while the agents' data make no job; the page says why.", cannot_begin);
    let cannot_save = u8::from(snapshot.cannot_save.is_some());
    text.gauge("heijunka_cannot_save", "1 while the model cannot be written.", cannot_save);
    text.gauge("heijunka_run", "Number of this run of the job.", snapshot.run);
    let connected = u8::from(snapshot.connected);
    text.gauge("heijunka_broker_connected", "1 while there is a connection to the broker.", connected);
    text.gauge("heijunka_min_agents", "Agents below which training waits.", facts.min_agents);
    text.gauge("heijunka_planned_steps", "Steps after which the job is over.", facts.max_rounds);
    text.gauge("heijunka_batch_samples", "Samples of the global batch.", facts.batch_samples);
}

fn rounds(text: &mut Text, snapshot: &Snapshot) {
    let (sums, recent) = (&snapshot.sums, &snapshot.recent);
    text.counter("heijunka_steps_total", "Steps that the model has taken.", snapshot.step);
    text.family("counter", "heijunka_rounds_total", "Training rounds by how they ended.");
    for (ending, rounds) in ["full", "partial", "given_up"].into_iter().zip(sums.rounds) {
        text.sample("heijunka_rounds_total", &[("ending", ending)], rounds);
    }
    text.counter("heijunka_scoring_rounds_total", "Rounds that scored held-out rows.", sums.scorings);
    histogram(text, snapshot);
    let name = "heijunka_between_rounds_seconds_total";
    text.counter(
        name,
        "Time between a training round's publication and the closing of the one before.",
        sums.between_s,
    );
    let name = "heijunka_equal_shares_seconds_total";
    text.counter(name, "Estimated duration of the training rounds with equal shares.", sums.equal_s);
    let name = "heijunka_ideal_round_duration_seconds";
    text.gauge_if(name, "Duration of a round in which all agents would finish at the same time.", recent.ideal_s);
    text.counter("heijunka_samples_total", "Samples that entered steps.", sums.samples);
    let name = "heijunka_reissued_samples_total";
    text.counter(name, "Samples of lost agents that others computed.", sums.reissued_samples);
    text.counter("heijunka_sent_bytes_total", "Frames to agents, once for each expected agent.", sums.bytes_down);
    text.counter("heijunka_received_bytes_total", "Frames of answers.", sums.bytes_up);
    text.counter("heijunka_reallocations_total", "Times that the shares moved.", snapshot.reallocations);
}

fn histogram(text: &mut Text, snapshot: &Snapshot) {
    let (sums, name) = (&snapshot.sums, "heijunka_round_duration_seconds");
    text.family("histogram", name, "Duration of training rounds, from publication to closing.");
    let (bucket, mut within) = (format!("{name}_bucket"), 0);
    for (bound, rounds) in BUCKETS_S.iter().zip(sums.buckets) {
        within += rounds;
        text.sample(&bucket, &[("le", &bound.to_string())], within);
    }
    let all: u64 = sums.rounds.iter().sum();
    text.sample(&bucket, &[("le", "+Inf")], all);
    text.sample(&format!("{name}_sum"), &[], sums.seconds);
    text.sample(&format!("{name}_count"), &[], all);
}

fn scores(text: &mut Text, snapshot: &Snapshot) {
    let summary = snapshot.score.map(|score| score.summary).unwrap_or_default();
    text.gauge_if("heijunka_loss", "Mean loss of the last training round's samples.", snapshot.loss);
    text.gauge_if("heijunka_held_out_loss", "Mean loss of the held-out rows.", summary.loss);
    text.gauge_if("heijunka_accuracy_ratio", "Held-out rows that were classified rightly.", summary.accuracy);
    text.gauge_if("heijunka_macro_f1_ratio", "Mean F1 of the classes on the held-out rows.", summary.macro_f1);
    text.gauge_if("heijunka_pr_auc_ratio", "Average precision of the positive class, held-out rows.", summary.pr_auc);
    text.gauge_if("heijunka_best_f1_ratio", "F1 of the positive class at its best threshold.", summary.best_f1);
    text.gauge_if("heijunka_cost_per_row", "Mean cost of a held-out row at the threshold.", summary.cost_per_row);
    text.gauge_if("heijunka_root_mean_square_error", "On the held-out rows, in the target's unit.", summary.rmse);
}

fn answers(text: &mut Text, snapshot: &Snapshot) {
    let counters = &snapshot.counters;
    let all = [
        ("heijunka_accepted_answers_total", "Whole answers that counted.", counters.accepted),
        ("heijunka_duplicate_chunks_total", "Chunks that had been there already.", counters.duplicate),
        ("heijunka_late_chunks_total", "Chunks of closed rounds.", counters.late),
        ("heijunka_stale_messages_total", "Messages of other runs.", counters.stale),
        ("heijunka_repeated_rounds_total", "Rounds published again for an agent that lost them.", counters.repeated),
        ("heijunka_snapshots_total", "Whole models sent to agents that lacked one.", counters.snapshots),
        ("heijunka_probes_total", "Answers whose timing alone counts.", counters.probes),
        ("heijunka_reissued_ranges_total", "Ranges computed in place of lost agents.", counters.reissued),
    ];
    for (name, help, value) in all {
        text.counter(name, help, value);
    }
    let name = "heijunka_rejected_messages_total";
    text.family("counter", name, "Messages that were not accepted, by the reason.");
    for why in Why::ALL {
        text.sample(name, &[("reason", why.as_str())], counters.rejected.of(*why));
    }
}

/// What `[limits]` of the aggregator and of the agents do.
fn limits(text: &mut Text, snapshot: &Snapshot) {
    if let Some(downlink) = &snapshot.downlink {
        let name = "heijunka_downlink_limit_bytes_per_second";
        text.gauge(name, "What [limits] downlink lets through to the broker.", downlink.bits_per_s as f64 / 8.0);
        let help = "Frames that wait for [limits] downlink to let them leave.";
        text.gauge("heijunka_downlink_waiting_bytes", help, downlink.waiting_bytes);
        let help = "Time for which rounds waited until [limits] downlink had let their models leave.";
        text.counter("heijunka_downlink_held_seconds_total", help, downlink.held.as_secs_f64());
    }
    let mut gauge = |name: &str, help: &str, of: fn(&OwnLimits) -> f64| {
        text.family("gauge", name, help);
        for view in &snapshot.agents {
            text.sample(name, &[("agent", view.agent.as_str())], of(&view.limits));
        }
    };
    let help = "1 while the agent is away because the hours of its [limits] train_only are over.";
    gauge("heijunka_agent_away", help, |limits| f64::from(u8::from(limits.away)));
    let help = "Share of its processors that the agent takes at most, by its [limits].";
    gauge("heijunka_agent_cpu_limit_ratio", help, |limits| f64::from(limits.cpu_share_percent) / 100.0);
    let help = "What the agent sends at most, by its [limits]; 0 without a limit.";
    gauge("heijunka_agent_uplink_limit_bytes_per_second", help, |limits| f64::from(limits.uplink_bytes_per_s));
}

fn agents(text: &mut Text, snapshot: &Snapshot) {
    text.gauge("heijunka_agents_online", "Agents that are here.", snapshot.online());
    let mut gauge = |name: &str, help: &str, of: fn(&AgentView) -> u64| {
        text.family("gauge", name, help);
        for view in &snapshot.agents {
            text.sample(name, &[("agent", view.agent.as_str())], of(view));
        }
    };
    gauge("heijunka_agent_online", "1 while the agent is here.", |view| view.online.into());
    gauge("heijunka_agent_share_samples", "Samples per round of the agent.", |view| view.share_samples.into());
    gauge("heijunka_agent_rows", "Rows that the agent trains on.", |view| view.rows);
    let mut counter = |name: &str, help: &str, of: fn(&AgentHistory) -> f64| {
        text.family("counter", name, help);
        for view in &snapshot.agents {
            text.sample(name, &[("agent", view.agent.as_str())], of(&view.history));
        }
    };
    let help = "Training rounds that the agent answered.";
    counter("heijunka_agent_answered_rounds_total", help, |history| history.answered as f64);
    let help = "Training rounds that the agent did not answer in time.";
    counter("heijunka_agent_missed_rounds_total", help, |history| history.missed as f64);
    let help = "Samples that the agent delivered.";
    counter("heijunka_agent_samples_total", help, |history| history.sums.samples);
    let help = "Time in the agent's hands: decoding, computing, encoding.";
    counter("heijunka_agent_compute_seconds_total", help, |history| history.sums.compute_s);
    let help = "Time on the way to the agent and back.";
    counter("heijunka_agent_network_seconds_total", help, |history| history.sums.network_s);
    let help = "Time from the agent's answer to the round's end.";
    counter("heijunka_agent_waiting_seconds_total", help, |history| history.sums.waiting_s);
}
