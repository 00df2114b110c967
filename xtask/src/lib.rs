//! What the developer's programs share: where the workspace is, and how they start other programs.

pub mod shell;
