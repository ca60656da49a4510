//! The patient's endoscopy as DICOM: stills (VL Endoscopic Image Storage, PS3.3 section A.32.1), and
//! one uncompressed video (Multi-frame True Color Secondary Capture, A.8.5).

use std::io::{self, Write};

use super::Person;
use super::numbers::Numbers;
use super::picture::{BYTES, COLUMNS, ROWS, draw};

const ENDOSCOPIC: &str = "1.2.840.10008.5.1.4.1.1.77.1.1";
const MULTI_FRAME: &str = "1.2.840.10008.5.1.4.1.1.7.4";
const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
/// Names this generator in the file meta.
const IMPLEMENTATION: &str = "2.25.302671364193817720612403975391860416577";

/// One still; `number` from 1.
pub(super) fn still(person: &Person, number: u32) -> Vec<u8> {
    let object = Object::new(person, number, ENDOSCOPIC);
    let mut file = object.file(|tags| {
        tags.text(0x0008, 0x0008, "CS", r"ORIGINAL\PRIMARY");
        object.study(tags, "ES", 1);
        pixel_tags(tags, None);
        tags.text(0x0028, 0x2110, "CS", "00");
        tags.sequence(0x0040, 0x0555, None);
    });
    pixels(&mut file, BYTES);
    file.extend(draw(person.seed, number));
    file
}

/// A video of at least `min_bytes`, frame after frame.
pub(super) fn video(person: &Person, min_bytes: u64, out: &mut impl Write) -> io::Result<()> {
    let frames = min_bytes.div_ceil(BYTES as u64).max(1);
    let too_large = |_| io::Error::new(io::ErrorKind::InvalidInput, "a DICOM object ends at 4 GiB");
    let length = u32::try_from(frames * BYTES as u64).map_err(too_large)?;
    let object = Object::new(person, 900, MULTI_FRAME);
    let mut head = object.file(|tags| {
        tags.text(0x0008, 0x0008, "CS", r"DERIVED\SECONDARY");
        object.study(tags, "OT", 2);
        tags.text(0x0008, 0x0064, "CS", "WSD");
        tags.text(0x0018, 0x1063, "DS", "40");
        pixel_tags(tags, Some(frames));
        tags.text(0x0028, 0x0301, "CS", "NO");
        tags.text(0x0028, 0x2110, "CS", "00");
    });
    pixels(&mut head, length as usize);
    out.write_all(&head)?;
    let picture = draw(person.seed, 900);
    for frame in 0..frames {
        // The camera turns: rows roll by four each frame, so that no two frames nearby are alike.
        let row = usize::from(COLUMNS) * 3;
        let rolled = usize::try_from(frame).unwrap_or(0) * 4 % usize::from(ROWS) * row;
        out.write_all(&picture[rolled..])?;
        out.write_all(&picture[..rolled])?;
    }
    Ok(())
}

fn pixels(file: &mut Vec<u8>, length: usize) {
    let length = u32::try_from(length).expect("a length that came from 32 bits, or one picture's");
    file.extend([0xE0, 0x7F, 0x10, 0x00]);
    file.extend(b"OB\0\0");
    file.extend(length.to_le_bytes());
}

fn pixel_tags(tags: &mut Tags, frames: Option<u64>) {
    tags.number(0x0028, 0x0002, 3);
    tags.text(0x0028, 0x0004, "CS", "RGB");
    tags.number(0x0028, 0x0006, 0);
    if let Some(frames) = frames {
        tags.text(0x0028, 0x0008, "IS", &frames.to_string());
        tags.raw(0x0028, 0x0009, "AT", &[0x18, 0x00, 0x63, 0x10]);
    }
    tags.number(0x0028, 0x0010, ROWS);
    tags.number(0x0028, 0x0011, COLUMNS);
    tags.number(0x0028, 0x0100, 8);
    tags.number(0x0028, 0x0101, 8);
    tags.number(0x0028, 0x0102, 7);
    tags.number(0x0028, 0x0103, 0);
}

struct Object<'a> {
    person: &'a Person,
    number: u32,
    class: &'static str,
    instance: String,
}

impl<'a> Object<'a> {
    fn new(person: &'a Person, number: u32, class: &'static str) -> Self {
        let instance = Numbers::new(person.seed, 5000 + u64::from(number)).uid();
        Self { person, number, class, instance }
    }

    /// Preamble, file meta, and the attributes that `fill` adds, in order.
    fn file(&self, fill: impl FnOnce(&mut Tags)) -> Vec<u8> {
        let mut meta = Tags::default();
        meta.raw(0x0002, 0x0001, "OB", &[0, 1]);
        meta.text(0x0002, 0x0002, "UI", self.class);
        meta.text(0x0002, 0x0003, "UI", &self.instance);
        meta.text(0x0002, 0x0010, "UI", EXPLICIT_LITTLE);
        meta.text(0x0002, 0x0012, "UI", IMPLEMENTATION);
        meta.text(0x0002, 0x0013, "SH", "CHARTMESH_SAMPLE");
        let meta = meta.bytes();
        let mut tags = Tags::default();
        fill(&mut tags);
        let mut file = vec![0; 128];
        file.extend(b"DICM");
        file.extend([0x02, 0x00, 0x00, 0x00]);
        file.extend(b"UL\x04\0");
        file.extend(
            u32::try_from(meta.len()).expect("a meta group of some hundred bytes").to_le_bytes(),
        );
        file.extend(meta);
        file.extend(tags.bytes());
        file
    }

