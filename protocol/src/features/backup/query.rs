//! What front doors ask to see.

use super::Machine;
use super::kept::kept;
use super::reasons::Reason;
use super::restores;
use super::tables::deposit;
use super::unkept;
use super::view::{DepositStateView, KeptView, RestoreView, UnkeptView};
use crate::id::PartyId;
use crate::refusal::{Handled, refuse};
use crate::turn::{Listing, Look, Page, Part, Question, questions};
use serde::{Deserialize, Serialize};

questions! {
    Machine {
        /// What is kept here for others, or at others for us.
        any Kept,
        /// How deposits of ours stand.
        with Deposits,
        /// What was to be kept at others and is not.
        any Unkept,
        /// How a restore stands.
        with Restored,
    }
}

/// What is kept here for others, by owner, then what is kept at others for us.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Only this patient's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<PartyId>,
    /// Which part of it.
    #[serde(flatten)]
    pub part: Part,
}

impl Kept {
    /// Of this patient's record alone, if one is given.
    #[must_use]
    pub fn of(patient: Option<PartyId>) -> Self {
        Self { patient, part: Part::default() }
    }
}

impl Question for Kept {
    const NAME: &'static str = "kept";

    type Answer = Page<KeptView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Page<KeptView>> {
        kept(look.own, look.txn, self.patient, &self.part)
    }
}

impl Listing for Kept {
    type Item = KeptView;

    fn part(&mut self) -> &mut Part {
        &mut self.part
    }
}

/// How deposits of ours stand.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Deposits {
    /// Which, as [`super::view::DepositView`] names them.
    pub deposits: Vec<String>,
}

impl Question for Deposits {
    const NAME: &'static str = "deposits";

    type Answer = Vec<DepositStateView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Vec<DepositStateView>> {
        let view = |name: &String| -> Handled<DepositStateView> {
            let id = data_encoding::HEXLOWER.decode(name.as_bytes()).unwrap_or_default();
            let row = match <[u8; 16]>::try_from(id) {
                Ok(id) => deposit(look.txn, id)?,
                Err(_) => None,
            };
            match row {
                Some(row) => Ok(DepositStateView::of(name.clone(), &row)),
                None => refuse(Reason::NoDepositMade),
            }
        };
        self.deposits.iter().map(view).collect()
    }
}

/// What was to be kept at others and is not, by holder.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Unkept {
    /// Which part of it.
    #[serde(flatten)]
    pub part: Part,
}

impl Question for Unkept {
    const NAME: &'static str = "unkept";

    type Answer = Page<UnkeptView>;

    fn answer(&self, look: &Look<'_>) -> Handled<Page<UnkeptView>> {
        unkept::page(look.txn, &self.part)
    }
}

impl Listing for Unkept {
    type Item = UnkeptView;

    fn part(&mut self) -> &mut Part {
        &mut self.part
    }
}

/// How a restore stands.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Restored {
    /// Which, as [`RestoreView`] names it.
    pub restore: String,
}

impl Question for Restored {
    const NAME: &'static str = "restored";

    type Answer = RestoreView;

    fn answer(&self, look: &Look<'_>) -> Handled<RestoreView> {
        let id = data_encoding::HEXLOWER.decode(self.restore.as_bytes()).unwrap_or_default();
        match <[u8; 16]>::try_from(id) {
            Ok(id) => restores::view(look.txn, id),
            Err(_) => refuse(Reason::NoRestore),
        }
    }
}
