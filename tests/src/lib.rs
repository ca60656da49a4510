//! What the tests between processes share: real `chartmesh` nodes on this machine, as processes of
//! their own, reached the way a person reaches them: by the program, or by the local API beneath it.

mod clock;
mod counter;
mod crowd;
pub mod document;
mod files;
mod http;
pub mod images;
pub mod load;
mod log;
mod node;
mod numbers;
mod oversized;
mod patience;
mod region;
mod rogue;

pub use clock::Clock;
pub use counter::Counter;
pub use crowd::{Crowd, door};
pub use files::files;
pub use http::{Api, Asked, Refusal};
pub use log::{lines, refusals};
pub use node::{Node, program};
pub use numbers::Numbers;
pub use oversized::oversized;
pub use patience::{PATIENCE, until, within};
pub use region::{
    PASSPHRASE, Region, admit, approve, begin_to_enrol, enrol, fetch, grant, is_member, join,
    refer, standing, waiting, whole_entries,
};
pub use rogue::{Rogue, Told};
