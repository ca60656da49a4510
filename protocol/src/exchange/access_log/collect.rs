//! The patient obtains what holders logged.

use super::chain::{self, Line, LinePlace, LogEnd, LogError, follow};
use super::collected::{COLLECTED, COLLECTED_HEADS, CollectedRow, ask, earlier, keep, volumes};
use super::countersign;
use super::reasons::Reason;
use super::view::{LineView, LogView, PutBackLogView};
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
use crate::time::Timestamp;
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
    let log = rows::pair(&patient.0, &holder.0);
    let claims = answer.head.claims();
    let keys = directory::keys(ctx.txn, holder)?;
    if claims.patient != patient || !keys.is_some_and(|keys| is_the_holders(&answer.head, &keys)) {
        return refuse(Reason::NotTheHolders);
    }
    let known = rows::get::<CollectedRow>(ctx.txn, COLLECTED_HEADS, &log)?;
    if known.as_ref().map(CollectedRow::after).unwrap_or_default() != request.after {
        return Ok(());
    }
    let end = known.as_ref().map(CollectedRow::end).unwrap_or_default();
    let over = known.as_ref().is_some_and(|row| row.over.is_some());
    let lines = &answer.lines;
    let begins = lines.first().is_some_and(|line| line.begins.is_some());
    let (before, forked) = behind(ctx.txn, (holder, &log), end, lines)?;
    // An answer has room for so many lines; a volume without any does not tell how long the one before it is.
    let goes_on = |end: &LogEnd| !lines.is_empty() && claims.place() > end.place;
    let judged = match follow(before, lines) {
        Ok(_) if over && !lines.is_empty() && !begins => Err(LogError::Missing(1)),
        Ok(end) if !goes_on(&end) && !claims.ends_at(&end) => Err(LogError::WrongHead),
        judged => judged,
    };
    let (end, problem, over, asks) = match judged {
        Ok(reached) => {
            // What did not continue does not become right by a volume behind it.
            let stood = known.and_then(|row| row.problem).filter(|_| over);
            keep(ctx, &log, (before.place, lines), forked.or_else(|| stood.clone()))?;
            let over = over && !begins;
            let problem = stood.filter(|_| over);
            (reached, problem, over, goes_on(&reached))
        }
        Err(error) => {
            // It wrote other lines before it noticed that its store had been put back: where that leads is not asked.
            let forked = matches!(error, LogError::Missing(_) | LogError::Broken(_));
            let gives_up = forked && !begins && claims.volume > end.place.volume;
            (end, Some(error.into()), over || gives_up, gives_up && !over)
        }
    };
    let row = CollectedRow {
        place: end.place,
        hash: end.hash,
        head: answer.head.clone(),
        problem,
        over: over.then_some(true),
    };
    rows::put(ctx.txn, COLLECTED_HEADS, &log, &row)?;
    if asks {
        ask(ctx, patient, holder)?;
    }
    Ok(())
}

/// What lines are to continue: the last that was collected; or, where they begin a volume, the line that they name, and
/// what does not hold if that was not collected.
fn behind(
    txn: &(impl ReadTxn + ?Sized),
    (holder, log): (PartyId, &[u8]),
    end: LogEnd,
    lines: &[Line],
) -> Handled<(LogEnd, Option<Refusal>)> {
    let first = lines.first().and_then(|line| Some((line, line.begins?)));
    let Some((line, begins)) = first.filter(|(_, begins)| begins.volume > end.place.volume) else {
        return Ok((end, None));
    };
    let place = begins.after;
    let known = match place == LinePlace::default() {
        true => Some([0; 32]),
        false => rows::get::<Line>(txn, COLLECTED, &rows::pair(log, &place.key()))?
            .map(|line| line.hash()),
    };
    let forked = (known != Some(line.before))
        .then(|| Reason::PutBackElsewhere { holder, line: place.seq }.into());
    Ok((LogEnd { place, hash: line.before }, forked))
}

/// What was collected about a patient.
pub(crate) fn collected(txn: &(impl ReadTxn + ?Sized), patient: PartyId) -> Handled<Vec<LogView>> {
    let mut views = Vec::new();
    for (key, row) in rows::all::<CollectedRow>(txn, COLLECTED_HEADS, &patient.0)? {
        let holder = PartyId(rows::tail(COLLECTED_HEADS, &key)?);
        let head = row.head.claims();
        let holder_name = members::name(txn, holder)?;
        let shown = countersign::views(txn, patient, holder)?;
        let volumes = volumes(txn, &key)?;
        let contradicted = shown.iter().find(|shown| shown.agrees == Some(false));
        let whole = row.is_whole();
        let forked = volumes.iter().find_map(|(_, volume)| volume.problem.clone());
        let problem = row.problem.or(forked).or_else(|| {
            contradicted.map(|shown| {
                Reason::Contradicted { holder, reader: shown.reader, line: shown.seq }.into()
            })
        });
        let newest = if head.volume == row.place.volume { head.seq } else { row.place.seq };
        views.push(LogView {
            holder,
            holder_name,
            subject: patient,
            lines: Vec::new(),
            next: None,
            length: earlier(txn, &key, row.place.volume)?.saturating_add(newest),
            at: head.at,
            verified: problem.is_none() && whole,
            problem,
            shown,
            put_back: volumes.into_iter().map(PutBackLogView::from).collect(),
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
    let volumes = volumes(txn, &log)?;
    let page = part.rows(txn, COLLECTED, &log, log.len() + LinePlace::default().key().len())?;
    page.show(|(key, line)| {
        let place = LinePlace::of_key(COLLECTED, &key)?;
        let lost = volumes.iter().any(|(volume, row)| row.after < place && place.volume < *volume);
        named(txn, place.volume, line, lost).map(Some)
    })
}

/// A line with the names of institutions.
pub(super) fn named(
    txn: &(impl ReadTxn + ?Sized),
    volume: Timestamp,
    line: Line,
    lost: bool,
) -> Handled<LineView> {
    let through = line.through.iter().flatten();
    let through_names = through.map(|party| members::name(txn, *party));
    Ok(LineView {
        by_name: members::name(txn, line.by)?,
        through_names: through_names.collect::<Result<_, _>>()?,
        volume,
        lost,
        line,
    })
}
