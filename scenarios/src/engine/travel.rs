//! What travels between two machines, and what it meets on its way.

use super::links::Way;
use super::state::Engine;

impl Engine<'_> {
    /// Sends so many bytes; gives what becomes of them.
    pub(super) fn travel(&mut self, from: u32, to: u32, bytes: u64) -> Way {
        if self.quiet {
            return Way { takes_us: 0, broken: false, again_us: None, lost: 0, overtaken: false };
        }
        let now_us = self.stage.now_us;
        let regions = (self.region(from), self.region(to));
        let mut line = self.stage.machines[from as usize].line_free_us;
        let way = self.links.travel(regions, bytes, now_us, &mut line);
        self.machine(from).line_free_us = line;
        if way.lost > 0 {
            self.fire("loss", from);
        }
        if way.overtaken {
            self.fire("reorder", from);
        }
        if way.broken {
            self.fire("connection-broken", from);
        }
        way
    }

    /// There and back, now.
    pub(super) fn round_trip(&mut self, from: u32, to: u32) -> u64 {
        if self.quiet {
            return 0;
        }
        let regions = (self.region(from), self.region(to));
        2 * self.links.latency(regions.0, regions.1)
    }
}
