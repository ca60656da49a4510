//! TCP's window on a connection, in outline: [`crate::tier::tcp`] has it whole. The figures were measured on whole
//! nodes: `scenarios/stack/README.md`.

use crate::tier::tcp::{RETRANSMIT_US_MIN, WINDOW_FIRST, WINDOW_MAX};

/// Bytes of the handshake that one end has sent before the first message, whose window they open. (1484 are, with a
/// `hello`.)
const HANDSHAKE_ACKNOWLEDGED: u64 = 1484 - 364;
/// Bytes that open a request's stream, before anything is said on it.
const OPENING_BYTES: u64 = 69;
/// Bytes that go along with what is said, one way.
pub(crate) const FRAMING_BYTES: u64 = 97;

/// How much one end of a connection may send before the next acknowledgement. What is
/// acknowledged opens it by as much, and each doubling that a message needs costs one more round trip.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    bytes: u64,
    /// When something was sent last.
    sent_us: u64,
}

impl Window {
    pub(crate) const fn new(now_us: u64) -> Self {
        Self { bytes: WINDOW_FIRST as u64 + HANDSHAKE_ACKNOWLEDGED, sent_us: now_us }
    }

    /// Notes that so many bytes leave, and gives how many round trips they wait for the window to open.
    pub(crate) fn sends(&mut self, bytes: u64, now_us: u64) -> u64 {
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
pub(crate) const fn round_trips(bytes: u64, window: u64) -> u64 {
    // One window takes none, three take one, seven take two.
    ((bytes.div_ceil(window) + 1).next_power_of_two().trailing_zeros() as u64).saturating_sub(1)
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
