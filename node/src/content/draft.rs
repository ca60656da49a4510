//! A record on its way in: what an entry will hold, before it is sealed.

use core::fmt;

use chartmesh_protocol::record::Kind;
use chartmesh_protocol::time::Timestamp;

use super::limits::{TERM_BYTES_MAX, TERMS_MAX, TITLE_BYTES_MAX};

/// One item of a record, read but not yet sealed: a FHIR resource, a DICOM object, any file.
///
/// Its debug form names neither patient nor content, so that it can stand in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Draft {
    /// What sort of record it is.
    pub kind: Kind,
    /// When it was true of the patient: the time of the measurement, not of the import. A time
    /// before 1970 is given as 1970-01-01T00:00:00Z. `None` when the content does not say.
    pub effective: Option<Timestamp>,
    /// A line for people; see [`title`].
    pub title: String,
    /// What it can be found by.
    pub terms: Terms,
    /// The media type of the content, such as `application/fhir+json`.
    pub media_type: String,
    /// The content itself.
    pub content: Content,
}

/// The content of a [`Draft`].
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// The original bytes, exactly as they stood in what was imported.
    Bytes(Vec<u8>),
    /// The file that the draft was read from, unchanged and whole; whoever opened it streams it.
    Stream,
}

/// Items that become one entry.
///
/// `I` is [`Draft`], or a draft beside what tells its file when contents are streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group<I = Draft> {
    /// The kind that all its items share.
    pub kind: Kind,
    /// The earliest time among its items.
    pub effective: Option<Timestamp>,
    /// A line for people.
    pub title: String,
    /// The items, in the order in which they were imported.
    pub items: Vec<I>,
}

/// By what a term finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TermName {
    /// A code, `system|code`, such as `http://loinc.org|8867-4`.
    Code,
    /// A business identifier, `system|value`.
    Identifier,
    /// An identifier of the patient, `system|value`; for DICOM `|PatientID`.
    PatientIdentifier,
    /// A FHIR resource type, such as `Observation`.
    ResourceType,
    /// A FHIR resource's own id at its source, `Type/id`.
    Resource,
    /// DICOM StudyInstanceUID.
    StudyUid,
    /// DICOM SeriesInstanceUID.
    SeriesUid,
    /// DICOM SOPInstanceUID.
    SopUid,
    /// DICOM SOPClassUID.
    SopClass,
    /// DICOM modality, such as `ES` or `CT`.
    Modality,
    /// DICOM AccessionNumber.
    Accession,
}

impl TermName {
    /// Every name.
    pub const ALL: [Self; 11] = [
        Self::Code,
        Self::Identifier,
        Self::PatientIdentifier,
        Self::ResourceType,
        Self::Resource,
        Self::StudyUid,
        Self::SeriesUid,
        Self::SopUid,
        Self::SopClass,
        Self::Modality,
        Self::Accession,
    ];

    /// The name as it is stored and typed.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::Identifier => "identifier",
            Self::PatientIdentifier => "patient-identifier",
            Self::ResourceType => "resource-type",
            Self::Resource => "resource",
            Self::StudyUid => "study-uid",
            Self::SeriesUid => "series-uid",
            Self::SopUid => "sop-uid",
            Self::SopClass => "sop-class",
            Self::Modality => "modality",
            Self::Accession => "accession",
        }
    }
}

/// One thing that an item can be found by.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term {
    /// By what it finds.
    pub name: TermName,
    /// What must be equal, byte for byte.
    pub value: String,
}

/// The terms of one item: no two alike, at most [`TERMS_MAX`], each at most [`TERM_BYTES_MAX`] bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms(Vec<Term>);

impl Terms {
    /// Adds a term, unless it is empty, too long, already there, or one too many: an item that
    /// cannot be found by its thirty-third code is still found by the others.
    pub fn add(&mut self, name: TermName, value: impl Into<String>) {
        let term = Term { name, value: value.into() };
        let fits = !term.value.is_empty()
            && term.value.len() <= TERM_BYTES_MAX
            && self.0.len() < TERMS_MAX
            && !self.0.contains(&term);
        if fits {
            self.0.push(term);
        }
    }

    /// The terms, in the order in which they were added.
    #[must_use]
    pub fn as_slice(&self) -> &[Term] {
        &self.0
    }

