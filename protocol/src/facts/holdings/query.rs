//! What front doors ask to see.

use super::transfers_page;
use crate::id::{ObjectId, PartyId, TransferId};
use crate::refusal::Handled;
use crate::turn::{Listing, Look, Page, Part, Question};
use serde::{Deserialize, Serialize};

/// Transfers that have not ended, in the order of their ids: those that run, and those that wait for their turn.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Transfers {
    /// Which part of them.
    #[serde(flatten)]
    pub part: Part,
}

impl Question for Transfers {
    const NAME: &'static str = "transfers";

    type Answer = Page<TransferView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Page<TransferView>> {
        let page = transfers_page(look.txn, &self.part)?;
        page.show(|(id, transfer)| {
            Ok(Some(TransferView {
                transfer: id,
                from: transfer.from,
                object: transfer.object,
                length: transfer.length,
            }))
        })
    }
}

impl Listing for Transfers {
    type Item = TransferView;

    fn part(&mut self) -> &mut Part {
        &mut self.part
    }
}

/// An object on its way here.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TransferView {
    /// The transfer.
    pub transfer: TransferId,
    /// The institution that has the object.
    pub from: PartyId,
    /// The object.
    pub object: ObjectId,
    /// Bytes of its file.
    pub length: u64,
}
