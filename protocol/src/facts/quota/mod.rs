//! What others make this node keep: counted for each of them, and bounded.
//!
//! ```text
//!  a message of an institution, about a patient
//!      └── changes rows ──> those of counted tables ──> a bill for each row: who caused it, how much
//!                                                       └──> the sums of its owners; refused beyond a limit
//! ```
//!
//! A bill is as large as its row and what the row stands for: a deposit for the bytes of its objects, also while they are
//! still to come. It changes and ends with the row, in the same transaction, so a sum is always that of what is kept.
//! Which tables are counted, and what bounds the others, `peer::metering` says.
//!
//! What is kept for a patient has an owner more: the share of whoever brought it, so that nobody fills the patient's room.

pub mod command;
mod limits;
pub mod query;
mod reasons;
mod tables;
pub mod view;

use crate::turn::{Commands as _, Context, RequestId};

pub use command::Command;
pub use limits::{Limit, Owner};
pub(crate) use limits::{Share, limit, share};
pub(crate) use reasons::Reason;
pub use tables::Use;
pub(crate) use tables::{BillRow, all_take_up, bill, bills, put_bill, put_take_up, take_up};

/// What the peer gives to quotas.
pub(crate) struct Machine;

impl Machine {
    /// Handles a command.
    pub(crate) fn command(
        ctx: &mut Context<'_>,
        request: RequestId,
        command: Command,
    ) -> crate::refusal::Handled<()> {
        command.carry_out(ctx, request)
    }
}
