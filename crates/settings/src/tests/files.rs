//! Files that are not there, or not text, and paths within settings.

use super::{GUIDE, HEAD, Settings};
use crate::{Failure, SettingsError, load};
use insta::assert_snapshot;
use std::path::Path;

fn shown(error: SettingsError, folder: &Path) -> String {
    Failure::from(error).render(false, 1000).replace(&folder.display().to_string(), "FOLDER")
}

#[test]
fn unusable_files() {
    let folder = tempfile::tempdir().unwrap();
    let absent = load::<Settings>(&folder.path().join("agent.toml"), &GUIDE).unwrap_err();
    assert_snapshot!("no_such_file", shown(absent, folder.path()));
    let latin = folder.path().join("latin.toml");
    std::fs::write(&latin, b"site = \"K\xf6ln\"\n").unwrap();
    assert_snapshot!("not_utf8", shown(load::<Settings>(&latin, &GUIDE).unwrap_err(), folder.path()));
}

#[test]
fn paths_count_from_the_settings_files_folder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("agent.toml");
    std::fs::write(&file, HEAD).unwrap();
    let loaded = load::<Settings>(&file, &GUIDE).unwrap();
    assert_eq!(loaded.resolve(Path::new("a.csv")), folder.path().join("a.csv"));
    assert_eq!(loaded.path(), file);
}
