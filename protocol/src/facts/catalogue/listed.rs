//! What a list consists of.

use crate::codec::wire_struct;
use crate::id::{EntryId, StatementId};

wire_struct! {
    /// One entry of a list, and the label that counts for it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Listed {
        /// The entry.
        1 => entry: EntryId,
        /// The label's statement id.
        2 => label: StatementId,
    }
}
