//! What connections cost besides what is said on them: bytes, round trips, and the wait until TCP's window
//! is open. The figures were measured on whole nodes: `scenarios/stack/README.md`.

use super::Engine;
use crate::tcp::{RETRANSMIT_US_MIN, WINDOW_FIRST, WINDOW_MAX};

/// Round trips of TCP, Noise and Yamux before a first stream can open.
const HANDSHAKE_ROUND_TRIPS: u64 = 2;
/// Bytes of those, both ways, and of identify and the first pings.
const HANDSHAKE_BYTES: u64 = 730 + 282;
/// Bytes of pings a minute, both ways, as long as a connection stands.
const PING_BYTES_PER_MINUTE: u64 = 1352;
/// Bytes of a request and its answer besides what they say: a stream's opening, and frames.
const REQUEST_BYTES: u64 = 390;

/// How much one end of a connection may send before the next acknowledgement: [`crate::tcp`] in outline. What is
/// acknowledged opens it by as much, and each doubling that a message needs costs one more round trip.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    bytes: u64,
    /// When something was sent last.
    sent_us: u64,
}

impl Window {
    pub(super) const fn new(now_us: u64) -> Self {
        // What the handshake said has been acknowledged.
        Self { bytes: WINDOW_FIRST as u64 + HANDSHAKE_BYTES / 2, sent_us: now_us }
    }

    /// Notes that so many bytes leave, and gives the window that they find.
    fn sends(&mut self, bytes: u64, now_us: u64) -> u64 {
        // After a pause of so long it is as at first (RFC 5681: a retransmission's wait, at least).
        if now_us > self.sent_us + RETRANSMIT_US_MIN {
            self.bytes = WINDOW_FIRST as u64;
        }
        // Its stream's opening has been acknowledged before.
        let found = self.bytes + REQUEST_BYTES / 2;
        self.bytes = (found + bytes).min(WINDOW_MAX as u64);
        self.sent_us = now_us;
        found
    }
}

impl Engine<'_> {
    /// Makes a connection; gives how long that takes.
    pub(super) fn connect(&mut self, from: u32, to: u32) -> u64 {
        // It stands until it was idle long enough; each use counts what that adds.
        let idle_us = self.scenario.policy.idle.micros();
        self.count_bytes("transport", HANDSHAKE_BYTES + ping_bytes(idle_us));
        HANDSHAKE_ROUND_TRIPS * self.round_trip(from, to)
    }

    /// Counts what keeping a connection costs that nobody used for so long.
    pub(super) fn count_pause(&mut self, paused_us: u64) {
        self.count_bytes("transport", ping_bytes(paused_us));
    }

    /// Counts what a request costs besides what it says.
    pub(super) fn count_request(&mut self) {
        self.count_bytes("transport", REQUEST_BYTES);
    }

    /// What a request pays before its last byte can leave: its stream's negotiation, and a round trip for
    /// each doubling of the window that it needs.
    pub(super) fn opening(&mut self, from: u32, to: u32, bytes: u64) -> u64 {
        self.round_trip(from, to) + self.slow_start(from, to, bytes)
    }

    /// What so many bytes wait for the window of the connection to open, which they then have opened.
    pub(super) fn slow_start(&mut self, from: u32, to: u32, bytes: u64) -> u64 {
        let now_us = self.stage.now_us;
        let window = match self.machine(from).sessions.get_mut(&to) {
            Some(session) => session.window.sends(bytes, now_us),
            None => WINDOW_FIRST as u64,
        };
        match bytes.div_ceil(window).max(1).next_power_of_two().trailing_zeros() {
            0 => 0,
            doublings => u64::from(doublings) * self.round_trip(from, to),
        }
    }
}

/// Bytes of pings while a connection stands for so long.
const fn ping_bytes(stands_us: u64) -> u64 {
    stands_us * PING_BYTES_PER_MINUTE / 60_000_000
}
