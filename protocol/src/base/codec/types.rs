//! The encodings of common types, and the macros that declare structures.

use super::{DecodeError, Decoder, Encoder, Wire};
use crate::{id, limits, time::Timestamp};

/// What a text has too many of.
const TEXT: &str = "bytes of text";
/// What a list has too many of.
const ITEMS: &str = "items";

/// A byte string of any length within the limit of what carries it; in JSON, hexadecimal.
#[derive(Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(test, derive(arbitrary::Arbitrary))]
#[serde(transparent)]
pub struct Bytes(
    #[serde(with = "hex_bytes")]
    #[cfg_attr(
        feature = "schema",
        schemars(with = "String", regex(pattern = "^([0-9a-f][0-9a-f])*$"))
    )]
    pub Vec<u8>,
);

impl core::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Bytes({} bytes)", self.0.len())
    }
}

mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&data_encoding::HEXLOWER.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
        data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(D::Error::custom)
    }
}

impl Wire for Bytes {
    fn encode(&self, e: &mut Encoder) {
        e.bytes(&self.0);
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        d.bytes().map(|bytes| Self(bytes.to_vec()))
    }
}

impl Wire for u64 {
    fn encode(&self, e: &mut Encoder) {
        e.uint(*self);
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        d.uint()
    }
}

macro_rules! narrow {
    ($($ty:ty),*) => {$(
        impl Wire for $ty {
            fn encode(&self, e: &mut Encoder) {
                e.uint(u64::from(*self));
            }
            fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                let found = d.uint()?;
                Self::try_from(found).map_err(|_| DecodeError::TooMany {
                    what: "as a number",
                    found,
                    limit: u64::from(Self::MAX),
                })
            }
        }
    )*};
}
narrow!(u16, u32);

impl Wire for bool {
    fn encode(&self, e: &mut Encoder) {
        e.bool(*self);
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        d.bool()
    }
}

impl Wire for Timestamp {
    fn encode(&self, e: &mut Encoder) {
        e.uint(self.0);
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        d.uint().map(Self)
    }
}

impl Wire for String {
    fn encode(&self, e: &mut Encoder) {
        e.at_most(limits::TEXT_BYTES_MAX, self.len(), TEXT);
        e.text(self);
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let text = d.text()?;
        if text.len() > limits::TEXT_BYTES_MAX {
            return Err(DecodeError::TooMany {
                what: TEXT,
                found: text.len() as u64,
                limit: limits::TEXT_BYTES_MAX as u64,
            });
        }
        Ok(text.to_owned())
    }
}

impl<const N: usize> Wire for [u8; N] {
    fn encode(&self, e: &mut Encoder) {
        e.bytes(self);
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let bytes = d.bytes()?;
        bytes.try_into().map_err(|_| DecodeError::WrongLength { expected: N, found: bytes.len() })
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn encode(&self, e: &mut Encoder) {
        e.at_most(limits::LIST_ITEMS_MAX, self.len(), ITEMS);
        e.array(self.len());
        for item in self {
            item.encode(e);
        }
    }
    fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let len = d.array()?;
        if len > limits::LIST_ITEMS_MAX {
            return Err(DecodeError::TooMany {
                what: ITEMS,
                found: len as u64,
                limit: limits::LIST_ITEMS_MAX as u64,
            });
        }
        // Grown as items arrive: a short input cannot reserve room for a long list.
        let mut items = Self::new();
        for _ in 0..len {
            items.push(T::decode(d)?);
        }
        d.leave();
        Ok(items)
    }
}

macro_rules! id_wire {
    ($($name:ident),*) => {$(
        impl Wire for id::$name {
            fn encode(&self, e: &mut Encoder) {
                e.bytes(&self.0);
            }
            fn decode(d: &mut Decoder<'_>) -> Result<Self, DecodeError> {
                <[u8; id::$name::LEN]>::decode(d).map(Self)
            }
        }
    )*};
}
id_wire!(
    PartyId,
    NodeId,
    FederationId,
    ViewId,
    StatementId,
    ObjectId,
    EntryId,
    CodeId,
    KemId,
    CompartmentId,
    SessionId,
    ChartId,
    TokenId,
    ConsentId,
    TicketId,
    TransferId,
    StreamId
);

/// The test that each declared type brings along; functions and types have namespaces of their own.
macro_rules! wire_test {
    ($name:ident) => {
        #[cfg(test)]
        #[test]
        #[allow(non_snake_case, reason = "named as the type that it tries")]
        fn $name() {
            $crate::codec::property::holds::<$name>();
        }
    };
}

