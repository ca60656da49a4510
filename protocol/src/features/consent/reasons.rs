//! Why nothing is asked of a patient, decided, permitted or read.

use crate::id::{ConsentId, EntryId, PartyId, TokenId};
use crate::reason::reasons;
use crate::time::Timestamp;

reasons! {
    /// Why nothing is asked of a patient, decided, permitted or read.
    pub(crate) enum Reason: 44 "consent" {
        1 => NoWayTo { patient: PartyId }: NotFound
            "nobody here knows how to reach patient {patient}; enrol the patient first, or wait for a referral",
        2 => RequestOutOfBounds: Invalid
            "a request names its user (1 to 200 bytes) and has a message of at most 1000",
        3 => DaysOutOfBounds { most: u64 }: Invalid "a standing permission is for 1 to {most} days",
        4 => ReferralToNobody: Invalid "a referral names whom it is to",
        5 => StandingWithDates: Invalid
            "a standing permission opens whole kinds, what is old and what is to come: ask for it without dates and entries, or ask for those without --standing",
        6 => AskedByNoMember: NotPermitted
            "only members of the federation ask patients they have not enrolled",
        7 => RequestHereAlready: AlreadyDone "a request of this id is here already",
        8 => TooManyRequests: LimitReached
            "too many requests of this institution wait for the patient, or were refused or expired this week",
        9 => ReferralToNoMember: NotPermitted
            "a referral is to a member of the federation that the relay knows as one",
        10 => AnotherRelay: NotPermitted "another relay serves this patient",
        11 => NothingToDecide: WrongState "there is nothing of this kind to decide",
        12 => NotThisPatients: NotAuthentic
            "the permission is not this patient's, or not for this institution",
        13 => PermitsNothing: Invalid "a permission permits something",
        14 => AnotherRequest: NotPermitted "that request is another one",
        15 => TooMuchForOne: LimitReached "more than one permission can name; narrow the request",
        16 => OwnOrder: WrongState "this is your own order, there is nothing to decide",
        17 => RequestExpired: Expired "the request has expired; the institution can ask again",
        18 => IsApproved: AlreadyDone "the request is approved already",
        19 => NobodyMeets: NotFound
            "no entry of the record meets the request as narrowed; nothing to permit",
        20 => RingMissing: NotFound "the patient's key ring is missing",
        21 => PutOffTooFar { expires: Timestamp }: Invalid
            "a request is put off to a time before it expires, {expires}",
        22 => DepthToNobody: Invalid "say to whom it may be passed on, not only how often",
        23 => DepthOutOfBounds { most: usize }: Invalid
            "a permission is passed on once, or {most} times in a row",
        24 => GranteeAlready: Invalid
            "the permission is for this institution already; name those it may pass it on to",
        25 => TooManyInstitutions { most: usize }: LimitReached
            "a permission names at most {most} institutions",
        26 => StandingNotAskedFor: Invalid
            "a standing permission was not asked for; permit what was, or have it asked again",
        27 => StandingWithDatesPermitted: Invalid
            "a standing permission opens whole kinds, what is old and what is to come: it cannot keep to dates or single entries; permit only those with --once, or narrow to kinds",
        28 => StandingIsOver: Expired
            "the time for which a standing permission was asked is over; permit what there is with --once, or have it asked again",
        29 => NoKindMeets: NotFound
            "no kind of record meets the request as narrowed; nothing to permit",
        30 => ReaderOutOfBounds: Invalid "a read names its user, in 1 to 200 bytes",
        31 => AllHere: AlreadyDone "the contents are all here",
        32 => NoSuchHolder: NotFound "no such holder is known here",
        33 => NoHolder { entry: EntryId }: NotFound
            "nobody is known to hold entry {entry}; name a holder",
        34 => PasserOutOfBounds: Invalid "say who passes it on, in 1 to 200 bytes",
        35 => NamesNoPermission: Invalid "name the permission that is passed on",
        36 => RelayUnknown: NotFound "the patient's relay, which must be told, is unknown",
        37 => SeveralPatients: Invalid "the permissions are of several patients",
        38 => CoversNothing: NotFound "the permission covers nothing of what is to be passed on",
        39 => NotToBePassedOn { token: TokenId }: NotPermitted
            "the patient has not said that permission {token} may be passed on; the patient says so with `chartmesh consent approve --may-pass-on`",
        40 => NotToThem { token: TokenId, institution: PartyId }: NotPermitted
            "permission {token} may not be passed on to {institution}; `chartmesh consent grants` shows to whom it may",
        41 => PermissionExpired: Expired "the permission has expired; ask the patient again",
        42 => Revoked: BadPermission "the patient has revoked the permission",
        43 => NotThatOften: NotPermitted
            "the patient has not said that it may be passed on that often, or to all of these",
        44 => KindsByEntry: Invalid
            "a permission over whole kinds is passed on by kind, not by entry: a holder could not tell that the entry is covered",
        45 => PassedOnByNoMember: NotPermitted "only members of the federation pass on",
        46 => NotPassedOnToUs: NotAuthentic
            "the permission was not passed on by its grantee as the patient allowed, or not to this institution",
        47 => NameTooLong: Invalid "a name of at most 200 bytes",
        48 => TellsOfNothing: Invalid "whoever tells of permissions names them",
        49 => NoSuchPermission: NotFound "the patient gave no such permission, or has forgotten it",
        50 => NotAsAllowed: NotAuthentic "the permission was not passed on as the patient allowed",
        51 => NumberTaken: AlreadyDone "another permission of this patient has this number",
        52 => PassedOnTooOften: LimitReached
            "the permission was passed on more often than anybody could oversee",
        53 => NothingToReadWith: NotFound
            "no permission to read was received for this request; the patient has not decided, or refused",
        54 => NoHolders: NotFound "nobody is known to hold the entries; name a holder",
        55 => ForNobody: Invalid "a read names the person on whose behalf it is",
        56 => NothingCovered: NotFound "nothing that this permission covers is kept here",
        57 => AnswerMalformed: NotAuthentic "the holder's answer is malformed",
        58 => AuthorUnknown: NotAuthentic "the author of an entry is not known",
        59 => OfAnotherPatient: NotAuthentic "an entry of another patient was sent",
        60 => TooManyEntries: LimitReached "the holder sends more entries than any record has",
        61 => RevokedAlready { token: TokenId }: AlreadyDone
            "permission {token} is revoked already",
        62 => CompartmentTooOld: NotFound
            "a compartment is older than the patient's unlocked keys; restore them with the 24 words",
        63 => NoRequest { request: ConsentId }: NotFound
            "no request {request} here; list requests with `chartmesh consent requests`",
        64 => NotEnrolled: NotFound "the patient has not enrolled with this hospital",
        65 => PutOffTooLong: Invalid
            "a deposit is put off by less than 7 days: the depositary keeps its place no longer",
        66 => NothingToUpload: NotFound "the hospital holds no entry of the record that meets this",
        67 => UploadNotThisPatients: BadPermission
            "the upload permission is not this patient's, or not for this institution",
        68 => OrderHereAlready: AlreadyDone "an order of this id is here already",
        69 => NotTheirOrder: NotPermitted "this order is not the institution's",
        70 => NoEndOfOrder: Invalid "an order is ready, done or failed",
        71 => NoReceiptBefore: NotAuthentic
            "no receipts of the depositary for the entries of the order came before",
        72 => IsRefused: AlreadyDone "the request is refused already",
        73 => IsExpired: AlreadyDone "the request is expired already",
        74 => IsReady: AlreadyDone "the request is ready already",
        75 => IsDone: AlreadyDone "the request is done already",
        76 => IsFailed: AlreadyDone "the request is failed already",
        77 => TooManyPermissions { most: usize }: LimitReached
            "a request is answered with at most {most} permissions; narrow the request",
        78 => WordsTooLong { most: usize }: Invalid
            "a reason has at most {most} bytes; say it more briefly",
        79 => TooManyUnasked { most: u64 }: LimitReached
            "this institution takes {most} permissions a day that it did not ask for; have them sent tomorrow",
        82 => DepositaryNoMember: NotPermitted
            "the depositary of an order is a member of the federation",
        83 => TooManyOrders { most: usize }: LimitReached
            "{most} orders of this patient wait here; give more once they are carried out",
        84 => TooMuchWaits: LimitReached
            "too much waits for the depositary already; give the order once it is reachable",
        81 => DoesNotUnwrap: NotAuthentic
            "an entry does not open with the key of its compartment",
    }
}
