//! The output of `check`: one line for each thing, passed or failed with the fix, or all of them as JSON.

use heijunka_settings::{Exit, Failure};
use serde::Serialize;
use std::io::Write;

/// A thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Line {
    name: &'static str,
    /// `None` for what could not be tried, or does not matter.
    ok: Option<bool>,
    text: String,
    fix: Option<String>,
    /// File, line and key of the setting that it is about.
    at: Option<String>,
}

/// The lines so far, and how bad it is.
#[derive(Debug)]
pub struct Checklist {
    json: bool,
    lines: Vec<Line>,
    worst: Exit,
}

impl Checklist {
    /// An empty list. With `json` nothing is shown before [`Checklist::finish`].
    pub fn new(json: bool) -> Self {
        Self { json, lines: Vec::new(), worst: Exit::Success }
    }

    /// `name` is as it should be.
    pub fn pass(&mut self, name: &'static str, text: impl Into<String>) {
        self.add(Line { name, ok: Some(true), text: text.into(), fix: None, at: None });
    }

    /// `name` was not tried, or does not matter; `text` says why.
    pub fn note(&mut self, name: &'static str, text: impl Into<String>) {
        self.add(Line { name, ok: None, text: text.into(), fix: None, at: None });
    }

    /// `name` would end the program with `exit`. `at`: [`Places::of`](heijunka_settings::Places::of) the setting that it is about.
    pub fn fail(&mut self, name: &'static str, exit: Exit, text: &str, fix: &str, at: Option<String>) {
        // A wrong configuration is worse than a broker that is away: trying again does not help.
        if exit.code() > self.worst.code() {
            self.worst = exit;
        }
        self.add(Line { name, ok: Some(false), text: text.to_owned(), fix: Some(fix.to_owned()), at });
    }

    /// `name` fails for this reason; `at` as for [`Checklist::fail`].
    pub fn failure(&mut self, name: &'static str, failure: &Failure, at: Option<String>) {
        let fix = failure.way_out().unwrap_or("see the program's documentation");
        self.fail(name, failure.exit(), &failure.reason(), fix, at);
    }

    /// The worst of all lines, which are printed now if they are wanted as JSON.
    pub fn finish(self) -> Exit {
        if self.json {
            // Lines of texts can be serialized.
            say(&serde_json::to_string_pretty(&self.lines).unwrap_or_default());
        }
        self.worst
    }

    fn add(&mut self, line: Line) {
        if !self.json {
            say(&shown(&line));
        }
        self.lines.push(line);
    }
}

fn shown(line: &Line) -> String {
    let Line { name, text, .. } = line;
    match (line.ok, &line.fix) {
        (Some(false), Some(fix)) => {
            let at = line.at.as_ref().map(|at| format!(" ({at})")).unwrap_or_default();
            format!("FAIL  {name}: {text}; {fix}{at}")
        }
        (Some(_), _) => format!("ok    {name}: {text}"),
        (None, _) => format!("--    {name}: {text}"),
    }
}

/// If standard output is closed, there is nowhere left to write to.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_line_gives_the_exit_code() {
        let mut list = Checklist::new(true);
        list.pass("file", "agent.toml");
        list.note("tls", "not asked for");
        assert_eq!(list.worst, Exit::Success);
        list.fail("data", Exit::Config, "no such file", "name one", Some("agent.toml:7:8: data.path".into()));
        list.failure("login", &Failure::new(Exit::Unavailable, "refused").why("wrong password"), None);
        let shown: Vec<String> = list.lines.iter().map(shown).collect();
        let expected = [
            "ok    file: agent.toml",
            "--    tls: not asked for",
            "FAIL  data: no such file; name one (agent.toml:7:8: data.path)",
            "FAIL  login: refused: wrong password; see the program's documentation",
        ];
        assert_eq!(shown, expected);
        assert_eq!(list.finish(), Exit::Config);
    }
}
