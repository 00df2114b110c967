//! Topics: what is written is parsed, and nothing else is.

use heijunka_units::{AgentId, JobName, SiteName};
use heijunka_wire::{CONTRACT, Channel, Contract, Direction, Topic, Topics, parse};
use proptest::prelude::*;

fn topics(site: &str, job: &str) -> Topics {
    Topics::new(SiteName::new(site).unwrap(), JobName::new(job).unwrap())
}

/// Letters of all kinds, also those that look like parts of our topics.
fn name() -> impl Strategy<Value = String> {
    let odd = prop_oneof![
        Just("heijunka"),
        Just("v1"),
        Just("state"),
        Just("agents"),
        Just("e\u{301}"),
        Just("\u{feff}"),
        Just("\u{202e}x"),
        Just("👩\u{200d}🏭"),
        Just("<agent>"),
        Just(" "),
        Just("工場"),
    ];
    let text = prop_oneof![odd.prop_map(String::from), "\\PC{1,16}"];
    text.prop_filter("a name", |text| AgentId::new(text).is_ok())
}

proptest! {
    #![proptest_config(crate::cases(1000))]

    #[test]
    fn every_topic_is_parsed_as_it_was_written(site in name(), job in name(), agent in name(), other in name()) {
        let ours = topics(&site, &job);
        let agent = AgentId::new(&agent).unwrap();
        for contract in &CONTRACT {
            let channel = contract.channel;
            let named = contract.pattern.contains("<agent>");
            let text = if named { ours.of(channel, &agent) } else { ours.common(channel) };
            let topic = Topic { channel, agent: named.then(|| agent.clone()) };
            prop_assert_eq!(ours.parse(&text), Some(topic));
            if other != site {
                prop_assert_eq!(topics(&other, &job).parse(&text), None);
            }
            if other != job {
                prop_assert_eq!(topics(&site, &other).parse(&text), None);
            }
        }
    }

    #[test]
    fn any_text_is_safe(text in "(heijunka|heijunka-wire/v2)?/?(s|j|/|join|agents|state|[+]|#|\\PC){0,9}") {
        if let Some(topic) = topics("s", "j").parse(&text) {
            let written = match &topic.agent {
                Some(agent) => topics("s", "j").of(topic.channel, agent),
                None => topics("s", "j").common(topic.channel),
            };
            prop_assert_eq!(written.as_str(), text);
        }
    }
}

#[test]
fn topics_read_as_documented() {
    let ours = topics("s", "j");
    let agent = AgentId::new("press-07").unwrap();
    assert_eq!(ours.of(Channel::Gradient, &agent), "heijunka-wire/v2/s/j/gradient/press-07");
    assert_eq!(ours.all(Channel::Gradient), "heijunka-wire/v2/s/j/gradient/+");
    assert_eq!(ours.common(Channel::Round), "heijunka-wire/v2/s/j/round");
    assert_eq!(ours.of(Channel::AgentState, &agent), "heijunka/s/j/agents/press-07/state");
    assert_eq!(ours.common(Channel::Events), "heijunka/s/j/events");
}

#[test]
fn the_longest_names_fit() {
    let longest = "x".repeat(64);
    let ours = topics(&longest, &longest);
    let agent = AgentId::new(&longest).unwrap();
    for contract in &CONTRACT {
        let text = ours.of(contract.channel, &agent);
        assert_eq!(ours.parse(&text).map(|topic| topic.channel), Some(contract.channel));
    }
}

#[test]
fn what_is_not_ours_is_nothing() {
    for text in [
        "",
        "heijunka",
        "heijunka/s/j",
        "heijunka/s/j/",
        "heijunka/s/j/round",
        "heijunka-wire/v2/s/j/events",
        "heijunka-wire/v1/s/j/round",
        "heijunka-wire/v2/s/j/join/",
        "heijunka-wire/v2/s/j/join/a/b",
        "heijunka-wire/v2/s/j/join/+",
        "heijunka-wire/v2/s/j/round/x",
        "heijunka-wire/v2/sj/j/round",
        "heijunka/s/j/agents//state",
        "heijunka/s/j/agents/state",
        "/heijunka/s/j/events",
        "x/heijunka/s/j/events",
    ] {
        assert_eq!(topics("s", "j").parse(text), None, "{text}");
    }
    assert_eq!(parse(true, "round"), Some(Topic { channel: Channel::Round, agent: None }));
    assert_eq!(parse(false, "round"), None);
}

#[test]
fn each_channel_has_one_row_and_each_kind_one_direction() {
    for (index, contract) in CONTRACT.iter().enumerate() {
        assert_eq!(contract.channel.contract().pattern, contract.pattern);
        for other in &CONTRACT[index + 1..] {
            assert_ne!(contract.channel, other.channel);
            assert!(contract.kind.is_none() || contract.kind != other.kind || contract.direction == other.direction);
        }
    }
}

/// The contract's row as docs/wire.md shows it.
fn documented(contract: &Contract) -> String {
    let direction = match contract.direction {
        Direction::Up => "up",
        Direction::Down => "down",
        Direction::People => "people",
    };
    let qos = u8::from(contract.at_least_once);
    let retained = if contract.retained { "yes" } else { "no" };
    let carries = contract.kind.map_or("JSON".into(), |kind| format!("frame, kind {}, {kind:?}", kind as u8));
    format!("| `{}` | {direction} | {qos} | {retained} | {carries} |", contract.pattern)
}

#[test]
fn the_page_lists_the_contract() {
    let table: Vec<String> = CONTRACT.iter().map(documented).collect();
    assert!(crate::PAGE.contains(&table.join("\n")), "docs/wire.md must have these rows:\n{}", table.join("\n"));
}
