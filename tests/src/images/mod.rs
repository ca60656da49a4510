//! TEST EQUIPMENT: power cuts under the rows of a whole region.
//!
//! Think of a film of a disk. A region lives: peers enrol patients, record, deposit, permit, read,
//! rotate, revoke, and what each of them writes goes, transaction by transaction, into the node's own
//! encrypted store on a disk that films every operation ([`Recording`]). Then the film is stopped after
//! each operation, and the images are made that a power cut could have left at this moment: what was
//! not synced is gone, or there, or there in part ([`Fate`]). Each image is opened by the node's own
//! code. It must open; its rows must be those of the last acknowledged transaction, or of the one under
//! way, and nothing between. On some the peer starts, resumes and goes on; on some the power fails
//! again while they are opened, and those images are opened too.
//!
//! An image is named by four numbers ([`ImageId`]), and everything about it follows from them.
//! `scripts/crash-images` looks at a million; `tests/tests/images.rs` at a few thousand, and shows that
//! a disk that lies is found out.

mod campaign;
mod check;
mod cuts;
mod disk;
mod fate;
mod record;
mod road;
mod state;

pub use campaign::{Campaign, Tally, replay};
pub use cuts::{CUTS_MAX, ImageId, NoImageId, Seen};
pub use disk::Op;
pub use fate::Fate;
pub use record::{Commit, Recording, STORES};
pub use state::Rows;

use crate::Numbers;
