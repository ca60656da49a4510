//! Who the patient is.

use super::numbers::Numbers;

/// A person who does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// What everything about them follows from.
    pub seed: u64,
    /// Family name in kanji, kana and Latin letters.
    pub family: [&'static str; 3],
    /// Given name in kanji, kana and Latin letters.
    pub given: [&'static str; 3],
    /// Whether the name is a woman's.
    pub female: bool,
    /// Year, month and day of birth.
    pub born: (u32, u32, u32),
    /// The hospital's number for them.
    pub number: String,
}

const FAMILIES: &[[&str; 3]] = &[
    ["佐藤", "さとう", "Sato"],
    ["山田", "やまだ", "Yamada"],
    ["高橋", "たかはし", "Takahashi"],
    ["小林", "こばやし", "Kobayashi"],
    ["中村", "なかむら", "Nakamura"],
    ["渡辺", "わたなべ", "Watanabe"],
];
const WOMEN: &[[&str; 3]] = &[
    ["花子", "はなこ", "Hanako"],
    ["美咲", "みさき", "Misaki"],
    ["恵子", "けいこ", "Keiko"],
    ["由美", "ゆみ", "Yumi"],
];
const MEN: &[[&str; 3]] = &[
    ["太郎", "たろう", "Taro"],
    ["健一", "けんいち", "Kenichi"],
    ["誠", "まこと", "Makoto"],
    ["浩", "ひろし", "Hiroshi"],
];

impl Person {
    pub(super) fn new(seed: u64) -> Self {
        let mut numbers = Numbers::new(seed, 1);
        let female = numbers.below(2) == 0;
        Self {
            seed,
            family: *numbers.pick(FAMILIES),
            given: *numbers.pick(if female { WOMEN } else { MEN }),
            female,
            born: (numbers.between(1938, 1988), numbers.between(1, 12), numbers.between(1, 28)),
            number: format!("{:08}", numbers.below(100_000_000)),
        }
    }

    /// `1957-03-09`
    #[must_use]
    pub fn birth_date(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.born.0, self.born.1, self.born.2)
    }

    /// As DICOM writes names: Latin, kanji, kana (PS3.5 section 6.2.1.2).
    #[must_use]
    pub fn dicom_name(&self) -> String {
        let name = |form: usize| format!("{}^{}", self.family[form], self.given[form]);
        format!("{}={}={}", name(2), name(0), name(1))
    }
}
