//! What sort of record an entry is: the unit in which a patient permits reading.

use core::fmt;
use core::str::FromStr;

/// A kind of record. The number is what travels and what keys are derived from, so it never
/// changes its meaning; a new kind takes the next free number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u16)]
pub enum Kind {
    /// Who the person is and how to reach them.
    Demographics = 1,
    /// Visits, stays and appointments.
    Encounters = 2,
    /// Diagnoses, problems and family history.
    Conditions = 3,
    /// What was prescribed, dispensed and taken.
    Medications = 4,
    /// Laboratory results and specimens.
    Laboratory = 5,
    /// Blood pressure, pulse, temperature, weight and the like.
    VitalSigns = 6,
    /// Images and imaging studies.
    Imaging = 7,
    /// Operations and other procedures.
    Procedures = 8,
    /// Findings and reports that are neither laboratory results nor vital signs.
    Reports = 9,
    /// Immunizations and what is due.
    Immunizations = 10,
    /// Allergies and intolerances.
    Allergies = 11,
    /// Plans, goals, orders and the people who care.
    CarePlans = 12,
    /// Billing, coverage, staff and institutions.
    Administrative = 13,
    /// Letters, documents and files of any other sort.
    Documents = 14,
}

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 14] = [
        Self::Demographics,
        Self::Encounters,
        Self::Conditions,
        Self::Medications,
        Self::Laboratory,
        Self::VitalSigns,
        Self::Imaging,
        Self::Procedures,
        Self::Reports,
        Self::Immunizations,
        Self::Allergies,
        Self::CarePlans,
        Self::Administrative,
        Self::Documents,
    ];

    /// The number that stands for it in messages and key derivation.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// The kind with this number; `None` for a number of a later version.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The name used on the command line and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Demographics => "demographics",
            Self::Encounters => "encounters",
            Self::Conditions => "conditions",
            Self::Medications => "medications",
            Self::Laboratory => "laboratory",
            Self::VitalSigns => "vital-signs",
            Self::Imaging => "imaging",
            Self::Procedures => "procedures",
            Self::Reports => "reports",
            Self::Immunizations => "immunizations",
            Self::Allergies => "allergies",
            Self::CarePlans => "care-plans",
            Self::Administrative => "administrative",
            Self::Documents => "documents",
        }
    }

    /// Plain words in English, as they stand in the middle of a sentence.
    #[must_use]
    pub const fn label_en(self) -> &'static str {
        match self {
            Self::Demographics => "personal details",
            Self::Encounters => "visits and stays",
            Self::Conditions => "diagnoses and health problems",
            Self::Medications => "medications",
            Self::Laboratory => "laboratory results",
            Self::VitalSigns => "vital signs",
            Self::Imaging => "images",
            Self::Procedures => "operations and procedures",
            Self::Reports => "findings and reports",
            Self::Immunizations => "immunizations",
            Self::Allergies => "allergies",
            Self::CarePlans => "care plans and orders",
            Self::Administrative => "billing and administration",
            Self::Documents => "documents",
        }
    }

    /// Plain words in Japanese.
    #[must_use]
    pub const fn label_ja(self) -> &'static str {
        match self {
            Self::Demographics => "基本情報",
            Self::Encounters => "受診・入院",
            Self::Conditions => "病名・健康問題",
            Self::Medications => "お薬",
            Self::Laboratory => "検体検査の結果",
            Self::VitalSigns => "バイタルサイン",
            Self::Imaging => "画像",
            Self::Procedures => "手術・処置",
            Self::Reports => "所見・報告書",
            Self::Immunizations => "予防接種",
            Self::Allergies => "アレルギー",
            Self::CarePlans => "診療計画・指示",
            Self::Administrative => "会計・事務",
            Self::Documents => "文書",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(UnknownKind)
    }
}

/// Text that names no kind of record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a kind of record; the kinds are demographics, encounters, conditions, medications, laboratory, \
     vital-signs, imaging, procedures, reports, immunizations, allergies, care-plans, administrative and documents"
)]
pub struct UnknownKind;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_again_by_number_and_by_name() {
        for (index, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(kind.code()), index + 1);
            assert_eq!(Kind::from_code(kind.code()), Some(kind));
            assert_eq!(kind.name().parse(), Ok(kind));
            assert!(UnknownKind.to_string().contains(kind.name()));
        }
    }

    #[test]
    fn a_foreign_number_or_name_is_no_kind() {
        assert_eq!(Kind::from_code(0), None);
        assert_eq!(Kind::from_code(15), None);
        assert_eq!("Laboratory".parse::<Kind>(), Err(UnknownKind));
    }
}
