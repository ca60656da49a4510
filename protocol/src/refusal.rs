//! Saying no: to a person with the next step, to a remote peer with no more than it may know.

use crate::codec::{wire_code, wire_struct};

wire_code! {
    /// Why something was not done. Codes are stable; commands' exit codes and API statuses follow.
    pub enum RefusalCode {
        /// The request itself is wrong.
        1 => Invalid,
        /// What it names is not here.
        2 => NotFound,
        /// The role of this node does not do this.
        3 => WrongRole,
        /// The asker may not.
        4 => NotPermitted,
        /// The permission presented does not cover it; the text names the reason.
        5 => BadPermission,
        /// It is there already, or done already.
        6 => AlreadyDone,
        /// Not in this state of things.
        7 => WrongState,
        /// A bound is reached.
        8 => LimitReached,
        /// The patient's keys are locked.
        9 => Locked,
        /// What was received does not prove what it should.
        10 => NotAuthentic,
        /// The far side has a newer version of the protocol, or an older one.
        11 => Unsupported,
        /// Expired.
        12 => Expired,
    }
}

wire_struct! {
    /// A refusal, as it travels and as a person sees it.
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
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

/// A handler's result.
pub type Handled<T> = Result<T, Failure>;

/// Shorthand: `return refuse(code, text)`.
pub(crate) fn refuse<T>(code: RefusalCode, text: impl Into<String>) -> Handled<T> {
    Err(Failure::refuse(code, text))
}
