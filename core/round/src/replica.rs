//! The model that agents hold: it follows the trainer's by the updates that are sent, and all copies of it are equal to the
//! bit.
//!
//! An update is the written difference between the two. What the writing dropped is in the next difference: that is the
//! error feedback of the way down (Gruntkowska et al., 2023, EF21-P, without a second memory).

use alloc::vec;
use alloc::vec::Vec;
use heijunka_compress::{Rounding, add, bytes_max, encode, encode_sparse};
use heijunka_units::{Codec, ModelVersion};

/// How the replica came from one version to the next.
#[derive(Clone, Debug, Default)]
pub(crate) struct Update {
    /// The version that it builds on; none: the whole model has to be sent.
    pub(crate) base: Option<ModelVersion>,
    pub(crate) codec: Codec,
    pub(crate) bytes: Vec<u8>,
}

/// The agents' model.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) parameters: Vec<f32>,
    pub(crate) version: ModelVersion,
    pub(crate) update: Update,
    difference: Vec<f32>,
}

impl Replica {
    /// A copy of the model, which agents do not have yet.
    pub(crate) fn new(model: &[f32], version: ModelVersion) -> Self {
        Self { parameters: model.to_vec(), version, update: Update::default(), difference: vec![0.0; model.len()] }
    }

    /// Follows the model to `version`; `kept` numbers of a sparse update are sent.
    pub(crate) fn follow(&mut self, model: &[f32], version: ModelVersion, codec: Codec, kept: usize) {
        let base = Some(self.version);
        self.update.bytes.clear();
        if version == self.version {
            // The agents have it already, or ask for it.
            (self.update.base, self.update.codec) = (base, codec);
            return;
        }
        self.version = version;
        self.update.codec = codec;
        self.update.base = base.filter(|_| self.write(model, codec, kept).is_some());
        if self.update.base.is_none() {
            // The difference of two finite numbers need not be finite.
            self.update = Update::default();
            self.parameters.copy_from_slice(model);
        }
    }

    fn write(&mut self, model: &[f32], codec: Codec, kept: usize) -> Option<()> {
        let numbers = model.len();
        let pairs = model.iter().zip(&self.parameters);
        self.difference.iter_mut().zip(pairs).for_each(|(difference, (new, old))| *difference = new - old);
        let bytes = &mut self.update.bytes;
        bytes.resize(bytes_max(codec, numbers, kept), 0);
        let used = match codec.is_sparse() {
            true => encode_sparse(codec, &mut self.difference, kept, 1.0, bytes).ok()?,
            false => encode(codec, &self.difference, Rounding::Nearest, bytes).ok()?,
        };
        bytes.truncate(used);
        add(codec, bytes, 1.0, &mut self.parameters).ok()
    }
}
