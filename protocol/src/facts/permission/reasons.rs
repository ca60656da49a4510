//! Why a permission does not open what it is shown for, or is not found.

use crate::id::TokenId;
use crate::reason::reasons;

reasons! {
    /// Why a permission does not open what it is shown for, or is not found.
    pub(crate) enum Reason: 26 "permission" {
        1 => NotGiven { token: TokenId }: NotFound
            "no permission {token}; list permissions with `chartmesh consent grants`",
        2 => NotReceived { token: TokenId }: NotFound
            "this institution received no permission {token}; list them with `chartmesh consent grants`",
        4 => OfSeveralPatients { token: TokenId }: WrongState
            "permissions of several patients have the id {token}, and one of them is made up",
        3 => IdTaken: NotAuthentic "another permission here has this id",
    }
}
