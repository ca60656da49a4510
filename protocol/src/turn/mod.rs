//! One event being handled: what its handler works with, and what it leaves behind.
//!
//! ```text
//!  event ──> handler(Context) ──> rows            in the transaction
//!                 │        └────> effects         once it is durable
//!                 └──notice──> another feature    within the same transaction: behind the handler
//!                                                 (`notify`), or at once (`notify_now`)
//! ```
//!
//! Nothing here knows a feature. A message is sent by its feature's number and its bytes ([`Said`]); an answer to
//! a front door has its own type ([`Answer`]).

mod act;
mod answer;
mod context;
mod effect;
mod feature;
mod line;
mod look;
mod notice;
mod own;
mod page;
mod payer;
mod said;
mod sender;
mod transfer;

pub use act::{Act, EachCommand};
pub(crate) use act::{CarryOut, Commands, commands};
pub use answer::{Answer, Described, Done, Shown};
pub(crate) use context::Context;
pub use effect::{Effect, RequestId};
pub(crate) use feature::Feature;
pub use line::Action;
pub(crate) use line::Draft;
pub use look::{EachQuestion, Look, Question};
pub(crate) use look::{Questions, questions};
pub(crate) use notice::{Deposit, Notice};
pub(crate) use own::{BACKDATED_MS, Own, Reason, ShownKey};
pub use own::{EarlierKeys, Identity, Policy};
pub(crate) use page::Reading;
pub use page::{Cursor, Listing, Page, Part, whole};
pub(crate) use payer::{Payer, QuotaSaid};
pub(crate) use said::{About, Said, Sort, body, messages};
pub use sender::Nonce;
pub(crate) use sender::Sender;
pub use transfer::{PullFor, Transfer, TransferFor, TransferResult};
