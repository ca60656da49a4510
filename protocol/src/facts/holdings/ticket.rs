//! Who may pull what, and until when.

use super::reasons::Reason;
use crate::capability::{GrantedSummary, Keys};
use crate::codec::{Bytes, wire_struct};
use crate::copied;
use crate::directory;
use crate::id::{NodeId, ObjectId, PartyId, TicketId};
use crate::limits;
use crate::members;
use crate::permission;
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::store::{ReadTxn, StoreError, Table};
use crate::time::Timestamp;
use crate::turn::Context;
use std::collections::BTreeSet;

/// Ticket -> [`TicketRow`].
const TICKETS: Table = Table::rows("ticket");
/// End of validity, ticket -> nothing: which tickets to forget next.
const TICKET_ENDS: Table = Table::rows("ticket_end");
/// Ticket, object -> nothing.
const TICKET_OBJECTS: Table = Table::rows("ticket_object");
/// Institution -> what its tickets weigh: see [`weight`].
const WEIGHTS: Table = Table::rows("ticket_weight");

wire_struct! {
    /// A permission to pull, checked again while it is used.
    #[derive(Debug, Clone)]
    pub struct TicketRow {
        /// Who may pull.
        1 => to: PartyId,
        /// Until when.
        2 => expires: Timestamp,
        /// The capability it stands on; none when the objects are the puller's own or the
        /// institution here sends them on its own account.
        3 => granted: Option<GrantedSummary>,
    }
}

/// What a ticket weighs: as many as its objects, and 8 for itself and the line in the access log that it goes with. So
/// whoever reads without end fills neither these tables nor, in a day, the log.
const fn weight(objects: usize) -> u64 {
    objects as u64 + 8
}

/// What the tickets of an institution weigh.
fn weighs(txn: &(impl ReadTxn + ?Sized), to: PartyId) -> Result<u64, StoreError> {
    Ok(rows::get(txn, WEIGHTS, &to.0)?.unwrap_or(0))
}

/// Gives `to` a ticket for pulling `objects`.
pub(crate) fn issue_ticket(
    ctx: &mut Context<'_>,
    to: PartyId,
    objects: impl IntoIterator<Item = ObjectId>,
    granted: Option<GrantedSummary>,
) -> Handled<TicketId> {
    let objects: BTreeSet<_> = objects.into_iter().collect();
    let all = weighs(ctx.txn, to)? + weight(objects.len());
    if all > limits::TICKETS_WEIGHT_MAX {
        return refuse(Reason::TooManyTickets);
    }
    rows::put(ctx.txn, WEIGHTS, &to.0, &all)?;
    let ticket = TicketId(ctx.random());
    let row = TicketRow { to, expires: ctx.now.plus_ms(limits::TICKET_MS), granted };
    rows::put(ctx.txn, TICKETS, &ticket.0, &row)?;
    rows::mark(ctx.txn, TICKET_ENDS, &rows::pair(&row.expires.0.to_be_bytes(), &ticket.0))?;
    for object in objects {
        rows::mark(ctx.txn, TICKET_OBJECTS, &rows::pair(&ticket.0, &object.0))?;
    }
    Ok(ticket)
}

