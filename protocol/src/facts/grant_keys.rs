//! The keys that grants to this institution are sealed to: random, of this node alone, and deleted.
//!
//! ```text
//!  day 0        made, and shown by cards with `until`
//!  day 30       another is made; no card shows this one any more
//!  day 52       `until`: whoever heard an old card seals to it no more
//!  day 75       deleted: what was sealed to it on the last day has had three weeks to arrive
//! ```
//!
//! What comes sealed to one is opened once and sealed to the institution's own key, which nobody is shown. So who records
//! grants on their way, and steals keystore and store later, opens those of the last 75 days. After a rotation of the
//! institution's keys a new one is made at once, and the earlier ones are deleted within a week. [ID-20], [CAP-12]

use crate::capability::{Grant, GrantError};
use crate::codec::wire_struct;
use crate::crypto::{self, KemSecret};
use crate::directory;
use crate::id::KemId;
use crate::limits;
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table, Txn};
use crate::time::{DAY_MS, Timestamp};
use crate::turn::{Context, Effect, Own, ShownKey};
use rand_core::CryptoRng;

/// Key -> [`GrantKeyRow`].
const KEYS: Table = Table::rows("grant_key");

const SHOWN_MS: u64 = limits::GRANT_KEY_SHOWN_DAYS * DAY_MS;
const SEALED_TO_MS: u64 = limits::GRANT_KEY_SEALED_TO_DAYS * DAY_MS;
const KEPT_MS: u64 = limits::GRANT_KEY_KEPT_DAYS * DAY_MS;
const ROTATED_MS: u64 = limits::GRANT_KEY_ROTATED_DAYS * DAY_MS;

wire_struct! {
    /// A key that grants are sealed to.
    #[derive(Debug, Clone)]
    pub struct GrantKeyRow {
        /// The key.
        1 => secret: KemSecret,
        /// Number of the institution's signing key under which it was made.
        2 => number: u32,
        /// When it was made.
        3 => made: Timestamp,
        /// When it is deleted.
        4 => ends: Timestamp,
    }
}

fn all(txn: &(impl ReadTxn + ?Sized)) -> Result<Vec<(KemId, GrantKeyRow)>, StoreError> {
    let rows = rows::all::<GrantKeyRow>(txn, KEYS, &[])?.into_iter();
    rows.map(|(key, row)| Ok((KemId(rows::tail(KEYS, &key)?), row))).collect()
}

fn newest(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<(KemId, GrantKeyRow)>, StoreError> {
    Ok(all(txn)?.into_iter().max_by_key(|(_, row)| (row.number, row.made)))
}

/// The keys that a store has: what a thief of it opens grants with.
///
/// # Errors
/// [`StoreError`].
pub fn secrets(txn: &dyn ReadTxn) -> Result<Vec<KemSecret>, StoreError> {
    Ok(all(txn)?.into_iter().map(|(_, row)| row.secret).collect())
}

/// The key that the card shows. A node has one from its first start on.
pub(crate) fn shown(txn: &(impl ReadTxn + ?Sized)) -> Result<ShownKey, StoreError> {
    let Some((id, row)) = newest(txn)? else {
        return Err(StoreError::Fault("this node has not made its grant key yet".to_owned()));
    };
    Ok(ShownKey { id, secret: row.secret, until: row.made.plus_ms(SEALED_TO_MS) })
}

/// Deletes what has ended, and makes another key where none is to be shown any more; gives whether it did. After a
/// rotation the earlier keys end as soon as what is on its way has come.
pub(crate) fn renew(
    own: &Own,
    txn: &mut dyn Txn,
    now: Timestamp,
    rng: &mut dyn CryptoRng,
) -> Result<bool, StoreError> {
    let number = own.key_number();
    let mut shown = false;
    for (id, row) in all(txn)? {
        let current = row.number == number;
        let ends = if current { row.ends } else { row.ends.min(now.plus_ms(ROTATED_MS)) };
        if ends <= now {
            txn.delete(KEYS, &id.0)?;
            continue;
        }
        shown |= current && now.since(row.made) < SHOWN_MS;
        if ends != row.ends {
            rows::put(txn, KEYS, &id.0, &GrantKeyRow { ends, ..row })?;
        }
    }
    if !shown {
        let secret = KemSecret::from_seed(crypto::random(rng));
        let id = secret.public().id();
        let row = GrantKeyRow { secret, number, made: now, ends: now.plus_ms(KEPT_MS) };
        rows::put(txn, KEYS, &id.0, &row)?;
    }
    Ok(!shown)
}

/// When a key is to be made or deleted next.
pub(crate) fn next_due(txn: &(impl ReadTxn + ?Sized)) -> Result<Option<Timestamp>, StoreError> {
    let made = newest(txn)?.map(|(_, row)| row.made.plus_ms(SHOWN_MS));
    Ok(all(txn)?.into_iter().map(|(_, row)| row.ends).chain(made).min())
}

/// Time passed.
pub(crate) fn tick(ctx: &mut Context<'_>) -> Handled<()> {
    if next_due(ctx.txn)?.is_none_or(|due| due <= ctx.now)
        && renew(ctx.own, ctx.txn, ctx.now, ctx.rng)?
    {
        // What others are told of us has it from now on.
        let issued = ctx.own.issued(ctx.now, &shown(ctx.txn)?);
        directory::set_own_card(ctx.txn, &issued.card)?;
    }
    ctx.effects.extend(next_due(ctx.txn)?.map(Effect::WakeAt));
    Ok(())
}

/// The clock was wrong and ahead, and is put right: what was made by it was made now.
pub(crate) fn shorten(txn: &mut dyn Txn, now: Timestamp) -> Result<(), StoreError> {
    for (id, row) in all(txn)? {
        let (made, ends) = (row.made.min(now), row.ends.min(now.plus_ms(KEPT_MS)));
        if (made, ends) != (row.made, row.ends) {
            rows::put(txn, KEYS, &id.0, &GrantKeyRow { made, ends, ..row })?;
        }
    }
    Ok(())
}

/// Opens a grant that has come, with the key that it names, and seals its keys to the institution's own.
///
/// Refused is one whose key is not here: deleted, lost with a newer copy of the store, or of another node. [CAP-19]
pub(crate) fn take_over(ctx: &mut Context<'_>, grant: Grant) -> Handled<Grant> {
    let Some(row) = rows::get::<GrantKeyRow>(ctx.txn, KEYS, &grant.key.0)? else {
        return refuse(GrantError::KeyNotHere);
    };
    let keys = grant.open(&row.secret)?;
    Ok(Grant::seal(grant.chain, &keys, &ctx.own.kem(), ctx.rng)?)
}

#[cfg(test)]
mod tests;
