//! The convolutions of a graph. ONNX has channels before time, and in a kernel filters before channels before time.

use super::graph::Builder;
use crate::Trained;
use heijunka_learn::{Kernel, Layer};
use heijunka_units::Pooling;

/// From rows of channels to channels of rows, or back.
pub(super) fn turn(graph: &mut Builder, units: &str, name: &str) -> String {
    let turned = graph.node("Transpose", &[units], name, None);
    graph.add_integers("perm", &[0, 2, 1]);
    turned
}

/// One convolution, before its activation.
pub(super) fn convolve(
    graph: &mut Builder,
    trained: &Trained,
    (index, layer, kernel): (usize, &Layer, Kernel),
    units: &str,
) -> String {
    let part = |range: &std::ops::Range<usize>| trained.parameters.get(range.clone()).unwrap_or_default();
    let (weight, bias) = (format!("layers.{index}.weight"), format!("layers.{index}.bias"));
    let turned = by_filter(part(&layer.weights), kernel, layer.outputs);
    graph.floats(&weight, &[layer.outputs, kernel.channels, kernel.rows], &turned);
    graph.floats(&bias, &[layer.outputs], part(&layer.biases));
    let convolved = graph.node("Conv", &[units, &weight, &bias], &format!("layers.{index}"), None);
    graph.add_integers("kernel_shape", &[kernel.rows as i64]);
    graph.add_integers("strides", &[kernel.stride as i64]);
    convolved
}

/// `[filters][channels][rows]` of `[rows][channels][filters]`.
fn by_filter(weights: &[f32], kernel: Kernel, filters: usize) -> Vec<f32> {
    let place = |filter: usize, channel: usize, row: usize| (row * kernel.channels + channel) * filters + filter;
    let of_channel =
        move |filter, channel| (0..kernel.rows).map(move |row| weights.get(place(filter, channel, row)).copied());
    let of_filter = move |filter| (0..kernel.channels).flat_map(move |channel| of_channel(filter, channel));
    (0..filters).flat_map(of_filter).map(Option::unwrap_or_default).collect()
}

/// From the last convolution's places to what the fully connected layers take.
pub(super) fn pool(graph: &mut Builder, pooling: Pooling, units: &str) -> String {
    let op = match pooling {
        Pooling::None => {
            let rows = turn(graph, units, "places");
            return graph.node("Flatten", &[&rows], "flat", Some(("axis", 1)));
        }
        Pooling::Mean => "ReduceMean",
        Pooling::Max => "ReduceMax",
    };
    let pooled = graph.node(op, &[units], "pooled", Some(("keepdims", 0)));
    graph.add_integers("axes", &[2]);
    pooled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_is_turned_from_time_first_to_filters_first() {
        let kernel = Kernel { rows: 3, stride: 1, channels: 2 };
        // Row, channel and filter as digits.
        let weights = [0.0, 1.0, 10.0, 11.0, 100.0, 101.0, 110.0, 111.0, 200.0, 201.0, 210.0, 211.0];
        let turned = [0.0, 100.0, 200.0, 10.0, 110.0, 210.0, 1.0, 101.0, 201.0, 11.0, 111.0, 211.0];
        assert_eq!(by_filter(&weights, kernel, 2), turned);
    }
}
