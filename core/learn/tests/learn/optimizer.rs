//! Optimizers: refusals, resumption, ranges. Their steps are compared with numpy in `reference`.

use heijunka_learn::{Error, Optimizer, OptimizerKind};

fn kinds() -> [OptimizerKind; 4] {
    let nesterov = OptimizerKind::Sgd { momentum: 0.9, nesterov: true, weight_decay: 0.01 };
    [OptimizerKind::sgd(0.0), OptimizerKind::sgd(0.9), nesterov, OptimizerKind::adam()]
}

fn optimizer(kind: OptimizerKind, parameters: usize) -> Optimizer<Vec<f32>> {
    Optimizer::new(kind, vec![0.0; kind.state_len(parameters)]).unwrap()
}

#[test]
fn the_rule_of_the_fleet_files() {
    let (mut w, mut momentum) = ([1.0, -2.0], optimizer(OptimizerKind::sgd(0.5), 2));
    momentum.step(&mut w, &[2.0, 4.0], 0.25).unwrap();
    assert_eq!((w, momentum.state()), ([0.5, -3.0], [2.0, 4.0].as_slice()));
    momentum.step(&mut w, &[0.0, 2.0], 0.25).unwrap();
    assert_eq!((w, momentum.state()), ([0.25, -4.0], [1.0, 4.0].as_slice()));
}

#[test]
fn a_gradient_that_is_not_finite_changes_nothing() {
    for kind in kinds() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let (mut w, mut optimizer) = (vec![1.0; 200], optimizer(kind, 200));
            let mut gradient = vec![0.5; 200];
            optimizer.step(&mut w, &gradient, 0.1).unwrap();
            let (before, state) = (w.clone(), optimizer.state().to_vec());
            gradient[170] = bad;
            let error = Error::NotFinite { what: "gradient", index: 170 };
            assert_eq!(optimizer.step(&mut w, &gradient, 0.1), Err(error), "{kind:?}");
            assert_eq!((&w, optimizer.state(), optimizer.steps()), (&before, &*state, 1));
        }
    }
}

#[test]
fn a_step_to_infinity_changes_nothing() {
    for kind in kinds() {
        let (mut w, mut optimizer) = (vec![1.0; 200], optimizer(kind, 200));
        w[190] = -f32::MAX;
        let before = w.clone();
        let mut gradient = vec![1.0; 200];
        gradient[190] = 1e38;
        assert!(matches!(optimizer.step(&mut w, &gradient, 1e38), Err(Error::NotFinite { .. })), "{kind:?}");
        assert_eq!((&w, optimizer.steps()), (&before, 0));
        assert!(optimizer.state().iter().all(|value| *value == 0.0));
    }
}

#[test]
fn a_resumed_optimizer_goes_on_with_the_same_bits() {
    for kind in kinds() {
        let gradient = |step: usize| (0..70).map(|i| ((i * 7 + step * 5) % 11) as f32 - 4.5).collect::<Vec<_>>();
        let (mut w, mut straight) = (vec![0.25; 70], optimizer(kind, 70));
        (0..10).for_each(|step| straight.step(&mut w, &gradient(step), 0.01).unwrap());
        let (mut stopped, mut first) = (vec![0.25; 70], optimizer(kind, 70));
        (0..4).for_each(|step| first.step(&mut stopped, &gradient(step), 0.01).unwrap());
        let mut second = Optimizer::resume(first.kind(), first.steps(), first.state().to_vec()).unwrap();
        (4..10).for_each(|step| second.step(&mut stopped, &gradient(step), 0.01).unwrap());
        assert_eq!(w, stopped, "{kind:?}");
    }
    let torn = Optimizer::resume(OptimizerKind::sgd(0.9), 3, [0.0, f32::NAN]).map(|_| ());
    assert_eq!(torn, Err(Error::NotFinite { what: "state", index: 1 }));
}

#[test]
fn what_does_not_fit_is_refused() {
    let (mut w, mut momentum) = ([1.0; 3], optimizer(OptimizerKind::sgd(0.9), 3));
    let length = |what, found, expected| Err(Error::Length { what, found, expected });
    assert_eq!(momentum.step(&mut w, &[0.0; 2], 0.1), length("gradient", 2, 3));
    assert_eq!(optimizer(OptimizerKind::adam(), 2).step(&mut w, &[0.0; 3], 0.1), length("optimizer state", 4, 6));
    for rate in [-0.1, f64::NAN, f64::INFINITY] {
        assert_eq!(momentum.step(&mut w, &[0.0; 3], rate), Err(Error::OutOfRange("learning rate")));
    }
}

#[test]
fn constants_outside_their_ranges_are_refused() {
    let sgd = |momentum, weight_decay| OptimizerKind::Sgd { momentum, nesterov: false, weight_decay };
    let adam = |beta1, beta2, epsilon| OptimizerKind::Adam { beta1, beta2, epsilon, weight_decay: 0.0 };
    for bad in [
        sgd(1.0, 0.0),
        sgd(-0.1, 0.0),
        sgd(f64::NAN, 0.0),
        sgd(0.9, -1.0),
        sgd(0.9, f64::INFINITY),
        adam(1.0, 0.9, 1e-8),
        adam(0.9, 1.0, 1e-8),
        adam(0.9, 0.9, 0.0),
        adam(0.9, 0.9, 1e-60),
    ] {
        assert_eq!(bad.check(), Err(Error::OutOfRange("optimizer")), "{bad:?}");
    }
    assert!(kinds().iter().all(|kind| kind.check().is_ok()));
}
