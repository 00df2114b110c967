//! Messages that are not acceptable: why, and who has to do something about it.

/// What helps against a rejected message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Nothing: messages have crossed, and the agent sends what is wanted as soon as it has the newer message.
    Wait,
    /// Look at the network, the broker, and at other programs that write to the job's topics.
    CheckNetwork,
    /// Look at the program that sends it: it breaks the protocol.
    CheckSender,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident: $label:literal, $remedy:ident;)*) => {
        /// Why a message was not accepted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Why {
            $($(#[$doc])* $name,)*
        }

        impl Why {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As metrics have it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $label),* }
            }

            /// What helps.
            pub fn remedy(self) -> Remedy {
                match self { $(Self::$name => Remedy::$remedy),* }
            }
        }

        const REASONS: usize = [$($label),*].len();
    };
}

reasons! {
    /// The bytes are not a message of this protocol.
    Undecodable: "undecodable", CheckNetwork;
    /// A message of another version of this protocol.
    OtherVersion: "other_version", CheckSender;
    /// A message that does not belong on its topic.
    WrongTopic: "wrong_topic", CheckSender;
    /// A session that is not the agent's present one, or an agent that has not joined.
    OtherSession: "other_session", Wait;
    /// A round that has not been opened.
    UnknownRound: "unknown_round", CheckSender;
    /// An answer to shares that were not those of the round.
    OtherShares: "other_shares", Wait;
    /// An answer that was not asked for.
    NotAsked: "not_asked", CheckSender;
    /// A number of samples that was not asked for.
    WrongSamples: "wrong_samples", CheckSender;
    /// Chunks of one answer that contradict each other.
    Contradiction: "contradiction", CheckSender;
    /// A chunk that does not fit those before it.
    DamagedChunk: "damaged_chunk", CheckNetwork;
    /// All chunks are there, and make no survey, scores or gradient.
    DamagedContent: "damaged_content", CheckSender;
    /// Scores that these rows and classes cannot have.
    ImpossibleScores: "impossible_scores", CheckSender;
    /// One refused name too many: refusals stay at the broker, and their number is limited.
    TooManyNames: "too_many_names", CheckSender;
}

/// A message that was not accepted; it is counted and forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rejected(pub(crate) Why);

/// How many messages were not accepted, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejections([u64; REASONS]);

impl Rejections {
    pub(crate) fn count(&mut self, why: Why) {
        if let Some(count) = self.0.get_mut(why as usize) {
            *count += 1;
        }
    }

    /// Of that reason.
    pub fn of(&self, why: Why) -> u64 {
        self.0.get(why as usize).copied().unwrap_or_default()
    }

    /// In all.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_has_a_count_of_its_own() {
        let mut rejections = Rejections::default();
        for why in Why::ALL {
            rejections.count(*why);
        }
        rejections.count(Why::NotAsked);
        assert!(Why::ALL.iter().all(|why| rejections.of(*why) == 1 + u64::from(*why == Why::NotAsked)));
        assert_eq!(rejections.total(), Why::ALL.len() as u64 + 1);
    }
}
