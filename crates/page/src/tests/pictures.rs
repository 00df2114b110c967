//! The page in a real browser: pictures for people to look at in `target/screenshots`, and what sixty agents cost.

use super::browser::Browser;
use super::{TIME, part, record, snapshot};
use crate::board::Board;
use crate::ideal::Machine;
use crate::lines::{Column, Parts};
use crate::listen::Listen;
use crate::orders::{Asked, ORDERS_MAX, Order};
use crate::routes::Desk;
use crate::server::Server;
use crate::snapshot::{AgentView, Facts, Recent, Snapshot};
use crate::state::{Sent, state};
use crate::what_if;
use crate::words::{Pace, line, why};
use heijunka_round::{Event, RoundName};
use heijunka_units::AgentId;
use heijunka_wire::Purpose;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Looks random, and is the same each time.
fn noise(number: u64) -> f64 {
    (number as f64 * 0.618_033_988_75).fract()
}

/// Rounds of agents of uneven speed, whose shares are levelled bit by bit.
fn plant(agents: u64, rounds: u64) -> (Board, Vec<u32>) {
    let mut board = Board::default();
    let batch = 32 * agents;
    let speeds: Vec<f64> = (0..agents).map(|agent| 1.0 + 5.0 * noise(agent + 1)).collect();
    let all: f64 = speeds.iter().sum();
    let mut shares = Vec::new();
    for step in 1..=rounds {
        let levelled = 1.0 - (-(step as f64) / 60.0).exp();
        let weight = |speed: &f64| (1.0 - levelled) / agents as f64 + levelled * speed / all;
        let now: Vec<u32> = speeds.iter().map(|speed| (batch as f64 * weight(speed)).round() as u32).collect();
        let parts = speeds.iter().zip(&now).zip(0..).map(|((speed, share), agent)| {
            let own_s = f64::from(*share) * 2e-3 / speed * (1.0 + 0.1 * noise(step * agents + agent));
            part(&name(agent), *share, own_s + 4e-3 + 4e-3 * noise(step + agent), own_s)
        });
        let parts: Vec<_> = parts.collect();
        let slowest = parts.iter().map(|part| part.total_s).fold(0.0, f64::max);
        let mut round = record(Purpose::Train, slowest, parts);
        round.equal_s = 32.0 * 2e-3 + 8e-3;
        round.loss = Some(2.0 * (-(step as f64) / 150.0).exp() + 0.2);
        round.moved = (now != shares).then(|| "press-07 has become faster".to_owned());
        board.add(&round, step);
        if step % 20 == 0 {
            board.add(&record(Purpose::Score, 0.1, Vec::new()), step);
        }
        shares = now;
    }
    board.columns.clear();
    for step in rounds.saturating_sub(40)..rounds {
        let parts = speeds.iter().zip(&shares).zip(0..).map(|((speed, share), agent)| {
            let compute_s = f64::from(*share) * 2e-3 / speed * (1.0 + 0.3 * noise(step * agents + agent));
            let (network_s, waiting_s) = (4e-3 + 4e-3 * noise(step + agent), 4e-3 * noise(step + 2 * agent));
            let parts = Parts { compute_s, network_s, waiting_s, samples: f64::from(*share) };
            Some(if noise(step * 7 + agent) > 0.02 { parts } else { Parts::default() })
        });
        board.columns.push_back(Column { sequence: 1, step, parts: parts.collect() });
    }
    board.add_event(&Event::Started { agents: 24 }, TIME.to_owned());
    let (agent, round) = (AgentId::new("oven-02").unwrap(), RoundName::Training(17));
    board.add_event(&Event::Unanswered { agent, round, dropped: false }, TIME.to_owned());
    (board, shares)
}

fn name(agent: u64) -> String {
    format!("{}-{agent:02}", ["press", "oven", "lathe", "saw"][agent as usize % 4])
}

