//! The entries of records that are kept here, in every role: with keys at an author, without at a depositary or
//! relay.
//!
//! ```text
//!  label (open, signed) + manifest (sealed) + content objects (sealed)      wire, seal, open
//!  charts: whom entries are about      tables, by_compartment: what is here      keep: coming and going
//!  gaps: what is here, compared with what the patient's catalogue lists
//! ```

mod by_compartment;
mod charts;
mod gaps;
mod keep;
mod open;
mod reasons;
mod seal;
mod tables;
mod wire;

pub(crate) use by_compartment::{compartments_of, covered, held_in, kind_opened_in};
pub(crate) use charts::{
    ChartRow, chart, chart_for, chart_of, charts, charts_beginning, charts_of_subjects_beginning,
    delete_chart, leave_subject, put_chart, subject_of_chart,
};
pub use gaps::CatalogueView;
pub(crate) use gaps::{gaps, view};
pub(crate) use keep::{arrived, complete, forget, keep, keepable, move_away, not_whole};
pub(crate) use open::{open_as_patient, open_own, opened_as_patient};
pub(crate) use reasons::Reason;
pub use seal::{Draft, SealedContent, SealedEntry};
pub(crate) use seal::{Sealing, seal};
pub(crate) use tables::{
    EntryRow, Found, entries, entries_beginning, entries_named, entries_page, entry, forget_holder,
    holders, index, learn_holder, matches, objects_of, sealed_in_time, whole,
};
pub use wire::{Bundle, Checked, ContentKey, Label, Manifest, Taken, Term, TurnedDown};
