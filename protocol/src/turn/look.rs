//! What a front door asks to see, and what it is answered from.

use super::{Described, Own, Shown};
use crate::identity::PatientKeys;
use crate::refusal::Handled;
use crate::store::ReadTxn;
use crate::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A snapshot that a question is answered from. Only a peer makes one.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// Who we are.
    pub(crate) own: &'a Own,
    /// What was committed.
    pub(crate) txn: &'a dyn ReadTxn,
    /// UTC, never before a time that was handled.
    pub(crate) now: Timestamp,
    /// A patient's keys, when they are unlocked.
    pub(crate) keys: Option<&'a PatientKeys>,
}

impl core::fmt::Debug for Look<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Look at {:?}", self.now)
    }
}

/// What a front door asks to see, which says what it is answered with. None of it discloses the content of a
/// record.
pub trait Question {
    /// What front doors call it.
    const NAME: &'static str;

    /// What it is answered with.
    type Answer: Shown;

    /// The answer. Called by [`crate::peer::Peer::query`].
    ///
    /// # Errors
    /// [`crate::refusal::Failure`].
    fn answer(&self, look: &Look<'_>) -> Handled<Self::Answer>;
}

/// Whoever wants each question's own type, one after another, and in a few words what it is about: a front door with a
/// route for each.
pub trait EachQuestion {
    /// A question of which nothing more is to be said.
    fn bare<Q>(&mut self, what: &'static str)
    where
        Q: Question<Answer: Serialize + Described> + Default + Send + 'static;

    /// A question of which nothing needs to be said.
    fn any<Q>(&mut self, what: &'static str)
    where
        Q: Question<Answer: Serialize + Described>
            + Default
            + DeserializeOwned
            + Described
            + Send
            + 'static;

    /// A question that says what about.
    fn with<Q>(&mut self, what: &'static str)
    where
        Q: Question<Answer: Serialize + Described> + DeserializeOwned + Described + Send + 'static;
}

/// The questions of a feature.
pub(crate) trait Questions {
    /// Shows each.
    fn each(to: &mut impl EachQuestion);
}

/// Lists the questions of a feature in a few words each, by what needs to be said with them
/// ([`crate::turn::EachQuestion`]).
macro_rules! questions {
    ($of:ty { $($(#[doc = $what:literal])* $said:ident $question:ident),* $(,)? }) => {
        impl $crate::turn::Questions for $of {
            fn each(to: &mut impl $crate::turn::EachQuestion) {
                $(to.$said::<$question>(concat!($($what),*).trim());)*
            }
        }
    };
}

pub(crate) use questions;
