//! Shares have the same bits however many threads compute them.

use super::*;
use heijunka_data::{Dataset, Source, Table};
use heijunka_learn::{ModelShape, initialize};
use heijunka_units::{Activation, Convolution, Convolutions, Loss, Pooling};
use heijunka_wire::DataMode;
use heijunka_wire::document::{ClassWeights, Encoding, Fitted, HeldOut, Input, Job, Normalize, Target, Task};

fn dataset() -> Dataset {
    let mut text = String::from("a,b,y\n");
    for i in 0..1000 {
        let (a, b) = (f64::from(i) * 0.37 % 2.0 - 1.0, f64::from(i) * 0.71 % 2.0 - 1.0);
        text += &format!("{a},{b},{}\n", if a > b { "p" } else { "q" });
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.csv");
    std::fs::write(&path, text).unwrap();
    let input = |name: &str| Input { name: name.into(), encoding: Encoding::Scaled { offset: 0.0, scale: 1.0 } };
    let job = Job {
        task: Task::Classification,
        target: "y".into(),
        inputs: vec![],
        ignore: vec![],
        normalize: Normalize::None,
        class_weights: ClassWeights::None,
        data_mode: DataMode::Shared,
        held_out: HeldOut::ByHash(2000),
        group: None,
        window: None,
        fitted: Some(Fitted {
            inputs: vec![input("a"), input("b")],
            target: Target::Classes { names: vec!["p".into(), "q".into()], weights: vec![1.0, 2.0] },
        }),
    };
    Table::read(&Source::new(path)).unwrap().encode(&job).unwrap()
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let dataset = dataset();
    let dense = ModelShape::dense(&[2, 128, 128, 2], Activation::Tanh, Loss::CrossEntropy).unwrap();
    // As much work by the same parameters at two places.
    let layers = [1000, 8].map(|filters| Convolution { filters, kernel: 1, stride: 1 });
    let front = Convolutions::new(1, &layers, Pooling::Max).unwrap();
    let conv = ModelShape::convolutional(&[2, 2], front, Activation::Tanh, Loss::CrossEntropy).unwrap();
    // 1, 1, 2, 3 and 8 runs.
    check_bits(&dataset, &dense, &[1, 65, 1001, 2500, 9000]);
    check_bits(&dataset, &conv, &[65, 1001]);
}

fn compute(
    threads: usize,
    problem: Problem<'_, Encoded<'_>>,
    rows: &[usize],
    (cancel, stop): (&Cancel, Option<Instant>),
) -> Gradient {
    let (mut gradient, mut engine) = (Gradient::default(), ShareEngine::new(threads, Duty::new(100)));
    engine.begin(cancel, stop);
    engine.gradient(problem, rows, &mut gradient);
    gradient
}

fn check_bits(dataset: &Dataset, shape: &ModelShape, shares: &[usize]) {
    let mut model = vec![0.0; shape.parameters()];
    initialize(shape, 1, &mut model).unwrap();
    let (train, held_out) = (Encoded(&dataset.train), Encoded(&dataset.held_out));
    let problem = Problem { shape, rows: &train, class_weights: &[1.0, 2.0], target_scale: 1.0, model: &model };
    for samples in shares.iter().copied() {
        let rows: Vec<usize> = (0..samples).map(|i| i * 7 % dataset.train.len()).collect();
        let results = [1, 2, 3, 8, 20].map(|threads| compute(threads, problem, &rows, (&Cancel::default(), None)));
        for result in &results {
            assert_eq!(result.samples as usize, samples);
            assert_eq!(result.mean, results[0].mean);
            assert_eq!(result.loss_sum.to_bits(), results[0].loss_sum.to_bits());
        }
    }
    let all = 0..dataset.held_out.len();
    let problem = Problem { rows: &held_out, ..problem };
    let scores = [1, 3].map(|threads| ShareEngine::new(threads, Duty::new(100)).score(problem, all.clone()));
    assert_eq!(scores[0].rows as usize, all.len());
    assert_eq!(scores[0].confusion, scores[1].confusion);
    assert_eq!(scores[0].histogram, scores[1].histogram);
    let [first, second] = scores[0].histogram.iter().fold([0, 0], |[a, b], (_, [c, d])| [a + c, b + d]);
    let [a, b, c, d] = scores[0].confusion[..] else { panic!("two classes") };
    assert_eq!([first, second], [a + b, c + d]);
}

/// A model of two inputs and two classes, all zeros.
fn untrained<'a>(shape: &'a ModelShape, rows: &'a Encoded<'a>) -> Problem<'a, Encoded<'a>> {
    Problem { shape, rows, class_weights: &[1.0, 1.0], target_scale: 1.0, model: &[0.0; 6] }
}

