//! A broker with the production configuration and what `make.sh` has made for it, and clients with these logins.

use heijunka_broker::mosquitto::{Mosquitto, Options, Shipped};
use heijunka_bus::{Bus, BusConfig, BusEvent, DisconnectReason, Events, Incoming, Message, Secret, Tls, TlsFiles};
use heijunka_tests::{Program, steel_plates};
use heijunka_units::{AgentId, JobName, SiteName};
use heijunka_wire::Topics;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// Far beyond what anything takes on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// A space and a letter beyond ASCII, on purpose.
pub(crate) const SITE: &str = "Halle für Guss";
pub(crate) const JOB: &str = "job";

pub(crate) fn topics() -> Topics {
    Topics::new(SiteName::new(SITE).unwrap(), JobName::new(JOB).unwrap())
}

pub(crate) fn agent(name: &str) -> AgentId {
    AgentId::new(name).unwrap()
}

/// What `make.sh` keeps in its folder.
pub(crate) struct Made {
    folder: TempDir,
}

impl Made {
    /// For the test's job at a broker of this machine.
    pub(crate) fn new(arguments: &[&str]) -> Self {
        let made = Self::empty();
        made.more(&[&["--host", "127.0.0.1", "--host", "localhost"], arguments].concat());
        made
    }

    /// A folder in which nothing is made yet.
    pub(crate) fn empty() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    /// Calls `make.sh` for the test's job.
    pub(crate) fn more(&self, arguments: &[&str]) {
        self.make(&[&["--site", SITE, "--job", JOB], arguments].concat());
    }

    /// Calls `make.sh`, which must succeed.
    pub(crate) fn make(&self, arguments: &[&str]) {
        let output = self.try_make(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    pub(crate) fn try_make(&self, arguments: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../broker-config/make.sh");
        Command::new(script).arg(self.folder.path()).args(arguments).output().unwrap()
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path(file)).unwrap()
    }

    /// The shipped configuration with these files; `more_lines` are added to it.
    pub(crate) fn broker(&self, more_lines: String) -> Mosquitto {
        let shipped = Shipped::Production { folder: self.path("broker") };
        Mosquitto::start(&Options { shipped, more_lines, ..Options::default() }).unwrap()
    }

    /// Starts one of the programs with the `[broker]` section of `user`, and gives it `more` settings.
    pub(crate) fn start(&self, mosquitto: &Mosquitto, user: &str, command: &str, more: &str) -> Program {
        let broker = self.read(&format!("{user}/broker.toml"));
        let broker = broker.replace(":8883", &format!(":{}", mosquitto.ports()[0]));
        let broker = broker.replace(":8884", &format!(":{}", mosquitto.ports()[1]));
        let settings = format!("site = \"{SITE}\"\njob = \"{JOB}\"\n{more}\n{broker}reconnect_max = \"1s\"\n");
        let (program, settings) = if user == "aggregator" {
            ("heijunka-aggregator", settings + AGGREGATOR)
        } else {
            (
                "heijunka-agent",
                format!("{settings}[data]\npath = {:?}\n[limits]\ncpu_threads = 1\nnice = 0\n", steel_plates()),
            )
        };
        let config = self.path(&format!("{user}/{program}.toml"));
        std::fs::write(&config, settings).unwrap();
        let arguments = [command, "--config", config.to_str().unwrap()];
        Program::start(program, &arguments, &self.path(user), &self.path(&format!("{user}/{command}.log"))).unwrap()
    }

    /// Starts an agent under its own name.
    pub(crate) fn agent(&self, mosquitto: &Mosquitto, name: &str, command: &str) -> Program {
        self.start(mosquitto, &format!("agents/{name}"), command, &format!("agent_id = \"{name}\""))
    }

    /// The rounds of the model that the aggregator has made.
    pub(crate) fn rounds(&self) -> u64 {
        let card: serde_json::Value =
            serde_json::from_str(&self.read("aggregator/heijunka-output/model_card.json")).unwrap();
        card["training"]["rounds"].as_u64().unwrap()
    }

    /// What a client with the login of `user` (a folder) receives. The client id is `id`.
    pub(crate) fn config(&self, mosquitto: &Mosquitto, user: &str, id: &str) -> BusConfig {
        let file = |name: &str| std::fs::read(self.path(&format!("{user}/{name}"))).ok();
        let (certificate, key) = (file("client.crt"), file("client.key"));
        let client = certificate.as_deref().zip(key.as_deref());
        let port = mosquitto.ports()[usize::from(client.is_some())];
        let mut config = BusConfig::new("127.0.0.1", port, id);
        config.tls = Some(Tls::new(&TlsFiles { ca: &file("ca.crt").unwrap(), client, server_name: None }).unwrap());
        if let Some(password) = file("password.txt") {
            config.username = user.rsplit('/').next().map(str::to_owned);
            config.password = Some(Secret::new(String::from_utf8(password).unwrap().trim()));
        }
        config.reconnect_max = Duration::from_secs(1);
        config
    }

    /// A client with the login of `user` that subscribes `filters`.
    pub(crate) fn client(&self, mosquitto: &Mosquitto, user: &str, filters: &[&str]) -> Client {
        let mut config = self.config(mosquitto, user, &format!("test-{user}"));
        config.subscriptions = filters.iter().map(|filter| (*filter).to_owned()).collect();
        let mut client = Client::start(config);
        client.until(|event| matches!(event, BusEvent::Subscribed));
        client
    }
}

/// What the job is.
const AGGREGATOR: &str = "[task]\nkind = \"classification\"\ntarget = \"fault\"\nignore = [\"split\"]\n\
    data = \"shared\"\n[training]\nmax_rounds = 50\n[allocation]\nmin_agents = 2\n[web]\nlisten = \"off\"\n";

/// A client, used by a test that does not await.
pub(crate) struct Client {
    runtime: Runtime,
    bus: Bus,
    events: Events,
}

impl Client {
    /// Starts to connect.
    pub(crate) fn start(config: BusConfig) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (bus, events) = runtime.block_on(async { heijunka_bus::start(config) }).unwrap();
        Self { runtime, bus, events }
    }

