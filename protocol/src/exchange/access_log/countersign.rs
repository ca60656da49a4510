//! Heads that readers were shown, in the hands of the patient's relay.
//!
//! ```text
//!  holder ──answer + signed head (line 4)──> reader ──countersigned──> the patient's relay
//!    └──────────── lines 1 to 9 + signed head, when collected ───────────────┘
//!                       is line 4 of these the one that the reader was shown?
//! ```
//!
//! A holder that takes out the line of a read and chains the rest anew, that cuts its log, or that
//! shows every reader another one, has signed a head that its log does not lead to. Heads and lines
//! are compared whenever they are looked at, so it does not matter which of them comes first.

use super::chain::{Head, Line};
use super::collected::{self, COLLECTED, COLLECTED_HEADS, CollectedRow};
use super::reasons::Reason;
use super::view::ShownView;
use super::wire::{Countersigned, Message, Shown, is_the_holders};
use crate::codec::Bytes;
use crate::contacts;
use crate::directory;
use crate::id::PartyId;
use crate::limits;
use crate::members;
use crate::outbox;
use crate::patients;
use crate::refusal::{Failure, Handled, refuse};
use crate::rows;
use crate::statement::{Signed, Unverified};
use crate::store::{ReadTxn, StoreError, Table};
use crate::turn::{Context, Sender};

/// Patient, holder, volume, number, hash -> [`Head`]: what this institution was shown as a reader.
const SHOWN: Table = Table::rows("log_shown");
/// Patient, holder, reader, volume, number, hash -> [`Countersigned`]: what readers told this relay.
const COUNTERSIGNED: Table = Table::rows("log_countersigned");

fn log_key(patient: PartyId, holder: PartyId) -> Vec<u8> {
    rows::pair(&patient.0, &holder.0)
}

/// Two heads of one place are two heads.
fn place(head: &Head) -> Vec<u8> {
    rows::pair(&head.place().key(), &head.hash)
}

/// At a reader: keeps a head that a holder showed with an answer, and tells the patient's relay.
pub(crate) fn countersign(
    ctx: &mut Context<'_>,
    holder: PartyId,
    patient: PartyId,
    head: &Unverified<Head>,
) -> Handled<()> {
    let claims = head.claims();
    let keys = directory::keys(ctx.txn, holder)?;
    if claims.patient != patient || !keys.is_some_and(|keys| is_the_holders(head, &keys)) {
        return refuse(Reason::NotTheHolders);
    }
    keep_shown(ctx, head)?;
    let Some(relay) = directory::relay_of(ctx.txn, patient)? else { return Ok(()) };
    let me = ctx.own.party();
    // A relay that is away hears of so many; heads must not crowd out what waits for an answer.
    if relay != me && outbox::depth(ctx.txn, relay)? >= limits::COUNTERSIGNED_MAX {
        return Ok(());
    }
    let countersigned =
        Countersigned { reader: me, key: ctx.own.key_number(), head: head.clone(), at: ctx.now };
    let signed = Signed::sign(countersigned, ctx.own.institution_key());
    if relay == me {
        // The patient's own reading: no room left must not keep the patient from it.
        return match keep_told(ctx, signed) {
            Ok(()) | Err(Failure::Refused(_)) => Ok(()),
            Err(error) => Err(error),
        };
    }
    let shown = Message::Shown(Shown { head: signed.to_unverified() });
    Ok(ctx.send_if_room(relay, &shown)?)
}

/// The newest heads, as many as a relay would keep of them.
fn keep_shown(ctx: &mut Context<'_>, head: &Unverified<Head>) -> Handled<()> {
    let claims = head.claims();
    let log = log_key(claims.patient, claims.holder);
    rows::put(ctx.txn, SHOWN, &rows::pair(&log, &place(claims)), head)?;
    let limit = limits::COUNTERSIGNED_MAX + 1;
    let kept = rows::scan::<Unverified<Head>>(ctx.txn, SHOWN, &log, None, limit)?;
    if kept.len() == limit {
        ctx.txn.delete(SHOWN, &kept[0].0)?;
    }
    Ok(())
}

/// At the relay: a reader tells what head it was shown.
pub(super) fn shown(ctx: &mut Context<'_>, sender: &Sender, shown: Shown) -> Handled<Bytes> {
    let head = shown.head.claims().head.claims().clone();
    if !patients::serves(ctx.txn, head.patient)? {
        return refuse(patients::Reason::NotServed);
    }
    if !contacts::is_contact(ctx.txn, head.patient, sender.institution)? {
        return refuse(patients::Reason::NoDealings);
    }
    let Some(holder) = directory::keys(ctx.txn, head.holder)? else {
        return refuse(Reason::HolderUnknown);
    };
    let countersigned = shown.head.certify(&sender.keys, &holder)?;
    keep_told(ctx, countersigned)?;
    Ok(Bytes::default())
}

