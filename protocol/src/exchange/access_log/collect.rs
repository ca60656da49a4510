//! The patient obtains what holders logged.

use super::chain::{self, Head, Line, verify_chain};
use super::collected::{COLLECTED, COLLECTED_HEADS, CollectedRow, ask};
use super::countersign;
use super::reasons::Reason;
use super::view::{LineView, LogView};
use super::wire::{LinesAnswer, LinesRequest, is_the_holders};
use crate::codec::{Bytes, Wire};
use crate::contacts;
use crate::directory;
use crate::id::PartyId;
use crate::limits;
use crate::members;
use crate::patients;
use crate::refusal::{Handled, Refusal, refuse};
use crate::rows;
use crate::store::ReadTxn;
use crate::turn::{Context, Page, Part, Sender};

/// At a relay: asks every holder that a patient deals with.
pub(super) fn collect(ctx: &mut Context<'_>, patient: PartyId) -> Handled<()> {
    patients::patient(ctx.txn, patient)?;
    for holder in contacts::contacts(ctx.txn, patient)? {
        ask(ctx, patient, holder)?;
    }
    Ok(())
}

/// At a holder: the patient's relay asks for lines.
pub(super) fn asked(
    ctx: &mut Context<'_>,
    sender: &Sender,
    request: &LinesRequest,
) -> Handled<Bytes> {
    if directory::relay_of(ctx.txn, request.patient)? != Some(sender.institution) {
        return refuse(Reason::NotTheRelay);
    }
    let mut lines = chain::lines(ctx.txn, request.patient, request.after, limits::LOG_PAGE_MAX)?;
    let head = chain::head(ctx.own, ctx.txn, ctx.now, request.patient)?.to_unverified();
    let mut bytes = 0;
    let fit = lines.iter().take_while(|line| {
        bytes += line.to_bytes().len();
        bytes <= limits::REQUEST_BYTES_MAX
    });
    lines.truncate(fit.count());
    Ok(Bytes(LinesAnswer { lines, head }.to_bytes()))
}

/// A holder has told its lines.
pub(super) fn told(
    ctx: &mut Context<'_>,
    holder: PartyId,
    request: &LinesRequest,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    let Ok(bytes) = result else { return Ok(()) };
    let Ok(answer) = LinesAnswer::from_bytes(&bytes.0, limits::RESPONSE_BYTES_MAX) else {
        return refuse(Reason::Malformed);
    };
    let patient = request.patient;
    let key = rows::pair(&patient.0, &holder.0);
    let claims = answer.head.claims();
    let keys = directory::keys(ctx.txn, holder)?;
    if claims.patient != patient || !keys.is_some_and(|keys| is_the_holders(&answer.head, &keys)) {
        return refuse(Reason::NotTheHolders);
    }
    let known = rows::get::<CollectedRow>(ctx.txn, COLLECTED_HEADS, &key)?;
    let (seq, hash) = known.as_ref().map_or((0, [0; 32]), |row| (row.seq, row.hash));
    if seq != request.after {
        return Ok(());
    }
    let whole = answer.lines.last().map_or(seq, |line| line.seq) == claims.seq;
    let end = answer.lines.last().map_or((seq, hash), |line| (line.seq, line.hash()));
    let reached = Head { seq: end.0, hash: end.1, ..claims.clone() };
    let judged = verify_chain((seq, hash), &answer.lines, if whole { claims } else { &reached });
    let problem = judged.err().map(Refusal::from);
    if problem.is_none() {
        for line in &answer.lines {
            rows::put(ctx.txn, COLLECTED, &[&key[..], &line.seq.to_be_bytes()].concat(), line)?;
        }
    }
    let (seq, hash) = if problem.is_none() { end } else { (seq, hash) };
    let goes_on = problem.is_none() && !whole && !answer.lines.is_empty();
    rows::put(
        ctx.txn,
        COLLECTED_HEADS,
        &key,
        &CollectedRow { seq, hash, head: answer.head, problem },
    )?;
    if goes_on {
        ask(ctx, patient, holder)?;
    }
    Ok(())
}

/// What was collected about a patient.
pub(crate) fn collected(txn: &(impl ReadTxn + ?Sized), patient: PartyId) -> Handled<Vec<LogView>> {
    let mut views = Vec::new();
    for (key, row) in rows::all::<CollectedRow>(txn, COLLECTED_HEADS, &patient.0)? {
        let holder = PartyId(rows::tail(COLLECTED_HEADS, &key)?);
        let head = row.head.claims();
        let holder_name = members::name(txn, holder)?;
        let shown = countersign::views(txn, patient, holder)?;
        let contradicted = shown.iter().find(|shown| shown.agrees == Some(false));
        let problem = row.problem.or_else(|| {
            contradicted.map(|shown| {
                Reason::Contradicted { holder, reader: shown.reader, line: shown.seq }.into()
            })
        });
        views.push(LogView {
            holder,
            holder_name,
            subject: patient,
            lines: Vec::new(),
            next: None,
            length: head.seq,
            at: head.at,
            verified: problem.is_none() && row.seq == head.seq,
            problem,
            shown,
        });
    }
    Ok(views)
}

/// A page of the lines that were collected from a holder.
pub(super) fn collected_lines(
    txn: &dyn ReadTxn,
    patient: PartyId,
    holder: PartyId,
    part: &Part,
) -> Handled<Page<LineView>> {
    let log = rows::pair(&patient.0, &holder.0);
    let page = part.rows(txn, COLLECTED, &log, log.len() + size_of::<u64>())?;
    page.show(|(_, line)| named(txn, line).map(Some))
}

/// A line with the names of institutions.
pub(super) fn named(txn: &(impl ReadTxn + ?Sized), line: Line) -> Handled<LineView> {
    let through = line.through.iter().flatten();
    let through_names = through.map(|party| members::name(txn, *party));
    Ok(LineView {
        by_name: members::name(txn, line.by)?,
        through_names: through_names.collect::<Result<_, _>>()?,
        line,
    })
}
