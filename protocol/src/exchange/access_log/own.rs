//! The log that is kept here.

use super::chain::{head, length, lines_page, verify_chain};
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
    let begin = page.items.first().map(|(volume, line)| line.continues(*volume));
    let lines: Vec<_> = page.items.iter().map(|(_, line)| line.clone()).collect();
    let judged = verify_chain(begin.unwrap_or_default(), &lines, &signed);
    // Before the end, lines can only lead to a later one.
    let problem = judged.err().filter(|_| page.next.is_none()).map(Refusal::from);
    let page = page.show(|(volume, line)| named(txn, volume, line, false).map(Some))?;
    Ok(LogView {
        holder: own.party(),
        holder_name: own.name().to_owned(),
        subject,
        lines: page.items,
        next: page.next,
        length: length(txn, subject)?,
        at: signed.at,
        verified: problem.is_none(),
        problem,
        shown: Vec::new(),
        put_back: Vec::new(),
    })
}
