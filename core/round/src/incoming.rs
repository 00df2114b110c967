//! Something that arrives in chunks.

use alloc::vec::Vec;
use heijunka_wire::document::{Document, DocumentError};
use heijunka_wire::{Assembly, Part, PartError, Progress};

/// Chunks, put together as they arrive.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    assembly: Assembly,
    bytes: Vec<u8>,
}

impl Incoming {
    /// With memory that was used before.
    pub(crate) fn reusing(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        Self { assembly: Assembly::new(), bytes }
    }

    pub(crate) fn has_begun(&self) -> bool {
        self.assembly.total_bytes().is_some()
    }

    /// Drops what has arrived.
    pub(crate) fn restart(&mut self) {
        self.assembly = Assembly::new();
        self.bytes.clear();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives the memory back.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn take(&mut self, part: Part, payload: &[u8], bytes_max: usize) -> Result<Progress, PartError> {
        if part.total_bytes as usize > bytes_max {
            return Err(PartError::TooLarge);
        }
        // Memory grows with the chunks that really arrive, not with the size that a peer names.
        let (progress, begin) = self.assembly.accept(part, payload.len(), bytes_max)?;
        if progress != Progress::Duplicate {
            let end = begin + payload.len();
            if self.bytes.len() == begin {
                self.bytes.extend_from_slice(payload);
                return Ok(progress);
            }
            if self.bytes.len() < end {
                self.bytes.resize(end, 0);
            }
            if let Some(place) = self.bytes.get_mut(begin..end) {
                place.copy_from_slice(payload);
            }
        }
        Ok(progress)
    }

    pub(crate) fn document<D: Document>(&self) -> Result<D, DocumentError> {
        D::from_bytes(&self.bytes)
    }
}
