//! Who is a member of a federation: a chain of views, each sealed by a quorum of the members of the one before.
//!
//! Think of a club's minute book. A page lists the members; the next page is written when they decided something, and
//! counts when more than half of those on the page before have signed it. Nobody can add to a page that was turned, and
//! whoever is not on the newest page signs nothing that counts.
//!
//! ```text
//!   charter: view 0, its founder alone ──seal──> view 1 ──seal──> view 2 ──seal──> ...
//!                                                  ^
//!                   an invite names the view at which its giver stands: the anchor of whoever comes in
//! ```
//!
//! * [`Ballots`]: what people decide. Each member has one ballot in a view: whom to admit, whom to expel.
//! * [`Sealing`]: what nodes do by themselves, in rounds. A speaker puts a change that ballots pass before the others;
//!   they prepare it, then commit to it. [`Promises`] decides what a member may sign after what it has signed.
//! * [`CheckedView`]: what follows on a view, and whether a [`Seal`] makes it final.
//!
//! SPEC.md's rules \[FED-1\] to \[FED-20\] stand beside what holds them.

mod ballots;
mod copied;
mod numbers;
mod promises;
mod reasons;
mod rounds;
mod seal;
mod sealing;
mod step;
#[cfg(test)]
mod tests;
mod view;
mod wire;

pub use ballots::{Ballots, Rotations};
pub use numbers::Numbers;
pub use promises::{Bound, Copied, Kept, Promises, Proven, Rules};
pub use reasons::{Flaw, Unsaid};
pub use rounds::{Round, Slots};
pub use seal::Fork;
pub use sealing::{Moment, Part, Reported, Said, Sealing};
pub use step::Progress;
pub use view::CheckedView;
pub use wire::{
    Act, Application, Ballot, CHARTER_VERSION, Certificate, Change, Charter, Commit, Endorsement,
    Expulsion, Left, Member, Next, Prepare, Pulse, Report, Seal, Speech, Standpoint, View, Word,
};
