//! The attributes of a file that identify it.

use std::borrow::Cow;
use std::io::Read as _;

use chartmesh_protocol::record::Kind;
use chartmesh_protocol::time::Timestamp;
use time::{Date, Month, PrimitiveDateTime, Time, UtcOffset};

use super::elements::{Element, Elements, PIXEL_DATA, Syntax, integer_16};
use super::error::DicomError;
use super::tag::Tag;
use super::text::{CharacterSets, trimmed};
use crate::content::limits::{DICOM_HEAD_BYTES_MAX, DICOM_TEXT_BYTES_MAX};
use crate::content::{Content, Draft, TermName, Terms, title};

/// The media type of a DICOM file.
pub const MEDIA_TYPE: &str = "application/dicom";

/// What a DICOM file says about itself before its pixels. Texts are empty where it says nothing.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Head {
    /// TransferSyntaxUID; empty in files that name none.
    pub transfer_syntax: String,
    /// SOPClassUID.
    pub sop_class: String,
    /// SOPInstanceUID.
    pub sop_instance: String,
    /// StudyInstanceUID.
    pub study: String,
    /// SeriesInstanceUID.
    pub series: String,
    /// Modality, such as `ES`.
    pub modality: String,
    /// PatientName as written, with `^` and `=`; see [`Head::patient_names`].
    pub patient_name: String,
    /// PatientID.
    pub patient_id: String,
    /// PatientBirthDate as `1980-02-29`.
    pub birth_date: String,
    /// PatientSex: `M`, `F` or `O`.
    pub sex: String,
    /// AccessionNumber.
    pub accession: String,
    /// StudyDescription.
    pub study_description: String,
    /// SeriesDescription.
    pub series_description: String,
    /// When the study began, else when its series or content was made. DICOM gives local time; it is
    /// taken for UTC where the file does not tell its zone.
    pub effective: Option<Timestamp>,
    /// InstanceNumber.
    pub instance: Option<u32>,
    /// Rows of each image.
    pub rows: Option<u16>,
    /// Columns of each image.
    pub columns: Option<u16>,
    /// NumberOfFrames.
    pub frames: Option<u32>,
    /// The least length of the whole file in bytes, as far as the head tells.
    pub needs: u64,
}

impl core::fmt::Debug for Head {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Head")
            .field("transfer_syntax", &self.transfer_syntax)
            .field("sop_class", &self.sop_class)
            .field("modality", &self.modality)
            .finish_non_exhaustive()
    }
}

/// Reads the head of a DICOM file: its first bytes, of which at most
/// [`DICOM_HEAD_BYTES_MAX`] are looked at. A file that is shorter is given whole.
///
/// # Errors
///
/// No DICOM, attributes that cannot be walked, or a file that ends before what identifies it.
pub fn parse_head(bytes: &[u8]) -> Result<Head, DicomError> {
    let cut_by_us = bytes.len() >= DICOM_HEAD_BYTES_MAX;
    let bytes = bytes.get(..DICOM_HEAD_BYTES_MAX).unwrap_or(bytes);
    let marked = bytes.get(128..132) == Some(b"DICM");
    if !marked && !looks_bare(bytes) {
        return Err(DicomError::NoMark);
    }
    let mut reader = Reader::default();
    let start = reader.meta(bytes, if marked { 132 } else { 0 })?;
    let inflated = inflated(&reader.head.transfer_syntax, bytes, start)?;
    let (data, at) = match &inflated {
        Some(data) => (data.as_slice(), 0),
        None => (bytes, start),
    };
    let syntax = syntax(&reader.head.transfer_syntax, data, at);
    match reader.data_set(data, at, syntax, inflated.is_none()) {
        Ok(()) => {}
        // The end of the head, not of the file.
        Err(DicomError::Truncated { tag, .. })
            if cut_by_us || data.len() >= DICOM_HEAD_BYTES_MAX =>
        {
            if tag <= LAST_WANTED {
                return Err(DicomError::HeadTooSmall);
            }
        }
        Err(error) => return Err(error),
    }
    let mut head = reader.finish();
    if !marked && head.sop_class.is_empty() {
        return Err(DicomError::NoMark);
    }
    head.needs = head.needs.max(bytes.len() as u64);
    Ok(head)
}

