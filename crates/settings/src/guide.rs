//! What a program knows about its own settings.

/// What a program knows about its own settings, for its error messages.
#[derive(Clone, Copy, Debug)]
pub struct Guide {
    /// Command that writes a sample file: `heijunka-agent init`.
    pub init: &'static str,
    /// Keys that may be missing, with a line to add: `("broker.url", "url = \"mqtt://192.168.1.10\"")`; a section
    /// likewise: `("broker", "[broker]\nurl = \"mqtt://192.168.1.10\"")`.
    pub examples: &'static [(&'static str, &'static str)],
    /// Names that people may expect for a key, and its own: `("limits.work_hours", "train_only")`.
    pub also: &'static [(&'static str, &'static str)],
}
