//! What measures need to know of the machines, whatever these are.

use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::Role;

/// The machines at a moment.
pub trait Scene {
    /// Now, in simulated microseconds.
    fn now_us(&self) -> u64;

    /// How many machines there are.
    fn count(&self) -> u32;

    /// Whether a machine is on.
    fn is_on(&self, at: u32) -> bool;

    /// What stands there.
    fn role(&self, at: u32) -> Role;

    /// The number of its region.
    fn region(&self, at: u32) -> u32;

    /// Its institution.
    fn id(&self, at: u32) -> PartyId;

    /// When, in simulated microseconds, a machine's clock showed this.
    fn when_us(&self, at: u32, time_ms: u64) -> u64;

    /// Bytes of its rows and objects.
    fn stored(&self, at: u32) -> u64;

    /// Whether nothing passes from one machine to another.
    fn is_cut(&self, from: u32, to: u32) -> bool;
}
