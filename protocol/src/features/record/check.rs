//! Entries whose objects a disk lost, or that are here again.

use crate::entries::{complete, not_whole};
use crate::holdings::{self, Lost};
use crate::id::ObjectId;
use crate::refusal::Handled;
use crate::turn::Context;

/// The node compared what ought to be here with what is.
pub(crate) fn checked(ctx: &mut Context<'_>, lost: &[Lost], found: &[ObjectId]) -> Handled<()> {
    for lost in lost {
        if holdings::note_lost(ctx.txn, ctx.now, *lost)? {
            not_whole(ctx, lost.object)?;
        }
    }
    for object in found {
        holdings::note_here(ctx.txn, *object)?;
        // Whoever else holds it, a whole entry's objects are held for its subject, too.
        for (subject, id) in holdings::holders(ctx.txn, *object)? {
            complete(ctx, subject, id)?;
        }
    }
    Ok(())
}
