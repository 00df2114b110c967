//! The memory that the worker borrows.

use crate::config::Valid;
use heijunka_wire::limits;
use heijunka_worker::{Buffers, gradient_bytes, update_bytes};

/// Room for the largest model that `[limits] memory` allows. Zeroed memory is only taken from the system once it is written to.
pub(crate) struct WorkerMemory {
    model: Vec<f32>,
    gradient: Vec<u8>,
    update: Vec<u8>,
    residual: Vec<f32>,
    momentum: Vec<f32>,
    spec: Vec<u8>,
    survey: Vec<u8>,
    scores: Vec<u8>,
    packet: Vec<u8>,
}

impl WorkerMemory {
    pub(crate) fn new(valid: &Valid) -> Self {
        let parameters = valid.parameters_max;
        let [model, residual, momentum] = [(); 3].map(|()| vec![0.0; parameters]);
        let [spec, survey, scores] = [(); 3].map(|()| vec![0; limits::DOCUMENT_BYTES_MAX]);
        Self {
            model,
            gradient: vec![0; gradient_bytes(parameters)],
            update: vec![0; update_bytes(parameters)],
            residual,
            momentum,
            spec,
            survey,
            scores,
            packet: vec![0; valid.packet_bytes_max - limits::PACKET_OVERHEAD_BYTES],
        }
    }

    pub(crate) fn buffers(&mut self) -> Buffers<'_> {
        Buffers {
            model: &mut self.model,
            gradient: &mut self.gradient,
            update: &mut self.update,
            residual: &mut self.residual,
            momentum: &mut self.momentum,
            spec: &mut self.spec,
            survey: &mut self.survey,
            scores: &mut self.scores,
            packet: &mut self.packet,
        }
    }
}
