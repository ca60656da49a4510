//! Why a federation is not taken up, or somebody is not dealt with as a member.

use crate::reason::reasons;

reasons! {
    /// Why a federation is not taken up, or somebody is not dealt with as a member.
    pub(crate) enum Reason: 23 "members" {
        1 => InAnother: WrongState "this node is in another federation already; leave it first",
        2 => Expelled: NotPermitted "the institution was expelled from the federation",
        3 => OtherCharter: NotAuthentic "the view is of another federation than the charter",
        4 => NoSuchSuccessor: NotFound "no such successor was seen here; `chartmesh federation members` lists them",
        5 => InNone: WrongState "this node is in no federation",
        6 => AnotherFederation: WrongState "that is another federation",
        7 => NoSuchView: NotFound "that view is not kept here any more; ask for a new code",
    }
}
