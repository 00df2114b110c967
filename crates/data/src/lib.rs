//! Reads tables (CSV, or images in idx files), describes them for the job, and turns rows into the model's numbers.
//!
//! [`Table::read`] takes a [`Source`]; [`Table::survey`] describes the columns for the aggregator; once the job is
//! fitted, [`Table::encode`] gives the [`Dataset`] to train on.
//!
//! ```
//! use heijunka_data::{Source, Table};
//!
//! let csv = "thickness;fault\n1,5;no\n1,7;yes\n".as_bytes().to_vec();
//! let table = Table::from_bytes(&Source::new("plate.csv"), vec![("plate.csv".into(), csv)])?;
//! assert_eq!(table.column_names().collect::<Vec<_>>(), ["thickness", "fault"]);
//! let detected = table.format().map(|format| (format.delimiter, format.decimal));
//! assert_eq!((table.rows(), detected), (2, Some((';', ','))));
//! # Ok::<(), heijunka_data::DataError>(())
//! ```

mod above;
mod bytes;
mod cell;
mod column;
mod csv_file;
mod dialect;
mod divide;
mod encode;
mod encoding;
mod error;
mod foreign;
mod groups;
mod idx;
mod inspect;
mod marks;
mod notes;
mod read;
mod rows;
mod select;
mod sheet;
mod source;
mod survey;
mod table;
mod times;
mod usage;
mod values;
mod windows;

pub use above::is_separator;
pub use encode::{Dataset, Inputs, Truth};
pub use encoding::Encoding;
pub use error::DataError;
pub use inspect::{ColumnReport, Report, Written};
pub use rows::{Examples, Rows, Targets};
pub use source::{Missing, Source, Timestamps};
pub use table::{Format, Table};
pub use usage::{Skip, SkipReason, Usage};
