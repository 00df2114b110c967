//! Failures of the data in the programs' terms.

use heijunka_data::DataError;
use heijunka_settings::{Exit, Failure};

/// A data error in the programs' terms: trying again does not help.
pub(crate) fn data_failure(error: DataError) -> Failure {
    Failure::new(Exit::Config, error.to_string()).fix(error.fix())
}