/// At the relay: keeps a head for comparing it with the log.
fn keep_told(ctx: &mut Context<'_>, countersigned: Signed<Countersigned>) -> Handled<()> {
    let head = countersigned.head.claims();
    // Room of its own for each reader: a holder and a reader of its choice crowd out nobody else's heads.
    let log = log_key(head.patient, head.holder);
    let of_reader = rows::pair(&log, &countersigned.reader.0);
    let key = rows::pair(&of_reader, &place(head));
    if ctx.txn.get(COUNTERSIGNED, &key)?.is_none() {
        make_room(ctx, head, &of_reader)?;
    }
    Ok(rows::put(ctx.txn, COUNTERSIGNED, &key, &countersigned.to_unverified())?)
}

/// Heads that the log was found to lead to have done their work; what contradicts it, or is not judged
/// yet, never makes room. When half of the room is taken, it is time to look at the log.
fn make_room(ctx: &mut Context<'_>, head: &Head, of_reader: &[u8]) -> Handled<()> {
    let kept = rows::all::<Unverified<Countersigned>>(ctx.txn, COUNTERSIGNED, of_reader)?;
    // A holder that takes nothing must not keep readers' heads away.
    if kept.len() + 1 == limits::COUNTERSIGNED_MAX / 2 && outbox::has_room(ctx.txn, head.holder)? {
        collected::ask(ctx, head.patient, head.holder)?;
    }
    if kept.len() < limits::COUNTERSIGNED_MAX {
        return Ok(());
    }
    for (key, countersigned) in kept {
        if compare(ctx.txn, countersigned.claims().head.claims())? == Found::There {
            return Ok(ctx.txn.delete(COUNTERSIGNED, &key)?);
        }
    }
    refuse(Reason::TooManyHeads)
}

/// What the log that was collected says of a head.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// It leads to it.
    There,
    /// It has another line there, or none.
    Contradicted,
    /// The holder lost it by its own word, before it was collected.
    Lost,
    /// That cannot be told yet.
    Waits,
}

fn compare(txn: &(impl ReadTxn + ?Sized), head: &Head) -> Result<Found, StoreError> {
    let judge = |leads| if leads { Found::There } else { Found::Contradicted };
    let log = log_key(head.patient, head.holder);
    let Some(row) = rows::get::<CollectedRow>(txn, COLLECTED_HEADS, &log)? else {
        return Ok(Found::Waits);
    };
    if head.seq == 0 {
        return Ok(judge(head.hash == [0; 32]));
    }
    let key = rows::pair(&log, &head.place().key());
    if let Some(line) = rows::get::<Line>(txn, COLLECTED, &key)? {
        return Ok(judge(line.hash() == head.hash));
    }
    let told = row.head.claims();
    // Nothing more is added to a volume once another has begun: what lies behind the last line that was collected of it is
    // gone, as the holder says.
    if head.volume < row.place.volume || (head.volume < told.volume && row.is_whole()) {
        return Ok(Found::Lost);
    }
    // Shorter than it was: but only by the holder's own word, given later, on how long it is. Both times
    // are of its clock, and within one millisecond nothing is known of their order.
    Ok(if row.is_whole() && told.at > head.at { Found::Contradicted } else { Found::Waits })
}

/// Heads of one holder's log that readers were shown, and whether the log leads to them.
pub(super) fn views(
    txn: &(impl ReadTxn + ?Sized),
    patient: PartyId,
    holder: PartyId,
) -> Result<Vec<ShownView>, StoreError> {
    let view = |(_, countersigned): (Vec<u8>, Unverified<Countersigned>)| {
        let claims = countersigned.claims();
        let head = claims.head.claims();
        let found = compare(txn, head)?;
        Ok(ShownView {
            reader: claims.reader,
            reader_name: members::name(txn, claims.reader)?,
            volume: head.volume,
            seq: head.seq,
            at: claims.at,
            agrees: match found {
                Found::There => Some(true),
                Found::Contradicted => Some(false),
                Found::Lost | Found::Waits => None,
            },
            lost: found == Found::Lost,
        })
    };
    rows::all(txn, COUNTERSIGNED, &log_key(patient, holder))?.into_iter().map(view).collect()
}
