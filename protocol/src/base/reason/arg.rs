//! What a reason is about.

use crate::codec::{DecodeError, Decoder, Encoder, Wire, wire_enum};
use crate::id::{ChartId, ConsentId, EntryId, ObjectId, PartyId, TokenId};
use crate::limits;
use crate::time::Timestamp;

wire_enum! {
    /// An argument of a reason.
    #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
    #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
    #[serde(rename_all = "kebab-case")]
    pub enum Arg {
        /// A party; shown by its name where that is known.
        1 => Party(PartyId),
        /// An entry.
        2 => Entry(EntryId),
        /// A request for consent.
        3 => Request(ConsentId),
        /// A permission.
        4 => Permission(TokenId),
        /// A chart.
        5 => Chart(ChartId),
        /// A moment.
        6 => Time(Timestamp),
        /// A count or a bound.
        7 => Number(u64),
        /// What somebody wrote, or a name that no language translates.
        8 => Text(String),
        /// An object.
        9 => Object(ObjectId),
    }
}

impl Arg {
    /// What it is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Party(_) => Kind::Party,
            Self::Entry(_) => Kind::Entry,
            Self::Request(_) => Kind::Request,
            Self::Permission(_) => Kind::Permission,
            Self::Chart(_) => Kind::Chart,
            Self::Time(_) => Kind::Time,
            Self::Number(_) => Kind::Number,
            Self::Text(_) => Kind::Text,
            Self::Object(_) => Kind::Object,
        }
    }
}

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// [`Arg::Party`].
    Party,
    /// [`Arg::Entry`].
    Entry,
    /// [`Arg::Request`].
    Request,
    /// [`Arg::Permission`].
    Permission,
    /// [`Arg::Chart`].
    Chart,
    /// [`Arg::Time`].
    Time,
    /// [`Arg::Number`].
    Number,
    /// [`Arg::Text`].
    Text,
    /// [`Arg::Object`].
    Object,
}

/// The arguments of a reason, at most [`limits::REASON_ARGS_MAX`]: what others say of why they refuse is
/// kept in rows.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
#[cfg_attr(test, derive(arbitrary::Arbitrary))]
pub struct Args(
    #[cfg_attr(test, arbitrary(with = crate::codec::property::few::<_, { limits::REASON_ARGS_MAX }>))]
     Vec<Arg>,
);

impl Args {
    /// These arguments; texts are cut where no text may be longer.
    pub(crate) fn new(mut args: Vec<Arg>) -> Self {
        for arg in &mut args {
            if let Arg::Text(text) = arg {
                text.truncate(text.floor_char_boundary(limits::TEXT_BYTES_MAX));
            }
        }
        Self(args)
    }
}

impl core::ops::Deref for Args {
    type Target = [Arg];

    fn deref(&self) -> &[Arg] {
        &self.0
    }
}

impl Wire for Args {
    fn encode(&self, e: &mut Encoder) {
        e.at_most(limits::REASON_ARGS_MAX, self.0.len(), "arguments");
        self.0.encode(e);
    }

    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let len = d.array()?;
        if len > limits::REASON_ARGS_MAX {
            return Err(DecodeError::TooMany {
                what: "arguments",
                found: len as u64,
                limit: limits::REASON_ARGS_MAX as u64,
            });
        }
        let args = (0..len).map(|_| Arg::decode(d)).collect::<Result<_, _>>()?;
        d.leave();
        Ok(Self(args))
    }
}

/// A type that reasons take as an argument.
pub trait Argument {
    /// What it is.
    const KIND: Kind;

    /// As an argument.
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
    String => Text |text| text.clone(),
    // Bytes that are no value: by its name, what is wrong with them is for whoever writes an implementation.
    DecodeError => Text |error| error.name(),
}
