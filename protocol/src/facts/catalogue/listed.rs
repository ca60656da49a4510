//! What a list consists of.

use crate::codec::wire_struct;
use crate::id::{EntryId, StatementId};

wire_struct! {
    /// One entry of a list, and the label that counts for it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Listed {
        /// The entry.
        1 => entry: EntryId,
        /// What is listed of its label: all but what it is sealed to, and by which key it is signed.
        2 => label: StatementId,
    }
}