impl Head {
    /// Whether a file of this length can hold all that its head announces.
    ///
    /// # Errors
    ///
    /// [`DicomError::PixelsCut`] for a file that was cut off within its pixel data.
    pub fn check_length(&self, file_bytes: u64) -> Result<(), DicomError> {
        if file_bytes < self.needs {
            return Err(DicomError::PixelsCut { has: file_bytes, needs: self.needs });
        }
        Ok(())
    }

    /// The patient's names as people write them: alphabetic, ideographic, phonetic.
    #[must_use]
    pub fn patient_names(&self) -> Vec<String> {
        self.patient_name
            .split('=')
            .map(|group| title(&group.replace('^', " ")))
            .filter(|name| !name.is_empty())
            .collect()
    }

    /// The draft of the file; its content is the file itself.
    #[must_use]
    pub fn draft(&self) -> Draft {
        let mut terms = Terms::default();
        for (name, value) in [
            (TermName::SopUid, &self.sop_instance),
            (TermName::StudyUid, &self.study),
            (TermName::SeriesUid, &self.series),
            (TermName::SopClass, &self.sop_class),
            (TermName::Modality, &self.modality),
            (TermName::Accession, &self.accession),
        ] {
            terms.add(name, value.clone());
        }
        if !self.patient_id.is_empty() {
            terms.add(TermName::PatientIdentifier, format!("|{}", self.patient_id));
        }
        Draft {
            kind: Kind::Imaging,
            effective: self.effective,
            title: self.line(),
            terms,
            media_type: MEDIA_TYPE.to_owned(),
            content: Content::Stream,
        }
    }

    /// `ES, Upper endoscopy, Stomach, image 3 (640 x 480)`, as far as known.
    fn line(&self) -> String {
        let mut parts: Vec<String> = Vec::new();
        for text in [&self.modality, &self.study_description, &self.series_description] {
            if !text.is_empty() && !parts.contains(text) {
                parts.push(text.clone());
            }
        }
        if let Some(number) = self.instance {
            parts.push(format!("number {number}"));
        }
        if parts.is_empty() {
            parts.push("DICOM object".to_owned());
        }
        let mut line = parts.join(", ");
        if let (Some(columns), Some(rows)) = (self.columns, self.rows) {
            let frames = self.frames.filter(|frames| *frames > 1);
            let frames = frames.map(|frames| format!(" x {frames} frames")).unwrap_or_default();
            line.push_str(&format!(" ({columns} x {rows}{frames})"));
        }
        title(&line)
    }
}

/// Whether a file without preamble and mark begins as DICOM did before PS3.10, and as some tools
/// still write it: with group 0002, or with group 0008 and no word about the transfer syntax. Such a
/// file is taken when it then names its SOP class.
fn looks_bare(bytes: &[u8]) -> bool {
    matches!(bytes, [2 | 8, 0, ..]) && bytes.len() > 8
}

/// The last attribute that [`Reader`] asks for: Columns.
const LAST_WANTED: Tag = Tag(0x0028, 0x0011);

/// The transfer syntaxes whose data set is deflated (PS3.5 annex A.5; PS3.6 table A-1).
const DEFLATED: [&str; 3] =
    ["1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"];

/// The data set inflated, up to the bound of a head; `None` when it is not deflated.
fn inflated(
    transfer_syntax: &str,
    bytes: &[u8],
    start: usize,
) -> Result<Option<Vec<u8>>, DicomError> {
    if !DEFLATED.contains(&transfer_syntax) {
        return Ok(None);
    }
    let source = flate2::read::DeflateDecoder::new(bytes.get(start..).unwrap_or_default());
    let mut data = Vec::new();
    let result = source.take(DICOM_HEAD_BYTES_MAX as u64).read_to_end(&mut data);
    // A head ends somewhere within the deflated stream; what came out before is good.
    if result.is_err() && data.is_empty() {
        return Err(DicomError::BadDeflate);
    }
    Ok(Some(data))
}

