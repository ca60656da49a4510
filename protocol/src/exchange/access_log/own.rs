//! The log that is kept here.

use super::chain::{head, lines, verify_chain};
use super::collect::named;
use super::view::LogView;
use crate::id::PartyId;
use crate::limits;
use crate::refusal::{Handled, Refusal};
use crate::store::ReadTxn;
use crate::time::Timestamp;
use crate::turn::Own;

/// A page of the log kept here about a patient, with its signed head.
pub(crate) fn own_log(
    own: &Own,
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
    subject: PartyId,
    after: u64,
) -> Handled<LogView> {
    let page = lines(txn, subject, after, limits::LOG_PAGE_MAX)?;
    let signed = head(own, txn, now, subject)?;
    let whole = page.last().map_or(after, |line| line.seq) == signed.seq;
    let before = page.first().map_or([0; 32], |line| line.before);
    let judged = verify_chain((after, before), &page, &signed);
    let problem = judged.err().filter(|_| whole).map(Refusal::from);
    Ok(LogView {
        holder: own.party(),
        holder_name: own.name().to_owned(),
        subject,
        lines: named(txn, page)?,
        length: signed.seq,
        at: signed.at,
        verified: problem.is_none(),
        problem,
        shown: Vec::new(),
    })
}
