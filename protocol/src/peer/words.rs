//! One table of all reasons, from the tables of the rooms: words are made from it where a person reads.

use crate::capability;
use crate::reason::{Arg, Args, Kind, Language, Listed, RefusalCode, Row, in_words};
use crate::refusal::Refusal;
use crate::{
    access_log, backup, catalogue, codes, consent, crypto, custody, directory, enrolment, entries,
    federation, identity, inbox, members, membership, objects, outbox, patients, permission,
    receipts, record, turn,
};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What has no number, in words of its own: of whatever class whoever says it means.
const OWN_WORDS: Row = Row {
    number: 0,
    room: "",
    variant: "OwnWords",
    class: RefusalCode::Invalid,
    args: &[("words", Kind::Text)],
    english: "{words}",
};

/// The tables of the rooms, from the ground up.
pub const TABLES: &[&[Row]] = &[
    &[OWN_WORDS],
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
    objects::NotSent::TABLE,
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

/// The row of a number.
fn row(number: u32) -> Option<&'static Row> {
    TABLES.iter().copied().flatten().find(|row| row.number == number)
}

impl Refusal {
    /// The reason's name, such as `consent.request-expired`; of one that this version does not know, its number.
    #[must_use]
    pub fn name(&self) -> String {
        row(self.reason).map_or_else(|| format!("reason-{}", self.reason), Row::name)
    }

    /// The refusal in words: what happened, to what, and what to do next.
    #[must_use]
    pub fn words(&self, language: Language) -> String {
        let fitting = row(self.reason).filter(|row| {
            let kinds = row.args.iter().map(|(_, kind)| *kind);
            kinds.eq(self.args.iter().map(Arg::kind))
        });
        match (fitting, language) {
            (Some(row), language) => in_words(row, &self.args, language),
            (None, Language::English) => format!(
                "refused ({}) for reason {}, which this version does not know",
                self.code.name(),
                self.reason
            ),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(Language::English))
    }
}

/// A refusal as programs read it, with the words beside it for whoever shows it as it is.
#[derive(Serialize, Deserialize)]
struct Json {
    code: RefusalCode,
    reason: u32,
    #[serde(default)]
    name: String,
    args: Args,
    #[serde(default)]
    text: String,
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (name, text) = (self.name(), self.to_string());
        let (code, reason, args) = (self.code, self.reason, self.args.clone());
        Json { code, reason, name, args, text }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Refusal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Json { code, reason, args, .. } = Json::deserialize(deserializer)?;
        Ok(Self { code, reason, args })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn numbers_and_names_are_of_one_reason_each_and_a_thousand_has_whole_rooms() {
        let mut thousands = BTreeMap::new();
        let (mut numbers, mut names) = (BTreeSet::new(), BTreeSet::new());
        for row in table() {
            assert!(numbers.insert(row.number), "{} stands twice", row.number);
            assert!(names.insert(row.name()), "{} stands twice", row.name());
            if row.room.is_empty() {
                continue;
            }
            let thousand = row.number / 1000;
            assert_eq!(*thousands.entry(row.room).or_insert(thousand), thousand, "{}", row.room);
        }
    }

    #[test]
    fn a_reason_of_a_newer_version_is_shown_as_such_and_text_of_others_stays_on_its_line() {
        let args = Args::new(vec![Arg::Number(1)]);
        let newer = Refusal { code: RefusalCode::Expired, reason: 99_999, args };
        let words = "refused (expired) for reason 99999, which this version does not know";
        assert_eq!(newer.to_string(), words);
        assert_eq!(newer.name(), "reason-99999");
        // A number that is known, about something else than is known.
        let other = Refusal { reason: inbox::Reason::Forgotten.row().number, ..newer };
        assert!(other.to_string().starts_with("refused (expired)"), "{other}");
        let institutions = "Hospital\n\u{1b}[2J".to_owned();
        let told = Refusal::from(consent::Reason::NotToThem { institutions });
        assert_eq!(told.to_string(), "the permission may be passed on to Hospital  [2J only");
        let json = serde_json::to_value(&told).unwrap();
        assert_eq!(json["name"], "consent.not-to-them");
        assert_eq!(serde_json::from_value::<Refusal>(json).unwrap(), told);
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
