//! The kinds of record that a patient can tell apart when permitting.

use crate::codec::wire_code;

wire_code! {
    /// A kind of record. One compartment of a patient's key ring each.
    pub enum Kind {
        /// Who the patient is.
        1 => Demographics,
        /// Visits and stays.
        2 => Encounters,
        /// Diagnoses and problems.
        3 => Conditions,
        /// Prescriptions and what was given.
        4 => Medications,
        /// Laboratory results.
        5 => Laboratory,
        /// Vital signs.
        6 => VitalSigns,
        /// Images and image studies.
        7 => Imaging,
        /// Procedures and operations.
        8 => Procedures,
        /// Reports and findings.
        9 => Reports,
        /// Immunizations.
        10 => Immunizations,
        /// Allergies and intolerances.
        11 => Allergies,
        /// Care plans and goals.
        12 => CarePlans,
        /// Claims, coverage, organizations.
        13 => Administrative,
        /// Any other document or file.
        14 => Documents,
    }
}

impl Kind {
    /// The kind's name in commands and files.
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

    /// The kind in plain words, for a sentence that a patient reads.
    #[must_use]
    pub const fn in_words(self) -> &'static str {
        match self {
            Self::Demographics => "who you are",
            Self::Encounters => "visits and stays",
            Self::Conditions => "diagnoses",
            Self::Medications => "medications",
            Self::Laboratory => "laboratory results",
            Self::VitalSigns => "vital signs",
            Self::Imaging => "images",
            Self::Procedures => "procedures and operations",
            Self::Reports => "reports and findings",
            Self::Immunizations => "immunizations",
            Self::Allergies => "allergies",
            Self::CarePlans => "care plans",
            Self::Administrative => "administrative papers",
            Self::Documents => "other documents",
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

impl core::fmt::Display for Kind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.name())
    }
}

impl core::str::FromStr for Kind {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|kind| kind.name() == text).ok_or(UnknownKind)
    }
}

/// Text that names no kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such kind of record; the kinds are demographics, encounters, conditions, medications, laboratory, vital-signs, imaging, procedures, reports, immunizations, allergies, care-plans, administrative, documents"
)]
pub struct UnknownKind;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_again_by_number_and_by_name() {
        for (index, kind) in Kind::ALL.iter().copied().enumerate() {
            assert_eq!(usize::from(kind.code()), index + 1);
            assert_eq!(Kind::from_code(kind.code().into()), Some(kind));
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
