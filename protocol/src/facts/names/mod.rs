//! How a person's word finds what it means: by a name, an identifier, or the beginning of an id.
//!
//! Names stand in one table, as they are compared, each with the kind and the id of what bears it: whoever
//! keeps a named thing says when its names change ([`rename`]). Ids need no rows of their own: the tables
//! of the things themselves stand in the order of ids, and [`Digits`] reads the range that begins so.
//!
//! ```text
//!  name as written ──normalise──> kind, name, 0, id     whole names first, then those that only begin so
//! ```

mod digits;
mod normal;
mod table;

pub(crate) use crate::naming::can_be_named;
pub(crate) use digits::Digits;
pub(crate) use normal::Looks;
pub(crate) use table::{Bearer, Named, id, named, rename};
