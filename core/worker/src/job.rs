//! The job as the aggregator describes it, and the data that are prepared for it.

use crate::interface::Prepared;
use crate::note::Note;
use heijunka_wire::{Assembly, DataMode, Head, PartError, Progress, Spec, digest};

/// What is to be computed, and on what.
#[derive(Debug)]
pub(crate) struct Job<'b> {
    /// The aggregator that is obeyed.
    aggregator: Head,
    /// The spec being assembled or already whole.
    spec: Option<Spec>,
    assembly: Assembly,
    document: &'b mut [u8],
    prepare_due: bool,
    prepared: Option<Prepared>,
    survey: &'b mut [u8],
    survey_bytes: usize,
}

impl<'b> Job<'b> {
    pub(crate) fn new(document: &'b mut [u8], survey: &'b mut [u8]) -> Self {
        Self {
            aggregator: Head::default(),
            spec: None,
            assembly: Assembly::new(),
            document,
            prepare_due: false,
            prepared: None,
            survey,
            survey_bytes: 0,
        }
    }

    /// Document and survey.
    pub(crate) fn into_buffers(self) -> (&'b mut [u8], &'b mut [u8]) {
        (self.document, self.survey)
    }

    pub(crate) fn aggregator(&self) -> Head {
        self.aggregator
    }

    /// Obeys this aggregator from now on; whether it is another one than before, of whose job nothing is known.
    pub(crate) fn obey(&mut self, aggregator: Head) -> bool {
        let changed = aggregator != self.aggregator;
        if changed {
            self.aggregator = aggregator;
            self.spec = None;
        }
        changed
    }

    pub(crate) fn spec(&self) -> Option<&Spec> {
        self.spec.as_ref()
    }

    pub(crate) fn content(&self) -> Option<u64> {
        self.spec.as_ref().map(|spec| spec.content)
    }

    pub(crate) fn is_fitted(&self) -> bool {
        self.spec.as_ref().is_some_and(Spec::is_fitted)
    }

    pub(crate) fn data_mode(&self) -> Option<DataMode> {
        self.spec.as_ref().map(|spec| spec.data_mode)
    }

    /// Parameters of the job's model, once it is settled.
    pub(crate) fn parameters(&self) -> Option<usize> {
        self.spec.as_ref().and_then(|spec| spec.model.parameters())
    }

    /// The document has to be received again.
    pub(crate) fn forget(&mut self) {
        self.assembly = Assembly::new();
        self.prepare_due = false;
    }

    /// A new job.
    pub(crate) fn begin(&mut self, spec: Spec) {
        self.spec = Some(spec);
    }

    /// The job is over.
    pub(crate) fn end(&mut self) {
        self.spec = None;
    }

    /// A chunk of the document.
    pub(crate) fn take_chunk(&mut self, spec: &Spec, payload: &[u8]) -> Result<Progress, Note> {
        match self.assembly.accept_into(spec.part, payload, self.document) {
            Ok(progress) => Ok(progress),
            Err(PartError::TooLarge) => {
                Err(Note::NoRoom { bytes: spec.part.total_bytes as usize, bytes_max: self.document.len() })
            }
            Err(error) => {
                // Whichever of the two is damaged, the aggregator sends all chunks again when asked.
                if !self.assembly.is_complete() {
                    self.assembly = Assembly::new();
                }
                Err(Note::BadPart(error))
            }
        }
    }

    /// Whether the whole document is what the spec says; if not, the job is unknown again.
    pub(crate) fn check_document(&mut self, spec: &Spec) -> bool {
        let sound = digest(self.document()) == spec.content;
        if !sound {
            self.spec = None;
            self.assembly = Assembly::new();
        }
        sound
    }

    /// The document, as far as it has been received.
    pub(crate) fn document(&self) -> &[u8] {
        let bytes = self.assembly.total_bytes().unwrap_or(0);
        self.document.get(..bytes).unwrap_or(&[])
    }

    pub(crate) fn is_whole(&self) -> bool {
        self.spec.is_some() && self.assembly.is_complete()
    }

    /// The data are read, and encoded if the job is settled.
    pub(crate) fn is_prepared(&self) -> bool {
        self.is_whole() && self.content() == self.prepared.map(|prepared| prepared.spec)
    }

    /// The document is whole: the data are needed, unless they are there.
    pub(crate) fn want_data(&mut self) {
        self.prepare_due = !self.is_prepared();
    }

    /// Whether the driver has to prepare data now.
    pub(crate) fn is_request_due(&self) -> bool {
        self.prepare_due && self.spec.is_some()
    }

    /// The job whose data the driver has to prepare now. They replace what it has prepared before.
    pub(crate) fn take_request(&mut self) -> Option<(&Spec, &[u8])> {
        if !core::mem::take(&mut self.prepare_due) {
            return None;
        }
        (self.prepared, self.survey_bytes) = (None, 0);
        let bytes = self.assembly.total_bytes().unwrap_or(0);
        self.spec.as_ref().map(|spec| (spec, self.document.get(..bytes).unwrap_or(&[])))
    }

    /// The driver has prepared data; whether they are the present job's.
    pub(crate) fn take_prepared(&mut self, prepared: Prepared, survey: &[u8]) -> Result<bool, Note> {
        if self.content() != Some(prepared.spec) {
            return Ok(false); // another job has begun since, and its data were asked for
        }
        let bytes_max = self.survey.len();
        let Some(place) = self.survey.get_mut(..survey.len()) else {
            return Err(Note::NoRoom { bytes: survey.len(), bytes_max });
        };
        place.copy_from_slice(survey);
        self.survey_bytes = survey.len();
        self.prepared = Some(prepared);
        Ok(true)
    }

    /// What is prepared for the present job.
    pub(crate) fn prepared(&self) -> Option<Prepared> {
        self.prepared.filter(|_| self.is_prepared())
    }

    /// The spec that the survey is of, and the survey; empty if there is none.
    pub(crate) fn survey(&self) -> Option<(u64, &[u8])> {
        Some((self.prepared?.spec, self.survey.get(..self.survey_bytes)?))
    }

    /// Whether there is a survey of the present job to send.
    pub(crate) fn has_survey(&self) -> bool {
        self.survey_bytes > 0 && self.is_prepared()
    }
}
