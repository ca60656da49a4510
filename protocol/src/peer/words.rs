//! One table of all reasons, from the tables of the rooms: words are made from it where a person reads.

use super::features;
use crate::capability;
use crate::id::PartyId;
use crate::reason::{Arg, Args, ENGLISH, Language, Listed, RefusalCode, Row, fill, in_words};
use crate::refusal::Refusal;
use crate::{
    access_log, catalogue, codes, crypto, directory, entries, holdings, identity, inbox, members,
    membership, misfiled, outbox, patients, permission, receipts, session, store, turn,
};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The tables of the rooms below the features, from the ground up, and the peer's own.
const TABLES: &[&[Row]] = &[
    crypto::KemError::TABLE,
    crypto::WrapError::TABLE,
    identity::KeyLogError::TABLE,
    identity::CertificateError::TABLE,
    identity::KeyRingError::TABLE,
    capability::Reason::TABLE,
    capability::RevocationError::TABLE,
    capability::Excess::TABLE,
    capability::AttenuateError::TABLE,
    capability::GrantError::TABLE,
    session::SessionError::TABLE,
    membership::Flaw::TABLE,
    membership::Unsaid::TABLE,
    store::Reason::TABLE,
    turn::Reason::TABLE,
    codes::CodeError::TABLE,
    codes::Reason::TABLE,
    directory::Reason::TABLE,
    members::Reason::TABLE,
    holdings::Reason::TABLE,
    holdings::NotSent::TABLE,
    patients::Reason::TABLE,
    permission::Reason::TABLE,
    catalogue::CatalogueError::TABLE,
    misfiled::MisfiledError::TABLE,
    entries::Reason::TABLE,
    receipts::Reason::TABLE,
    outbox::Reason::TABLE,
    inbox::Reason::TABLE,
    access_log::LogError::TABLE,
    access_log::CountersignError::TABLE,
    super::reasons::Reason::TABLE,
];

/// Every row.
fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().chain(features::REASONS).copied().flatten()
}

/// Every row, by its number.
#[must_use]
pub fn table() -> Vec<&'static Row> {
    let mut rows: Vec<_> = rows().collect();
    rows.sort_unstable_by_key(|row| row.number);
    rows
}

/// The row of a number.
fn row(number: u32) -> Option<&'static Row> {
    rows().find(|row| row.number == number)
}

impl Refusal {
    /// The reason's name, such as `consent.request-expired`; of one that this version does not know, its number.
    #[must_use]
    pub fn name(&self) -> String {
        row(self.reason).map_or_else(|| format!("reason-{}", self.reason), Row::name)
    }

    /// The refusal in words: what happened, to what, and what to do next.
    #[must_use]
    pub fn words(&self, language: &Language) -> String {
        self.told(language).text
    }

    /// The refusal with its words, as programs read it.
    #[must_use]
    pub fn told(&self, language: &Language) -> Told {
        Told::by(row(self.reason), self, language, &|_| None)
    }

    /// [`Self::words`] with the names of parties where these are known.
    #[must_use]
    pub fn words_with(
        &self,
        language: &Language,
        names: &dyn Fn(PartyId) -> Option<String>,
    ) -> String {
        Told::by(row(self.reason), self, language, names).text
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words(&ENGLISH))
    }
}

/// A refusal as programs read it, with the words beside it for whoever shows it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Told {
    /// Its class.
    pub code: RefusalCode,
    /// The reason's number.
    pub reason: u32,
    /// The reason's name.
    #[serde(default)]
    pub name: String,
    /// What it is about.
    pub args: Args,
    /// The words.
    #[serde(default)]
    pub text: String,
}

impl Told {
    /// A reason told by whoever lists it, of whatever crate.
    pub fn of(reason: impl Listed, language: &Language) -> Self {
        let row = reason.row();
        Self::by(Some(row), &reason.into(), language, &|_| None)
    }

    /// A refusal by the row of its number. A row of another class, or about something else, is not its row:
    /// whoever refused has another table.
    fn by(
        row: Option<&Row>,
        refusal: &Refusal,
        language: &Language,
        names: &dyn Fn(PartyId) -> Option<String>,
    ) -> Self {
        let Refusal { code, reason, args } = refusal.clone();
        let name = row.map_or_else(|| format!("reason-{reason}"), Row::name);
        let fits = |row: &&Row| {
            let kinds = row.args.iter().map(|(_, kind)| *kind);
            row.class == code && kinds.eq(args.iter().map(Arg::kind))
        };
        let text = match row.filter(fits) {
            Some(row) => in_words(row, &args, language, names),
            None => fill(language.unknown, |what| match what {
                "class" => code.name(),
                _ => reason.to_string(),
            }),
        };
        Self { code, reason, name, args, text }
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for Refusal {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        Told::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Told::json_schema(generator)
    }
}

impl Serialize for Refusal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.told(&ENGLISH).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Refusal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Told { code, reason, args, .. } = Told::deserialize(deserializer)?;
        Ok(Self { code, reason, args })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{DecodeError, Wire};
    use crate::federation;
    use crate::limits;
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

    const HOLDER: PartyId = PartyId([7; 32]);

    /// Two rows in another language, one of them with its arguments in another order.
    const SECOND: Language = Language {
        tag: "ja",
        unknown: "この版にない理由です（{class} {number}）",
        words: &[
            (12_021, "患者が許可を取り消しました"),
            (32_006, "{holder}が{reader}に示した{line}行目が、あなたに渡した記録にありません"),
        ],
    };

    fn contradicted() -> Refusal {
        access_log::Reason::Contradicted { holder: HOLDER, reader: PartyId([9; 32]), line: 3 }
            .into()
    }

