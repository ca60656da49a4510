//! Whole federations under virtual time: a simulator for researchers, and a small world that tests move by hand.
//!
//! The [`Peer`](chartmesh_protocol::peer::Peer)s are the very code that the node runs, with every signature and seal;
//! only what drives them is another: a map instead of redb, modelled links instead of libp2p, a clock that jumps from
//! event to event. Everything is a function of scenario and seed: equal ones give an equal trace, to the byte, in any
//! build and on any platform.
//!
//! ```text
//!  file ──[load]──> Scenario ──┐           ┌──> trace, row by row; progress
//!                      seed ───┴──> run ───┤
//!                                          └──> Outcome ──> tables, drawings, a report
//! ```
//!
//! Begin with [`run`]: it takes a [`Scenario`](scenario::Scenario) and gives an [`Outcome`](result::Outcome). A test
//! that wants to decide each step itself takes a [`World`], or a [`Region`] with its first parties made.
//!
//! ```
//! # use chartmesh_scenarios::{result::Unwatched, run, scenario::parse};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let file = r#"
//!     schema = "chartmesh-sim/1"
//!     name = "clinics"
//!     duration = "1h"
//!     [[region]]
//!     id = "north"
//!     [[hospitals]]
//!     id = "clinic"
//!     region = "north"
//!     count = 2
//! "#;
//! let scenario = parse(file, "clinic.toml", ".".as_ref())?;
//! let (once, again) = (
//!     run(&scenario, 7, &mut Unwatched, &mut Unwatched)?,
//!     run(&scenario, 7, &mut Unwatched, &mut Unwatched)?,
//! );
//! assert_eq!(once.trace_hash, again.trace_hash);
//! # Ok(())
//! # }
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`scenario`] | what a file says, read with the place of every mistake |
//! | [`result`], [`stats`], [`metric`] | what a run gives, what is reckoned from it, what can be measured |
//! | [`tier`] | people, machines' lives, chance and measures: the same for peers alone, whole nodes and processes |
//! | `driver` | what becomes of peers' effects and orders, in the engine and in the world |
//! | `engine`, `stage` | peers alone: the queue of events, and the machines that it moves |
//! | `checkers` | what must hold of every run, judged from outside |
//! | [`output`] | what a run leaves behind: tables, drawings, the report |
//! | [`experiment`] | many runs: sweep, compare, replay, explain, shrink |
//! | `world` | parties under one clock, whose messages a test delivers |
//!
//! [load]: scenario::load

mod checkers;
mod driver;
mod engine;
pub mod experiment;
pub mod metric;
pub mod output;
mod party;
pub mod result;
pub mod scenario;
mod stage;
pub mod stats;
pub mod tier;
mod world;

pub use engine::{empty_events, run};
pub use party::{Party, Who};
pub use world::{AnswerOtherwise, Keeper, Lie, Otherwise, Region, World, body_of, command};
