//! Files that are replaced whole or not at all.

use std::io::Write;
use std::path::Path;

/// Writes `bytes` beside `path`, syncs, and renames: a reader sees the old file or the new one, never a torn one.
pub fn replace_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(bare)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    file.persist(path)?;
    #[cfg(unix)]
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}

/// The error without the temporary file's name, which differs each time and helps no reader.
fn bare(error: std::io::Error) -> std::io::Error {
    let text = error.to_string();
    match text.split_once(" at path \"") {
        Some((bare, _)) => std::io::Error::new(error.kind(), bare),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_has_the_systems_error_each_time_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let error = replace_file(&folder.path().join("gone/file"), b"").unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        assert_eq!(error.to_string(), "No such file or directory (os error 2)");
    }
}