    fn event(&mut self) -> BusEvent {
        let next = async { tokio::time::timeout(PATIENCE, self.events.next()).await };
        self.runtime.block_on(next).unwrap().unwrap()
    }

    fn until(&mut self, wanted: impl Fn(&BusEvent) -> bool) {
        while !wanted(&self.event()) {}
    }

    /// Why the first attempt to connect failed.
    pub(crate) fn refused(&mut self) -> DisconnectReason {
        match self.event() {
            BusEvent::Disconnected { reason, .. } => reason,
            other => panic!("let in: {other:?}"),
        }
    }

    /// Whether the broker still had a session under this client id.
    pub(crate) fn finds_a_session(&mut self) -> bool {
        loop {
            if let BusEvent::Connected { session_present } = self.event() {
                return session_present;
            }
        }
    }

    /// Whether the connection is lost before the message `last` arrives.
    pub(crate) fn loses_its_connection_before(&mut self, last: &str) -> bool {
        loop {
            match self.event() {
                BusEvent::Disconnected { .. } => return true,
                BusEvent::Message(message) if message.payload == last => return false,
                _ => {}
            }
        }
    }

    /// The next message.
    pub(crate) fn next(&mut self) -> Incoming {
        loop {
            if let BusEvent::Message(message) = self.event() {
                return message;
            }
        }
    }

    /// Topics of the messages that arrive before `last` does, in their order.
    pub(crate) fn topics_before(&mut self, last: &str) -> Vec<String> {
        let next = std::iter::repeat_with(|| self.next());
        next.take_while(|message| message.payload != last).map(|message| message.topic).collect()
    }

    /// Publishes, whether it is allowed or not.
    pub(crate) fn send(&self, message: Message) {
        self.bus.publish(message).unwrap();
    }

    /// Publishes, and waits until the broker has dealt with it and everything before.
    pub(crate) fn publish(&self, topic: &str, payload: &str) {
        self.send(Message::new(topic, payload.to_owned()));
        self.settle();
    }

    /// Waits until the broker has dealt with everything published.
    pub(crate) fn settle(&self) {
        let settled = async {
            while self.bus.unacknowledged() > 0 {
                tokio::task::yield_now().await;
            }
        };
        self.runtime.block_on(async { tokio::time::timeout(PATIENCE, settled).await }).unwrap();
    }
}