#[test]
fn a_cancelled_share_has_no_samples() {
    let dataset = dataset();
    let shape = ModelShape::dense(&[2, 2], Activation::Relu, Loss::CrossEntropy).unwrap();
    let (cancel, rows) = (Cancel::default(), Encoded(&dataset.train));
    cancel.cancel();
    let problem = untrained(&shape, &rows);
    assert_eq!(compute(2, problem, &[1, 2, 3], (&cancel, None)).samples, 0);
    let mut engine = ShareEngine::new(1, Duty::new(100));
    engine.begin(&cancel, None);
    assert_eq!(engine.score(problem, 0..10).rows, 0);
}

#[test]
fn a_share_that_may_be_stopped_has_some_samples_and_the_bits_of_any_number_of_threads() {
    let dataset = dataset();
    let shape = ModelShape::dense(&[2, 128, 128, 2], Activation::Tanh, Loss::CrossEntropy).unwrap();
    let mut model = vec![0.0; shape.parameters()];
    initialize(&shape, 1, &mut model).unwrap();
    let (cancel, train) = (Cancel::default(), Encoded(&dataset.train));
    let problem = Problem { shape: &shape, rows: &train, class_weights: &[1.0, 2.0], target_scale: 1.0, model: &model };
    let rows: Vec<usize> = (0..3000).map(|i| i * 7 % dataset.train.len()).collect();
    let now = Instant::now();
    let later = now + Duration::from_secs(3600);
    let whole = [1, 3, 8].map(|threads| compute(threads, problem, &rows, (&cancel, Some(later))));
    assert!(whole.iter().all(|g| g.samples == 3000 && g.mean == whole[0].mean));
    // At least a unit of each run of the first wave is computed.
    for (threads, least) in [(1, 8), (3, 24)] {
        let stopped = compute(threads, problem, &rows, (&cancel, Some(now)));
        assert_eq!(stopped.samples, least, "{threads} threads");
        assert!(stopped.loss_sum > 0.0 && stopped.mean.iter().any(|g| *g != 0.0));
    }
    assert_eq!(compute(4, problem, &rows[..3], (&cancel, Some(now))).samples, 3);
}

#[test]
fn what_the_program_takes_beside_its_slices_is_charged() {
    let dataset = dataset();
    let shape = ModelShape::dense(&[2, 2], Activation::Relu, Loss::CrossEntropy).unwrap();
    let rows = Encoded(&dataset.train);
    let mut share = ShareEngine::new(2, Duty::new(50));
    let (before, least) = (process_cpu(), Duration::from_millis(5));
    share.forgive();
    while process_cpu() - before < 2 * least {
        std::hint::black_box(&share.threads);
    }
    assert!(share.threads.take_others(share.engine.governors()) >= least);
    let charged_at = share.threads.charged_at;
    share.gradient(untrained(&shape, &rows), &[1, 2, 3], &mut Gradient::default());
    assert!(share.threads.charged_at > charged_at);
    let charged: Vec<Duration> = share.engine.governors().map(Slices::take_charged).collect();
    assert!(charged[0] > Duration::ZERO && charged[1].is_zero(), "{charged:?}");
}
