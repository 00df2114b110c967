//! The frame of `check`: the settings file first, then what the program looks at.

use crate::Checklist;
use heijunka_settings::{Exit, Failure};
use std::path::Path;

/// Loads the settings at `path` and lets `look` add a line for each thing that it tries, or all of them as JSON. The worst
/// line gives the exit code.
///
/// # Errors
/// The settings cannot be loaded (as JSON this is a line, too), or `look` could not begin.
pub fn check<V>(
    path: &Path,
    json: bool,
    load: impl FnOnce(&Path) -> Result<V, Failure>,
    look: impl FnOnce(&mut Checklist, &V) -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    let mut list = Checklist::new(json);
    match load(path) {
        Ok(valid) => {
            list.pass("file", path.display().to_string());
            look(&mut list, &valid)?;
        }
        Err(failure) if json => list.failure("file", &failure, None),
        Err(failure) => return Err(failure),
    }
    Ok(list.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(_: &Path) -> Result<(), Failure> {
        Err(Failure::new(Exit::Config, "a key is missing"))
    }

    #[test]
    fn settings_that_cannot_be_loaded_are_a_failure_and_in_json_a_line() {
        let path = Path::new("agent.toml");
        assert_eq!(check(path, true, broken, |_, ()| Ok(())).unwrap(), Exit::Config);
        let failure = check(path, false, broken, |_, ()| Ok(())).unwrap_err();
        assert_eq!(failure.to_string(), "a key is missing");
    }

    #[test]
    fn the_program_looks_on_after_its_settings() {
        let look = |list: &mut Checklist, text: &String| {
            list.fail("broker", Exit::Unavailable, text, "start it", None);
            Ok(())
        };
        let exit = check(Path::new("agent.toml"), true, |_| Ok("no answer".to_owned()), look).unwrap();
        assert_eq!(exit, Exit::Unavailable);
    }
}
