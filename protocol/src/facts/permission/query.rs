//! What front doors ask to see.

use super::revocations::revocation_state;
use crate::codec::{Bytes, Wire};
use crate::directory;
use crate::id::PartyId;
use crate::refusal::{Handled, refuse};
use crate::store::ReadTxn;
use crate::turn::{Look, Question};
use serde::{Deserialize, Serialize};

/// The key log of a party and, of a patient, the newest revocation state, as known here.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// The party.
    pub party: PartyId,
}

impl Question for Keys {
    const NAME: &'static str = "keys";

    type Answer = KeysView;

    fn answer(&self, look: &Look<'_>) -> Handled<KeysView> {
        keys_view(look.txn, self.party)
    }
}

/// What proves a party's signatures, for checking them elsewhere.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeysView {
    /// The party.
    pub party: PartyId,
    /// Number of its current key.
    pub current: u32,
    /// Its key log, encoded.
    pub log: Bytes,
    /// The newest revocation state, as signed.
    pub revocations: Option<Bytes>,
}

fn keys_view(txn: &dyn ReadTxn, party: PartyId) -> Handled<KeysView> {
    let Some(keys) = directory::keys(txn, party)? else {
        return refuse(directory::Reason::KeysUnknown);
    };
    Ok(KeysView {
        party,
        current: keys.current_number(),
        log: Bytes(keys.log().to_bytes()),
        revocations: revocation_state(txn, party)?.map(|state| Bytes(state.bytes().to_vec())),
    })
}
