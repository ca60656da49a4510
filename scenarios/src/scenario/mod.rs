//! A scenario: what a file says of a federation, what happens in it, and what must hold.
//!
//! The types are the file's shape, key by key; `scenarios/files` has examples and `chartmesh sim new`
//! writes a commented one. What is left out has the default that is written at its key.

mod change;
mod conduct;
mod document;
mod file;
mod limits;
mod metrics;
mod node;
mod problem;
mod schema;
mod sense;
mod starter;
mod tables;
mod topology;
mod units;
mod words;

pub use change::{Change, Vary};
pub use conduct::{
    Act, Each, Event, Expect, Faults, Happening, Hostile, Hostility, Measure, Patients, Placement,
    Policy, ReadFrom, TraceFile, Work,
};
pub use document::{Document, load, parse};
pub use file::{SCHEMA, Scenario};
pub use metrics::{limit, part};
pub use problem::{LoadError, Problem};
pub use schema::json_schema;
pub use starter::new_scenario;
pub use topology::{
    Bursts, Distribution, Federation, FromFile, Hospitals, Link, LinkMatrix, Loss, Machine, Nat,
    Providers, Region, Relays, Spread, TimeUnit,
};
pub use units::{BadUnit, Rate, Share, Size, Span};

#[cfg(test)]
mod tests;
