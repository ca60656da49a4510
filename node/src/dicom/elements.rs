//! Walks the attributes of a data set (PS3.5 section 7) within a slice.
//!
//! Not dicom-object: its reader sets memory aside for whatever length a file claims, up to 4 GiB,
//! and follows nested sequences by recursion. This walk allocates nothing, jumps over what nobody
//! asked for, and keeps the nesting in a bounded list. A test holds it against dicom-object.

use super::error::DicomError;
use super::tag::Tag;
use crate::content::limits::DICOM_DEPTH_MAX;

const ITEM: Tag = Tag(0xFFFE, 0xE000);
const ITEM_END: Tag = Tag(0xFFFE, 0xE00D);
const SEQUENCE_END: Tag = Tag(0xFFFE, 0xE0DD);
/// Pixel data of any sort: behind it nothing identifies the object.
pub(super) const PIXEL_DATA: Tag = Tag(0x7FE0, 0x0010);

/// A length of "until its delimiter".
const UNDEFINED: u32 = u32::MAX;

/// How attributes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Syntax {
    pub(super) explicit: bool,
    pub(super) big_endian: bool,
}

impl Syntax {
    pub(super) const EXPLICIT_LITTLE: Self = Self { explicit: true, big_endian: false };
    pub(super) const IMPLICIT_LITTLE: Self = Self { explicit: false, big_endian: false };
    pub(super) const EXPLICIT_BIG: Self = Self { explicit: true, big_endian: true };
}

/// One attribute of the outermost level.
#[derive(Clone, Copy, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: Tag,
    /// Its value; empty for a sequence, and for what lies beyond the slice.
    pub(super) value: &'a [u8],
    /// Where its value begins.
    pub(super) start: usize,
    /// The length that its header gives; `None` when undefined.
    pub(super) length: Option<u32>,
    /// Whether all of the value is within the slice.
    pub(super) whole: bool,
}

/// A walk over the outermost attributes.
pub(super) struct Elements<'a> {
    data: &'a [u8],
    at: usize,
    syntax: Syntax,
    last: Tag,
}

#[derive(Clone, Copy)]
struct Header {
    tag: Tag,
    length: u32,
    /// Where the value begins.
    value: usize,
    /// UN of undefined length is written in implicit little endian (PS3.5 section 6.2.2).
    unknown: bool,
}

impl<'a> Elements<'a> {
    pub(super) const fn new(data: &'a [u8], at: usize, syntax: Syntax) -> Self {
        Self { data, at, syntax, last: Tag(0, 0) }
    }

    /// Where the next attribute begins.
    pub(super) const fn position(&self) -> usize {
        self.at
    }

