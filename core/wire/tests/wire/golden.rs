//! Golden bytes: these frames have been on the wire. A change here is a new protocol version.

use heijunka_units::{AllocationVersion, ModelVersion, RoundId, RunId};
use heijunka_wire::document::{
    ClassWeights, Column, Document, Encoding, Fitted, HeldOut, Input, Job, Normalize, Scores, Survey, Target, Task,
    Window,
};
use heijunka_wire::{
    Activation, Assign, Body, Codec, Convolution, Convolutions, DataMode, Durations, Evidence, Extra, Gradient, Join,
    Loss, Part, Payload, Pooling, Purpose, Refusal, Round, Shape, Spec, Subject, Untaken, decode, digest, encode,
    model_digest,
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[track_caller]
fn is_golden(run: u64, body: Body, object: Payload<'_>, payload: &[u8], golden: &str) {
    let mut out = [0; 256];
    let bytes = encode(RunId(run), &body, object, &mut out).unwrap();
    assert_eq!(hex(bytes), golden.replace(char::is_whitespace, ""));
    let frame = decode(bytes).unwrap();
    assert_eq!((frame.run, frame.body, frame.payload), (RunId(run), body, payload));
}

#[test]
fn join_is_golden() {
    let body = Body::Join(Join {
        session: 0x0123_4567_89ab_cdef,
        protocol_min: 1,
        protocol_max: 1,
        spec: 300,
        rows: 20_000,
        held_out_rows: 127,
        data_digest: u64::MAX,
        samples_max: 4096,
        threads: 4,
        cpu_share_percent: 30,
        uplink_bytes_per_s: 250_000,
        away_s: 3_600,
        model: Some(ModelVersion(117)),
    });
    is_golden(
        0,
        body,
        Payload::None,
        &[],
        "01010000ef9bafcdf8acd191010101ac02a09c017fffffffffffffffffff018020041e90a10f901c0175",
    );
}

#[test]
fn spec_is_golden() {
    let body = Body::Spec(Spec {
        content: 5,
        fitted: true,
        shape: Shape {
            widths: [64, 200, 10].into_iter().collect(),
            activation: Activation::Tanh,
            loss: Loss::CrossEntropy,
            convolutions: None,
        },
        data_mode: DataMode::Private,
        seed: 42,
        part: Part { index: 1, chunk_bytes: 4, total_bytes: 6 },
    });
    is_golden(7, body, Payload::Bytes(b"abcdef"), b"ef", "0102000705010340c8010a010100012a0104066566");
}

#[test]
fn a_spec_with_convolutions_is_golden() {
    let layers = [(16, 5, 1), (300, 4, 2)].map(|(filters, kernel, stride)| Convolution { filters, kernel, stride });
    let body = Body::Spec(Spec {
        content: 5,
        fitted: true,
        shape: Shape {
            widths: [420, 64, 1].into_iter().collect(),
            activation: Activation::Relu,
            loss: Loss::MeanSquaredError,
            convolutions: Some(Convolutions {
                channels: 14,
                layers: layers.into_iter().collect(),
                pooling: Pooling::Max,
            }),
        },
        data_mode: DataMode::Shared,
        seed: 42,
        part: Part { index: 0, chunk_bytes: 8, total_bytes: 6 },
    });
    let golden = "0102000705 0103a403 4001 0000 010e02100501ac02040202 00 2a000806616263646566";
    is_golden(7, body, Payload::Bytes(b"abcdef"), b"abcdef", golden);
}

#[test]
fn assign_is_golden() {
    let body = Assign {
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
        refused: None,
        untaken: None,
    };
    is_golden(7, Body::Assign(body), Payload::None, &[], "0103000709050329d70100c4130500e8020000");
    let refused = Assign { refused: Some(Refusal::DifferentData), ..body };
    is_golden(7, Body::Assign(refused), Payload::None, &[], "0103000709050329d70100c4130500e802010100");
    let untaken = Some(Untaken { round: RoundId(118), offset: 215 });
    let body = Assign { untaken, ..body };
    is_golden(7, Body::Assign(body), Payload::None, &[], "0103000709050329d70100c4130500e802000176d701");
}

#[test]
fn round_is_golden() {
    let body = Round {
        round: RoundId(118),
        purpose: Purpose::Train,
        allocation: AllocationVersion(3),
        model: ModelVersion(117),
        first_position: 29_952,
        batch_samples: 256,
        deadline_ms: 5000,
        stop_us: 150_000,
        local_steps: 2,
        learning_rate: 0.5,
        kept_ppm: 10_000,
        momentum: 0.5,
        base: None,
        codec: Codec::Float32,
        digest: 1 << 63,
        part: Part { index: 0, chunk_bytes: 8, total_bytes: 12 },
    };
    let payload = [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0];
    is_golden(
        7,
        Body::Round(body),
        Payload::Numbers(&[1.0, -2.0, 0.5]),
        &payload,
        "010400077600037580ea0180028827f09309020000003f904e0000003f00008080808080808080800100080c0000803f000000c0",
    );
    let part = Part { index: 0, chunk_bytes: 4, total_bytes: 3 };
    let update = Round { base: Some(ModelVersion(116)), codec: Codec::SparseInt8, part, ..body };
    is_golden(
        7,
        Body::Round(update),
        Payload::Bytes(b"abc"),
        b"abc",
        "010400077600037580ea0180028827f09309020000003f904e0000003f01740480808080808080808001000403616263",
    );
}

#[test]
fn gradient_is_golden() {
    let body = Body::Gradient(Gradient {
        round: RoundId(118),
        allocation: AllocationVersion(3),
        session: 9,
        offset: 215,
        samples: 41,
        loss_sum: 17.25,
        durations: Durations { decode_us: 100, compute_us: 148_000, encode_us: 0 },
        codec: Codec::Float32,
        part: Part { index: 1, chunk_bytes: 8, total_bytes: 12 },
    });
    let golden = "01050007760309d70129000000000040314064a08409000001080c0000003f";
    is_golden(7, body, Payload::Numbers(&[1.0, -2.0, 0.5]), &[0, 0, 0, 0x3f], golden);
    assert!(crate::PAGE.contains(golden), "docs/wire.md shows this frame as its example");
}

#[test]
fn evidence_is_golden() {
    let part = Part { index: 0, chunk_bytes: 4, total_bytes: 0 };
    let survey = Evidence { subject: Subject::Survey(5), session: 9, part };
    is_golden(7, Body::Evidence(survey), Payload::Bytes(&[]), &[], "01060007000509000400");
    let part = Part { index: 0, chunk_bytes: 1024, total_bytes: 3 };
    let scores = Evidence { subject: Subject::Scores(RoundId(118)), session: 9, part };
    is_golden(7, Body::Evidence(scores), Payload::Bytes(&[1, 2, 3]), &[1, 2, 3], "0106000701760900800803010203");
}

#[test]
fn extra_is_golden() {
    let body = Extra { session: 9, round: RoundId(118), digest: 1 << 63, number: 2, offset: 215, samples: 20 };
    is_golden(7, Body::Extra(body), Payload::None, &[], "0107000709768080808080808080800102d70114");
}

#[track_caller]
fn is_golden_document<D: Document + PartialEq + std::fmt::Debug>(document: &D, golden: &str) {
    assert_eq!(hex(&document.to_bytes()), golden);
    assert_eq!(D::from_bytes(&document.to_bytes()).as_ref(), Ok(document));
}

#[test]
fn documents_are_golden() {
    let inputs = vec![
        Input { name: "t".into(), encoding: Encoding::Scaled { offset: 20.0, scale: 0.5 } },
        Input { name: "m".into(), encoding: Encoding::OneHot { values: vec!["a".into(), "b".into()] } },
    ];
    let target = Target::Classes { names: vec!["no".into(), "ok".into()], weights: vec![1.5, 0.75] };
    let job = Job {
        task: Task::Classification,
        target: "q".into(),
        inputs: vec![],
        ignore: vec!["id".into()],
        normalize: Normalize::Standard,
        class_weights: ClassWeights::Balanced,
        data_mode: DataMode::Shared,
        held_out: HeldOut::ByHash(2000),
        group: None,
        window: None,
        fitted: Some(Fitted { inputs, target }),
    };
    is_golden_document(
        &job,
        "010171000102696400010000d00f000001020174000000000000003440000000000000e03f016d0102016101620102026e6f026f6b020000c03f0000403f",
    );
    let windows = Job {
        held_out: HeldOut::Last(2500),
        group: Some("file".into()),
        window: Some(Window { rows: 300, every: 2 }),
        fitted: None,
        ..job.clone()
    };
    is_golden_document(&windows, "010171000102696400010002c413010466696c6501ac020200");
    let anomaly = Job {
        task: Task::Anomaly { normal: "ok".into() },
        class_weights: ClassWeights::Named(vec![("no".into(), 2.0)]),
        fitted: Some(Fitted { inputs: vec![], target: Target::Inputs }),
        ..job
    };
    is_golden_document(&anomaly, "02026f6b01710001026964000201026e6f000000400000d00f0000010002");
    let column = Column { name: "t".into(), count: 2, mean: 1.0, m2: 0.5, min: 0.5, max: 1.5, values: vec![] };
    let target = Column { name: "q".into(), values: vec![("no".into(), 1), ("ok".into(), 300)], ..Column::default() };
    is_golden_document(
        &Survey { rows: 301, inputs: vec![column], target },
        "ad0201017402000000000000f03f000000000000e03f000000000000e03f000000000000f83f00017100000000000000000000000000000000000000000000000000000000000000000002026e6f01026f6bac02",
    );
    let scores = Scores { rows: 4, loss_sum: 2.0, confusion: vec![1, 0, 1, 2], ..Scores::default() };
    is_golden_document(&scores, "04000000000000004000000000000000000000000000000000040100010200");
    let ranked = Scores { confusion: vec![], histogram: vec![(5, [1, 0]), (600, [0, 3])], ..scores };
    is_golden_document(&ranked, "040000000000000040000000000000000000000000000000000002050100d8040003");
}

#[test]
fn digests_are_golden() {
    assert_eq!(digest(b""), 0xef46_db37_51d8_e999);
    assert_eq!(format!("{:016x}", digest(b"heijunka")), "0990f238cafb4ea3");
    let bytes = |parameters: &[f32]| parameters.iter().flat_map(|p| p.to_le_bytes()).collect::<Vec<u8>>();
    // Longer than the blocks that it is read in, and not a multiple of them.
    let parameters: Vec<f32> = (0..1000_u16).map(f32::from).collect();
    assert_eq!(model_digest(&parameters), digest(&bytes(&parameters)));
    assert_eq!(model_digest(&[]), digest(b""));
}
