//! Who may pull what, and until when.

use super::reasons::Reason;
use crate::capability::{GrantedSummary, Keys};
use crate::codec::{Bytes, wire_struct};
use crate::directory;
use crate::id::{NodeId, ObjectId, PartyId, TicketId};
use crate::limits;
use crate::members;
use crate::permission;
use crate::refusal::{Handled, refuse};
use crate::rows;
use crate::store::{ReadTxn, Table};
use crate::time::Timestamp;
use crate::turn::Context;

/// Ticket -> [`TicketRow`].
const TICKETS: Table = Table("ticket");
/// End of validity, ticket -> nothing: which tickets to forget next.
const TICKET_ENDS: Table = Table("ticket_end");
/// Ticket, object -> nothing.
const TICKET_OBJECTS: Table = Table("ticket_object");

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

/// Gives `to` a ticket for pulling `objects`.
pub(crate) fn issue_ticket(
    ctx: &mut Context<'_>,
    to: PartyId,
    objects: impl IntoIterator<Item = ObjectId>,
    granted: Option<GrantedSummary>,
) -> Handled<TicketId> {
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
        let institutions = |party| permission::issuer(txn, party);
        let keys = Keys { patient: &keys, institutions: &institutions };
        if let Err(reason) = granted.recheck(now, &revocations, &keys) {
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
        for (object, _) in rows::all::<Bytes>(ctx.txn, TICKET_OBJECTS, &ticket)? {
            ctx.txn.delete(TICKET_OBJECTS, &object)?;
        }
        ctx.txn.delete(TICKETS, &ticket)?;
        ctx.txn.delete(TICKET_ENDS, &key)?;
    }
    Ok(())
}