    /// The next attribute; `None` at the end of the slice, or at less than a tag before it.
    ///
    /// Pixel data are told with what is there of them, and are the end of the walk.
    pub(super) fn next(&mut self) -> Result<Option<Element<'a>>, DicomError> {
        // Some makers pad files with zeros or a few odd bytes.
        if self.data.len().saturating_sub(self.at) < 8 {
            return Ok(None);
        }
        let offset = self.at;
        let header = self.header(self.at, self.syntax)?;
        if header.tag.0 == 0xFFFE {
            return Err(DicomError::BadSequence { tag: header.tag, offset });
        }
        self.last = header.tag;
        let start = header.value;
        if header.length == UNDEFINED {
            let pixels = header.tag == PIXEL_DATA;
            self.at = if pixels { self.data.len() } else { self.skip_sequence(header)? };
            return Ok(Some(Element {
                tag: header.tag,
                value: &[],
                start,
                length: None,
                whole: !pixels,
            }));
        }
        let end = usize::try_from(header.length).ok().and_then(|length| start.checked_add(length));
        let value = end.and_then(|end| self.data.get(start..end));
        self.at =
            if value.is_some() { start + value.map_or(0, <[u8]>::len) } else { self.data.len() };
        Ok(Some(Element {
            tag: header.tag,
            value: value.unwrap_or_default(),
            start,
            length: Some(header.length),
            whole: value.is_some(),
        }))
    }

    /// Just behind a sequence of undefined length, whose value begins where the header says.
    fn skip_sequence(&self, header: Header) -> Result<usize, DicomError> {
        /// What is open: a sequence that holds items, or an item that holds attributes.
        #[derive(Clone, Copy)]
        enum Open {
            Sequence(Syntax),
            Item(Syntax),
        }
        let inner = |syntax: Syntax, header: Header| {
            if header.unknown { Syntax::IMPLICIT_LITTLE } else { syntax }
        };
        let mut open = vec![Open::Sequence(inner(self.syntax, header))];
        let mut at = header.value;
        while let Some(top) = open.last().copied() {
            if open.len() > 2 * DICOM_DEPTH_MAX {
                return Err(DicomError::TooDeep { offset: at });
            }
            let (syntax, in_item) = match top {
                Open::Sequence(syntax) => (syntax, false),
                Open::Item(syntax) => (syntax, true),
            };
            let next = self.header(at, syntax)?;
            match (next.tag, in_item) {
                (SEQUENCE_END, false) | (ITEM_END, true) => {
                    open.pop();
                    at = next.value;
                }
                (ITEM, false) if next.length == UNDEFINED => {
                    open.push(Open::Item(syntax));
                    at = next.value;
                }
                (tag, true) if tag.0 != 0xFFFE && next.length == UNDEFINED => {
                    open.push(Open::Sequence(inner(syntax, next)));
                    at = next.value;
                }
                (tag, in_item) if (tag == ITEM && !in_item) || (tag.0 != 0xFFFE && in_item) => {
                    at = usize::try_from(next.length)
                        .ok()
                        .and_then(|length| next.value.checked_add(length))
                        .filter(|end| *end <= self.data.len())
                        .ok_or(DicomError::Truncated { tag: self.last, offset: at })?;
                }
                (tag, _) => return Err(DicomError::BadSequence { tag, offset: at }),
            }
        }
        Ok(at)
    }

    /// The header of the attribute, item or delimiter at `at`.
    fn header(&self, at: usize, syntax: Syntax) -> Result<Header, DicomError> {
        let cut = DicomError::Truncated { tag: self.last, offset: at };
        let two = |at: usize| self.bytes::<2>(at).map(|bytes| integer_16(bytes, syntax.big_endian));
        let four =
            |at: usize| self.bytes::<4>(at).map(|bytes| integer_32(bytes, syntax.big_endian));
        let (Some(group), Some(number)) = (two(at), two(at + 2)) else {
            return Err(cut);
        };
        let tag = Tag(group, number);
        if group == 0xFFFE || !syntax.explicit {
            let length = four(at + 4).ok_or(cut)?;
            return Ok(Header { tag, length, value: at + 8, unknown: false });
        }
        let representation = self.bytes::<2>(at + 4).ok_or_else(|| cut.clone())?;
        if !representation.iter().all(u8::is_ascii_uppercase) {
            return Err(DicomError::BadRepresentation { after: self.last, offset: at });
        }
        if SHORT.contains(&&representation) {
            let length = two(at + 6).ok_or(cut)?;
            return Ok(Header { tag, length: u32::from(length), value: at + 8, unknown: false });
        }
        let length = four(at + 8).ok_or(cut)?;
        Ok(Header { tag, length, value: at + 12, unknown: &representation == b"UN" })
    }

    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.data.get(at..)?.first_chunk().copied()
    }
}

/// The value representations with a length of two bytes (PS3.5 table 7.1-2); all others, those of
/// later editions among them, have four.
const SHORT: [&[u8; 2]; 21] = [
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN",
    b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US",
];

pub(super) fn integer_16(bytes: [u8; 2], big_endian: bool) -> u16 {
    if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
}

fn integer_32(bytes: [u8; 4], big_endian: bool) -> u32 {
    if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}
