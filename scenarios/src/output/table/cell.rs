//! What stands in a table.

/// One value of a row.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cell<'a> {
    /// Missing.
    None,
    Whole(u64),
    Number(f64),
    Flag(bool),
    Text(&'a str),
    /// A text that lives as long as the program, and so is not copied.
    Word(&'static str),
}

impl Cell<'_> {
    /// A party, or none.
    pub(super) fn party(party: Option<u32>) -> Self {
        party.map_or(Self::None, |party| Self::Whole(u64::from(party)))
    }

    /// A number, or none.
    pub(super) fn number(number: Option<f64>) -> Self {
        number.map_or(Self::None, Self::Number)
    }
}
