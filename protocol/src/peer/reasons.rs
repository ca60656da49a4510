//! Why the gate stays closed, or a message is not taken.

use crate::reason::reasons;

reasons! {
    /// Why the gate stays closed, or a message is not taken.
    pub(crate) enum Reason: 50 "peer" {
        1 => NoCertificate: NotAuthentic "the node has no valid certificate of this institution",
        2 => ForAnother: NotAuthentic "the message is for another institution",
        3 => OtherConnection: NotAuthentic "the message was made for another connection",
        4 => Unknown: NotFound "the institution is not known",
        5 => SenderExpelled: NotPermitted "the institution was expelled",
        6 => GateClosed: NotPermitted "not a member, and nothing else that opens the gate",
        7 => WeAreExpelled: NotPermitted
            "this institution, or the one that certified this relay, is no member there any more",
        8 => CodeOpensNothing: NotPermitted
            "the code is not known here or holds no more; ask for a new one",
        9 => Stranger: NotPermitted
            "not a member here, and no code or certificate that opens the gate; ask a member for an invite",
        10 => AnswererMayNotCome: NotPermitted
            "the node that answered is not one that may come in here",
        11 => TheyAreGone: NotPermitted
            "the institution left the federation, or was expelled from it",
        12 => NoChart: NotFound
            "no chart of this patient here; open one with `chartmesh patient new`",
        13 => SearchLimit { most: u64 }: Invalid "a search finds 1 to {most} things",
        14 => EntriesOfWhom: Invalid "entries are found within a record: say whose",
        15 => NoticesTooDeep { most: usize }: LimitReached
            "this sets off more than {most} things in a row, which is a bug of this program; report it",
        16 => NotYetIn: NotPermitted
            "whoever has merely proven a code says what it is for, and nothing else",
        17 => NotTheCodes: NotAuthentic
            "whoever answered is not the institution that the code names",
        18 => OldKeys: NotAuthentic
            "the institution has a newer key; follow its rotation with `chartmesh key rotate --keys FILE`, where a member's `chartmesh token keys NAME` made the file",
    }
}
