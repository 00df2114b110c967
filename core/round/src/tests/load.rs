//! Rounds make room for a broker that cannot keep up.

use super::*;
use crate::{BrokerLoad, Strain};

fn dropped(bench: &mut Bench, count: u64) -> Said {
    bench.handle(Input::BrokerLoad(BrokerLoad { dropped: Some(count), ..BrokerLoad::default() }))
}

#[test]
fn rounds_pause_while_the_broker_drops_messages_and_no_longer_when_it_keeps_up() {
    let (mut bench, said) = Bench::training(&["a", "b"]);
    assert_eq!(dropped(&mut bench, 3).events, []);
    let said_so = dropped(&mut bench, 9);
    let pause = Duration::from_millis(20);
    assert_eq!(said_so.events, [Event::BrokerOverloaded { strain: Strain::Dropped(6), pause }]);
    let round = said.rounds()[0];
    bench.gradient("a", 1, round, 5);
    let closed = bench.gradient("b", 1, round, 5);
    assert_eq!((closed.closed.len(), closed.rounds().len()), (1, 0));
    let before = bench.now;
    let opened = bench.tick();
    assert_eq!((opened.rounds().len(), bench.now.since(before)), (1, Duration::from_millis(20)));
    // A pause that a person asks for, or a stop, is not lost in it.
    let round = opened.rounds()[0];
    bench.gradient("a", 1, round, 5);
    bench.gradient("b", 1, round, 5);
    bench.handle(Input::Pause);
    bench.tick();
    assert_eq!(bench.mind.phase(), Phase::Paused);
    bench.handle(Input::Resume);
    assert_eq!(bench.mind.phase(), Phase::Training);
    bench.pass(31_000);
    assert_eq!(dropped(&mut bench, 9).count(Code::BrokerRecovered), 1);
}
