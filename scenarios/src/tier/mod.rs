//! What the tiers share. A tier drives the machines of a scenario in its own way: this crate's engine drives peers
//! alone, `scenarios/stack` whole nodes under simulated time. People, their chance, machines' lives and the rule of
//! counting are the same in all of them, so that what differs is the machines.
//!
//! | module | what |
//! |---|---|
//! | [`places`] | the machines of a scenario: who there is, and where |
//! | `life` | when machines come and go |
//! | [`people`] | what patients and staff do, through the front [`Doors`](people::Doors) that a tier gives them |
//! | `seen` | what is to be seen from outside: [`Seen`] |
//! | `measure` | what is counted of it: [`Measures`] of a [`Scene`] |
//! | `tracer` | the trace's rows, and their hash |
//! | `chance` | a stream of numbers for each entity and purpose |
//! | `keys` | a patient's keys, on a relay |
//! | [`tcp`] | TCP's window |

mod chance;
mod keys;
mod life;
mod measure;
pub mod people;
pub mod places;
mod seen;
pub mod tcp;
mod tracer;

pub(crate) use chance::seed_of;
pub use chance::{Chance, micros_of};
pub use keys::{keep, rotation};
pub use life::{Birth, begins, born, next};
pub use measure::{Ending, Measures, Scene, expectations};
pub(crate) use seen::bytes_of;
pub use seen::{Seen, feature, matters, message_id, patient_of, request_of, short};
pub use tracer::Tracer;
