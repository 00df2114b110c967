//! `[limits] memory`: what a job needs of it, the largest model that it has room for, and the refusal of a job that does not fit.

use heijunka_settings::{Exit, Failure, Size};

/// Bytes held for each parameter while a gradient is computed and sent, besides the threads' sums.
const PARAMETER_BYTES: u64 = WORKER_BYTES + ENGINE_BYTES + CONNECTION_BYTES;
/// Model, gradient as it is written (f32 at most), update (f16 at most), residual, momentum.
const WORKER_BYTES: u64 = 4 + 4 + 2 + 4 + 4;
/// Model, mean gradient, and the sum of the steps where a round has several.
const ENGINE_BYTES: u64 = 4 + 4 + 4;
/// A gradient that is not acknowledged, a model that is not read.
const CONNECTION_BYTES: u64 = 4 + 4;
/// Bytes of a thread's sum for each parameter.
const SUM_BYTES: u64 = 4;

/// Bytes for each parameter, with `threads` threads that compute.
fn parameter_bytes(threads: u64) -> u64 {
    PARAMETER_BYTES.saturating_add(threads.max(1).saturating_mul(SUM_BYTES))
}

/// Parameters of the largest model that `memory_bytes` have room for, with `threads` threads that compute.
pub(crate) fn parameters_max(memory_bytes: u64, threads: u64) -> u64 {
    memory_bytes / parameter_bytes(threads)
}

/// What a job needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    pub(crate) rows: u64,
    /// The table as it was read, which is there until the rows are encoded.
    pub(crate) table_bytes: u64,
    /// The rows as they are computed on.
    pub(crate) encoded_bytes: u64,
    pub(crate) parameters: u64,
    /// Threads that compute, each with a sum of its own.
    pub(crate) threads: u64,
}

impl Needs {
    fn data_bytes(&self) -> u64 {
        self.table_bytes.saturating_add(self.encoded_bytes)
    }

    fn model_bytes(&self) -> u64 {
        self.parameters.saturating_mul(parameter_bytes(self.threads))
    }

    /// All of it, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.data_bytes().saturating_add(self.model_bytes())
    }

    /// `62 MB of memory: 12 MB for 20000 rows, 50 MB for 1250000 parameters`
    pub(crate) fn words(&self) -> String {
        let (all, data, model) = (mega(self.bytes()), mega(self.data_bytes()), mega(self.model_bytes()));
        match self.parameters {
            0 => format!("{all} of memory for {} rows", self.rows),
            parameters => {
                format!("{all} of memory: {data} for {} rows, {model} for {parameters} parameters", self.rows)
            }
        }
    }

    /// Refuses what is more than `limit_bytes`.
    pub(crate) fn check(&self, limit_bytes: u64) -> Result<(), Failure> {
        if self.bytes() <= limit_bytes {
            return Ok(());
        }
        let limit = Size::from_bytes(limit_bytes);
        let what = format!("the job needs {}, but [limits] memory is {limit}", self.words());
        let fix =
            "raise [limits] memory if the machine has it to spare, else give fewer rows or choose a smaller model";
        Err(Failure::new(Exit::Config, what).fix(fix))
    }
}

fn mega(bytes: u64) -> String {
    let mega = bytes as f64 / 1e6;
    if mega < 10.0 { format!("{mega:.1} MB") } else { format!("{mega:.0} MB") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_with_its_numbers() {
        let (rows, table_bytes, encoded_bytes) = (20_000, 8_000_000, 4_000_000);
        let data = Needs { rows, table_bytes, encoded_bytes, ..Needs::default() };
        assert_eq!(data.words(), "12 MB of memory for 20000 rows");
        let needs = Needs { parameters: 1_000_000, threads: 3, ..data };
        assert_eq!(needs.bytes(), 12_000_000 + 50_000_000);
        assert!(needs.check(62_000_000).is_ok());
        let refused = needs.check(61_000_000).unwrap_err().to_string();
        assert_eq!(
            refused,
            "the job needs 62 MB of memory: 12 MB for 20000 rows, 50 MB for 1000000 parameters, but [limits] memory is 61MB"
        );
        let absurd = Needs { parameters: u64::MAX, ..data };
        assert!(absurd.check(u64::MAX - 1).is_err());
    }

    #[test]
    fn the_largest_model_with_room_is_the_largest_that_is_not_refused() {
        for (memory_bytes, threads) in [(1 << 20, 1), (256 << 20, 4), (5_000_000, 8)] {
            let parameters = parameters_max(memory_bytes, threads);
            let needs = |parameters| Needs { parameters, threads, ..Needs::default() };
            assert!(needs(parameters).check(memory_bytes).is_ok());
            assert!(needs(parameters + 1).check(memory_bytes).is_err());
        }
        assert_eq!(parameters_max(42_000_000, 1), 1_000_000);
        assert_eq!(parameters_max(1000, u64::MAX), 0);
    }

    #[test]
    fn buffers_of_the_worker_take_what_is_counted_for_them() {
        let parameters = 1_000_000;
        let floats = 3 * 4 * parameters;
        let written = heijunka_worker::gradient_bytes(parameters) + heijunka_worker::update_bytes(parameters);
        assert_eq!((floats + written) / parameters, WORKER_BYTES as usize);
    }
}
