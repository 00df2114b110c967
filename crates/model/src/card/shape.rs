//! The card's model: its layers in words, and the same as the arithmetic takes them.

use heijunka_learn::ModelShape;
use heijunka_round::Coordinator;
use heijunka_units::{Activation, Convolution, Convolutions, Loss, Pooling, Shape};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CardModel {
    pub(crate) file: String,
    /// Inputs, hidden layers, outputs.
    pub(crate) widths: Vec<u32>,
    /// Between the inputs and the hidden layers; left out if fully connected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) convolutions: Option<CardConvolutions>,
    pub(crate) activation: String,
    pub(crate) parameters: usize,
    /// Of the parameters: tells whether the file beside the card is the one that it describes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) digest: Option<String>,
}

/// Convolutions over the rows of a window, first to last.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CardConvolutions {
    /// Numbers of a row.
    pub(crate) channels: u32,
    pub(crate) layers: Vec<CardConvolution>,
    /// What the rows that the last one leaves become: none, mean or max.
    pub(crate) pooling: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct CardConvolution {
    pub(crate) filters: u16,
    pub(crate) kernel: u16,
    pub(crate) stride: u16,
}

const POOLINGS: [(&str, Pooling); 3] = [("none", Pooling::None), ("mean", Pooling::Mean), ("max", Pooling::Max)];

const ACTIVATIONS: [(&str, Activation); 2] = [("relu", Activation::Relu), ("tanh", Activation::Tanh)];

/// What a card says of parameters, to know them again.
pub(crate) fn digest(parameters: &[f32]) -> String {
    format!("{:016x}", heijunka_wire::model_digest(parameters))
}

impl CardModel {
    /// The coordinator's model; `None` before the job is settled.
    pub(crate) fn new(coordinator: &Coordinator) -> Option<Self> {
        let shape = coordinator.shape()?;
        Some(Self {
            file: "model.safetensors".into(),
            widths: shape.widths.to_vec(),
            convolutions: shape.convolutions.as_ref().map(CardConvolutions::new),
            activation: activation(shape.activation),
            parameters: coordinator.model().map_or(0, <[f32]>::len),
            digest: coordinator.model().map(digest),
        })
    }

    /// The model as the arithmetic takes it; `None` if it makes no sense.
    pub(crate) fn shape(&self, loss: Loss) -> Option<ModelShape> {
        let convolutions = match &self.convolutions {
            Some(card) => Some(card.read()?),
            None => None,
        };
        let activation = meant(&ACTIVATIONS, &self.activation)?;
        let mut shape = Shape { widths: Default::default(), activation, loss, convolutions };
        shape.widths.extend_from_slice(&self.widths).ok()?;
        ModelShape::new(shape).ok()
    }
}

impl CardConvolutions {
    fn new(convolutions: &Convolutions) -> Self {
        let card = |layer: &Convolution| CardConvolution {
            filters: layer.filters,
            kernel: layer.kernel,
            stride: layer.stride,
        };
        Self {
            channels: convolutions.channels,
            layers: convolutions.layers.iter().map(card).collect(),
            pooling: word(&POOLINGS, convolutions.pooling),
        }
    }

    fn read(&self) -> Option<Convolutions> {
        let pooling = meant(&POOLINGS, &self.pooling)?;
        let mut convolutions = Convolutions { channels: self.channels, layers: Default::default(), pooling };
        for layer in &self.layers {
            let layer = Convolution { filters: layer.filters, kernel: layer.kernel, stride: layer.stride };
            convolutions.layers.push(layer).ok()?;
        }
        Some(convolutions)
    }
}

/// The card's word for an activation.
pub(crate) fn activation(activation: Activation) -> String {
    word(&ACTIVATIONS, activation)
}

/// The word for a choice.
fn word<T: PartialEq>(words: &[(&str, T)], choice: T) -> String {
    words.iter().find(|(_, meant)| *meant == choice).map_or_else(String::new, |(word, _)| (*word).to_owned())
}

fn meant<T: Copy>(words: &[(&str, T)], text: &str) -> Option<T> {
    words.iter().find(|(word, _)| *word == text).map(|(_, meant)| *meant)
}
