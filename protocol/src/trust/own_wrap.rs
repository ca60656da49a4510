//! An institution's own wraps: the data key of what it keeps, under a key of its own that nobody else is shown.

use crate::codec::wire_struct;
use crate::crypto::Wrap;

wire_struct! {
    /// A data key, wrapped by one of its institution's own keys.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct OwnWrap {
        /// Number of the own key: that of the signing key which it goes with.
        1 => number: u32,
        /// The data key.
        2 => wrap: Wrap,
    }
}