    /// The terms, given away.
    #[must_use]
    pub fn into_vec(self) -> Vec<Term> {
        self.0
    }

    /// The first value under this name.
    #[must_use]
    pub fn get(&self, name: TermName) -> Option<&str> {
        self.0.iter().find(|term| term.name == name).map(|term| term.value.as_str())
    }
}

/// One line that is safe to show: control characters and marks that turn the direction of writing
/// become spaces (they could rewrite a terminal's screen or make one name look like another), runs
/// of spaces become one, and more than [`TITLE_BYTES_MAX`] bytes are cut with an ellipsis.
#[must_use]
pub fn title(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || hidden(c)).filter(|word| !word.is_empty())
    {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > TITLE_BYTES_MAX {
            return cut(&line);
        }
    }
    line
}

fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn cut(line: &str) -> String {
    const ELLIPSIS: char = '…';
    let mut end = TITLE_BYTES_MAX - ELLIPSIS.len_utf8();
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let mut short = line[..end].trim_end().to_owned();
    short.push(ELLIPSIS);
    short
}

/// The title of several items: the first three different ones, then how many more.
#[must_use]
pub fn joined_title<'a>(titles: impl Iterator<Item = &'a str>) -> String {
    const NAMED: usize = 3;
    let mut named: Vec<&str> = Vec::new();
    let mut others = 0_usize;
    for text in titles {
        if named.contains(&text) {
            continue;
        }
        if named.len() < NAMED {
            named.push(text);
        } else {
            others += 1;
        }
    }
    let mut joined = named.join(", ");
    // The count must survive the cut, so the names give way.
    if others > 0 {
        let more = format!(" and {others} more");
        if joined.len() + more.len() > TITLE_BYTES_MAX {
            joined = named.first().copied().unwrap_or_default().chars().take(40).collect();
            joined.push('…');
        }
        joined.push_str(&more);
    }
    title(&joined)
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("kind", &self.kind)
            .field("media_type", &self.media_type)
            .field("content", &self.content)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Stream => f.write_str("stream"),
        }
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Term({})", self.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_cannot_rewrite_the_screen() {
        assert_eq!(title("Blood\u{1b}[2J  pressure\r\n\u{202e}x"), "Blood [2J pressure x");
    }

    #[test]
    fn a_long_title_is_cut_between_characters() {
        let cut = title(&"内視鏡".repeat(100));
        assert!(cut.len() <= TITLE_BYTES_MAX && cut.ends_with('…'));
        assert_eq!(title("short"), "short");
    }

    #[test]
    fn a_joined_title_says_how_many_it_does_not_name() {
        let titles = ["Sodium", "Potassium", "Sodium", "Chloride", "Glucose", "Urea"];
        assert_eq!(joined_title(titles.into_iter()), "Sodium, Potassium, Chloride and 2 more");
        let long = "x".repeat(TITLE_BYTES_MAX);
        let joined = joined_title([long.as_str(), "b", "c", "d"].into_iter());
        assert!(joined.len() <= TITLE_BYTES_MAX && joined.ends_with("and 1 more"), "{joined}");
    }

    #[test]
    fn terms_stay_within_their_bounds() {
        let mut terms = Terms::default();
        terms.add(TermName::Code, "");
        terms.add(TermName::Code, "x".repeat(TERM_BYTES_MAX + 1));
        assert!(terms.as_slice().is_empty());
        for number in 0..2 * TERMS_MAX {
            terms.add(TermName::Code, format!("http://loinc.org|{number}"));
            terms.add(TermName::Code, "http://loinc.org|0");
        }
        assert_eq!(terms.as_slice().len(), TERMS_MAX);
        assert_eq!(terms.get(TermName::Code), Some("http://loinc.org|0"));
    }

    #[test]
    fn the_debug_form_tells_nothing_about_the_patient() {
        let mut terms = Terms::default();
        terms.add(TermName::PatientIdentifier, "urn:mrn|4711");
        let draft = Draft {
            kind: Kind::Conditions,
            effective: None,
            title: "Diabetes".into(),
            terms: terms.clone(),
            media_type: "application/fhir+json".into(),
            content: Content::Bytes(b"secret".to_vec()),
        };
        let shown = format!("{draft:?} {terms:?}");
        for secret in ["Diabetes", "4711", "secret"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
