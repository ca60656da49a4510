//! The trace: every row goes into one hash, and to whoever keeps it.

use crate::result::{TraceRow, TraceSink};

/// Takes a trace row by row.
pub struct Tracer<'a> {
    sink: &'a mut dyn TraceSink,
    hasher: blake3::Hasher,
    rows: u64,
    buffer: Vec<u8>,
}

impl<'a> Tracer<'a> {
    /// Nothing yet.
    pub fn new(sink: &'a mut dyn TraceSink) -> Self {
        Self { sink, hasher: blake3::Hasher::new(), rows: 0, buffer: Vec::with_capacity(1 << 16) }
    }

    /// Takes a row. Its bytes for the hash: the numbers in little-endian order, each text after its length.
    pub fn row(&mut self, row: &TraceRow) {
        let TraceRow { at_us, kind, party, other, what, id, patient, bytes, end } = *row;
        self.buffer.extend_from_slice(&at_us.to_le_bytes());
        self.buffer.push(kind as u8);
        self.buffer.extend_from_slice(&party.to_le_bytes());
        self.buffer.extend_from_slice(&other.to_le_bytes());
        for number in [id, patient, bytes] {
            self.buffer.extend_from_slice(&number.to_le_bytes());
        }
        for text in [what, end] {
            self.buffer.push(u8::try_from(text.len()).unwrap_or(u8::MAX));
            self.buffer.extend_from_slice(text.as_bytes());
        }
        if self.buffer.len() >= (1 << 16) - 512 {
            self.flush();
        }
        self.rows += 1;
        self.sink.row(row);
    }

    fn flush(&mut self) {
        self.hasher.update(&self.buffer);
        self.buffer.clear();
    }

    /// Rows so far, and the hash over them in hexadecimal.
    pub fn finish(&mut self) -> (u64, String) {
        self.flush();
        (self.rows, self.hasher.finalize().to_hex().to_string())
    }
}