/// How the data set is written. By PS3.5 every transfer syntax but three is explicit little endian;
/// where a file names none, or one of a maker's own, its first attribute tells.
fn syntax(transfer_syntax: &str, data: &[u8], at: usize) -> Syntax {
    match transfer_syntax {
        "1.2.840.10008.1.2" => Syntax::IMPLICIT_LITTLE,
        "1.2.840.10008.1.2.2" => Syntax::EXPLICIT_BIG,
        named if named.starts_with("1.2.840.10008.") => Syntax::EXPLICIT_LITTLE,
        _ => {
            let letters = data.get(at + 4..at + 6).unwrap_or_default();
            if letters.iter().all(u8::is_ascii_uppercase) {
                Syntax::EXPLICIT_LITTLE
            } else {
                Syntax::IMPLICIT_LITTLE
            }
        }
    }
}

/// Collects the wanted attributes as the walk goes past them.
#[derive(Default)]
struct Reader {
    head: Head,
    sets: CharacterSets,
    /// Dates and times by preference: study, series, acquisition, content.
    dates: [Option<Date>; 4],
    times: [Option<Time>; 4],
    zone: Option<UtcOffset>,
    found: bool,
}

impl Reader {
    /// Reads group 0002, always explicit little endian, and returns where the data set begins.
    fn meta(&mut self, bytes: &[u8], start: usize) -> Result<usize, DicomError> {
        let mut elements = Elements::new(bytes, start, Syntax::EXPLICIT_LITTLE);
        loop {
            let before = elements.position();
            // Groups are numbers in order, so what is not 0002 is the data set, in any syntax.
            if bytes.get(before..before + 2) != Some(&[2, 0]) {
                return Ok(before);
            }
            let Some(element) = elements.next()? else {
                return Ok(bytes.len());
            };
            if !element.whole {
                return Err(DicomError::Truncated { tag: element.tag, offset: before });
            }
            match element.tag.1 {
                0x0002 => self.head.sop_class = uid(element.value),
                0x0003 => self.head.sop_instance = uid(element.value),
                0x0010 => self.head.transfer_syntax = uid(element.value),
                _ => {}
            }
        }
    }

    fn data_set(
        &mut self,
        data: &[u8],
        at: usize,
        syntax: Syntax,
        as_stored: bool,
    ) -> Result<(), DicomError> {
        let mut elements = Elements::new(data, at, syntax);
        loop {
            let offset = elements.position();
            let Some(element) = elements.next()? else {
                break;
            };
            self.found = true;
            if element.tag >= PIXEL_DATA {
                self.head.needs = needs(&element, as_stored);
                break;
            }
            if !element.whole {
                return Err(DicomError::Truncated { tag: element.tag, offset });
            }
            self.take(&element, syntax);
        }
        if self.found { Ok(()) } else { Err(DicomError::Empty) }
    }

    fn take(&mut self, element: &Element<'_>, syntax: Syntax) {
        let value = element.value;
        let head = &mut self.head;
        match (element.tag.0, element.tag.1) {
            (0x0008, 0x0005) => self.sets = CharacterSets::from_value(value),
            (0x0008, 0x0016) => head.sop_class = uid(value),
            (0x0008, 0x0018) => head.sop_instance = uid(value),
            (0x0008, 0x0020..=0x0023) => {
                self.dates[usize::from(element.tag.1 - 0x20)] = date(value)
            }
            (0x0008, 0x0030..=0x0033) => {
                self.times[usize::from(element.tag.1 - 0x30)] = time(value)
            }
            (0x0008, 0x0050) => head.accession = self.sets.line(value),
            (0x0008, 0x0060) => head.modality = self.sets.line(value),
            (0x0008, 0x0201) => self.zone = zone(value),
            (0x0008, 0x1030) => head.study_description = self.sets.line(value),
            (0x0008, 0x103E) => head.series_description = self.sets.line(value),
            (0x0010, 0x0010) => head.patient_name = self.sets.line(value),
            (0x0010, 0x0020) => head.patient_id = self.sets.line(value),
            (0x0010, 0x0030) => {
                head.birth_date = date(value).map(|date| date.to_string()).unwrap_or_default()
            }
            (0x0010, 0x0040) => head.sex = self.sets.line(value),
            (0x0020, 0x000D) => head.study = uid(value),
            (0x0020, 0x000E) => head.series = uid(value),
            (0x0020, 0x0013) => head.instance = number(value),
            (0x0028, 0x0008) => head.frames = number(value),
            (0x0028, 0x0010) => head.rows = short(value, syntax),
            (0x0028, 0x0011) => head.columns = short(value, syntax),
            _ => {}
        }
    }

