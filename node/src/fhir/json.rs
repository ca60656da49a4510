//! JSON, strictly: what serde_json lets pass and FHIR or safety does not is refused here, before
//! anything is built in memory.

use std::borrow::Cow;

use serde::de;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::FhirError;
use super::path::Path;
use crate::content::limits::{
    FHIR_BYTES_MAX, JSON_DEPTH_MAX, OBJECT_KEYS_MAX, RESOURCE_VALUES_MAX,
};

/// Checks that the bytes are one JSON document in UTF-8, bounded in size and depth, in which no
/// object has a key twice. A byte order mark is passed over.
pub(super) fn document(bytes: &[u8]) -> Result<&str, FhirError> {
    if bytes.len() > FHIR_BYTES_MAX {
        return Err(FhirError::TooLarge { bytes: bytes.len() });
    }
    let text = core::str::from_utf8(bytes).map_err(|error| match error.error_len() {
        // The last character was cut, and with it the file.
        None => FhirError::Truncated,
        Some(_) => FhirError::NotUtf8 { offset: error.valid_up_to() },
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Skipping a value is iterative in serde_json, so depth cannot hurt before it is checked.
    serde_json::from_str::<&RawValue>(text).map_err(|error| malformed(text, &error))?;
    scan(text)?;
    Ok(text)
}

fn malformed(text: &str, error: &serde_json::Error) -> FhirError {
    if error.is_eof() {
        return FhirError::Truncated;
    }
    let (line, column) = (error.line(), error.column());
    let token = text
        .lines()
        .nth(line.saturating_sub(1))
        .and_then(|text| text.as_bytes().get(column.saturating_sub(2)..))
        .unwrap_or_default();
    if ["NaN", "Infinity"].iter().any(|word| {
        (0..3).any(|skip| token.get(skip..).is_some_and(|rest| rest.starts_with(word.as_bytes())))
    }) {
        return FhirError::NotANumber { line };
    }
    FhirError::Malformed { line, column }
}

/// Walks a text that is known to be JSON: bounds its depth and the keys of each object, finds
/// duplicate keys, and returns the number of values.
fn scan(text: &str) -> Result<usize, FhirError> {
    enum Frame {
        Array,
        /// Where the keys of this object begin in `keys`.
        Object(usize),
    }
    let bytes = text.as_bytes();
    let mut frames: Vec<Frame> = Vec::new();
    let mut keys: Vec<Cow<'_, str>> = Vec::new();
    let mut values = 1_usize;
    let mut key_next = false;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => {
                let end = string_end(bytes, at);
                if key_next {
                    keys.push(unescaped(&text[at..end]));
                    key_next = false;
                }
                at = end;
                continue;
            }
            b'{' | b'[' => {
                key_next = byte == b'{';
                frames.push(if key_next { Frame::Object(keys.len()) } else { Frame::Array });
                values += 1;
                if frames.len() > JSON_DEPTH_MAX {
                    return Err(FhirError::TooDeep { line: line_of(bytes, at) });
                }
            }
            b',' => {
                key_next = matches!(frames.last(), Some(Frame::Object(_)));
                values += 1;
                if let Some(Frame::Object(start)) = frames.last()
                    && keys.len() - start >= OBJECT_KEYS_MAX
                {
                    return Err(FhirError::TooManyKeys { line: line_of(bytes, at) });
                }
            }
            b'}' | b']' => {
                key_next = false;
                if let Some(Frame::Object(start)) = frames.pop() {
                    keys[start..].sort_unstable();
                    if keys[start..].windows(2).any(|pair| pair[0] == pair[1]) {
                        return Err(FhirError::DuplicateKey { line: line_of(bytes, at) });
                    }
                    keys.truncate(start);
                }
            }
            _ => {}
        }
        at += 1;
    }
    Ok(values)
}

/// Just behind the closing quote of the string that opens at `start`.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A quoted key as it is meant: `"\u0069d"` is `id`, and must collide with it.
fn unescaped(quoted: &str) -> Cow<'_, str> {
    if quoted.contains('\\')
        && let Ok(text) = serde_json::from_str::<String>(quoted)
    {
        return Cow::Owned(text);
    }
    Cow::Borrowed(quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default())
}

fn line_of(bytes: &[u8], at: usize) -> usize {
    1 + bytes[..at.min(bytes.len())].iter().filter(|byte| **byte == b'\n').count()
}