/// Declares a structure that travels as a map with unsigned integer keys, in ascending order.
macro_rules! wire_struct {
    ($(#[$meta:meta])* pub struct $name:ident {
        $($(#[$fmeta:meta])* $key:literal => $field:ident : $ty:ty),* $(,)?
    }) => {
        $crate::codec::wire_test!($name);

        $(#[$meta])*
        #[cfg_attr(test, derive(arbitrary::Arbitrary))]
        #[allow(unreachable_pub, reason = "some are used within one module only")]
        pub struct $name {
            $($(#[$fmeta])* pub $field: $ty,)*
        }

        impl $crate::codec::Wire for $name {
            fn encode(&self, e: &mut $crate::codec::Encoder) {
                use $crate::codec::Field;
                // The encoding is only deterministic when the declaration is in ascending order.
                const KEYS: &[u64] = &[$($key),*];
                const { $crate::codec::assert_ascending(KEYS) };
                let present = 0 $(+ usize::from(self.$field.present()))*;
                e.map(present);
                $(if self.$field.present() {
                    e.uint($key);
                    self.$field.encode_field(e);
                })*
            }

            fn decode(
                d: &mut $crate::codec::Decoder<'_>,
            ) -> Result<Self, $crate::codec::DecodeError> {
                use $crate::codec::{DecodeError, Field};
                let pairs = d.map()?;
                let mut before = None;
                $(let mut $field: Option<$ty> = None;)*
                for _ in 0..pairs {
                    let key = d.key(before)?;
                    before = Some(key);
                    match key {
                        $($key => $field = Some(<$ty as Field>::decode_field(d)?),)*
                        unknown => return Err(DecodeError::UnknownKey(unknown)),
                    }
                }
                d.leave();
                Ok(Self {
                    $($field: match $field {
                        Some(value) => value,
                        None => <$ty as Field>::absent($key)?,
                    },)*
                })
            }
        }
    };
}

/// Declares a choice that travels as `[variant]` or `[variant, body]`.
macro_rules! wire_enum {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$vmeta:meta])* $code:literal => $variant:ident $(($body:ty))?),* $(,)?
    }) => {
        $crate::codec::wire_test!($name);

        $(#[$meta])*
        #[cfg_attr(test, derive(arbitrary::Arbitrary))]
        #[allow(unreachable_pub, reason = "some are used within one module only")]
        #[allow(
            clippy::large_enum_variant,
            reason = "a message lives as long as its handling, and none are kept in lists"
        )]
        pub enum $name {
            $($(#[$vmeta])* $variant $(($body))?,)*
        }

        impl $crate::codec::Wire for $name {
            fn encode(&self, e: &mut $crate::codec::Encoder) {
                match self {
                    $($crate::codec::wire_enum!(@pattern $name $variant body $(($body))?) => {
                        $crate::codec::wire_enum!(@encode e, $code, body $(($body))?)
                    })*
                }
            }

            fn decode(
                d: &mut $crate::codec::Decoder<'_>,
            ) -> Result<Self, $crate::codec::DecodeError> {
                use $crate::codec::DecodeError;
                let items = d.array()?;
                if items == 0 {
                    return Err(DecodeError::Invalid(concat!("an empty array is no ", stringify!($name))));
                }
                let code = d.uint()?;
                let value = match (code, items) {
                    $($crate::codec::wire_enum!(@arity $code $(($body))?) => {
                        $crate::codec::wire_enum!(@decode d, $name $variant $(($body))?)
                    })*
                    (code, _) => return Err(DecodeError::UnknownVariant { what: stringify!($name), code }),
                };
                d.leave();
                Ok(value)
            }
        }
    };
    (@pattern $name:ident $variant:ident $b:ident ($body:ty)) => { $name::$variant($b) };
    (@pattern $name:ident $variant:ident $b:ident) => { $name::$variant };
    (@encode $e:ident, $code:literal, $b:ident ($body:ty)) => {{
        $e.array(2);
        $e.uint($code);
        $crate::codec::Wire::encode($b, $e);
    }};
    (@encode $e:ident, $code:literal, $b:ident) => {{
        $e.array(1);
        $e.uint($code);
    }};
    (@arity $code:literal ($body:ty)) => { ($code, 2) };
    (@arity $code:literal) => { ($code, 1) };
    (@decode $d:ident, $name:ident $variant:ident ($body:ty)) => {
        $name::$variant(<$body as $crate::codec::Wire>::decode($d)?)
    };
    (@decode $d:ident, $name:ident $variant:ident) => { $name::$variant };
}

/// Declares a code that travels as an unsigned integer.
macro_rules! wire_code {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$vmeta:meta])* $code:literal => $variant:ident),* $(,)?
    }) => {
        $crate::codec::wire_test!($name);

        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[cfg_attr(test, derive(arbitrary::Arbitrary))]
        #[serde(rename_all = "kebab-case")]
        #[allow(unreachable_pub, reason = "some are used within one module only")]
        pub enum $name {
            $($(#[$vmeta])* $variant,)*
        }

        #[allow(unreachable_pub, dead_code, reason = "some are used within one module only")]
        impl $name {
            /// Every value, in the order of their codes.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code on the wire.
            #[must_use]
            pub const fn code(self) -> u16 {
                match self { $(Self::$variant => $code,)* }
            }

            /// The value of a code.
            #[must_use]
            pub const fn from_code(code: u64) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }

        impl $crate::codec::Wire for $name {
            fn encode(&self, e: &mut $crate::codec::Encoder) {
                e.uint(u64::from(self.code()));
            }
            fn decode(
                d: &mut $crate::codec::Decoder<'_>,
            ) -> Result<Self, $crate::codec::DecodeError> {
                let code = d.uint()?;
                Self::from_code(code).ok_or($crate::codec::DecodeError::UnknownVariant {
                    what: stringify!($name),
                    code,
                })
            }
        }
    };
}

pub(crate) use {wire_code, wire_enum, wire_struct, wire_test};
