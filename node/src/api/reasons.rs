//! Why the door itself says no. What it says travels no further, so these are none of SPEC.md's reasons.

use chartmesh_protocol::id::TokenId;
use chartmesh_protocol::reason::reasons;

reasons! {
    /// Why the door itself says no, or has trouble.
    pub(super) enum Reason: 60 "api" {
        1 => NoDoor: NotFound "no such door; `GET /v1/openapi.json` tells them all",
        2 => Unreadable { why: String }: Invalid "the request cannot be read: {why}",
        3 => TooLarge { most: usize }: LimitReached
            "a request is at most {most} bytes, and must come whole",
        4 => NoId { why: String }: Invalid "{why}",
        5 => UserOutOfBounds { most: usize }: Invalid "say who does it: a user of 1 to {most} bytes",
        6 => TooManyListen { most: usize }: LimitReached
            "{most} listen already; look again later instead",
        7 => NothingOpen: NotFound "nothing is open under this name now; open it again",
        8 => NoContent { count: usize }: NotFound "the entry has {count} contents, from 0",
        9 => ContentElsewhere: NotFound
            "this content is not here yet; `chartmesh status` shows transfers under way",
        10 => ContentDamaged { why: String }: NotAuthentic "{why}",
        11 => AuthorUnknown: NotFound "the keys of the entry's author are not here",
        12 => NoObject: Invalid "an object is expected here, with a name before each value",
        20 => PassphraseOutOfBounds { most: usize }: Invalid
            "a passphrase has 1 to {most} bytes; best are several words",
        21 => WrongPassphrase: Locked "the patient's keys: the passphrase is wrong",
        22 => KeysDamaged { why: String }: NotAuthentic "the patient's keys: {why}",
        23 => MinutesOutOfBounds { most: u32 }: Invalid "keys stay unlocked for 1 to {most} minutes",
        24 => NoPhrase { why: String }: Invalid "{why}",
        25 => NoPatient: NotFound "no such patient here",
        26 => NotLive { token: TokenId }: NotFound
            "{token} is no permission that this patient gave and that is live",
        27 => WeakPassphrase { why: String }: Invalid "{why}",
        40 => TooManyImports { most: usize }: LimitReached
            "{most} imports are under way; commit or give up some first",
        41 => NoImport: NotFound
            "no such import under way; one that nobody touches ends after an hour",
        42 => Committed: WrongState "this import was committed already",
        43 => TooManyFiles { most: usize }: LimitReached
            "an import has at most {most} files; begin another",
        44 => TooMuchWaits: LimitReached
            "too much waits to be committed; commit what is there, then go on",
        45 => NotWhole: Invalid "the file did not come whole; send it again",
        46 => NameOutOfBounds { most: usize }: Invalid "a file's name has at most {most} bytes",
        47 => DocumentTooLarge { why: String }: LimitReached "{why}",
        48 => NotOfItsFormat { file: String, why: String }: Invalid "{file}: {why}",
        49 => FileTooLarge { file: String, why: String }: LimitReached "{file}: {why}; split it",
        50 => Ended: WrongState "this import was ended already",
        51 => NothingSent: Invalid "nothing was sent to be imported",
        52 => OneEntryOnly { entries: usize }: Invalid
            "a kind or title is for one entry, and this would make {entries}; import without them",
        90 => Trouble { what: String }: WrongState "{what}",
        91 => GivenUp: WrongState "the work was given up; is the node stopping? See its log",
        92 => NotAsSealed: WrongState "an object was not written as it was sealed",
        93 => WithoutBytes: WrongState "a FHIR resource without its bytes; this is a bug",
        94 => Missing { what: String }: NotFound "{what}",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::peer::words;
    use chartmesh_protocol::reason::{ENGLISH, Listed};
    use std::collections::BTreeSet;

    #[test]
    fn the_doors_numbers_are_its_own_and_its_words_say_each_argument() {
        let mut numbers: BTreeSet<_> = words::table().iter().map(|row| row.number).collect();
        for row in Reason::TABLE {
            assert!(numbers.insert(row.number), "{} stands twice", row.number);
            let words = row.words(&ENGLISH);
            assert_eq!(words.matches('{').count(), row.args.len(), "{words}");
            for (arg, _) in row.args {
                assert!(words.contains(&format!("{{{arg}}}")), "{arg} is not said");
            }
        }
    }
}
