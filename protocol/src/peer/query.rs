//! What a front door can ask to see.

use super::ask::{
    AccessLog, Catalogued, Charts, CollectedLines, CollectedLogs, Deposits, Entries, Find, Grants,
    Kept, Keys, Members, Patients, Peers, Request, Requests, Status, Transfers, Verify,
};
use super::itself::Peer;
use crate::clock;
use crate::identity::PatientKeys;
use crate::refusal::Handled;
use crate::store::ReadTxn;
use crate::time::Timestamp;
use crate::turn::{Answer, Described, Look, Question};
use serde::Serialize;
use serde::de::DeserializeOwned;

impl Peer {
    /// Answers a front door from a snapshot. `keys` are a patient's, when they are unlocked.
    ///
    /// # Errors
    /// [`crate::refusal::Failure`].
    pub fn query<Q: Question + ?Sized>(
        &self,
        txn: &dyn ReadTxn,
        now: Timestamp,
        query: &Q,
        keys: Option<&PatientKeys>,
    ) -> Handled<Q::Answer> {
        let now = clock::read(txn, now)?;
        query.answer(&Look { own: &self.own, txn, now, keys })
    }
}

/// Whoever wants each question's own type, one after another: a front door with a route for each.
pub trait EachQuestion {
    /// A question of which nothing more is to be said. `name` is that of its type; [`Query`] has it in kebab case.
    fn bare<Q>(&mut self, name: &'static str, what: &'static str)
    where
        Q: Question<Answer: Serialize + Described> + Default + Send + 'static;

    /// A question of which nothing needs to be said.
    fn any<Q>(&mut self, name: &'static str, what: &'static str)
    where
        Q: Question<Answer: Serialize + Described>
            + Default
            + DeserializeOwned
            + Described
            + Send
            + 'static;

    /// A question that says what about.
    fn with<Q>(&mut self, name: &'static str, what: &'static str)
    where
        Q: Question<Answer: Serialize + Described> + DeserializeOwned + Described + Send + 'static;
}

macro_rules! queries {
    ($($(#[doc = $doc:literal])* $name:ident),* ;
     $($(#[doc = $any_doc:literal])* $any:ident()),*;
     $($(#[doc = $with_doc:literal])* $with:ident()),* $(,)?) => {
        /// Any question, as a front door in another language puts it: by its name. Each has its own type in
        /// [`super::ask`], which says what it is answered with.
        #[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Query {
            $($(#[doc = $doc])* $name,)*
            $($(#[doc = $any_doc])* $any($any),)*
            $($(#[doc = $with_doc])* $with($with),)*
        }

        impl Query {
            /// Shows each question.
            pub fn each(to: &mut impl EachQuestion) {
                $(to.bare::<$name>(stringify!($name), concat!($($doc),*).trim());)*
                $(to.any::<$any>(stringify!($any), concat!($($any_doc),*).trim());)*
                $(to.with::<$with>(stringify!($with), concat!($($with_doc),*).trim());)*
            }
        }

        impl Question for Query {
            type Answer = Answer;

            fn answer(&self, look: &Look<'_>) -> Handled<Answer> {
                match self {
                    $(Self::$name => $name.answer(look).map(Answer::new),)*
                    $(Self::$any(query) => query.answer(look).map(Answer::new),)*
                    $(Self::$with(query) => query.answer(look).map(Answer::new),)*
                }
            }
        }

        $(impl From<$name> for Query {
            fn from(_: $name) -> Self {
                Self::$name
            }
        })*
        $(impl From<$any> for Query {
            fn from(query: $any) -> Self {
                Self::$any(query)
            }
        })*
        $(impl From<$with> for Query {
            fn from(query: $with) -> Self {
                Self::$with(query)
            }
        })*
    };
}

queries! {
    /// How this node stands.
    Status,
    /// The federation and its members.
    Members;
    /// Known institutions.
    Peers(),
    /// Charts at a hospital.
    Charts(),
    /// Patients at a relay.
    Patients(),
    /// Transfers that have not ended.
    Transfers(),
    /// Requests for consent.
    Requests(),
    /// Permissions.
    Grants(),
    /// What is kept here for others, or at others for us.
    Kept();
    /// Entries of a patient or chart.
    Entries(),
    /// Checks the entries of a patient or chart.
    Verify(),
    /// What the patient's catalogue lists, compared with what is here.
    Catalogued(),
    /// What a name, an identifier or the beginning of an id means.
    Find(),
    /// One request for consent.
    Request(),
    /// The access log kept here about a patient.
    AccessLog(),
    /// Access logs of other holders that this relay obtained.
    CollectedLogs(),
    /// The lines of one of them.
    CollectedLines(),
    /// How deposits of ours stand.
    Deposits(),
    /// What proves a party's signatures.
    Keys(),
}

#[cfg(test)]
mod tests;