/// The members of an object, each as its original text; `None` for anything but an object.
pub(super) fn members(text: &str) -> Option<Vec<(String, &RawValue)>> {
    struct Members;
    impl<'de> de::Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = Vec::new();
            while let Some(member) = map.next_entry()? {
                members.push(member);
            }
            Ok(members)
        }
    }
    de::Deserializer::deserialize_map(&mut serde_json::Deserializer::from_str(text), Members).ok()
}

/// The elements of an array, each as its original text, at most `max` of them.
pub(super) fn elements(text: &str, max: usize) -> Result<Vec<&RawValue>, NotElements> {
    struct Elements {
        max: usize,
    }
    impl<'de> de::Visitor<'de> for Elements {
        type Value = Option<Vec<&'de RawValue>>;

        fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            f.write_str("an array")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut elements = Vec::new();
            while let Some(element) = seq.next_element()? {
                if elements.len() == self.max {
                    while seq.next_element::<de::IgnoredAny>()?.is_some() {}
                    return Ok(None);
                }
                elements.push(element);
            }
            Ok(Some(elements))
        }
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    match de::Deserializer::deserialize_seq(&mut deserializer, Elements { max }) {
        Ok(Some(elements)) => Ok(elements),
        Ok(None) => Err(NotElements::TooMany),
        Err(_) => Err(NotElements::NotAnArray),
    }
}

/// Why [`elements`] gave none.
pub(super) enum NotElements {
    NotAnArray,
    TooMany,
}

/// One resource as a tree. Its text comes out of a checked [`document`].
pub(super) fn object(text: &str, path: &Path<'_>) -> Result<Map<String, Value>, FhirError> {
    match value(text, path)? {
        Value::Object(map) => Ok(map),
        _ => Err(FhirError::NotAResource { path: path.to_string() }),
    }
}

/// One value as a tree. Its text comes out of a checked [`document`].
pub(super) fn value(text: &str, path: &Path<'_>) -> Result<Value, FhirError> {
    if scan(text)? > RESOURCE_VALUES_MAX {
        return Err(FhirError::TooManyValues { path: path.to_string() });
    }
    // What still fails here is a number beyond all measure or half of a surrogate pair.
    serde_json::from_str(text).map_err(|_| FhirError::Unreadable { path: path.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_own_error() {
        let deep = "[".repeat(65) + &"]".repeat(65);
        let wide = format!(
            "{{{}}}",
            (0..2000).map(|n| format!("\"{n}\":0")).collect::<Vec<_>>().join(",")
        );
        for (text, error) in [
            (&b"{\"a\": 1"[..], FhirError::Truncated),
            (b"", FhirError::Truncated),
            (b"{\"a\": \"\xe5\x86", FhirError::Truncated),
            (b"{\"a\": \"\xff\"}", FhirError::NotUtf8 { offset: 7 }),
            (b"{\"a\": 1,}", FhirError::Malformed { line: 1, column: 9 }),
            (b"{\"a\": 1} x", FhirError::Malformed { line: 1, column: 10 }),
            (b"{\n\"a\": NaN}", FhirError::NotANumber { line: 2 }),
            (b"{\"a\": -Infinity}", FhirError::NotANumber { line: 1 }),
            (b"{\"a\":\n[{\"b\": 1, \"b\": 2}]}", FhirError::DuplicateKey { line: 2 }),
            (b"{\"id\": 1, \"\\u0069d\": 2}", FhirError::DuplicateKey { line: 1 }),
            (deep.as_bytes(), FhirError::TooDeep { line: 1 }),
            (wide.as_bytes(), FhirError::TooManyKeys { line: 1 }),
        ] {
            assert_eq!(document(text), Err(error), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn the_same_key_in_different_objects_is_fine() {
        let text = r#"{"a": {"b": "}\"{", "c": [{"b": 1}, {"b": 2}]}, "b": {}}"#;
        assert_eq!(document(text.as_bytes()), Ok(text));
        assert!(document(format!("\u{feff}{text}").as_bytes()).is_ok());
        assert!(document(("[".repeat(64) + &"]".repeat(64)).as_bytes()).is_ok());
    }

    #[test]
    fn more_bytes_than_the_limit_are_not_looked_at() {
        let bytes = vec![b' '; FHIR_BYTES_MAX + 1];
        assert_eq!(document(&bytes), Err(FhirError::TooLarge { bytes: bytes.len() }));
    }

    #[test]
    fn an_array_is_cut_short_at_its_limit() {
        assert!(matches!(elements("[1,2,3]", 2), Err(NotElements::TooMany)));
        assert!(matches!(elements("[1,2,3]", 3), Ok(list) if list.len() == 3));
        assert!(matches!(elements("{}", 3), Err(NotElements::NotAnArray)));
    }
}
