//! Names that become one level of an MQTT topic.

use core::fmt;
use core::str::FromStr;
use heapless::String;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Longest name, in bytes of UTF-8.
pub const NAME_BYTES_MAX: usize = 64;

/// Why a text cannot be a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// No characters at all.
    Empty,
    /// More than [`NAME_BYTES_MAX`] bytes; holds how many.
    TooLong(usize),
    /// A character that MQTT topics or people's tools cannot carry.
    Forbidden(char),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("a name must have at least one character"),
            Self::TooLong(bytes) => write!(f, "a name has at most {NAME_BYTES_MAX} bytes, this one has {bytes}"),
            Self::Forbidden(c) => {
                write!(f, "{c:?} cannot stand in a name: no '+', '#', '/', control characters or leading '$'")
            }
        }
    }
}

impl core::error::Error for NameError {}

fn checked(text: &str) -> Result<String<NAME_BYTES_MAX>, NameError> {
    if text.is_empty() {
        return Err(NameError::Empty);
    }
    if let Some(c) = text.chars().find(|c| matches!(c, '+' | '#' | '/') || c.is_control()) {
        return Err(NameError::Forbidden(c));
    }
    if text.starts_with('$') {
        return Err(NameError::Forbidden('$'));
    }
    String::try_from(text).map_err(|_| NameError::TooLong(text.len()))
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String<NAME_BYTES_MAX>);

        impl $name {
            /// Checks and takes a name. Refuses the empty text, `+`, `#`, `/`, control characters, a leading `$`
            /// and more than [`NAME_BYTES_MAX`] bytes.
            pub fn new(text: &str) -> Result<Self, NameError> {
                checked(text).map(Self)
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Visitor;
                impl de::Visitor<'_> for Visitor {
                    type Value = $name;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str("a name")
                    }

                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$name, E> {
                        $name::new(text).map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Visitor)
            }
        }
    };
}

name! {
    /// One computer that trains. Gradients are combined in the order of these names.
    AgentId
}
name! {
    /// A plant.
    SiteName
}
name! {
    /// One training job of a site.
    JobName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_refuse_what_a_topic_cannot_carry() {
        assert_eq!(AgentId::new("press-07").map(|n| n.as_str().len()), Ok(8));
        assert_eq!(AgentId::new("工場").map(|n| n.to_string()), Ok("工場".into()));
        for (text, error) in [
            ("", NameError::Empty),
            ("a/b", NameError::Forbidden('/')),
            ("a+", NameError::Forbidden('+')),
            ("#", NameError::Forbidden('#')),
            ("a\u{0}", NameError::Forbidden('\u{0}')),
            ("$SYS", NameError::Forbidden('$')),
            (&"x".repeat(65), NameError::TooLong(65)),
        ] {
            assert_eq!(AgentId::new(text), Err(error), "{text:?}");
        }
    }
}
