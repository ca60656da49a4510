//! One table of all reasons, from the tables of the rooms: words are made from it where a person reads.

use crate::capability;
use crate::reason::{Listed, Row};
use crate::{
    access_log, backup, catalogue, codes, consent, crypto, custody, directory, enrolment, entries,
    federation, identity, inbox, members, membership, objects, outbox, patients, permission,
    receipts, record, turn,
};

/// The tables of the rooms, from the ground up.
pub const TABLES: &[&[Row]] = &[
    crypto::KemError::TABLE,
    identity::KeyLogError::TABLE,
    identity::CertificateError::TABLE,
    identity::KeyRingError::TABLE,
    capability::Reason::TABLE,
    capability::RevocationError::TABLE,
    capability::Excess::TABLE,
    capability::AttenuateError::TABLE,
    capability::GrantError::TABLE,
    membership::Refusal::TABLE,
    membership::CharterError::TABLE,
    membership::SignerError::TABLE,
    turn::Reason::TABLE,
    codes::CodeError::TABLE,
    codes::Reason::TABLE,
    directory::Reason::TABLE,
    members::Reason::TABLE,
    objects::Reason::TABLE,
    patients::Reason::TABLE,
    permission::Reason::TABLE,
    catalogue::CatalogueError::TABLE,
    entries::Reason::TABLE,
    receipts::Reason::TABLE,
    outbox::Reason::TABLE,
    inbox::Reason::TABLE,
    access_log::Reason::TABLE,
    access_log::LogError::TABLE,
    access_log::CountersignError::TABLE,
    federation::Reason::TABLE,
    enrolment::Reason::TABLE,
    custody::Reason::TABLE,
    record::Reason::TABLE,
    consent::Reason::TABLE,
    backup::Reason::TABLE,
    super::reasons::Reason::TABLE,
];

/// Every row, by its number.
#[must_use]
pub fn table() -> Vec<&'static Row> {
    let mut rows: Vec<_> = TABLES.iter().copied().flatten().collect();
    rows.sort_unstable_by_key(|row| row.number);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::Language;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn numbers_and_names_are_of_one_reason_each_and_a_thousand_has_whole_rooms() {
        let mut thousands = BTreeMap::new();
        let (mut numbers, mut names) = (BTreeSet::new(), BTreeSet::new());
        for row in table() {
            assert!(numbers.insert(row.number), "{} stands twice", row.number);
            assert!(names.insert(row.name()), "{} stands twice", row.name());
            let thousand = row.number / 1000;
            assert_eq!(*thousands.entry(row.room).or_insert(thousand), thousand, "{}", row.room);
        }
    }

    #[test]
    fn words_say_each_argument_and_nothing_else() {
        for row in table() {
            let said: BTreeSet<_> = row
                .words(Language::English)
                .split('{')
                .skip(1)
                .map(|rest| rest.split_once('}').expect("braces come in pairs").0)
                .collect();
            let args: BTreeSet<_> = row.args.iter().map(|(name, _)| *name).collect();
            assert_eq!(said, args, "{}", row.name());
        }
    }
}
