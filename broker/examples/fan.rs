//! Rounds a second of the training's pattern: one message of S bytes to N agents, S bytes back from each, QoS 1.
//!
//! `cargo run --release -p heijunka-broker --example fan -- <bare|bus> <mosquitto|each-second|each-change|embedded> <N> <S> [seconds]`
//! compares rumqttc alone with the bus, and the brokers with each other. `mosquitto` is the shipped configuration
//! without persistence, `each-second` the shipped configuration as it is, `each-change` the same but saving after every change.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot go on stops")]

use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use heijunka_broker::mosquitto::{Mosquitto, Options};
use heijunka_broker::{Broker, BrokerConfig};
use heijunka_bus::{BusConfig, BusEvent, Message};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

const WARM_UP_ROUNDS: usize = 50;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let word = |at: usize| arguments.get(at).map_or("", String::as_str);
    let (client, broker) = (word(0).to_owned(), word(1).to_owned());
    let agents: usize = word(2).parse().expect("N");
    let payload_bytes: usize = word(3).parse().expect("S");
    let seconds: u64 = word(4).parse().unwrap_or(3);

    let (port, _running) = start_broker(&broker);
    let bare = client == "bare";
    thread::spawn(move || runtime().block_on(run_agents(bare, port, agents)));
    let took = runtime().block_on(async {
        let rounds = aggregate(bare, port, agents, payload_bytes, Duration::from_secs(seconds));
        rounds.await
    });
    println!("{client} {broker} N={agents} S={payload_bytes}: {took:.0} rounds/s");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

enum Running {
    Mosquitto { _process: Mosquitto },
    Embedded { _stop: oneshot::Sender<()> },
}

fn start_broker(kind: &str) -> (u16, Running) {
    if kind != "embedded" {
        let options = Options {
            without_persistence: kind == "mosquitto",
            saving_every_change: kind == "each-change",
            ..Options::default()
        };
        let process = Mosquitto::start(&options).unwrap();
        return (process.port(), Running::Mosquitto { _process: process });
    }
    let (tell, told) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    thread::spawn(move || {
        runtime().block_on(async {
            let broker = Broker::bind(BrokerConfig::default()).await.unwrap();
            tell.send(broker.local_addr().port()).unwrap();
            let _ = stopped.await;
        });
    });
    (told.recv().unwrap(), Running::Embedded { _stop: stop })
}

async fn run_agents(bare: bool, port: u16, agents: usize) {
    let mut tasks = Vec::new();
    for agent in 0..agents {
        let topic = format!("gradient/{agent}");
        tasks.push(if bare { tokio::spawn(bare_agent(port, topic)) } else { tokio::spawn(bus_agent(port, topic)) });
    }
    for task in tasks {
        let _ = task.await;
    }
}

/// Runs rounds until the time is over; returns rounds a second.
async fn aggregate(bare: bool, port: u16, agents: usize, payload_bytes: usize, time: Duration) -> f64 {
    let model = Bytes::from(vec![7; payload_bytes]);
    let mut centre = if bare { Centre::bare(port) } else { Centre::bus(port) };
    // Whoever has not subscribed yet misses a round: rounds start when all have said that they are there.
    centre.collect(agents).await;
    let mut start = Instant::now();
    let mut rounds = 0;
    for round in 0.. {
        if round == WARM_UP_ROUNDS {
            (start, rounds) = (Instant::now(), 0);
        }
        if round > WARM_UP_ROUNDS && start.elapsed() >= time {
            break;
        }
        centre.publish(model.clone());
        centre.collect(agents).await;
        rounds += 1;
    }
    f64::from(rounds) / start.elapsed().as_secs_f64()
}

enum Centre {
    Bare(AsyncClient, Box<EventLoop>),
    Bus(heijunka_bus::Bus, heijunka_bus::Events),
}

impl Centre {
    fn bare(port: u16) -> Self {
        let (client, event_loop) = AsyncClient::new(bare_options("aggregator", port), 64);
        client.try_subscribe("gradient/+", QoS::AtLeastOnce).unwrap();
        Self::Bare(client, Box::new(event_loop))
    }

    fn bus(port: u16) -> Self {
        let (bus, events) = heijunka_bus::start(bus_config("aggregator", port, "gradient/+")).unwrap();
        Self::Bus(bus, events)
    }

    fn publish(&self, model: Bytes) {
        match self {
            Self::Bare(client, _) => client.try_publish("round", QoS::AtLeastOnce, false, model).unwrap(),
            Self::Bus(bus, _) => bus.publish(Message::new("round", model)).unwrap(),
        }
    }

    async fn collect(&mut self, agents: usize) {
        let mut missing = agents;
        while missing > 0 {
            let came = match self {
                Self::Bare(_, event_loop) => {
                    matches!(event_loop.poll().await.unwrap(), Event::Incoming(Packet::Publish(_)))
                }
                Self::Bus(_, events) => matches!(events.next().await.unwrap(), BusEvent::Message(_)),
            };
            missing -= usize::from(came);
        }
    }
}

fn bare_options(id: &str, port: u16) -> MqttOptions {
    let mut options = MqttOptions::new(id, "127.0.0.1", port);
    options.set_max_packet_size(Some(4 << 20));
    let mut network = options.network_options();
    network.set_tcp_nodelay(true);
    options.set_network_options(network);
    options
}

fn bus_config(id: &str, port: u16, filter: &str) -> BusConfig {
    let mut config = BusConfig::new("127.0.0.1", port, id);
    config.packet_bytes_max = 4 << 20;
    config.subscriptions = vec![filter.to_owned()];
    config
}

/// Time for the aggregator to subscribe before the agents say that they are there.
const HEAD_START: Duration = Duration::from_millis(300);

async fn bare_agent(port: u16, topic: String) {
    let (client, mut event_loop) = AsyncClient::new(bare_options(&topic, port), 64);
    client.try_subscribe("round", QoS::AtLeastOnce).unwrap();
    tokio::time::sleep(HEAD_START).await;
    while let Ok(event) = event_loop.poll().await {
        let answer = match event {
            Event::Incoming(Packet::SubAck(_)) => Bytes::new(),
            Event::Incoming(Packet::Publish(round)) => round.payload,
            _ => continue,
        };
        client.try_publish(topic.as_str(), QoS::AtLeastOnce, false, answer).unwrap();
    }
}

async fn bus_agent(port: u16, topic: String) {
    tokio::time::sleep(HEAD_START).await;
    let (bus, mut events) = heijunka_bus::start(bus_config(&topic, port, "round")).unwrap();
    while let Some(event) = events.next().await {
        let answer = match event {
            BusEvent::Subscribed => Bytes::new(),
            BusEvent::Message(round) => round.payload,
            _ => continue,
        };
        bus.publish(Message::new(topic.as_str(), answer)).unwrap();
    }
}
