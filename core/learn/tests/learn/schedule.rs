//! Learning rates by step.

use heijunka_learn::{Decay, Error, Schedule};

fn rates<const N: usize>(decay: Decay, steps: [u64; N]) -> [f64; N] {
    let schedule = Schedule { learning_rate: 0.8, decay };
    schedule.check().unwrap();
    steps.map(|step| schedule.at(step))
}

#[test]
fn rates_by_step() {
    assert_eq!(rates(Decay::Constant, [0, u64::MAX]), [0.8, 0.8]);
    assert_eq!(Schedule::constant(0.8).at(3), 0.8);
    let halved = Decay::Step { every: 10, factor: 0.5 };
    assert_eq!(rates(halved, [0, 9, 10, 19, 20, 1_000_000]), [0.8, 0.8, 0.4, 0.4, 0.2, 0.0]);
    let found = rates(Decay::Cosine { total: 100, floor: 0.2 }, [0, 50, 100, 101, u64::MAX]);
    let expected = [0.8, 0.5, 0.2, 0.2, 0.2];
    assert!(found.iter().zip(expected).all(|(found, expected)| (found - expected).abs() < 1e-15), "{found:?}");
}

#[test]
fn numbers_outside_their_ranges_are_refused() {
    for learning_rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let schedule = Schedule::constant(learning_rate);
        assert_eq!(schedule.check(), Err(Error::OutOfRange("learning rate")));
    }
    for decay in [
        Decay::Step { every: 0, factor: 0.5 },
        Decay::Step { every: 1, factor: 0.0 },
        Decay::Step { every: 1, factor: 1.5 },
        Decay::Step { every: 1, factor: f64::NAN },
        Decay::Cosine { total: 0, floor: 0.0 },
        Decay::Cosine { total: 1, floor: 0.9 },
        Decay::Cosine { total: 1, floor: -0.1 },
    ] {
        assert_eq!(Schedule { learning_rate: 0.8, decay }.check(), Err(Error::OutOfRange("schedule")), "{decay:?}");
    }
}