    /// What all objects of the study have in common.
    fn study(&self, tags: &mut Tags, modality: &str, series: u32) {
        let person = self.person;
        let mut numbers = Numbers::new(person.seed, 4000);
        let study = numbers.uid();
        let series_uids = [numbers.uid(), numbers.uid()];
        let minute = 31 + self.number % 20;
        let moment = format!("10{minute:02}15");
        tags.text(0x0008, 0x0005, "CS", "ISO_IR 192");
        tags.text(0x0008, 0x0016, "UI", self.class);
        tags.text(0x0008, 0x0018, "UI", &self.instance);
        for (date, time) in [(0x0020, 0x0030), (0x0023, 0x0033)] {
            tags.text(0x0008, date, "DA", "20240618");
            tags.text(0x0008, time, "TM", if date == 0x0020 { "103000" } else { &moment });
        }
        tags.text(0x0008, 0x002A, "DT", &format!("20240618{moment}"));
        tags.text(0x0008, 0x0050, "SH", &format!("E{}", person.number));
        tags.text(0x0008, 0x0060, "CS", modality);
        tags.text(0x0008, 0x0070, "LO", "Chartmesh");
        tags.text(0x0008, 0x0090, "PN", "Ito^Akira");
        tags.text(0x0008, 0x0201, "SH", "+0900");
        tags.text(0x0008, 0x1030, "LO", "Upper endoscopy 上部消化管内視鏡");
        tags.text(0x0008, 0x103E, "LO", if series == 1 { "Stills" } else { "Video" });
        tags.text(0x0008, 0x1090, "LO", "Drawn endoscope");
        tags.text(0x0010, 0x0010, "PN", &person.dicom_name());
        tags.text(0x0010, 0x0020, "LO", &person.number);
        tags.text(0x0010, 0x0030, "DA", &person.birth_date().replace('-', ""));
        tags.text(0x0010, 0x0040, "CS", if person.female { "F" } else { "M" });
        tags.text(0x0018, 0x1000, "LO", "0001");
        tags.text(0x0018, 0x1020, "LO", env!("CARGO_PKG_VERSION"));
        tags.text(0x0020, 0x000D, "UI", &study);
        tags.text(0x0020, 0x000E, "UI", &series_uids[usize::from(series > 1)]);
        tags.text(0x0020, 0x0010, "SH", "1");
        tags.text(0x0020, 0x0011, "IS", &series.to_string());
        tags.text(0x0020, 0x0013, "IS", &self.number.to_string());
        tags.text(0x0020, 0x0020, "CS", "");
        if series == 1 {
            tags.sequence(0x0008, 0x2218, Some([("69695003", "SCT", "Stomach")]));
        } else {
            tags.text(0x0018, 0x0015, "CS", "STOMACH");
        }
    }
}

/// Attributes in explicit little endian, sorted by tag when taken out.
#[derive(Default)]
struct Tags(std::collections::BTreeMap<(u16, u16), Vec<u8>>);

impl Tags {
    fn text(&mut self, group: u16, number: u16, representation: &str, value: &str) {
        let mut bytes = value.as_bytes().to_vec();
        if bytes.len() % 2 == 1 {
            bytes.push(if representation == "UI" { 0 } else { b' ' });
        }
        self.raw(group, number, representation, &bytes);
    }

    fn number(&mut self, group: u16, number: u16, value: u16) {
        self.raw(group, number, "US", &value.to_le_bytes());
    }

    /// A sequence: empty, or of one item that is a code.
    fn sequence(&mut self, group: u16, number: u16, code: Option<[(&str, &str, &str); 1]>) {
        let mut items = Vec::new();
        for (value, scheme, meaning) in code.into_iter().flatten() {
            let mut tags = Self::default();
            tags.text(0x0008, 0x0100, "SH", value);
            tags.text(0x0008, 0x0102, "SH", scheme);
            tags.text(0x0008, 0x0104, "LO", meaning);
            let item = tags.bytes();
            items.extend([0xFE, 0xFF, 0x00, 0xE0]);
            items.extend(u32::try_from(item.len()).expect("three short texts").to_le_bytes());
            items.extend(item);
        }
        self.raw(group, number, "SQ", &items);
    }

    fn raw(&mut self, group: u16, number: u16, representation: &str, value: &[u8]) {
        let mut bytes = [group.to_le_bytes(), number.to_le_bytes()].concat();
        bytes.extend(representation.as_bytes());
        if ["OB", "SQ"].contains(&representation) {
            bytes.extend([0, 0]);
            bytes.extend(u32::try_from(value.len()).expect("a short value").to_le_bytes());
        } else {
            bytes.extend(u16::try_from(value.len()).expect("a short value").to_le_bytes());
        }
        bytes.extend(value);
        self.0.insert((group, number), bytes);
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_values().flatten().collect()
    }
}
