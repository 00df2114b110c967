//! The card's model: its layers in words, and the same as the arithmetic takes them.

use heijunka_learn::ModelShape;
use heijunka_units::{Activation, Convolution, Convolutions, Loss, Pooling, Shape};
use serde::{Deserialize, Serialize};

/// The layers of a model.
#[derive(Debug, Serialize, Deserialize)]
pub struct CardModel {
    /// File of the parameters, beside the card.
    pub file: String,
    /// Inputs, hidden layers, outputs.
    pub widths: Vec<u32>,
    /// Between the inputs and the hidden layers; omitted if fully connected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub convolutions: Option<CardConvolutions>,
    /// What follows each hidden layer: relu or tanh.
    pub activation: String,
    /// Parameters of all layers.
    pub parameters: usize,
    /// Of the parameters: shows whether the card describes the file beside it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<String>,
}

/// Convolutions over the rows of a window, first to last.
#[derive(Debug, Serialize, Deserialize)]
pub struct CardConvolutions {
    /// Numbers of a row.
    pub channels: u32,
    /// First to last.
    pub layers: Vec<CardConvolution>,
    /// What the rows that the last one leaves become: none, mean or max.
    pub pooling: String,
}

/// A convolution without padding.
#[derive(Debug, Serialize, Deserialize)]
pub struct CardConvolution {
    /// Filters.
    pub filters: u16,
    /// Rows that a filter sees.
    pub kernel: u16,
    /// Rows from one place of the kernel to the next.
    pub stride: u16,
}

const POOLINGS: [(&str, Pooling); 3] = [("none", Pooling::None), ("mean", Pooling::Mean), ("max", Pooling::Max)];

const ACTIVATIONS: [(&str, Activation); 2] = [("relu", Activation::Relu), ("tanh", Activation::Tanh)];

/// What a card says of parameters, to know them again.
pub fn digest(parameters: &[f32]) -> String {
    format!("{:016x}", heijunka_wire::model_digest(parameters))
}

impl CardModel {
    /// A model of this shape with these parameters.
    pub fn new(shape: &Shape, parameters: &[f32]) -> Self {
        Self {
            file: "model.safetensors".into(),
            widths: shape.widths.to_vec(),
            convolutions: shape.convolutions.as_ref().map(CardConvolutions::new),
            activation: activation(shape.activation),
            parameters: parameters.len(),
            digest: Some(digest(parameters)),
        }
    }

    /// The model as the arithmetic takes it; `None` if it is not valid.
    pub fn shape(&self, loss: Loss) -> Option<ModelShape> {
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
pub fn activation(activation: Activation) -> String {
    word(&ACTIVATIONS, activation)
}

/// The word for a choice.
fn word<T: PartialEq>(words: &[(&str, T)], choice: T) -> String {
    words.iter().find(|(_, meant)| *meant == choice).map_or_else(String::new, |(word, _)| (*word).to_owned())
}

fn meant<T: Copy>(words: &[(&str, T)], text: &str) -> Option<T> {
    words.iter().find(|(word, _)| *word == text).map(|(_, meant)| *meant)
}
