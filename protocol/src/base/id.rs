//! Identifiers. Each kind is a type of its own, so that one can never stand where another is meant.

use core::fmt;

/// Declares a fixed-length identifier that prints and parses as lower-case hexadecimal.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(test, derive(arbitrary::Arbitrary))]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        pub struct $name(
            #[cfg_attr(
                feature = "schema",
                schemars(with = "String", length(equal = 2 * $len), regex(pattern = "^[0-9a-f]*$"))
            )]
            pub [u8; $len],
        );

        impl $name {
            /// Length in bytes.
            pub const LEN: usize = $len;

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }

            /// The first eight hexadecimal digits, for people; never for comparing.
            #[must_use]
            pub fn short(&self) -> String {
                data_encoding::HEXLOWER.encode(&self.0[..4])
            }

            /// Reads the identifier from exactly `LEN` bytes.
            #[must_use]
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                Some(Self(bytes.try_into().ok()?))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl core::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let bytes = data_encoding::HEXLOWER
                    .decode(text.as_bytes())
                    .map_err(|_| InvalidId { expected: stringify!($name), digits: 2 * $len })?;
                Self::from_slice(&bytes)
                    .ok_or(InvalidId { expected: stringify!($name), digits: 2 * $len })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

identifier!(
    /// A party: an institution or a patient. The hash of its inception; survives key rotation.
    PartyId, 32
);
identifier!(
    /// A node: its Ed25519 public key, from which libp2p's PeerId follows.
    NodeId, 32
);
identifier!(
    /// A federation: the hash of its charter.
    FederationId, 32
);
identifier!(
    /// A view of a federation: who is a member from then on. The hash of all that it says.
    ViewId, 32
);
identifier!(
    /// A signed statement of any domain: BLAKE3-256 of its `Sig_structure`, never of the signature.
    StatementId, 32
);
identifier!(
    /// A sealed object: BLAKE3-256 of its file, as `b3sum` prints it.
    ObjectId, 32
);
identifier!(
    /// An entry of a record: one exam, report, batch of measurements or file.
    EntryId, 16
);
identifier!(
    /// A compartment: the first 16 bytes of BLAKE3 of its public key.
    CompartmentId, 16
);
identifier!(
    /// A KEM key: the first 16 bytes of BLAKE3 of its public half.
    KemId, 16
);
identifier!(
    /// A sealing session: the first 16 bytes of a hash over all of it.
    SessionId, 16
);
identifier!(
    /// A chart: what one institution keeps about one person, known by this institution only.
    ChartId, 16
);
identifier!(
    /// A capability token's `cti`.
    TokenId, 16
);
identifier!(
    /// A code that an institution gave out: the first 16 bytes of BLAKE3 of its public key.
    CodeId, 16
);
identifier!(
    /// A request for consent, chosen by whoever asks.
    ConsentId, 16
);
identifier!(
    /// A holder's permission to pull named objects, given after a check; secret to its two ends.
    TicketId, 16
);
identifier!(
    /// One object on its way to this node.
    TransferId, 16
);
identifier!(
    /// A stream of messages of one sender; a node restored from a copy starts a new one.
    StreamId, 16
);

impl EntryId {
    /// The id of the entry whose label has this author and salt: the first 16 bytes of BLAKE3's derive-key mode over
    /// the two, with context `chartmesh/1/entry-id`.
    #[must_use]
    pub fn of(author: PartyId, salt: &[u8; 16]) -> Self {
        let mut id = [0; Self::LEN];
        let mut hasher = blake3::Hasher::new_derive_key("chartmesh/1/entry-id");
        hasher.update(&author.0).update(salt).finalize_xof().fill(&mut id);
        Self(id)
    }
}

/// Text that is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}: {digits} lower-case hexadecimal digits")]
pub struct InvalidId {
    expected: &'static str,
    digits: usize,
}
