//! What connections cost besides what is said on them: bytes, round trips, and the wait until TCP's window
//! is open. The figures were measured on whole nodes: `scenarios/stack/README.md`.

use super::Engine;
use crate::tcp::{RETRANSMIT_US_MIN, WINDOW_FIRST, WINDOW_MAX};

/// Round trips of TCP, Noise and Yamux before a first stream can open.
const HANDSHAKE_ROUND_TRIPS: u64 = 2;
/// Bytes of those, and of identify and the first pings, which go along with the first `hello`: from one end and from
/// the other. (1514 and 1801 with a `hello` of 200 bytes, which by itself takes 364 and 425.)
const HANDSHAKE_BYTES: [u64; 2] = [1514 - 364, 1801 - 425];
/// Those of them that one end has sent before the first message, whose window they open. (1484 are.)
const HANDSHAKE_ACKNOWLEDGED: u64 = 1484 - 364;
/// Bytes of pings a minute, both ways, as long as a connection stands.
const PING_BYTES_PER_MINUTE: u64 = 1352;
/// Bytes of a request and its answer besides what they say: a stream's opening, and frames.
const REQUEST_BYTES: u64 = 390;
/// Those of them that open the stream, before anything is said on it.
const OPENING_BYTES: u64 = 69;
/// Those that go along with what is said, one way.
const FRAMING_BYTES: u64 = 97;

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
        Self { bytes: WINDOW_FIRST as u64 + HANDSHAKE_ACKNOWLEDGED, sent_us: now_us }
    }

    /// Notes that so many bytes leave, and gives how many round trips they wait for the window to open.
    fn sends(&mut self, bytes: u64, now_us: u64) -> u64 {
        // After a pause of so long it is as at first (RFC 5681: a retransmission's wait, at least).
        if now_us > self.sent_us + RETRANSMIT_US_MIN {
            self.bytes = WINDOW_FIRST as u64;
        }
        // Its stream's opening has been acknowledged before.
        let found = self.bytes + OPENING_BYTES;
        let bytes = bytes + FRAMING_BYTES;
        self.bytes = (found + bytes).min(WINDOW_MAX as u64);
        self.sent_us = now_us;
        round_trips(bytes, found)
    }
}

/// How often a window opens, to twice as much each time, before the last of so many bytes leaves.
const fn round_trips(bytes: u64, window: u64) -> u64 {
    // One window takes none, three take one, seven take two.
    ((bytes.div_ceil(window) + 1).next_power_of_two().trailing_zeros() as u64).saturating_sub(1)
}

impl Engine<'_> {
    /// Makes a connection; gives how long that takes.
    pub(super) fn connect(&mut self, from: u32, to: u32) -> u64 {
        // It stands until it was idle long enough; each use counts what that adds.
        let idle_us = self.scenario.policy.idle.micros();
        self.count_bytes(
            "transport",
            HANDSHAKE_BYTES[0] + HANDSHAKE_BYTES[1] + ping_bytes(idle_us),
        );
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
        let waits = match self.machine(from).sessions.get_mut(&to) {
            Some(session) => session.window.sends(bytes, now_us),
            None => round_trips(bytes + FRAMING_BYTES, WINDOW_FIRST as u64),
        };
        match waits {
            0 => 0,
            waits => waits * self.round_trip(from, to),
        }
    }
}

/// Bytes of pings while a connection stands for so long.
const fn ping_bytes(stands_us: u64) -> u64 {
    stands_us * PING_BYTES_PER_MINUTE / 60_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_ten_segments_carries_ten_then_twenty_then_forty() {
        let first = WINDOW_FIRST as u64;
        for (windows, waits) in [(1, 0), (2, 1), (3, 1), (4, 2), (7, 2), (8, 3), (15, 3)] {
            assert_eq!(round_trips(windows * first, first), waits, "{windows} windows");
            assert_eq!(
                round_trips((windows - 1) * first + 1, first),
                waits,
                "just above {}",
                windows - 1
            );
        }
        assert_eq!(round_trips(0, first), 0);
    }

    #[test]
    fn what_was_acknowledged_opens_the_window_until_a_pause() {
        let mut window = Window::new(0);
        let hello = 2_000;
        assert_eq!(window.sends(hello, 0), 0);
        // With what the handshake and the greeting had acknowledged, just so many fit.
        let fits = WINDOW_FIRST as u64 + HANDSHAKE_ACKNOWLEDGED + hello + 2 * OPENING_BYTES;
        let mut other = window;
        assert_eq!(window.sends(fits, 1), 0);
        assert_eq!(other.sends(fits + 1, 1), 1);
        assert_eq!(window.sends(fits, 2 + RETRANSMIT_US_MIN), 1);
    }
}
