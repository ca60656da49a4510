//! Why a federation is not founded, joined or changed.

use crate::codec::DecodeError;
use crate::reason::reasons;

reasons! {
    /// Why a federation is not founded, joined or changed.
    pub(crate) enum Reason: 40 "federation" {
        1 => RelayIsNone: WrongRole
            "a patient relay is no member of a federation; a hospital lets it in when a patient enrols",
        2 => WasExpelled { federation: String, number: u32, sealed_by: usize, why: String }: NotPermitted
            "this institution was expelled from `{federation}` by its view {number}, which {sealed_by} members sealed: {why}. That is final for its id; to come back, make a new node with `chartmesh init` and apply with it",
        3 => InOneAlready: AlreadyDone
            "this node is in a federation with others already; leave it first, or, if those who could let it go are gone for good, found anew with `--anew`",
        4 => NameOutOfBounds: Invalid "a name has 1 to 200 bytes that can be read",
        5 => SponsorsOutOfBounds { least: u16, most: u16 }: Invalid
            "an admission needs {least} to {most} sponsors, so that no single member decides alone once there are as many",
        7 => InNone: WrongState
            "this node is in no federation; found one with `chartmesh federation found`, or join one",
        8 => OwnInvite: Invalid "this invite is this node's own",
        9 => NoApplicant: NotFound
            "no such applicant here; it joins with an invite first, then `chartmesh federation members` lists it",
        11 => VotedAlready: AlreadyDone "this node has voted for the expulsion already",
        12 => ApplicantIsRelay: WrongRole "a patient relay is no member of a federation",
        13 => ApplicantUnknown: NotFound "the applicant said no hello",
        14 => ToldByNoMember: NotPermitted "only members tell of applicants",
        19 => SnapshotMalformed { why: DecodeError }: NotAuthentic
            "the federation's views cannot be read: {why}",
        20 => WasExpelledUnexplained { federation: String, number: u32, sealed_by: usize }: NotPermitted
            "this institution was expelled from `{federation}` by its view {number}, which {sealed_by} members sealed, and no reason was given. That is final for its id; to come back, make a new node with `chartmesh init` and apply with it",
        21 => WordsTooLong { most: usize }: Invalid
            "a reason has at most {most} bytes; say it more briefly",
        22 => AnswerMalformed: NotAuthentic "the answer cannot be read",
        23 => OtherAnchor: NotAuthentic "that is not the view which the invite names",
        24 => InviteWithoutView: Invalid "this invite names no view of a federation; ask for a new one",
        25 => NotTheApplicants: NotAuthentic
            "the application is not signed with the applicant's current key",
        26 => TooManyApplications { most: usize }: LimitReached
            "one institution tells of at most {most} applicants that wait",
        27 => MemberAlready: AlreadyDone "it is a member already",
        28 => ExpelsItself: Invalid "nobody votes for their own expulsion; leave instead",
        29 => TooManyWishes { most: usize }: LimitReached
            "a ballot names at most {most} institutions to admit and {most} to expel; wait until some of it is decided, or take something back",
        30 => NothingWanted: NotFound "this node wants nothing about that institution",
        32 => ApplicationOld: Expired
            "the application was made too long ago, or by a clock that is far off; apply anew",
        33 => NoHospitalOfOurs: NotPermitted "no patient of this relay enrolled with it",
        34 => NoInvite: NotFound "no such invite was given out here, or it was used or has ended",
        35 => InviteInTwoHands: WrongState
            "two institutions have proven its invite, so somebody has seen it; take it back with `chartmesh federation uninvite`, compare fingerprints, and invite anew",
        36 => AppliedNowhere: NotFound
            "this institution has applied for nothing that could be taken back; `chartmesh federation leave` leaves a federation",
        31 => LooksLike { member: String }: WrongState
            "its name looks like that of the member {member}; if both are to be members, say so with `--although-alike`",
    }
}