    #[test]
    fn another_language_is_a_table_and_nothing_else() {
        let revoked = Refusal::from(capability::Reason::Revoked);
        assert_eq!(revoked.words(&SECOND), "患者が許可を取り消しました");
        assert_eq!(
            contradicted().words(&SECOND),
            "07070707が09090909に示した3行目が、あなたに渡した記録にありません"
        );
        // What it has no words for yet is told in English, and what nobody knows in its own.
        let untold = Refusal::from(inbox::Reason::Forgotten);
        assert_eq!(untold.words(&SECOND), untold.words(&ENGLISH));
        let newer = Refusal { reason: 99_999, ..untold };
        let class = newer.code.name();
        assert_eq!(newer.words(&SECOND), format!("この版にない理由です（{class} 99999）"));
        let told = Told::of(capability::Reason::Revoked, &SECOND);
        assert_eq!((told.reason, &*told.name), (12_021, "revoked"));
        assert_eq!(told.text, revoked.words(&SECOND));
    }

    #[test]
    fn parties_are_called_by_their_names_where_these_are_known() {
        let names = |party| (party == HOLDER).then(|| "Bay\u{1b}[2J".to_owned());
        assert_eq!(
            contradicted().words_with(&ENGLISH, &names),
            "Bay [2J showed 09090909 a line 3 that is not in the log it gave you"
        );
    }

    fn unknown(refusal: &Refusal) -> bool {
        let (class, number) = (refusal.code.name(), refusal.reason);
        let unknown =
            format!("refused ({class}) for reason {number}, which this version does not know");
        refusal.to_string() == unknown
    }

    #[test]
    fn a_reason_of_a_newer_version_is_shown_as_such_and_text_of_others_stays_on_its_line() {
        let args = Args::new(vec![Arg::Number(1)]);
        let newer = Refusal { code: RefusalCode::Expired, reason: 99_999, args };
        assert!(unknown(&newer), "{newer}");
        assert_eq!(newer.name(), "reason-99999");
        // A number that is known, about something else than is known, or of another class.
        let known = Refusal::from(inbox::Reason::Forgotten);
        assert!(!unknown(&known), "{known}");
        assert!(unknown(&Refusal { args: newer.args.clone(), ..known.clone() }));
        assert!(unknown(&Refusal { code: RefusalCode::Locked, ..known }));
        // Words of the far side's own are not said.
        let words = Args::new(vec![Arg::Text("send your 24 words to us".to_owned())]);
        for number in [0, 99_999, u32::MAX] {
            assert!(unknown(&Refusal { reason: number, args: words.clone(), ..newer.clone() }));
        }
        let federation = "Bay\n\u{1b}[2J\u{9b}1m".to_owned();
        let (number, sealed_by) = (7, 2);
        let told = Refusal::from(federation::Reason::WasExpelledUnexplained {
            federation,
            number,
            sealed_by,
        });
        assert!(told.to_string().contains("from `Bay  [2J 1m` by its view 7"), "{told}");
        assert!(!told.to_string().contains(char::is_control));
        let json = serde_json::to_value(&told).unwrap();
        assert_eq!(json["name"], "federation.was-expelled-unexplained");
        assert_eq!(json["args"][1], serde_json::json!({"number": 7}));
        assert_eq!(serde_json::from_value::<Refusal>(json).unwrap(), told);
    }

    #[test]
    fn a_refusal_of_another_is_bounded_before_anything_is_done_with_it() {
        let read = |args: Vec<u8>| {
            let bytes = [&[0xa3, 1, 12, 2, 0, 3][..], &args].concat();
            Refusal::from_bytes(&bytes, limits::RESPONSE_BYTES_MAX)
        };
        let number = [0x82, 7, 1];
        let full = [&[0x84][..], &number.repeat(limits::REASON_ARGS_MAX)].concat();
        assert!(unknown(&read(full).unwrap()));
        let more = [&[0x85][..], &number.repeat(limits::REASON_ARGS_MAX + 1)].concat();
        assert!(matches!(read(more), Err(DecodeError::TooMany { what: "arguments", .. })));
        let long = "a".repeat(limits::TEXT_BYTES_MAX + 1);
        let long = [&[0x81, 0x82, 8, 0x79, 0x10, 0x01][..], long.as_bytes()].concat();
        assert!(matches!(read(long), Err(DecodeError::TooMany { .. })));
        // An argument of no known kind, one of a kind with another's value, and a class that nobody has.
        assert!(matches!(
            read(vec![0x81, 0x82, 0x18, 99, 1]),
            Err(DecodeError::UnknownVariant { .. })
        ));
        assert!(matches!(
            read(vec![0x81, 0x82, 7, 0x61, 0x61]),
            Err(DecodeError::WrongType { .. })
        ));
        let class = Refusal::from_bytes(&[0xa3, 1, 0x18, 99, 2, 0, 3, 0x80], 100);
        assert!(matches!(class, Err(DecodeError::UnknownVariant { .. })));
        // Ours are cut to what others read.
        let ours = Args::new(vec![Arg::Text("字".repeat(limits::TEXT_BYTES_MAX))]);
        assert!(Args::from_bytes(&ours.to_bytes(), usize::MAX).is_ok());
    }

    #[test]
    fn words_say_each_argument_and_nothing_else() {
        for row in table() {
            let said: BTreeSet<_> = row
                .words(&ENGLISH)
                .split('{')
                .skip(1)
                .map(|rest| rest.split_once('}').expect("braces come in pairs").0)
                .collect();
            let args: BTreeSet<_> = row.args.iter().map(|(name, _)| *name).collect();
            assert_eq!(said, args, "{}", row.name());
        }
    }
}
