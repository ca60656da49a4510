//! Saying no: to a person with the next step, to a remote peer with no more than it may know.

use crate::codec::wire_struct;
use crate::reason::{Language, Listed, in_words};

pub use crate::reason::RefusalCode;

wire_struct! {
    /// A refusal, as it travels and as a person sees it.
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    pub struct Refusal {
        /// The code.
        1 => code: RefusalCode,
        /// What happened, to what, and what to do next.
        2 => text: String,
    }
}

impl Refusal {
    /// A refusal.
    pub fn new(code: RefusalCode, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

impl<R: Listed> From<R> for Refusal {
    fn from(reason: R) -> Self {
        let row = reason.row();
        Self::new(row.class, in_words(row, &reason.args(), Language::English))
    }
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.text)
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
    Store(#[from] crate::store::StoreError),
}

impl Failure {
    /// A refusal as a failure.
    pub fn refuse(code: RefusalCode, text: impl Into<String>) -> Self {
        Self::Refused(Refusal::new(code, text))
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
