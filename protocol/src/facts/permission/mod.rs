//! Permissions: given by patients, received by institutions, taken back; and how a holder judges one that somebody
//! shows.

mod compartments;
mod given;
mod judge;
mod query;
mod reasons;
mod received;
mod revocations;
mod treats;

pub(crate) use compartments::compartments_for;
pub(crate) use given::{
    GivenRow, GrantState, MayRead, ever_read, given, given_in, given_token, known_token, put_given,
    readers, rotated, standing_ends,
};
pub(crate) use judge::{Judged, is_stood_by, issuer, judge, through, want_news};
pub use query::{Keys, KeysView};
pub(crate) use reasons::Reason;
pub(crate) use received::{
    ReceivedRow, known_received, put_received, received_beginning, received_chains, received_for,
    received_in, received_token,
};
pub(crate) use revocations::{
    learn_news, news, revocation_state, revocations, sign_revocations, take_back_known,
};
pub(crate) use treats::{may_add, sign_treats};
