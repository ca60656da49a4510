//! Why something about membership is not taken.

use crate::reason::reasons;

reasons! {
    /// Why a charter founds nothing, a view is none, or a change is none of this view.
    #[derive(Copy)]
    pub enum Flaw: 13 "view" {
        /// A version that this program does not know.
        51 => UnknownVersion(version: u16): NotAuthentic "the charter's version {version} is unknown",
        /// A threshold below 2 or above 16.
        52 => BadThreshold(sponsors: u16): NotAuthentic "a federation asks for 2 to 16 sponsors, not for {sponsors}",
        /// Parties not in ascending order, or one twice.
        53 => Unsorted: NotAuthentic "the parties are not in ascending order",
        /// A name that nobody can read.
        54 => BadName: NotAuthentic "a name has 1 to 200 bytes that can be read",
        /// The number and the view before do not belong together.
        55 => BadPlace: NotAuthentic "the founder's view alone has number 0 and none before it",
        /// A federation is its members.
        56 => NobodyLeft: NotAuthentic "no member would be left",
        /// One key must not count twice.
        57 => SharedKey: NotAuthentic "two members have one key",
        /// Relays belong to no federation.
        58 => Relay: NotAuthentic "a patient relay is no member of a federation",
        /// More than is kept.
        59 => TooLarge: NotAuthentic "there are more members, or more changes, than one view may have",
        /// Expulsion is final.
        60 => Expelled: NotPermitted "the party was expelled, and that is final for its id",
        /// Nothing is different afterwards.
        61 => ChangesNothing: NotPermitted "it changes nothing",
        /// One party, two changes.
        62 => TwiceConcerned: NotPermitted "a party is concerned twice",
        /// Who is no member has nothing to leave.
        63 => NotMember: NotPermitted "the party is no member",
        /// An application to another federation.
        64 => OtherFederation: NotPermitted "the application is to another federation",
        /// A key changes by the rotation of the key log.
        65 => KeyChanged: NotPermitted "a member's key changes by its rotation alone",
        /// A rotation that does not follow on the listed key.
        66 => BadRotation: NotAuthentic "the rotation does not follow on the key that is listed",
        /// An institution that rotated as often as it may.
        67 => TooManyRotations: NotAuthentic "the party has rotated more often than an institution may",
        /// The signature is not by the key that it must be by.
        68 => BadSignature: NotAuthentic "the signature does not verify",
    }
}

reasons! {
    /// Why what somebody said in a view is not taken.
    #[derive(Copy)]
    pub enum Unsaid: 13 "said" {
        use NoChange(Flaw),
        /// About another view than the one that is judged here.
        81 => OtherView: WrongState "it is about another view",
        /// Not by a member.
        82 => NotMember: NotPermitted "its author is no member of this view",
        /// Not signed with the listed key.
        83 => BadSignature: NotAuthentic "the signature does not verify",
        /// Too many wishes, unsorted, or about the author.
        84 => BadBallot: NotPermitted "the ballot has too many wishes, or they are not in order",
        /// Fewer or more signatures than a quorum, or not in order.
        85 => NoQuorum: NotAuthentic "the signatures are not those of a quorum",
        /// A certificate of this round or a later one, or for something else.
        86 => BadCertificate: NotAuthentic "the certificate does not bear this out",
        /// Far from where this member is.
        87 => OtherRound: WrongState "the round is not one of those that are kept",
    }
}