    fn finish(mut self) -> Head {
        self.head.effective = self.dates.iter().zip(self.times).find_map(|(date, time)| {
            let moment = PrimitiveDateTime::new((*date)?, time.unwrap_or(Time::MIDNIGHT));
            let moment = moment.assume_offset(self.zone.unwrap_or(UtcOffset::UTC));
            let ms = moment.unix_timestamp_nanos() / 1_000_000;
            Some(Timestamp(u64::try_from(ms).unwrap_or(0)))
        });
        self.head
    }
}

impl CharacterSets {
    /// A text value as one line.
    fn line(&self, value: &[u8]) -> String {
        // Longer than any value representation of these attributes allows, in any character set.
        let value = value.get(..DICOM_TEXT_BYTES_MAX).unwrap_or(value);
        title(&self.decode(value))
    }
}

/// Where a file must at least end to hold its pixel data; 0 when that is not known.
fn needs(pixels: &Element<'_>, as_stored: bool) -> u64 {
    match pixels.length {
        Some(length) if as_stored => pixels.start as u64 + u64::from(length),
        // Encapsulated pixel data end with a delimiter, so there is something behind the header.
        None if as_stored => pixels.start as u64 + 8,
        _ => 0,
    }
}

/// A UID: at most 64 characters (PS3.5 section 9.1). Digits and dots they should be, but some tools
/// that take names out of files put hashes there; anything that is not one word is left out.
fn uid(value: &[u8]) -> String {
    let value = trimmed(value);
    let right = value.len() <= 64 && value.iter().all(u8::is_ascii_graphic);
    if right { String::from_utf8_lossy(value).into_owned() } else { String::new() }
}

fn text(value: &[u8]) -> Option<Cow<'_, str>> {
    let value = trimmed(value);
    (value.len() <= 32 && value.is_ascii()).then(|| String::from_utf8_lossy(value))
}

fn number(value: &[u8]) -> Option<u32> {
    text(value)?.parse().ok()
}

fn short(value: &[u8], syntax: Syntax) -> Option<u16> {
    value.first_chunk().map(|bytes| integer_16(*bytes, syntax.big_endian))
}

/// `YYYYMMDD`, or `YYYY.MM.DD` of ACR-NEMA.
fn date(value: &[u8]) -> Option<Date> {
    let text: String = text(value)?.chars().filter(|c| *c != '.').collect();
    if text.len() != 8 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let month = Month::try_from(text[4..6].parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(text[..4].parse().ok()?, month, text[6..].parse().ok()?).ok()
}

/// `HH[MM[SS[.FFFFFF]]]`, or with colons in ACR-NEMA; the fraction is left out.
fn time(value: &[u8]) -> Option<Time> {
    let text: String = text(value)?.split('.').next()?.chars().filter(|c| *c != ':').collect();
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |at: usize| text.get(at..at + 2).map_or(Some(0), |digits| digits.parse::<u8>().ok());
    text.get(..2)?;
    Time::from_hms(part(0)?, part(2)?, part(4)?.min(59)).ok()
}

/// `&ZZXX`: a sign, hours and minutes.
fn zone(value: &[u8]) -> Option<UtcOffset> {
    let text = text(value)?;
    let sign = match text.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let hours: i8 = text.get(1..3)?.parse().ok().filter(|hours| (0..=14).contains(hours))?;
    let minutes: i8 = text.get(3..5)?.parse().ok().filter(|minutes| (0..=59).contains(minutes))?;
    UtcOffset::from_hms(sign * hours, sign * minutes, 0).ok()
}
