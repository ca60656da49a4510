//! Saying no: to a person with the next step, to a remote peer with no more than it may know.

use crate::codec::wire_struct;
use crate::reason::{Args, Listed};
use crate::store::{self, StoreError};

pub use crate::reason::RefusalCode;

wire_struct! {
    /// A refusal, as it travels and is kept: words are made of it where a person reads, by
    /// [`crate::peer::words`].
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct Refusal {
        /// Its class.
        1 => code: RefusalCode,
        /// The reason's number; 0 is none.
        2 => reason: u32,
        /// What the reason is about.
        3 => args: Args,
    }
}

impl Refusal {
    /// A refusal of this class and for no reason that is listed: of whoever stands around the protocol.
    #[must_use]
    pub fn unlisted(code: RefusalCode) -> Self {
        Self { code, reason: 0, args: Args::default() }
    }

    /// Whether it is for this reason, whatever it is about.
    #[must_use]
    pub fn is(&self, reason: &impl Listed) -> bool {
        let row = reason.row();
        (self.code, self.reason) == (row.class, row.number)
    }
}

impl<R: Listed> From<R> for Refusal {
    fn from(reason: R) -> Self {
        let row = reason.row();
        Self { code: row.class, reason: row.number, args: Args::new(reason.args()) }
    }
}

impl std::error::Error for Refusal {}

/// What a handler ends with: done, refused, or storage failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Refused; what the handler wrote is dropped, and the refusal is the outcome.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The storage failed; the whole batch is dropped.
    #[error(transparent)]
    Store(StoreError),
}

/// What would be too large to be kept is refused like any other request that asks for too much.
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::TooLarge { .. } => store::Reason::TooLarge.into(),
            error => Self::Store(error),
        }
    }
}

impl<R: Listed> From<R> for Failure {
    fn from(reason: R) -> Self {
        Self::Refused(reason.into())
    }
}

/// A handler's result.
pub type Handled<T> = Result<T, Failure>;

/// Shorthand: `return refuse(Reason::NotHere)`.
pub(crate) fn refuse<T>(reason: impl Listed) -> Handled<T> {
    Err(reason.into())
}