fn shown(board: &Board, shares: &[u32], step: u64, held: bool) -> Snapshot {
    let view = |(share_samples, agent): (&u32, u64)| {
        let agent = AgentId::new(&name(agent)).unwrap();
        let history = board.agents.get(&agent).cloned().unwrap_or_default();
        let (recent, recent_missed) = history.recent();
        let machine =
            recent.map(|parts| Machine { fixed_s: parts.network_s, per_sample_s: parts.compute_s / parts.samples });
        let outlook = Some(format!("{agent}: 41.2 ms of computing and 5.1 ms of network are expected"));
        let (online, rows, why) = (true, 1552, String::new());
        AgentView {
            agent,
            online,
            rows,
            share_samples: *share_samples,
            limits: heijunka_round::OwnLimits::default(),
            recent,
            recent_missed,
            history,
            why,
            outlook,
            machine,
        }
    };
    let mut agents: Vec<AgentView> = shares.iter().zip(0..).map(view).collect();
    agents.sort_by(|a, b| a.agent.cmp(&b.agent));
    let pace = Pace::of(&agents);
    agents.iter_mut().for_each(|view| view.why = why(view, pace.as_ref()));
    let facts = Facts {
        site: "north-hall".into(),
        job: "steel-plates".into(),
        host: "line-pc-4".into(),
        policy: "adaptive".into(),
        broker: "10.0.0.4:1883".into(),
        max_rounds: 600,
        batch_samples: shares.iter().sum(),
        min_agents: 2,
        control: true,
    };
    let recent =
        Recent { round_s: Some(0.0421), ideal_s: Some(0.0387), equal_s: Some(0.072), saved_s_per_hour: Some(2556.0) };
    let mut snapshot =
        Snapshot { facts: Arc::new(facts), agents, step, recent, held, loss: Some(0.2314), ..snapshot(board) };
    snapshot.line =
        if held { "Paused after round 400, as requested." } else { "Training: round 400 of 600, 8.4 s left." }.into();
    if held {
        snapshot.phase = "paused";
    }
    snapshot.what_if = what_if::findings(&snapshot.machines(), f64::from(snapshot.facts.batch_samples)).into();
    snapshot
}

#[test]
fn sixty_agents_are_told_in_few_bytes() {
    let (mut board, shares) = plant(60, 700);
    let mut sent = Sent::default();
    let began = Instant::now();
    let whole = state(&shown(&board, &shares, 700, false), &mut sent).len();
    let first = began.elapsed();
    let mut sizes = Vec::new();
    let (mut took, turns) = (Duration::ZERO, 40);
    for turn in 0..turns {
        // Twenty rounds of 12 ms are in each snapshot, one of them in the timeline now and then.
        for round in 0..20 {
            let step = 701 + turn * 20 + round;
            let parts = (0..60)
                .map(|agent| part(&name(agent), shares[agent as usize], 0.012, 0.01 + 1e-3 * noise(step + agent)));
            board.add(&record(Purpose::Train, 0.012, parts.collect()), step);
        }
        let snapshot = shown(&board, &shares, 720 + turn * 20, false);
        let began = Instant::now();
        sizes.push(state(&snapshot, &mut sent).len());
        took += began.elapsed();
    }
    let mean = sizes.iter().sum::<usize>() / sizes.len();
    let largest = sizes.iter().max().unwrap();
    println!("60 agents: {whole} bytes at first ({first:.1?}), then {mean} an event in the mean, {largest} at most");
    println!("an event is written in {:.1?}", took / turns as u32);
    assert!(whole < 250_000 && mean < 8_000 && *largest < 30_000, "{whole} {mean} {largest}");
}

#[test]
fn the_page_is_small() {
    let page = include_str!("../../assets/page.html");
    assert!(page.len() < 200_000);
    for elsewhere in ["src=\"http", "href=\"http", "url(http", "@import", "//cdn"] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
}

