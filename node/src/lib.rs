//! A Chartmesh node: storage, network and front doors around the protocol.
//!
//! Nothing is decided here. The protocol ([`Peer`](chartmesh_protocol::peer::Peer)) says who may come in, what is
//! sent and what is refused; the node brings it time, randomness, bytes and patience, and speaks only of what is on
//! the disk.
//!
//! ```text
//!  programs ──> api ──┐    ┌─────────── driver ────────────┐    ┌──> store         rows, encrypted at rest
//!                     ├──> │ events -> one transaction ->  │ ───┼──> object_store  sealed files, on a disk
//!  nodes ─────> net ──┘    │ commit -> then the effects    │    └──> net           greet, deliver, pull (bulk)
//!                          └───────────────────────────────┘
//! ```
//!
//! [`run::init`] makes a node, [`run::run`] starts one: a [`run::Node`], whose [`driver::Handle`] takes commands and
//! queries; [`api::Api`] opens that to other programs. Begin with [`driver`], which has the contract in full.
//!
//! | module | what |
//! |---|---|
//! | [`run`], [`config`] | a node from its settings, and its end |
//! | [`api`] | the local API, on a Unix socket |
//! | [`client`] | who speaks to that API: the command line, tests, measurements |
//! | [`driver`], [`pool`] | one writer, and threads for what is costly |
//! | [`net`], [`bulk`] | libp2p: who may speak, messages, streams of objects that are verified as they come |
//! | [`store`], [`object_store`], [`disk`] | tables and sealed files, that survive a power cut at any moment |
//! | [`room`] | how much room the disk has left, and what may still be written |
//! | [`keystore`], [`guard`] | the node's secrets, sealed; and how a process guards them while they are open |
//! | [`fhir`], [`dicom`], [`content`] | what is read of records when they are imported |

pub mod api;
pub mod bulk;
pub mod client;
pub mod config;
pub mod content;
pub mod dicom;
pub mod disk;
pub mod driver;
pub mod fhir;
pub mod guard;
pub mod keystore;
mod limits;
pub mod net;
pub mod object_store;
pub mod pool;
mod random;
pub mod room;
pub mod run;
pub mod store;

pub use random::{random, system};

const _: () = assert!(
    !chartmesh_protocol::STAND_INS,
    "the feature `stand-ins` is for simulations only: a node with it would protect nothing"
);
