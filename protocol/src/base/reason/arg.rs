//! What a reason is about.

use super::{Listed, Row};
use crate::codec::DecodeError;
use crate::id::{ChartId, ConsentId, EntryId, ObjectId, PartyId, TokenId};
use crate::time::Timestamp;

/// An argument of a reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arg {
    /// A party; shown by its name where that is known.
    Party(PartyId),
    /// Several parties.
    Parties(Vec<PartyId>),
    /// An entry.
    Entry(EntryId),
    /// A request for consent.
    Request(ConsentId),
    /// A permission.
    Permission(TokenId),
    /// A chart.
    Chart(ChartId),
    /// An object.
    Object(ObjectId),
    /// A moment.
    Time(Timestamp),
    /// A count or a bound.
    Number(u64),
    /// What somebody wrote, or a name that no language translates.
    Text(String),
    /// Another reason, which this one rests on.
    Because(&'static Row, Vec<Arg>),
}

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`Arg::Party`].
    Party,
    /// [`Arg::Parties`].
    Parties,
    /// [`Arg::Entry`].
    Entry,
    /// [`Arg::Request`].
    Request,
    /// [`Arg::Permission`].
    Permission,
    /// [`Arg::Chart`].
    Chart,
    /// [`Arg::Object`].
    Object,
    /// [`Arg::Time`].
    Time,
    /// [`Arg::Number`].
    Number,
    /// [`Arg::Text`].
    Text,
    /// [`Arg::Because`].
    Because,
}

/// A type that reasons take as an argument.
pub(crate) trait Argument {
    const KIND: Kind;

    fn arg(&self) -> Arg;
}

macro_rules! arguments {
    ($($ty:ty => $kind:ident $make:expr),* $(,)?) => {$(
        impl Argument for $ty {
            const KIND: Kind = Kind::$kind;

            fn arg(&self) -> Arg {
                let make: fn(&Self) -> _ = $make;
                Arg::$kind(make(self))
            }
        }
    )*};
}

arguments! {
    PartyId => Party |party| *party,
    Vec<PartyId> => Parties |parties| parties.clone(),
    EntryId => Entry |entry| *entry,
    ConsentId => Request |request| *request,
    TokenId => Permission |token| *token,
    ChartId => Chart |chart| *chart,
    ObjectId => Object |object| *object,
    Timestamp => Time |time| *time,
    u16 => Number |number| u64::from(*number),
    u32 => Number |number| u64::from(*number),
    u64 => Number |number| *number,
    usize => Number |number| *number as u64,
    &'static str => Text |&text| text.to_owned(),
    String => Text |text| text.clone(),
    // Bytes that are no value: what is wrong with them is for whoever writes an implementation.
    DecodeError => Text |error| error.to_string(),
}

impl<T: Listed> Argument for T {
    const KIND: Kind = Kind::Because;

    fn arg(&self) -> Arg {
        Arg::Because(self.row(), self.args())
    }
}
