//! Any message that an honest peer can send, and the object of which it carries a chunk.

use heijunka_units::{AllocationVersion, ModelVersion, RoundId, RunId, Start};
use heijunka_wire::limits::{
    BATCH_SAMPLES_MAX, HEADER_BYTES_MAX, LOCAL_STEPS_MAX, OFFSET_MAX, PARAMETERS_MAX, PARTS_MAX, ROWS_MAX,
};
use heijunka_wire::{
    Activation, Ask, Assign, Body, Codec, Convolution, Convolutions, DataMode, Durations, EncodeError, Extra, Gradient,
    Head, Join, Loss, Model, Part, Payload, Pooling, Refusal, Refused, Reserved, Round, ScoresChunk, Shape, Share,
    Spec, SurveyChunk, Train, Untaken, Work, encode,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// A message in its run, with the object that it carries a chunk of.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) head: Head,
    pub(crate) body: Body,
    pub(crate) object: Vec<u8>,
}

impl Message {
    pub(crate) fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut out = vec![0xee; HEADER_BYTES_MAX + self.object.len()];
        let object = if part_of(&self.body).is_some() { Payload::Bytes(&self.object) } else { Payload::None };
        encode(self.head, &self.body, object, &mut out).map(<[u8]>::to_vec)
    }
}

/// The part that a message names.
pub(crate) fn part_of(body: &Body) -> Option<Part> {
    match body {
        Body::Join(_) | Body::Assign(_) | Body::Extra(_) | Body::Round(Round::Finished) => None,
        Body::Spec(spec) => Some(spec.part),
        Body::Round(Round::Ask(ask)) => Some(ask.part),
        Body::Gradient(gradient) => Some(gradient.part),
        Body::Survey(chunk) => Some(chunk.part),
        Body::Scores(chunk) => Some(chunk.part),
    }
}

/// An object of whole numbers of four bytes, and one of its parts.
fn object() -> impl Strategy<Value = (Vec<u8>, Part)> {
    let sizes =
        (0_usize..200, 1_u32..60).prop_filter("few parts", |(words, chunk)| words / *chunk as usize <= PARTS_MAX);
    sizes.prop_flat_map(|(words, chunk_words)| {
        let parts = words.div_ceil(chunk_words as usize).max(1) as u16;
        let part = move |index| Part { index, chunk_bytes: 4 * chunk_words, total_bytes: 4 * words as u32 };
        (vec(any::<u8>(), 4 * words), (0..parts).prop_map(part))
    })
}

fn codec() -> impl Strategy<Value = Codec> {
    select(vec![Codec::Float32, Codec::Float16, Codec::Int8, Codec::Int4, Codec::SparseInt8, Codec::SparseSign])
}

fn join() -> impl Strategy<Value = Body> {
    let numbers = (any::<u64>(), any::<u64>(), 0..=ROWS_MAX, 0..=ROWS_MAX, any::<u64>());
    let limits = (any::<u32>(), any::<u16>(), 1..=100_u8, any::<u32>(), any::<u32>());
    (numbers, any::<[u8; 2]>(), limits).prop_map(|(numbers, protocols, limits)| {
        let (samples_max, threads, cpu_share_percent, uplink_bytes_per_s, away_s) = limits;
        let (session, spec, rows, held_out_rows, data_digest) = numbers;
        let [protocol_min, protocol_max] = [protocols[0].min(protocols[1]), protocols[0].max(protocols[1])];
        Body::Join(Join {
            session,
            protocol_min,
            protocol_max,
            spec,
            rows,
            held_out_rows,
            data_digest,
            samples_max,
            threads,
            cpu_share_percent,
            uplink_bytes_per_s,
            away_s,
            model: (spec % 2 == 1).then_some(ModelVersion(session)),
        })
    })
}

fn shape() -> impl Strategy<Value = Shape> {
    let widths = vec(2_u32..2000, 2..=8);
    let kinds =
        (select(vec![Activation::Relu, Activation::Tanh]), select(vec![Loss::MeanSquaredError, Loss::CrossEntropy]));
    (widths, convolutions(), kinds).prop_map(|(mut widths, convolutions, (activation, loss))| {
        if let (Some((rows, convolutions)), Some(inputs)) = (&convolutions, widths.first_mut()) {
            *inputs = rows * convolutions.channels;
        }
        let convolutions = convolutions.map(|(_, convolutions)| convolutions);
        Shape { widths: widths.into_iter().collect(), activation, loss, convolutions }
    })
}

/// Those that fit a window, and its rows.
fn convolutions() -> impl Strategy<Value = Option<(u32, Convolutions)>> {
    let layer = (1_u16..50, 1_u16..9, 1_u16..9).prop_map(|(filters, kernel, stride)| Convolution {
        filters,
        kernel,
        stride: stride.min(kernel),
    });
    let pooling = select(vec![Pooling::None, Pooling::Mean, Pooling::Max]);
    let some = (1_u32..50, vec(layer, 1..=3), pooling, 0_u32..50).prop_map(|(channels, layers, pooling, more)| {
        let rows = layers.iter().rev().fold(1, |rows, layer| (rows - 1) * layer.stride + layer.kernel);
        (u32::from(rows) + more, Convolutions { channels, layers: layers.into_iter().collect(), pooling })
    });
    proptest::option::of(some)
}

