//! What a file is, from its first bytes; the name only where the bytes leave it open.

/// What an imported file holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Format {
    /// A FHIR resource or Bundle in JSON; see [`crate::fhir::parse`].
    FhirJson,
    /// A DICOM file (PS3.10); see [`crate::dicom::parse_head`].
    Dicom,
    /// Anything else, kept as it is.
    Other {
        /// Its media type; `application/octet-stream` when nothing tells more.
        media_type: &'static str,
    },
}

/// First bytes that prove a media type, each with its offset.
const MAGIC: &[(usize, &[u8], &str)] = &[
    (0, b"%PDF-", "application/pdf"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (4, b"ftyp", "video/mp4"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"MSH|", "x-application/hl7-v2+er7"),
];

/// Endings that decide when the bytes are only text, or nothing known.
const ENDINGS: &[(&str, &str)] = &[
    (".csv", "text/csv"),
    (".txt", "text/plain"),
    (".md", "text/markdown"),
    (".html", "text/html"),
    (".htm", "text/html"),
    (".xml", "application/xml"),
    (".json", "application/json"),
    (".svg", "image/svg+xml"),
];

/// Tells the format of a file from its first [`SNIFF_BYTES`](super::SNIFF_BYTES) bytes and its name.
///
/// FHIR is whatever begins as a JSON object and names a `resourceType` within the head, or has the
/// ending `.fhir.json`; what was sniffed wrongly is then refused by the parser with a reason.
#[must_use]
pub fn sniff(head: &[u8], file_name: &str) -> Format {
    let name = file_name.to_ascii_lowercase();
    // Without preamble: group 0002 in explicit little endian, which begins with one of these.
    let bare = matches!(head, [2, 0, 0 | 1 | 2 | 0x10, 0, b'U' | b'O', b'L' | b'B' | b'I', ..]);
    if head.get(128..132) == Some(b"DICM") || bare {
        return Format::Dicom;
    }
    if let Some((_, _, media_type)) = MAGIC
        .iter()
        .find(|(at, magic, _)| head.get(*at..).is_some_and(|rest| rest.starts_with(magic)))
    {
        return Format::Other { media_type };
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    if text.starts_with(b"{")
        && (contains(text, b"\"resourceType\"") || name.ends_with(".fhir.json"))
    {
        return Format::FhirJson;
    }
    // A DICOM file cut before its mark is still meant as one, and its parser says what is wrong.
    if name.ends_with(".dcm") {
        return Format::Dicom;
    }
    let by_ending = ENDINGS.iter().find(|(ending, _)| name.ends_with(ending));
    let media_type = match by_ending {
        Some((_, media_type)) => media_type,
        None if !head.is_empty() && is_text(head) => "text/plain",
        None => "application/octet-stream",
    };
    Format::Other { media_type }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

/// UTF-8 without control characters other than white space; a character cut by the end of the head
/// does not count against it.
fn is_text(head: &[u8]) -> bool {
    let text = match core::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            core::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.chars().any(|c| c.is_control() && !c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(head: &[u8], name: &str) -> &'static str {
        match sniff(head, name) {
            Format::Other { media_type } => media_type,
            format => panic!("{format:?}"),
        }
    }

    #[test]
    fn bytes_decide_before_the_name() {
        let mut dicom = vec![0; 128];
        dicom.extend_from_slice(b"DICM");
        assert_eq!(sniff(&dicom, "note.txt"), Format::Dicom);
        assert_eq!(sniff(b" \n{\"resourceType\": \"Patient\"}", "IM0001"), Format::FhirJson);
        assert_eq!(other(b"%PDF-1.7", "image.dcm"), "application/pdf");
        assert_eq!(other(b"\xff\xd8\xff\xe0", ""), "image/jpeg");
    }

    #[test]
    fn the_name_decides_where_bytes_are_silent() {
        assert_eq!(sniff(b"", "cut.dcm"), Format::Dicom);
        assert_eq!(sniff(b"{\"id\":", "x.FHIR.json"), Format::FhirJson);
        assert_eq!(other(b"a,b\n1,2\n", "values.CSV"), "text/csv");
        assert_eq!(other(b"{\"a\": 1}", "settings.json"), "application/json");
        assert_eq!(other("所見".as_bytes(), "note"), "text/plain");
        assert_eq!(other(&"所見".as_bytes()[..4], "note"), "text/plain");
        assert_eq!(other(b"\0\x01\x02", "blob"), "application/octet-stream");
        assert_eq!(other(b"", "blob"), "application/octet-stream");
    }
}