fn folder() -> PathBuf {
    let folder = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().join("screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

struct Shown {
    server: Server,
    _snapshots: watch::Sender<Arc<Snapshot>>,
    orders: mpsc::Receiver<Asked>,
}

fn serve(snapshot: Snapshot) -> Shown {
    let listen = Listen { address: "127.0.0.1:0".parse().unwrap(), password: None, control: true };
    let (snapshots, receiver) = watch::channel(Arc::new(snapshot));
    let (sender, orders) = mpsc::channel(ORDERS_MAX);
    let desk = Desk { snapshots: receiver, orders: sender, folder: folder() };
    Shown { server: Server::start(&listen, desk).unwrap(), _snapshots: snapshots, orders }
}

/// Nothing is wider than the window.
const FITS: &str = "document.documentElement.scrollWidth <= innerWidth ? 'fits' : document.documentElement.scrollWidth";
/// When it was first painted and how long the first drawing took, in milliseconds.
const MEASURED: &str =
    "(d => d.firstPaintMs && d.drawMs && [+d.firstPaintMs, +d.drawMs])(document.documentElement.dataset)";

#[test]
fn pictures_are_taken_in_light_and_dark_for_a_tablet_and_of_sixty_agents() {
    let profile = tempfile::tempdir().unwrap();
    let Some(mut browser) = Browser::start(profile.path()) else { return };
    let (few, sixty) = (plant(6, 400), plant(60, 400));
    for (picture, (board, shares), width, height, dark, held) in [
        ("light", &few, 1280, 1560, false, false),
        ("dark-paused", &few, 1280, 1560, true, true),
        ("tablet", &few, 768, 1800, false, false),
        ("phone", &few, 390, 2600, true, false),
        ("sixty-agents", &sixty, 1280, 3600, false, false),
    ] {
        let shown = serve(shown(board, shares, 400, held));
        let url = format!("http://{}/", shown.server.address());
        browser.open(&url, width, height, dark);
        let mut measured = vec![browser.wait_for(MEASURED)];
        for _ in 0..if picture == "light" { 4 } else { 0 } {
            browser.open(&url, width, height, dark);
            measured.push(browser.wait_for(MEASURED));
        }
        println!("{picture}: milliseconds to the first paint, and of drawing: {}", json!(measured));
        let rows = browser.wait_for("document.querySelectorAll('[data-agent]').length");
        assert_eq!(rows, shares.len(), "{picture}");
        assert_eq!(browser.wait_for(FITS), "fits", "{picture}");
        let words = browser.wait_for("document.body.innerText");
        let words = words.as_str().unwrap();
        assert!(words.contains("is needed most") && words.contains("limited by"), "{words}");
        assert!(!words.contains("undefined") && !words.contains("NaN"), "{words}");
        browser.picture(&folder().join(format!("{picture}.png")));
    }
}

type Change = fn(&mut Snapshot);

#[test]
fn trouble_and_the_end_are_seen_at_a_glance() {
    let profile = tempfile::tempdir().unwrap();
    let Some(mut browser) = Browser::start(profile.path()) else { return };
    let (board, shares) = plant(6, 400);
    let killed = |snapshot: &mut Snapshot| {
        let view = &mut snapshot.agents[0];
        (view.online, view.share_samples, view.outlook) = (false, 0, None);
        view.why = why(view, None);
    };
    let no_broker = |snapshot: &mut Snapshot| snapshot.connected = false;
    let in_vain = |snapshot: &mut Snapshot| snapshot.in_vain = 3;
    let finished = |snapshot: &mut Snapshot| snapshot.phase = "finished";
    let cases: [(&str, &str, Change); 4] = [
        ("one-killed", "training", killed),
        ("no-broker", "no broker", no_broker),
        ("no-progress", "no progress", in_vain),
        ("finished", "finished", finished),
    ];
    for (picture, word, change) in cases {
        let mut snapshot = shown(&board, &shares, 400, false);
        change(&mut snapshot);
        snapshot.line = line(&snapshot, (word == "finished").then_some("all rounds are done"));
        let shown = serve(snapshot);
        browser.open(&format!("http://{}/", shown.server.address()), 1024, 1700, false);
        browser.wait_for(MEASURED);
        assert_eq!(browser.wait_for("document.getElementById('phase').textContent"), word);
        if picture == "one-killed" {
            assert_eq!(browser.wait_for("document.querySelector('tr.off td:nth-child(2)')?.textContent"), "–");
        }
        browser.picture(&folder().join(format!("{picture}.png")));
    }
}

#[test]
fn before_the_first_round_there_are_no_charts_and_without_control_no_buttons() {
    let profile = tempfile::tempdir().unwrap();
    let Some(mut browser) = Browser::start(profile.path()) else { return };
    let mut snapshot = shown(&Board::default(), &[], 0, false);
    (snapshot.phase, snapshot.obstacle) = ("surveying", Some("the agents' columns differ".into()));
    Arc::make_mut(&mut snapshot.facts).control = false;
    let shown = serve(snapshot);
    browser.open(&format!("http://{}/", shown.server.address()), 1280, 900, false);
    browser.wait_for("document.getElementById('phase').textContent === 'cannot begin'");
    let seen = "['curves', 'figures', 'orders'].filter(id => document.getElementById(id).getClientRects().length).join() || 'none'";
    assert_eq!(browser.wait_for(seen), "none");
    browser.picture(&folder().join("cannot-begin.png"));
}

#[test]
fn buttons_give_orders() {
    let profile = tempfile::tempdir().unwrap();
    let Some(mut browser) = Browser::start(profile.path()) else { return };
    let (board, shares) = plant(2, 20);
    let mut shown = serve(shown(&board, &shares, 20, false));
    browser.open(&format!("http://{}/", shown.server.address()), 1280, 900, false);
    browser.wait_for("document.querySelector('[data-agent]')?.className");
    for (button, order) in [
        ("pause", Order::Pause),
        ("checkpoint", Order::Checkpoint),
        ("export", Order::Export),
        ("stop, stop-now", Order::Stop),
    ] {
        for id in button.split(", ") {
            if id == "stop-now" {
                let dialog = browser.wait_for("document.getElementById('sure').innerText");
                let dialog = dialog.as_str().unwrap();
                assert!(dialog.contains("resumes this job") && !dialog.contains("anew"), "{dialog}");
            }
            browser.wait_for(&format!("document.getElementById('{id}').click() || 1"));
        }
        let asked = shown.orders.blocking_recv().unwrap();
        assert_eq!(asked.order, order);
        asked.answer.send(Ok(format!("done: {order:?}"))).unwrap();
        browser.wait_for(&format!("document.getElementById('answer').textContent.includes('done: {order:?}')"));
    }
}