fn spec(part: Part) -> impl Strategy<Value = Body> {
    let mode = select(vec![DataMode::Shared, DataMode::Private]);
    let model = prop_oneof![
        1 => Just(Model::Unsettled),
        4 => shape().prop_map(Model::Layers),
        1 => (1..=PARAMETERS_MAX as u32).prop_map(|parameters| Model::Opaque { parameters }),
    ];
    (any::<u64>(), model, mode, any::<u64>())
        .prop_map(move |(content, model, data_mode, seed)| Body::Spec(Spec { content, model, data_mode, seed, part }))
}

fn assign() -> impl Strategy<Value = Body> {
    let why = select(vec![Refusal::Protocol, Refusal::DifferentData, Refusal::NoRows, Refusal::Full]);
    let refused = prop::option::of(why);
    let share = (0..=BATCH_SAMPLES_MAX, 0..=OFFSET_MAX, any::<bool>(), codec());
    let untaken = prop::option::of((any::<u64>(), 0..=OFFSET_MAX));
    (any::<(u64, u64)>(), any::<u32>(), share, any::<[u32; 3]>(), (refused, untaken)).prop_map(
        |((session, spec), version, (samples, offset, probe, codec), numbers, (refused, untaken))| {
            let [network_us, held_out_offset, held_out_rows] = numbers;
            let version = AllocationVersion(version);
            if let Some(why) = refused {
                return Body::Assign(Assign::Refused(Refused { session, spec, version, why }));
            }
            Body::Assign(Assign::Share(Share {
                session,
                spec,
                version,
                samples,
                offset,
                probe,
                network_us,
                codec,
                held_out_offset,
                held_out_rows,
                untaken: untaken.map(|(round, offset)| Untaken { round: RoundId(round), offset }),
            }))
        },
    )
}

/// Whole models are in `f32`; only updates are written otherwise.
fn payload() -> impl Strategy<Value = (Option<ModelVersion>, Codec)> {
    prop_oneof![
        Just((None, Codec::Float32)),
        (any::<u64>(), codec()).prop_map(|(base, codec)| (Some(ModelVersion(base)), codec))
    ]
}

fn round(part: Part) -> impl Strategy<Value = Body> {
    let trains = prop::option::weighted(0.9, any::<bool>());
    let work = (0..=BATCH_SAMPLES_MAX, 1..=LOCAL_STEPS_MAX, 0.0_f32..1.0, 0..=1_000_000_u32, payload());
    (any::<[u64; 4]>(), trains, any::<u32>(), work, any::<[u32; 2]>()).prop_map(
        move |([round, model, first_position, digest], trains, allocation, work, [deadline_ms, stop_us])| {
            let (batch_samples, local_steps, share, kept_ppm, (base, codec)) = work;
            let Some(trains) = trains else { return Body::Round(Round::Finished) };
            let train = Train {
                first_position,
                batch_samples,
                stop_us,
                local_steps,
                learning_rate: share * 100.0,
                kept_ppm,
                momentum: share,
            };
            Body::Round(Round::Ask(Ask {
                round: RoundId(round),
                work: if trains { Work::Train(train) } else { Work::Score },
                allocation: AllocationVersion(allocation),
                model: ModelVersion(model),
                deadline_ms,
                base,
                codec,
                digest,
                part,
            }))
        },
    )
}

fn gradient(part: Part) -> impl Strategy<Value = Body> {
    let loss = any::<f64>().prop_filter("finite", |loss| loss.is_finite());
    let loss = loss.prop_map(move |loss| Some(loss).filter(|_| part.total_bytes > 0));
    let range = (0..=OFFSET_MAX, 1..=BATCH_SAMPLES_MAX, codec());
    (any::<(u64, u64)>(), any::<u32>(), range, loss, any::<[u32; 3]>()).prop_map(
        move |(
            (round, session),
            allocation,
            (offset, samples, codec),
            loss_sum,
            [decode_us, compute_us, encode_us],
        )| {
            Body::Gradient(Gradient {
                round: RoundId(round),
                allocation: AllocationVersion(allocation),
                session,
                offset,
                samples,
                loss_sum,
                durations: Durations { decode_us, compute_us, encode_us },
                codec,
                ranges: Reserved,
                noise: Reserved,
                part,
            })
        },
    )
}

fn extra() -> impl Strategy<Value = Body> {
    let range = (0..=OFFSET_MAX, 1..=BATCH_SAMPLES_MAX, codec());
    (any::<[u64; 3]>(), any::<u32>(), range).prop_map(|([session, round, digest], number, (offset, samples, _))| {
        Body::Extra(Extra { session, round: RoundId(round), digest, number, offset, samples })
    })
}

fn statistics(part: Part) -> impl Strategy<Value = Body> {
    any::<(bool, u64, u64)>().prop_map(move |(survey, number, session)| match survey {
        true => Body::Survey(SurveyChunk { spec: number, session, part }),
        false => Body::Scores(ScoresChunk { round: RoundId(number), session, part }),
    })
}

/// Run 0 is that of no start.
fn head() -> impl Strategy<Value = Head> {
    let started = (1..=u64::MAX, 1..=u128::MAX)
        .prop_map(|(run, start)| Head { run: RunId(run), start: Start::new(start.to_le_bytes()) });
    prop_oneof![1 => Just(Head::default()), 9 => started]
}

/// Any message.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    (head(), object()).prop_flat_map(|(head, (object, part))| {
        prop_oneof![join(), spec(part), assign(), round(part), gradient(part), statistics(part), extra()]
            .prop_map(move |body| Message { head, body, object: object.clone() })
    })
}
