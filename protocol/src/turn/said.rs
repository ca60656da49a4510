//! A message as everything below the features has it: a number, and bytes.

use crate::codec::{Bytes, Encoder, Wire};

/// What a feature says to others. The features' numbers stand beside each other in [`crate::peer::Body`].
pub(crate) trait Said: Wire {
    /// The feature's number in a message's body.
    const FEATURE: u64;
}

/// The body of a message: the feature's number, and what it says.
pub(crate) fn body<M: Said>(message: &M) -> Bytes {
    let mut e = Encoder::with_capacity(512);
    e.array(2);
    e.uint(M::FEATURE);
    message.encode(&mut e);
    Bytes(e.into_bytes())
}
