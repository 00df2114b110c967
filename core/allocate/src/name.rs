//! The policies' names in settings and logs.

use core::fmt;
use core::str::FromStr;

/// Which policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PolicyName {
    /// [`Equal`](crate::Equal)
    Equal,
    /// [`Dynamic`](crate::Dynamic)
    Dynamic,
    /// [`Enhanced`](crate::Enhanced)
    Enhanced,
    /// [`Adaptive`](crate::Adaptive)
    #[default]
    Adaptive,
}

impl PolicyName {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Equal, Self::Dynamic, Self::Enhanced, Self::Adaptive];

    /// The name as written in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Dynamic => "dynamic",
            Self::Enhanced => "enhanced",
            Self::Adaptive => "adaptive",
        }
    }
}

impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A name that no policy has. Its message lists the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownPolicy;

impl fmt::Display for UnknownPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such policy: the policies are")?;
        for (index, name) in PolicyName::ALL.iter().enumerate() {
            write!(f, "{} {name}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownPolicy {}

impl FromStr for PolicyName {
    type Err = UnknownPolicy;

    fn from_str(text: &str) -> Result<Self, UnknownPolicy> {
        Self::ALL.into_iter().find(|name| name.as_str() == text).ok_or(UnknownPolicy)
    }
}
