//! Drawings, as SVG written by the same templates as the report.
//!
//! Not by a plotting crate: what is wanted beside curves (ribbon, message diagram) none has, and theirs fix colours and
//! sizes where the report follows the reader's light or dark and the width of the screen. Colours are named by
//! variables; [`Palette`] puts in fixed ones where there is no style sheet.

mod axis;
mod bands;
mod bars;
mod curves;
mod diagram;
mod drawing;
mod frame;
mod png;
mod points;
mod ribbon;

pub(super) use bands::{Band, bands, columns};
pub(super) use bars::{Bar, bars};
pub(super) use curves::curves;
pub(crate) use curves::{Curve, Rising};
pub(super) use diagram::{Window, diagram};
pub(super) use drawing::Palette;
pub(crate) use drawing::Plot;
pub(crate) use points::{Point, points};
pub(super) use ribbon::{Lane, ribbon};
