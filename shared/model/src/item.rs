//! The life of an item: which stage it is in, which lane it travels, and what state it has reached.

use serde::{Deserialize, Serialize};

macro_rules! word_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word stored in the database, in messages and in metrics.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The value for a stored word.
            #[must_use]
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::item::UnknownWord;
            fn try_from(word: String) -> Result<Self, $crate::item::UnknownWord> {
                Self::from_word(&word).ok_or($crate::item::UnknownWord(word))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use word_enum;

/// A stored word that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown word \"{0}\"")]
pub struct UnknownWord(pub String);

word_enum! {
    /// What has to be done next for an item.
    Stage {
        /// Bring the bytes from the origin into staging.
        Fetch = "fetch",
        /// Derive from the staged bytes.
        Process = "process",
    }
}

word_enum! {
    /// Two ways through the queues; each has its own queue per stage and its own reserved workers.
    Lane {
        /// Batches.
        Normal = "normal",
        /// Immediate registrations and `/queue/priority`.
        Priority = "priority",
    }
}

word_enum! {
    /// Where an item stands within its stage. Completed and Error are final.
    ItemState {
        /// May be dispatched once its `next_at` has come.
        Ready = "ready",
        /// A hint was, or is about to be, published.
        Queued = "queued",
        /// A worker holds a lease on it.
        Running = "running",
        /// Its image became a IIIF service.
        Completed = "completed",
        /// It ended without; the failure code says why.
        Error = "error",
    }
}

impl ItemState {
    /// Final states never change again.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Completed | Self::Error => true,
            Self::Ready | Self::Queued | Self::Running => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip() {
        for state in ItemState::ALL {
            assert_eq!(ItemState::from_word(state.as_str()), Some(*state));
        }
        for stage in Stage::ALL {
            assert_eq!(Stage::from_word(stage.as_str()), Some(*stage));
        }
        assert_eq!(Lane::from_word("express"), None);
    }
}
