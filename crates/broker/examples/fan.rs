//! Rounds per second of the training's pattern: one message of S bytes to N agents, S bytes back from each, QoS 1.
//!
//! `cargo run --release -p heijunka-broker --example fan -- <tcp|bare|bus> <mosquitto|each-second|each-change|embedded|PORT> <N> <S> [seconds]`
//! compares TCP without a broker, rumqttc alone and the bus, and the brokers with each other. `mosquitto` is the shipped configuration
//! without persistence, `each-second` the shipped configuration as it is, `each-change` the same but saving after every change.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a measurement that cannot continue stops")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command};
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
/// Time for all agents to start, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let word = |at: usize| arguments.get(at).map_or("", String::as_str);
    if word(0) == "agent" {
        let (port, topic) = (word(2).parse().expect("port"), format!("gradient/{}", word(3)));
        return match word(1) {
            "tcp" => tcp_agent(port),
            "bare" => runtime().block_on(bare_agent(port, topic)),
            _ => runtime().block_on(bus_agent(port, topic)),
        };
    }
    let (client, broker) = (word(0).to_owned(), word(1).to_owned());
    let agents: usize = word(2).parse().expect("N");
    let payload_bytes: usize = word(3).parse().expect("S");
    let time = Duration::from_secs(word(4).parse().unwrap_or(3));
    let rate = if client == "tcp" {
        tcp_star(agents, payload_bytes, time)
    } else {
        let (port, _running) = start_broker(&broker);
        runtime().block_on(aggregate(&client, port, agents, payload_bytes, time))
    };
    println!("{client} {broker} N={agents} S={payload_bytes}: {rate:.1} rounds/s");
}

/// Processes that end with the measurement.
struct Agents(Vec<Child>);

impl Drop for Agents {
    fn drop(&mut self) {
        for agent in &mut self.0 {
            let _ = agent.kill();
            let _ = agent.wait();
        }
    }
}

/// Each agent is a process of its own, as in a plant.
fn start_agents(client: &str, port: u16, agents: usize) -> Agents {
    let own = std::env::current_exe().unwrap();
    let start = |agent: usize| {
        let words = ["agent", client, &port.to_string(), &agent.to_string()];
        Command::new(&own).args(words).spawn().unwrap()
    };
    Agents((0..agents).map(start).collect())
}

/// The same bytes without a broker: one thread writes to all agents and reads from each.
fn tcp_star(agents: usize, payload_bytes: usize, time: Duration) -> f64 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let _agents = start_agents("tcp", listener.local_addr().unwrap().port(), agents);
    let mut streams: Vec<TcpStream> = (0..agents).map(|_| listener.accept().unwrap().0).collect();
    streams.iter().for_each(|stream| stream.set_nodelay(true).unwrap());
    let (header, model) = ((payload_bytes as u32).to_le_bytes(), vec![7; payload_bytes]);
    let mut answer = vec![0; payload_bytes];
    let (mut start, mut rounds) = (Instant::now(), 0);
    for round in 0.. {
        if round == WARM_UP_ROUNDS {
            (start, rounds) = (Instant::now(), 0);
        }
        if round > WARM_UP_ROUNDS && start.elapsed() >= time {
            break;
        }
        for stream in &mut streams {
            stream.write_all(&[&header, model.as_slice()].concat()).unwrap();
        }
        for stream in &mut streams {
            stream.read_exact(&mut answer).unwrap();
        }
        rounds += 1;
    }
    f64::from(rounds) / start.elapsed().as_secs_f64()
}

fn tcp_agent(port: u16) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut header = [0; 4];
    // The end of the connection is the end of the measurement.
    while stream.read_exact(&mut header).is_ok() {
        let mut model = vec![0; u32::from_le_bytes(header) as usize];
        if stream.read_exact(&mut model).is_err() || stream.write_all(&model).is_err() {
            break;
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

enum Running {
    Elsewhere,
    Mosquitto { _process: Mosquitto },
    Embedded { _stop: oneshot::Sender<()> },
}

fn start_broker(kind: &str) -> (u16, Running) {
    if let Ok(port) = kind.parse() {
        return (port, Running::Elsewhere);
    }
    if kind != "embedded" {
        let options = Options {
            without_persistence: kind == "mosquitto",
            saving_every_change: kind == "each-change",
            ..Options::default()
        };
        let process = Mosquitto::start(&options).unwrap();
        return (process.port(), Running::Mosquitto { _process: process });
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    let (stop, stopped) = oneshot::channel();
    thread::spawn(move || {
        runtime().block_on(async {
            let broker = Broker::bind(BrokerConfig::default()).await.unwrap();
            sender.send(broker.local_addr().port()).unwrap();
            let _ = stopped.await;
        });
    });
    (receiver.recv().unwrap(), Running::Embedded { _stop: stop })
}

/// Runs rounds until the time is over; returns rounds per second.
async fn aggregate(client: &str, port: u16, agents: usize, payload_bytes: usize, time: Duration) -> f64 {
    let model = Bytes::from(vec![7; payload_bytes]);
    let mut centre = if client == "bare" { Centre::bare(port) } else { Centre::bus(port) };
    // A client that has not subscribed yet misses a message: agents start when they are received, rounds when all have said that
    // they are there.
    centre.subscribed().await;
    let _agents = start_agents(client, port, agents);
    tokio::time::timeout(PATIENCE, centre.collect(agents)).await.expect("all agents say that they are there");
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

    async fn subscribed(&mut self) {
        let mut received = false;
        while !received {
            received = match self {
                Self::Bare(_, event_loop) => {
                    matches!(event_loop.poll().await.unwrap(), Event::Incoming(Packet::SubAck(_)))
                }
                Self::Bus(_, events) => matches!(events.next().await.unwrap(), BusEvent::Subscribed),
            };
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

async fn bare_agent(port: u16, topic: String) {
    let (client, mut event_loop) = AsyncClient::new(bare_options(&topic, port), 64);
    client.try_subscribe("round", QoS::AtLeastOnce).unwrap();
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
