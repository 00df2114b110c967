//! Why a program cannot continue: what has failed, why, what to do about it, and the exit code that says so.

use crate::SettingsError;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use std::error::Error;
use std::fmt;

/// Exit codes of BSD's `sysexits.h`, so that a service manager does not restart a program whose configuration is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well: 0.
    Success,
    /// The command line is invalid: 64.
    Usage,
    /// Something that is needed is not available (the broker, a disk): 69. Trying again may help.
    Unavailable,
    /// Settings or data are wrong: 78. Trying again does not help.
    Config,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Usage => 64,
            Self::Unavailable => 69,
            Self::Config => 78,
        }
    }
}

/// Why a program cannot continue.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    what: String,
    why: Option<Why>,
    fix: Option<String>,
    snippet: Option<Box<Snippet>>,
}

#[derive(Debug)]
struct Why(String);

#[derive(Debug)]
struct Snippet {
    text: NamedSource<String>,
    label: LabeledSpan,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Why {}

impl Failure {
    /// What has failed, in plain words, without a full stop.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self { exit, what: what.into(), why: None, fix: None, snippet: None }
    }

    /// Adds the reason.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(Why(why.into()));
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What has failed and why, in one line.
    pub fn reason(&self) -> String {
        match &self.why {
            Some(Why(why)) => format!("{}: {why}", self.what),
            None => self.what.clone(),
        }
    }

    /// What to do about it.
    pub fn way_out(&self) -> Option<&str> {
        self.fix.as_deref()
    }

    /// The failure as shown to people, with colours for a terminal or without, in lines of `width` characters.
    pub fn render(&self, colour: bool, width: usize) -> String {
        let theme = if colour { GraphicalTheme::unicode() } else { GraphicalTheme::none() };
        let handler = GraphicalReportHandler::new_themed(theme).with_links(false).with_width(width);
        let mut text = String::new();
        // Writing into a String cannot fail; what was written until a failure is still the best there is to show.
        let _ = handler.render_report(&mut text, self);
        text
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.why.as_ref().map(|why| why as &dyn Error)
    }
}

impl Diagnostic for Failure {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.fix.as_ref().map(|fix| Box::new(fix) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.snippet.as_ref().map(|snippet| &snippet.text as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let label = self.snippet.as_ref().map(|snippet| snippet.label.clone())?;
        Some(Box::new(std::iter::once(label)))
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let mut failure = Self::new(Exit::Config, format!("{}: {}", error.position(), error.what)).fix(error.fix);
        failure.snippet = error.place.map(|place| {
            let text = NamedSource::new(error.path.display().to_string(), place.text);
            Box::new(Snippet { text, label: LabeledSpan::underline(place.range) })
        });
        failure
    }
}
