//! What a front door can ask to see.

use super::itself::Peer;
use crate::clock;
use crate::identity::PatientKeys;
use crate::refusal::Handled;
use crate::store::ReadTxn;
use crate::time::Timestamp;
use crate::turn::{Look, Question, questions};

/// All that a front door can ask to see: each question says what it is answered with.
pub mod ask {
    pub use crate::holdings::Transfers;
    pub use crate::peer::about_us::{Peers, Status};
    pub use crate::peer::features::ask::*;
    pub use crate::peer::find::Find;
    pub use crate::permission::Keys;

    use crate::turn::{EachQuestion, Questions as _};

    /// Shows each question: the node's own, and each feature's.
    pub fn each(to: &mut impl EachQuestion) {
        crate::peer::Peer::each(to);
        crate::peer::features::each_question(to);
    }
}

use self::ask::{Find, Keys, Peers, Status, Transfers};

questions! {
    Peer {
        /// How this node stands.
        bare Status,
        /// Known institutions.
        any Peers,
        /// Transfers that have not ended.
        any Transfers,
        /// What a name, an identifier or the beginning of an id means.
        with Find,
        /// What proves a party's signatures.
        with Keys,
    }
}

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

#[cfg(test)]
mod tests;
