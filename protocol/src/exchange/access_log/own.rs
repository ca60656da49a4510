//! The log that is kept here.

use super::chain::{Line, head, lines_page, verify_chain};
use super::collect::named;
use super::view::LogView;
use crate::id::PartyId;
use crate::refusal::{Handled, Refusal};
use crate::store::ReadTxn;
use crate::time::Timestamp;
use crate::turn::{Own, Part};

/// A page of the log kept here about a patient, with its signed head.
pub(super) fn own_log(
    own: &Own,
    txn: &dyn ReadTxn,
    now: Timestamp,
    subject: PartyId,
    part: &Part,
) -> Handled<LogView> {
    let page = lines_page(txn, subject, part)?;
    let signed = head(own, txn, now, subject)?;
    let begin = page.items.first().map_or((0, [0; 32]), |line| (line.seq - 1, line.before));
    let judged = verify_chain(begin, &page.items, &signed);
    // Before the end, lines can only lead to a later one.
    let problem = judged.err().filter(|_| page.next.is_none()).map(Refusal::from);
    let page = page.show(|line: Line| named(txn, line).map(Some))?;
    Ok(LogView {
        holder: own.party(),
        holder_name: own.name().to_owned(),
        subject,
        lines: page.items,
        next: page.next,
        length: signed.seq,
        at: signed.at,
        verified: problem.is_none(),
        problem,
        shown: Vec::new(),
    })
}