/// Whether `node` may pull `object` with `ticket` now. Asked at the start of a pull and again while
/// it goes on, so that a revocation stops a download in flight.
pub(crate) fn may_pull(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
    node: NodeId,
    ticket: TicketId,
    object: ObjectId,
) -> Handled<()> {
    let Some(row) = rows::get::<TicketRow>(txn, TICKETS, &ticket.0)? else {
        return refuse(Reason::NoTicket);
    };
    if directory::institution_of(txn, node, now)? != Some(row.to) {
        return refuse(Reason::NoTicket);
    }
    if !members::admitted(txn, row.to, now)? {
        return refuse(Reason::NoTicket);
    }
    if row.expires <= now {
        return refuse(Reason::TicketExpired);
    }
    if txn.get(TICKET_OBJECTS, &rows::pair(&ticket.0, &object.0))?.is_none() {
        return refuse(Reason::NotOfTicket);
    }
    if let Some(granted) = &row.granted {
        let patient = granted.patient;
        let Some(keys) = directory::keys(txn, patient)? else {
            return refuse(directory::Reason::PatientForgotten);
        };
        let revocations = permission::revocations(txn, patient)?;
        let forgot = copied::forgot(txn)?;
        let institutions = |party| permission::issuer(txn, party);
        let keys = Keys { patient: &keys, institutions: &institutions };
        if let Err(reason) = granted.recheck(now, (&revocations, forgot), &keys) {
            return refuse(reason);
        }
    }
    Ok(())
}

/// Time passed: tickets that have expired go, a page at a time.
pub(crate) fn tick(ctx: &mut Context<'_>) -> Handled<()> {
    for (key, _) in
        ctx.txn.page(TICKET_ENDS, &[], &ctx.now.0.to_be_bytes(), limits::DUE_ROWS_MAX)?
    {
        let ticket: [u8; 16] = rows::tail(TICKET_ENDS, &key)?;
        let objects = rows::all::<Bytes>(ctx.txn, TICKET_OBJECTS, &ticket)?;
        for (object, _) in &objects {
            ctx.txn.delete(TICKET_OBJECTS, object)?;
        }
        if let Some(row) = rows::get::<TicketRow>(ctx.txn, TICKETS, &ticket)? {
            let left = weighs(ctx.txn, row.to)?.saturating_sub(weight(objects.len()));
            match left {
                0 => ctx.txn.delete(WEIGHTS, &row.to.0)?,
                _ => rows::put(ctx.txn, WEIGHTS, &row.to.0, &left)?,
            }
        }
        ctx.txn.delete(TICKETS, &ticket)?;
        ctx.txn.delete(TICKET_ENDS, &key)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{KemSecret, SigningKey};
    use crate::identity::{Role, incept};
    use crate::peer::{Identity, Peer};
    use crate::store::Memory;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    const READER: PartyId = PartyId([1; 32]);

    fn holder() -> Peer {
        let [institution, next, node] = [1, 2, 3].map(|seed| SigningKey::from_seed(&[seed; 32]));
        let (log, kem) = (incept(&institution, &next.public()), KemSecret::from_seed([4; 32]));
        let name = "Cedar".to_owned();
        Peer::new(Identity { role: Role::Backup, name, log, institution, kem, node }).unwrap()
    }

    /// [QUO-4]
    #[test]
    fn whoever_reads_without_end_fills_no_table_with_tickets() {
        let (peer, mut store) = (holder(), Memory::default());
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let almost = limits::TICKETS_WEIGHT_MAX - 12;
        rows::put(&mut store, WEIGHTS, &READER.0, &almost).unwrap();
        let three = || [1, 1, 2, 3].map(|byte| ObjectId([byte; 32]));
        let mut ctx = peer.context(Timestamp(1), &mut store, &mut rng, None);
        assert!(issue_ticket(&mut ctx, READER, three(), None).is_ok(), "11 of 12");
        assert!(issue_ticket(&mut ctx, READER, [], None).is_err());
        assert!(issue_ticket(&mut ctx, PartyId([2; 32]), three(), None).is_ok(), "another");
        // The next day it reads on.
        let tomorrow = Timestamp(2 + limits::TICKET_MS);
        let mut ctx = peer.context(tomorrow, &mut store, &mut rng, None);
        tick(&mut ctx).unwrap();
        assert_eq!(weighs(&store, READER).unwrap(), almost);
        assert_eq!(store.get(WEIGHTS, &[2; 32]).unwrap(), None);
        let mut ctx = peer.context(tomorrow, &mut store, &mut rng, None);
        assert!(issue_ticket(&mut ctx, READER, three(), None).is_ok());
    }
}
