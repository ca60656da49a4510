//! What the tiers share. A tier drives the machines of a scenario in its own way: this crate's engine drives peers
//! alone, `scenarios/stack` whole nodes under simulated time. People, their chance, machines' lives and the rule of
//! counting are the same in all of them, so that what differs is the machines.

pub use crate::engine::chance::{Chance, micros_of};
pub use crate::engine::tracer::Tracer;
pub use crate::life::{Birth, begins, born, next};
pub use crate::measure::{Ending, Measures, Scene, expectations, metric};
pub use crate::watch::{Seen, feature, matters, message_id, patient_of, request_of, short};
