//! The patients that a relay serves, and how their compartments derive.

mod about;
mod reasons;
mod tables;
mod view;

pub use about::AboutView;
pub(crate) use reasons::Reason;
pub(crate) use tables::{
    PatientRow, all, any, beginning, compartment, compartment_secret, compartments, name,
    next_revocation_seq, patient, put_patient, remember_compartment, sealed_keys, serves,
};
pub use view::{EnrollingView, PatientView};
pub(crate) use view::{view, views};
