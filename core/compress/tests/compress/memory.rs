//! The worker's memory: the formulas of momentum correction, mass kept over many rounds, what is refused.

use crate::numbers::Random;
use heijunka_compress::{EncodeError, Memory, add, bytes_max};
use heijunka_units::Codec;

#[test]
fn momentum_is_corrected_as_the_paper_has_it() {
    let (mut residual, mut momentum) = ([1.0, 0.0], [2.0, 4.0]);
    let mut memory = Memory { residual: &mut residual, momentum: &mut momentum };
    memory.take(&[0.5, -1.0], 4.0, 0.5, false).unwrap();
    assert_eq!((&*memory.momentum, &*memory.residual), ([3.0, -2.0].as_slice(), [4.0, -2.0].as_slice()));
    memory.take(&[1.0, 1.0], 2.0, 0.5, true).unwrap();
    assert_eq!((&*memory.momentum, &*memory.residual), ([5.0, 0.0].as_slice(), [6.0, 0.0].as_slice()));
    memory.take(&[1.0, 1.0], 2.0, 0.0, false).unwrap();
    assert_eq!((&*memory.momentum, &*memory.residual), ([5.0, 0.0].as_slice(), [8.0, 2.0].as_slice()));
    let mut out = [0; 32];
    memory.encode(Codec::SparseSign, 1, 2.0, &mut out).unwrap();
    assert_eq!((&*memory.momentum, &*memory.residual), ([5.0, 0.0].as_slice(), [0.0, 2.0].as_slice()));
}

/// Over rounds of changing size, some of them lost: what was received times its samples, and the residual, are all there
/// was.
#[test]
fn mass_is_kept_over_uneven_and_lost_rounds() {
    for codec in [Codec::SparseInt8, Codec::SparseSign] {
        let mut random = Random::new(9);
        let (mut residual, mut given, mut received) = (vec![0.0; 500], vec![0.0_f64; 500], vec![0.0_f64; 500]);
        let mut memory = Memory { residual: &mut residual, momentum: &mut [] };
        let mut bytes = vec![0; bytes_max(codec, 500, 25)];
        for round in 0..100 {
            let samples = (1 + random.bits() % 64) as f32;
            let mean = random.normals(500);
            given.iter_mut().zip(&mean).for_each(|(sum, mean)| *sum += f64::from(samples) * f64::from(*mean));
            memory.take(&mean, samples, 0.0, false).unwrap();
            let used = memory.encode(codec, 25, samples, &mut bytes).unwrap();
            if round % 3 == 0 {
                memory.restore(codec, &bytes[..used], samples).unwrap();
                continue;
            }
            let mut mean = vec![0.0; 500];
            add(codec, &bytes[..used], 1.0, &mut mean).unwrap();
            received.iter_mut().zip(mean).for_each(|(sum, mean)| *sum += f64::from(samples) * f64::from(mean));
        }
        for ((given, received), residual) in given.iter().zip(received).zip(residual) {
            assert!((given - received - f64::from(residual)).abs() < 0.02, "{given} {received} {residual}");
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_changed() {
    let (mut residual, mut momentum) = ([1.0, 2.0], [3.0, 4.0]);
    let mut memory = Memory { residual: &mut residual, momentum: &mut momentum };
    let length = |what, found| Err(EncodeError::Length { what, found, expected: 2 });
    assert_eq!(memory.take(&[1.0], 1.0, 0.0, false), length("gradient", 1));
    assert_eq!(memory.take(&[1.0, f32::NAN], 1.0, 0.5, false), Err(EncodeError::NotFinite { index: 1 }));
    assert_eq!(memory.take(&[1.0, 1.0], f32::INFINITY, 0.5, false), Err(EncodeError::OutOfRange("scale")));
    for decay in [1.0, -0.1, f32::NAN] {
        assert_eq!(memory.take(&[1.0, 1.0], 1.0, decay, false), Err(EncodeError::OutOfRange("momentum")));
    }
    assert!(memory.restore(Codec::SparseSign, &[1, 2, 3], 1.0).is_err());
    assert_eq!((residual, momentum), ([1.0, 2.0], [3.0, 4.0]));
    let mut memory = Memory { residual: &mut residual, momentum: &mut [] };
    assert_eq!(memory.take(&[1.0, 1.0], 1.0, 0.5, false), length("momentum", 0));
}
