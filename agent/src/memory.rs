//! `[limits] memory`: what a job needs of it, and the refusal of one that does not fit.

use heijunka_settings::{Exit, Failure, Size};

/// Copies of the model that are held while a gradient is under way: the model, the gradient written and as numbers, the
/// update, residual, momentum, the engine's model and sum, and what the connection holds of gradient and update.
const MODEL_COPIES: u64 = 10;

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
        let copies = MODEL_COPIES + self.threads.saturating_sub(1);
        self.parameters.saturating_mul(4).saturating_mul(copies)
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
        assert_eq!(needs.bytes(), 12_000_000 + 48_000_000);
        assert!(needs.check(60_000_000).is_ok());
        let refused = needs.check(59_000_000).unwrap_err().to_string();
        assert_eq!(
            refused,
            "the job needs 60 MB of memory: 12 MB for 20000 rows, 48 MB for 1000000 parameters, but [limits] memory is 59MB"
        );
        let absurd = Needs { parameters: u64::MAX, ..data };
        assert!(absurd.check(u64::MAX - 1).is_err());
    }
}
