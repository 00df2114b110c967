//! A production line's broker with its bridge to the plant's: what crosses, what does not, and a job across it.

use crate::secured::{Client, Made, agent, topics};
use heijunka_broker::mosquitto::Mosquitto;
use heijunka_bus::Message;
use heijunka_wire::Channel;
use std::fs::OpenOptions;
use std::io::Write;

/// Two brokers. Behind the line's are press-01, which the plant knows, and press-02, which it does not.
struct Plants {
    plant: Made,
    line: Made,
    plant_broker: Mosquitto,
    line_broker: Mosquitto,
}

impl Plants {
    fn new() -> Self {
        let plant = Made::new(&["press-07"]);
        plant.more(&["--line", "line-1", "press-01"]);
        let line = Made::new(&["press-01", "press-02"]);
        for made in [&plant, &line] {
            // A user with all rights, to test with.
            let mut acl = OpenOptions::new().append(true).open(made.path("broker/acl")).unwrap();
            acl.write_all(b"user people\ntopic readwrite #\n").unwrap();
        }
        let plant_broker = plant.broker(String::new());
        let bridge = plant.read("lines/line-1/bridge.conf");
        let bridge = bridge.replace("/etc/mosquitto/heijunka/plant", plant.path("lines/line-1").to_str().unwrap());
        let line_broker = line.broker(bridge.replace(":8884", &format!(":{}", plant_broker.ports()[1])));
        let both = Self { plant, line, plant_broker, line_broker };
        // Until the bridge stands the plant would not keep anything for it.
        let mut people = both.at_plant("people/people", &["#"]);
        both.at_line("agents/press-01", &[]).publish(&of(Channel::Join, "press-01"), "stands");
        assert_eq!(people.next().payload, "stands");
        both
    }

    fn at_plant(&self, user: &str, filters: &[&str]) -> Client {
        self.plant.client(&self.plant_broker, user, filters)
    }

    fn at_line(&self, user: &str, filters: &[&str]) -> Client {
        self.line.client(&self.line_broker, user, filters)
    }
}

fn of(channel: Channel, name: &str) -> String {
    topics().of(channel, &agent(name)).to_string()
}

/// Topics of press-01 that go up, and those of everybody and of press-01 that go down.
fn both_ways() -> [Vec<String>; 2] {
    use Channel::*;
    let own = |channels: &[Channel]| channels.iter().map(|channel| of(*channel, "press-01")).collect::<Vec<_>>();
    let common = [Spec, Round, AggregatorState, AggregatorStatus, Events].map(|channel| topics().common(channel));
    let down = common.map(|topic| topic.to_string()).into_iter().chain(own(&[Assign, Extra, Snapshot])).collect();
    [own(&[Join, Gradient, Survey, Scores, AgentState, AgentInfo, AgentStatus]), down]
}

fn seen(client: &mut Client) -> Vec<String> {
    let mut seen = client.topics_before("last");
    seen.sort();
    seen
}

fn sorted(mut topics: Vec<String>) -> Vec<String> {
    topics.sort();
    topics
}

#[test]
fn agents_messages_cross_up_and_the_aggregators_down_and_no_others() {
    let both = Plants::new();
    let [up, down] = both_ways();
    let (at_plant, at_line) = (both.at_plant("people/people", &[]), both.at_line("people/people", &[]));
    let stay_on_the_line =
        [of(Channel::Join, "press-02"), of(Channel::AgentState, "press-02"), "shop/lights".to_owned()];
    let mut watching = both.at_plant("people/people", &["#"]);
    for topic in stay_on_the_line.iter().chain(&down).chain(&up) {
        at_line.publish(topic, "x");
    }
    at_line.publish(&of(Channel::Join, "press-01"), "last");
    assert_eq!(seen(&mut watching), sorted(up.clone()));
    let stay_in_the_plant =
        [of(Channel::Assign, "press-07"), of(Channel::Assign, "press-02"), "shop/lights".to_owned()];
    let mut watching = both.at_line("people/people", &["#"]);
    for topic in stay_in_the_plant.iter().chain(&up).chain(&down) {
        at_plant.publish(topic, "x");
    }
    at_plant.publish(&of(Channel::Assign, "press-01"), "last");
    assert_eq!(seen(&mut watching), sorted(down));
}

#[test]
fn what_is_retained_stays_so_and_what_waits_for_the_plant_arrives() {
    let mut both = Plants::new();
    let (spec, state) = (topics().common(Channel::Spec).to_string(), of(Channel::AgentState, "press-01"));
    let assign = of(Channel::Assign, "press-01");
    let mut early = both.at_line("people/people", &[&assign]);
    let aggregator = both.at_plant("aggregator", &[]);
    aggregator.send(Message::new(spec.as_str(), "the job").retained());
    aggregator.publish(&assign, "it is there");
    assert_eq!(early.next().payload, "it is there");
    let late = both.at_line("agents/press-01", &[&spec]).next();
    assert!(late.retain && late.payload == "the job", "{late:?}");
    both.plant_broker.kill().unwrap();
    let press = both.at_line("agents/press-01", &[]);
    press.send(Message::new(state.as_str(), "while the plant was away").retained());
    press.settle();
    both.plant_broker.start_again().unwrap();
    assert_eq!(both.at_plant("people/people", &[&state]).next().payload, "while the plant was away");
}

#[test]
fn a_model_is_trained_by_agents_on_both_sides() {
    let both = Plants::new();
    let agents = [
        both.plant.agent(&both.plant_broker, "press-07", "run"),
        both.line.agent(&both.line_broker, "press-01", "run"),
    ];
    let ended = both.plant.start(&both.plant_broker, "aggregator", "run", "").wait().unwrap();
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(both.plant.rounds(), 50);
    for agent in agents {
        let ended = agent.stop().unwrap();
        assert_eq!(ended.code, Some(0), "{}", ended.log);
    }
}
