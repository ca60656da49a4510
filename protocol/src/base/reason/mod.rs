//! Why something is not done: a number and arguments. Words are made of them where a person reads.
//!
//! Each room declares its reasons with `reasons!`: the number, the name, the arguments, the class that exit
//! codes and HTTP statuses follow, and the words. [`crate::peer::words`] collects these tables into one.

mod arg;
mod declare;
mod words;

pub use arg::{Arg, Args, Argument, Kind};
pub use declare::reasons;
pub(crate) use words::fill;
pub use words::{ENGLISH, Language, in_words};

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
        /// The permission presented does not cover it.
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

impl RefusalCode {
    /// The name, as SPEC.md has it.
    #[must_use]
    pub fn name(self) -> String {
        kebab("", &format!("{self:?}"))
    }
}

/// `OtherRole` -> `other-role`, after what stands before it.
fn kebab(before: &str, variant: &str) -> String {
    let mut name = before.to_owned();
    for (at, letter) in variant.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

/// One row of the table of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its number, stable; thousands count the rooms.
    pub number: u32,
    /// The room that says so; none for permissions, whose names tokens' checks and vectors have, too.
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
    /// Its name, such as `consent.request-expired`.
    #[must_use]
    pub fn name(&self) -> String {
        let room = if self.room.is_empty() { String::new() } else { format!("{}.", self.room) };
        kebab(&room, self.variant)
    }

    /// Its words.
    #[must_use]
    pub fn words(&self, language: &Language) -> &'static str {
        let own = language.words.iter().find(|(number, _)| *number == self.number);
        own.map_or(self.english, |(_, words)| words)
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
