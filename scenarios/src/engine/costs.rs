//! What connections cost besides what is said on them: bytes, round trips, and the wait until TCP's window
//! is open. The figures were measured on whole nodes: `scenarios/stack/README.md`.

use super::state::Engine;
use crate::stage::window::{FRAMING_BYTES, round_trips};
use crate::tier::tcp::WINDOW_FIRST;

/// Round trips of TCP, Noise and Yamux before a first stream can open.
const HANDSHAKE_ROUND_TRIPS: u64 = 2;
/// Bytes of those, and of identify and the first pings, which go along with the first `hello`: from one end and from
/// the other. (1514 and 1801 with a `hello` of 200 bytes, which by itself takes 364 and 425.)
const HANDSHAKE_BYTES: [u64; 2] = [1514 - 364, 1801 - 425];
/// Bytes of pings a minute, both ways, as long as a connection stands.
const PING_BYTES_PER_MINUTE: u64 = 1352;
/// Bytes of a request and its answer besides what they say: a stream's opening, and frames.
const REQUEST_BYTES: u64 = 390;
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
        let waits = match self.machine(from).connections.get_mut(&to) {
            Some(connection) => connection.window.sends(bytes, now_us),
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
