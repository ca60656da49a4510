//! Why a federation is not founded, joined or changed.

use crate::codec::DecodeError;
use crate::reason::reasons;
use crate::time::Timestamp;

reasons! {
    /// Why a federation is not founded, joined or changed.
    pub(crate) enum Reason: 40 "federation" {
        1 => RelayIsNone: WrongRole
            "a patient relay is no member of a federation; a hospital lets it in when a patient enrols",
        2 => WasExpelled { federation: String, at: Timestamp, votes: usize, why: String }: NotPermitted
            "this institution was expelled from `{federation}` on {at} by {votes} votes: {why}. That is final for its id; to come back, make a new node with `chartmesh init` and apply with it",
        3 => InOneAlready: AlreadyDone "this node is in a federation already, or founding one",
        4 => NameOutOfBounds: Invalid "a federation needs a name of 1 to 200 bytes",
        5 => SponsorsOutOfBounds { least: u16, most: u16 }: Invalid
            "an admission needs {least} to {most} sponsors, so that no single member decides alone",
        6 => FirstMembersOutOfBounds { least: u16, most: u16 }: Invalid
            "a charter names at least as many first members as an admission needs sponsors, {least}, and at most {most}",
        7 => InNone: WrongState
            "this node is in no federation; found one with `chartmesh federation create`, or join one",
        8 => OwnInvite: Invalid "this invite is this node's own",
        9 => NoApplicant: NotFound
            "no such applicant here; it joins with an invite first, then `chartmesh federation members` lists it",
        10 => FirstMemberAlready: AlreadyDone "it is one of the first members already",
        11 => VotedAlready: AlreadyDone "this node has voted for the expulsion already",
        12 => ApplicantIsRelay: WrongRole "a patient relay is no member of a federation",
        13 => ApplicantUnknown: NotFound "the applicant said no hello",
        14 => ToldByNoMember: NotPermitted "only members tell of applicants",
        15 => NotAskedToJoin: NotPermitted "this node did not ask to join that federation",
        16 => FounderUnknown: NotAuthentic "the charter's founder is not known",
        17 => AnotherFederation: WrongState "that is another federation",
        18 => CharterMissing: NotFound "the charter is missing",
        19 => SnapshotMalformed { why: DecodeError }: NotAuthentic
            "the federation's statements cannot be read: {why}",
        20 => WasExpelledUnexplained { federation: String, at: Timestamp, votes: usize }: NotPermitted
            "this institution was expelled from `{federation}` on {at} by {votes} votes, and no reason was given. That is final for its id; to come back, make a new node with `chartmesh init` and apply with it",
        21 => WordsTooLong { most: usize }: Invalid
            "a reason has at most {most} bytes; say it more briefly",
    }
}
