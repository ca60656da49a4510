//! Why something is not done: a number and arguments. Words are made of them where a person reads.
//!
//! Each room declares its reasons with `reasons!`: the number, the name, the arguments, the class that exit
//! codes and HTTP statuses follow, and the words. [`crate::peer::words`] collects these tables into one.

mod arg;
mod declare;
mod words;

pub(crate) use arg::Argument;
pub use arg::{Arg, Kind};
pub(crate) use declare::reasons;
pub use words::Language;
pub(crate) use words::{fill, in_words};

use crate::codec::wire_code;

wire_code! {
    /// The class of a refusal. Codes are stable; commands' exit codes and API statuses follow.
    pub enum RefusalCode {
        /// The request itself is wrong.
        1 => Invalid,
        /// What it names is not here.
        2 => NotFound,
        /// The role of this node does not do this.
        3 => WrongRole,
        /// The asker may not.
        4 => NotPermitted,
        /// The permission presented does not cover it; the text names the reason.
        5 => BadPermission,
        /// It is there already, or done already.
        6 => AlreadyDone,
        /// Not in this state of things.
        7 => WrongState,
        /// A bound is reached.
        8 => LimitReached,
        /// The patient's keys are locked.
        9 => Locked,
        /// What was received does not prove what it should.
        10 => NotAuthentic,
        /// The far side has a newer version of the protocol, or an older one.
        11 => Unsupported,
        /// Expired.
        12 => Expired,
    }
}

/// One row of the table of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its number, stable; thousands count the rooms.
    pub number: u32,
    /// The room that says so.
    pub room: &'static str,
    /// Its name within the room, as Rust spells it.
    pub variant: &'static str,
    /// Its class.
    pub class: RefusalCode,
    /// Its arguments, in their order.
    pub args: &'static [(&'static str, Kind)],
    /// The words in English. A name in braces stands for that argument.
    pub english: &'static str,
}

impl Row {
    /// Its name, such as `consent.not-permitted`.
    #[must_use]
    pub fn name(&self) -> String {
        let mut name = format!("{}.", self.room);
        for (at, letter) in self.variant.char_indices() {
            if letter.is_ascii_uppercase() && at > 0 {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }

    /// Its words.
    #[must_use]
    pub const fn words(&self, language: Language) -> &'static str {
        match language {
            Language::English => self.english,
        }
    }
}

/// A reason of one of the tables.
pub trait Listed {
    /// Its table.
    const TABLE: &'static [Row];

    /// Its row.
    fn row(&self) -> &'static Row;

    /// Its arguments, in the order of the row.
    fn args(&self) -> Vec<Arg>;
}
