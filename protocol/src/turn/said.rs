//! A message as everything below the features has it: a number, and bytes. And what each tells of itself, so that
//! nobody needs to know them all.

use crate::codec::{Bytes, DecodeError, Encoder, Wire};
use crate::id::{CodeId, ConsentId, PartyId};

/// What a feature says to others. The features' numbers stand beside each other in [`crate::peer::Body`].
pub(crate) trait Said: Wire {
    /// The feature's number in a message's body.
    const FEATURE: u64;
}

/// The body of a message: the feature's number, and what it says; unless whoever gets it could not read it.
pub(crate) fn body<M: Said>(message: &M) -> Result<Bytes, DecodeError> {
    let mut e = Encoder::with_capacity(512);
    e.array(2);
    e.uint(M::FEATURE);
    message.encode(&mut e);
    Ok(Bytes(e.finish()?))
}

/// How a message is dealt with, whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// It is handled once, and its outcome is kept.
    Usual,
    /// Handling it again changes nothing but the access log: the answer to it is not kept. A repeated read is
    /// judged anew, so that nothing is given after a revocation was acknowledged.
    Read,
    /// Handled once, too; it ends something or takes it back, or says who counts: it is heard however little room there is.
    Vital,
    /// It is what a code is given out for: whoever has proven one may say nothing else.
    Introduction,
}

/// What a message is about.
pub(crate) trait About {
    /// The patient whom it concerns, if it says so. Nothing of it has been verified.
    fn patient(&self) -> Option<PartyId> {
        None
    }

    /// The request for consent that it is about.
    fn request(&self) -> Option<ConsentId> {
        None
    }

    /// The code that it is sent for, which its receiver gave out.
    fn code(&self) -> Option<CodeId> {
        None
    }
}

/// Declares a feature's messages like `wire_enum!`, each with its name, and its sort if that is not the usual one:
/// `5 => Fetch(Fetch) "backup.fetch" read`.
macro_rules! messages {
    ($(#[$meta:meta])* pub enum $enum:ident {
        $($(#[$doc:meta])* $code:literal => $variant:ident($body:ty) $said:literal $($sort:ident)?),* $(,)?
    }) => {
        $crate::codec::wire_enum! {
            $(#[$meta])*
            pub enum $enum {
                $($(#[$doc])* $code => $variant($body),)*
            }
        }

        impl $enum {
            /// The feature and the message's name: for measures and traces.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $said,)*
                }
            }

            pub(crate) const fn sort(&self) -> $crate::turn::Sort {
                match self {
                    $(Self::$variant(_) => $crate::turn::messages!(@sort $($sort)?),)*
                }
            }
        }
    };
    (@sort) => { $crate::turn::Sort::Usual };
    (@sort read) => { $crate::turn::Sort::Read };
    (@sort vital) => { $crate::turn::Sort::Vital };
    (@sort introduction) => { $crate::turn::Sort::Introduction };
}

pub(crate) use messages;
