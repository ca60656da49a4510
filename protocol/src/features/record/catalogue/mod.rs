//! Who tells whom of the catalogue: the patient's relay those who may read, who keep what it lists.

mod reader;
mod relay;
#[cfg(test)]
mod tests;

pub(crate) use reader::received;
pub(crate) use relay::{Changes, announced, refused, send};
