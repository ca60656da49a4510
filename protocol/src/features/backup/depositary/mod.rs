//! The storing side.

mod fill;
mod give;
mod offer;

pub(super) use fill::{executed, tick};
pub(crate) use fill::{misfiled, pulled, taken_back};
pub(super) use give::{deleted, fetched};
pub(super) use offer::offered;
