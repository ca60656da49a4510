//! Entries whose objects a disk lost, or that are here again.

use super::tables::{ENTRIES, complete, entry};
use crate::id::ObjectId;
use crate::objects::{self, Lost};
use crate::peer::Context;
use crate::refusal::Handled;
use crate::rows;

/// The node compared what ought to be here with what is.
pub(crate) fn stock(ctx: &mut Context<'_>, lost: &[Lost], found: &[ObjectId]) -> Handled<()> {
    for lost in lost {
        if objects::note_lost(ctx.txn, ctx.now, *lost)? {
            not_whole(ctx, lost.object)?;
        }
    }
    for object in found {
        objects::note_here(ctx.txn, *object)?;
        // Whoever else holds it, a whole entry's objects are held for its subject, too.
        for (subject, id) in objects::holders(ctx.txn, *object)? {
            complete(ctx, subject, id)?;
        }
    }
    Ok(())
}

fn not_whole(ctx: &mut Context<'_>, object: ObjectId) -> Handled<()> {
    for (subject, id) in objects::holders(ctx.txn, object)? {
        if let Some(mut row) = entry(ctx.txn, subject, id)?.filter(|row| row.whole) {
            row.whole = false;
            rows::put(ctx.txn, ENTRIES, &rows::pair(&subject.0, &id.0), &row)?;
        }
    }
    Ok(())
}
