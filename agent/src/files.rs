//! Data files seen from outside: whether they have changed since they were read.

use heijunka_data::Source;
use std::path::PathBuf;
use std::time::SystemTime;

/// Each file's path, size and time of the last change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Files(Vec<(PathBuf, u64, Option<SystemTime>)>);

impl Files {
    /// The files as they are now. `None` if there are none or one cannot be seen: it may be there again later.
    pub(crate) fn look(source: &Source) -> Option<Self> {
        let look = |path: PathBuf| {
            let metadata = std::fs::metadata(&path).ok()?;
            Some((path, metadata.len(), metadata.modified().ok()))
        };
        let files = source.files().ok()?;
        let files: Vec<_> = files.into_iter().map(look).collect::<Option<_>>()?;
        (!files.is_empty()).then_some(Self(files))
    }
}
