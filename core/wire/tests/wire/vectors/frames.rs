//! Frames of every kind.

use super::frame;
use heijunka_units::{AllocationVersion, ModelVersion, RoundId, RunId, Start};
use heijunka_wire::{
    Activation, Ask, Assign, Body, Codec, Convolution, Convolutions, DataMode, Durations, Extra, Gradient, Head, Join,
    Loss, Model, Part, Payload, Pooling, Refusal, Refused, Reserved, Round, ScoresChunk, Shape, Share, Spec,
    SurveyChunk, Train, Untaken, Work,
};
use serde_json::Value;

const NUMBERS: Payload<'_> = Payload::Numbers(&[1.0, -2.0, 0.5]);

/// Run 7 of an aggregator whose start is 00 01 02 ... 0f.
fn run() -> Head {
    Head { run: RunId(7), start: Start::new(core::array::from_fn(|place| place as u8)) }
}

pub(super) fn all() -> Vec<Value> {
    [joins(), specs(), assigns(), rounds(), answers()].concat()
}

fn joins() -> Vec<Value> {
    let first = Join {
        session: 9,
        protocol_min: 2,
        protocol_max: 2,
        spec: 0,
        rows: 0,
        held_out_rows: 0,
        data_digest: 0,
        samples_max: 4096,
        threads: 4,
        cpu_share_percent: 100,
        uplink_bytes_per_s: 0,
        away_s: 0,
        model: None,
    };
    let join = Join {
        session: 0x0123_4567_89ab_cdef,
        protocol_min: 2,
        protocol_max: 3,
        spec: 300,
        rows: 20_000,
        held_out_rows: 127,
        data_digest: u64::MAX,
        cpu_share_percent: 30,
        uplink_bytes_per_s: 250_000,
        away_s: 3_600,
        model: Some(ModelVersion(117)),
        ..first
    };
    vec![
        frame("join, nothing is known yet", Head::default(), &Body::Join(first), Payload::None),
        frame("join", run(), &Body::Join(join), Payload::None),
    ]
}

fn specs() -> Vec<Value> {
    let shape = Shape::dense(&[64, 200, 10], Activation::Tanh, Loss::CrossEntropy).unwrap();
    let layers = [(16, 5, 1), (300, 4, 2)].map(|(filters, kernel, stride)| Convolution { filters, kernel, stride });
    let convolutional = Shape {
        widths: [420, 64, 1].into_iter().collect(),
        activation: Activation::Relu,
        loss: Loss::MeanSquaredError,
        convolutions: Some(Convolutions::new(14, &layers, Pooling::Max).unwrap()),
    };
    let part = Part { index: 0, chunk_bytes: 8, total_bytes: 6 };
    let unsettled = Spec { content: 5, model: Model::Unsettled, data_mode: DataMode::Shared, seed: 42, part };
    let of = |name, spec| frame(name, run(), &Body::Spec(spec), Payload::Bytes(b"abcdef"));
    let second = Part { index: 1, chunk_bytes: 4, total_bytes: 6 };
    let dense = Spec { model: Model::Layers(shape), data_mode: DataMode::Private, part: second, ..unsettled.clone() };
    vec![
        of("spec, unsettled", unsettled.clone()),
        of("spec, dense layers, second chunk", dense),
        of("spec, convolutions", Spec { model: Model::Layers(convolutional), ..unsettled.clone() }),
        of("spec, opaque", Spec { model: Model::Opaque { parameters: 1_000_000 }, ..unsettled }),
    ]
}

fn assigns() -> Vec<Value> {
    let share = Share {
        session: 9,
        spec: 5,
        version: AllocationVersion(3),
        samples: 41,
        offset: 215,
        probe: false,
        network_us: 2500,
        codec: Codec::SparseSign,
        held_out_offset: 0,
        held_out_rows: 360,
        untaken: None,
    };
    let untaken = Some(Untaken { round: RoundId(118), offset: 215 });
    let refused = Refused { session: 9, spec: 5, version: AllocationVersion(3), why: Refusal::DifferentData };
    let of = |name, assign| frame(name, run(), &Body::Assign(assign), Payload::None);
    vec![
        of("assign, share", Assign::Share(share)),
        of("assign, share, untaken", Assign::Share(Share { untaken, ..share })),
        of("assign, probe", Assign::Share(Share { samples: 4, offset: 0, probe: true, ..share })),
        of("assign, refused", Assign::Refused(refused)),
    ]
}

fn rounds() -> Vec<Value> {
    let train = Train {
        first_position: 29_952,
        batch_samples: 256,
        stop_us: 150_000,
        local_steps: 2,
        learning_rate: 0.5,
        kept_ppm: 10_000,
        momentum: 0.5,
    };
    let ask = Ask {
        round: RoundId(118),
        work: Work::Train(train),
        allocation: AllocationVersion(3),
        model: ModelVersion(117),
        deadline_ms: 5000,
        base: None,
        codec: Codec::Float32,
        digest: 1 << 63,
        part: Part { index: 0, chunk_bytes: 8, total_bytes: 12 },
    };
    let part = Part { index: 0, chunk_bytes: 4, total_bytes: 3 };
    let update = Ask { base: Some(ModelVersion(116)), codec: Codec::SparseInt8, part, ..ask };
    let of = |name, round, object| frame(name, run(), &Body::Round(round), object);
    vec![
        of("round, train, first chunk", Round::Ask(ask), NUMBERS),
        of("round, train, update", Round::Ask(update), Payload::Bytes(b"abc")),
        of("round, score", Round::Ask(Ask { work: Work::Score, ..ask }), NUMBERS),
        of("round, finished", Round::Finished, Payload::None),
    ]
}

fn answers() -> Vec<Value> {
    let gradient = Gradient {
        round: RoundId(118),
        allocation: AllocationVersion(3),
        session: 9,
        offset: 215,
        samples: 41,
        loss_sum: Some(17.25),
        durations: Durations { decode_us: 100, compute_us: 148_000, encode_us: 0 },
        codec: Codec::Float32,
        ranges: Reserved,
        noise: Reserved,
        part: Part { index: 1, chunk_bytes: 8, total_bytes: 12 },
    };
    let nothing = Part { index: 0, chunk_bytes: 8, total_bytes: 0 };
    let survey = SurveyChunk { spec: 5, session: 9, part: nothing };
    let part = Part { index: 0, chunk_bytes: 1024, total_bytes: 3 };
    let scores = ScoresChunk { round: RoundId(118), session: 9, part };
    let extra = Extra { session: 9, round: RoundId(118), digest: 1 << 63, number: 2, offset: 215, samples: 20 };
    let of = |name, body, object| frame(name, run(), &body, object);
    vec![
        of("gradient, second chunk", Body::Gradient(gradient), NUMBERS),
        of(
            "gradient, not finite",
            Body::Gradient(Gradient { loss_sum: None, part: nothing, ..gradient }),
            Payload::Bytes(b""),
        ),
        of("survey, an empty chunk", Body::Survey(survey), Payload::Bytes(b"")),
        of("scores", Body::Scores(scores), Payload::Bytes(&[1, 2, 3])),
        of("extra", Body::Extra(extra), Payload::None),
    ]
}
