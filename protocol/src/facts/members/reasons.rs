//! Why a federation is not taken up, or somebody is not dealt with as a member.

use crate::reason::reasons;

reasons! {
    /// Why a federation is not taken up, or somebody is not dealt with as a member.
    pub(crate) enum Reason: 23 "members" {
        1 => InAnother: WrongState "this node is in another federation already; leave it first",
        2 => Expelled: NotPermitted "the institution was expelled from the federation",
    }
}
