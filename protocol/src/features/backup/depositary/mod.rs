//! The storing side.

mod fill;
mod give;
mod offer;

pub(crate) use fill::pulled;
pub(super) use fill::{executed, tick};
pub(super) use give::{deleted, fetched};
pub(super) use offer::offered;
