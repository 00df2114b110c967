//! How the numbers of gradients and models are written.

use core::fmt;
use serde::{Deserialize, Serialize};

/// What is known of a codec, apart from its bytes.
struct Facts {
    name: &'static str,
    is_sparse: bool,
    /// Float32 takes at least as many times its bytes; `None` if it is never chosen by itself.
    times_shorter: Option<f64>,
    for_updates: Codec,
}

/// One entry for each codec: its name in settings and reports, dense or sparse, how many times shorter than `Float32` it is
/// (`-` if it has to be named by the user), and the codec of the model's updates that goes with it.
macro_rules! codecs {
    ($($(#[$attribute:meta])* $codec:ident: $name:literal, $kind:tt, $times:tt, $updates:ident;)+) => {
        /// How a payload's numbers are written. The page of the crate `heijunka-compress` has the formats.
        ///
        /// The order is that of their length: a later codec is shorter.
        ///
        /// ```
        /// use heijunka_units::Codec;
        ///
        /// assert_eq!(Codec::from_name("int8"), Some(Codec::Int8));
        /// assert!(Codec::SparseSign.is_sparse() && Codec::SparseSign > Codec::Int4);
        /// ```
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Codec {
            $($(#[$attribute])* $codec,)+
        }

        impl Codec {
            /// Every codec, the longest first.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$codec),+];

            const fn facts(self) -> Facts {
                match self {
                    $(Self::$codec => Facts {
                        name: $name,
                        is_sparse: codecs!(@ $kind),
                        times_shorter: codecs!(@ $times),
                        for_updates: Self::$updates,
                    },)+
                }
            }
        }
    };
    (@ dense) => { false };
    (@ sparse) => { true };
    (@ -) => { None };
    (@ $times:literal) => { Some($times) };
}

codecs! {
    /// 32 bits a number, exactly.
    #[default]
    Float32: "float32", dense, 1.0, Float32;
    /// 16 bits a number: 11 significant bits, magnitudes from 6e-8 to 65504.
    Float16: "float16", dense, 2.0, Float16;
    /// 8.1 bits a number, with a scale for each block.
    Int8: "int8", dense, 3.9, Int8;
    /// 4.25 bits a number, with a scale for each block.
    Int4: "int4", dense, 7.5, Int8;
    /// Only the largest numbers, with 8 bits each: about 2 bytes for each number that is kept.
    SparseInt8: "sparse-int8", sparse, -, SparseInt8;
    /// Only the largest numbers, as signs and a mean magnitude: about 9 bits for each number that is kept of a hundred.
    SparseSign: "sparse-sign", sparse, 40.0, SparseInt8;
}

impl Codec {
    /// Its name in settings and reports.
    pub const fn as_str(self) -> &'static str {
        self.facts().name
    }

    /// The codec of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.as_str() == name)
    }

    /// Whether only some numbers are written, and the sender has to remember the rest.
    pub const fn is_sparse(self) -> bool {
        self.facts().is_sparse
    }

    /// How many times shorter than [`Float32`](Self::Float32) its bytes are at least, with one number of a hundred kept if it
    /// is sparse. `None`: the aggregator does not choose it by itself.
    pub const fn times_shorter(self) -> Option<f64> {
        self.facts().times_shorter
    }

    /// How the model's updates are written where gradients are written so, unless the settings say otherwise.
    pub const fn for_updates(self) -> Self {
        self.facts().for_updates
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_codec_is_the_shorter_one() {
        let times: Vec<f64> = Codec::ALL.iter().filter_map(|codec| codec.times_shorter()).collect();
        assert!(times.is_sorted() && times[0] == 1.0, "{times:?}");
        assert!(Codec::ALL.is_sorted());
    }

    #[test]
    fn every_codec_is_found_by_its_name() {
        for codec in Codec::ALL {
            assert_eq!(Codec::from_name(codec.as_str()), Some(codec));
        }
        assert_eq!(Codec::from_name("zip"), None);
    }
}
