//! What people need of the machines around them. Each tier is one implementation: peers alone, whole nodes under
//! simulated time, processes.

use chartmesh_protocol::consent::view::GrantView;
use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::custody::view::PatientView;
use chartmesh_protocol::id::{PartyId, TokenId};
use chartmesh_protocol::peer::{Answer, Command};
use chartmesh_protocol::refusal::Refusal;

/// The front doors of all machines of a scenario; machines go by their number in [`crate::tier::places::Places`].
///
/// Nobody waits for time to pass in here, but for [`Doors::settle`] and what ends with `_now`: whatever is
/// answered later goes to [`People::answered`](super::People::answered) under the tag that was given.
pub trait Doors {
    /// Now: simulated microseconds. When the scenario begins is whatever [`People::begin`](super::People::begin)
    /// finds here.
    fn now_us(&self) -> u64;

    /// Whether a machine is on.
    fn is_on(&self, at: u32) -> bool;

    /// Whether nothing passes from one machine to another.
    fn is_cut(&self, _from: u32, _to: u32) -> bool {
        false
    }

    /// The institution of a machine; of a relay, its own.
    fn id(&self, at: u32) -> PartyId;

    /// Where others reach a machine, as invites and codes say it.
    fn addresses(&self, at: u32) -> Vec<String>;

    /// Asks a front door, with the keys of `patient`, who is unlocked there. `name` is what the command is
    /// called, such as `consent.approve`. A machine that is off answers with a refusal.
    fn ask(
        &mut self,
        at: u32,
        command: Command,
        patient: Option<PartyId>,
        name: &'static str,
        tag: u64,
    );

    /// Asks and waits for the answer: while the federation is set up, and for what takes no exchange with others.
    ///
    /// # Errors
    /// [`Refusal`], as a person is told.
    fn ask_now(
        &mut self,
        at: u32,
        command: Command,
        patient: Option<PartyId>,
    ) -> Result<Answer, Refusal>;

    /// Looks at how a patient stands at the relay.
    ///
    /// # Errors
    /// [`Refusal`].
    fn patient(&mut self, at: u32, patient: PartyId) -> Result<Option<PatientView>, Refusal>;

    /// Looks at the requests for consent.
    ///
    /// # Errors
    /// [`Refusal`].
    fn requests(&mut self, at: u32) -> Result<Vec<RequestView>, Refusal>;

    /// Looks at the permissions, all or one patient's.
    ///
    /// # Errors
    /// [`Refusal`].
    fn grants(&mut self, at: u32, of: Option<PartyId>) -> Result<Vec<GrantView>, Refusal>;

    /// Has [`People::due`](super::People::due) called with the tag at a time; at once if that has passed.
    fn later(&mut self, at_us: u64, tag: u64);

    /// Waits until what was begun has come to its end everywhere. While the federation is set up only.
    fn settle(&mut self);

    /// Lets a moment pass, so that what follows is seen to be later. While the federation is set up only.
    fn step(&mut self);

    /// Makes a patient's keys and words on a relay, which keeps the keys and is unlocked; the words are the
    /// patient's, and come back in [`Doors::rotate`].
    ///
    /// # Errors
    /// [`Refusal`] of the relay.
    fn make_patient(&mut self, relay: u32, name: String) -> Result<PartyId, Refusal>;

    /// Seals entries of some bytes each at a hospital, as its front door does, and records them: answered under
    /// the tag.
    ///
    /// # Errors
    /// [`Refusal`]: they cannot be sealed; nothing is answered then.
    fn record(&mut self, at: u32, entries: Entries, tag: u64) -> Result<(), Refusal>;

    /// The same, and waits for the answer.
    ///
    /// # Errors
    /// [`Refusal`].
    fn record_now(&mut self, at: u32, entries: Entries) -> Result<(), Refusal>;

    /// Has a patient take a new key with the words: answered under the tag. Gives whether that was possible.
    fn rotate(&mut self, relay: u32, patient: PartyId, tag: u64) -> bool;

    /// A patient took permissions back, and the relay has answered: whoever watches is told.
    fn revoked(&mut self, patient: PartyId, tokens: &[TokenId]);
}

/// Entries that are to be recorded.
#[derive(Debug, Clone, Copy)]
pub struct Entries {
    /// Whose.
    pub subject: PartyId,
    /// How many.
    pub count: u32,
    /// Bytes of each one's content.
    pub size: u64,
}
