//! An enrolment is undone at the desk: the chart was another person's. What this institution recorded in it leaves the record
//! of the patient who had enrolled, and is sealed anew, under new ids and new keys, in the chart.
//!
//! ```text
//!  undo ──> the chart has its own subject again; its entries come back from the patient's record, who is told (misfiled)
//!       ──> to be sealed anew: each entry, those first that add to no other of them
//!  anew ──> a new entry in the place of each; the old one goes
//! ```
//!
//! The ids and keys that others had open nothing that comes after, and name nothing in the chart.

use super::machine::relabel;
use super::misfiled::say;
use super::reasons::Reason;
use super::view::UndoneView;
use crate::access_log::{self, Action};
use crate::entries::{
    self, ContentKey, Draft, Label, SealedContent, SealedEntry, Sealer, Sealing, chart, chart_for,
    keep, learn_holder, move_away, open_own, put_chart, subject_of_chart,
};
use crate::holdings::{self, ContentRef};
use crate::id::{ChartId, CompartmentId, EntryId, PartyId};
use crate::identity::Role;
use crate::limits;
use crate::misfiled::{self, AnewRow, Misfiled, MisfiledRow};
use crate::names;
use crate::refusal::{Failure, Handled, refuse};
use crate::store::ReadTxn;
use crate::time::Timestamp;
use crate::turn::{Context, Notice, Own};
use rand_core::CryptoRng;
use std::collections::{BTreeMap, BTreeSet};

/// Undoes the enrolment in a chart. Once more, it tells how much is still to be sealed anew.
pub(super) fn undo(
    ctx: &mut Context<'_>,
    id: ChartId,
    user: &str,
    although_lost: bool,
) -> Handled<UndoneView> {
    ctx.own.require(Role::Hospital)?;
    if !names::can_be_named(user) {
        return refuse(Reason::UserOutOfBounds);
    }
    let mut row = chart(ctx.txn, id)?;
    let own = subject_of_chart(id);
    let patient = row.subject;
    let leaving =
        if row.enrolled { leaving(ctx, patient, although_lost)? } else { Leaving::default() };
    // A chart that came by a permission has nothing of ours; one that came back from a provider has.
    if !row.enrolled || (!row.registered && leaving.entries.is_empty()) {
        return match misfiled::left(ctx.txn, own)? {
            0 => refuse(Reason::NotEnrolled { chart: id }),
            left => Ok(UndoneView { subject: own, patient: None, taken_out: 0, stay: 0, left }),
        };
    }
    (row.subject, row.enrolled, row.registered) = (own, false, true);
    entries::leave_subject(ctx.txn, patient, id)?;
    entries::close_sessions(ctx.txn, patient)?;
    put_chart(ctx.txn, id, &row)?;
    // What others recorded is of the patient who had enrolled, and stays in a chart of its own; and so does the log, which says who
    // had read by now.
    chart_for(ctx, patient)?;

    let me = ctx.own.party();
    let entries: Vec<EntryId> = leaving.entries.iter().map(|(entry, ..)| *entry).collect();
    if !entries.is_empty() {
        ctx.notify_now(Notice::Misfiled { subject: patient, entries: entries.clone() })?;
    }
    let (mut by_compartment, mut before) = (BTreeMap::<_, Taken>::new(), Taken::default());
    for (entry, label) in leaving.entries {
        by_compartment.entry(label.compartment()).or_default().take(ctx, (patient, &label))?;
        // Whoever keeps it as of before the enrolment keeps it under an id and a key that others had since.
        before.take(ctx, (own, &label))?;
        take_back(ctx, (patient, own), entry)?;
        let left = MisfiledRow { author: me, at: ctx.now, recorded: label.recorded };
        misfiled::put(ctx.txn, (patient, entry), &left)?;
        misfiled::to_seal(ctx.txn, own, entry)?;
    }
    for (compartment, taken) in by_compartment {
        say_all(ctx, (patient, compartment), taken)?;
    }
    if !before.holders.is_empty() {
        say_all(ctx, (own, None), before)?;
    }
    for subject in [patient, own] {
        let mut line = access_log::Draft::new(subject, Action::Misfiled, me);
        (line.user, line.entries) = (Some(user.to_owned()), entries.clone());
        access_log::append(ctx, line)?;
    }
    ctx.notify(Notice::Unenrolled { patient });
    let (taken_out, stay) = (entries.len(), leaving.stay);
    Ok(UndoneView { subject: own, patient: Some(patient), taken_out, stay, left: taken_out })
}

/// What leaves a patient's record.
#[derive(Default)]
struct Leaving {
    entries: Vec<(EntryId, Label)>,
    /// How many stay.
    stay: usize,
}

/// What we made and can open leaves. What is not here whole may be at a holder that is about to delete it.
fn leaving(ctx: &Context<'_>, patient: PartyId, although_lost: bool) -> Handled<Leaving> {
    let mut leaving = Leaving::default();
    for found in entries::entries(ctx.txn, patient)? {
        let ours = found.row.label.claims().author == ctx.own.party() && found.index.is_some();
        let opens = ours && opens(ctx.own, ctx.txn, patient, found.entry)?;
        if opens && !found.row.whole && !although_lost {
            return refuse(Reason::LostHere { entry: found.entry });
        }
        match opens {
            true => leaving.entries.push((found.entry, found.row.label.claims().clone())),
            false => leaving.stay += 1,
        }
    }
    Ok(leaving)
}

fn opens(
    own: &Own,
    txn: &(impl ReadTxn + ?Sized),
    subject: PartyId,
    entry: EntryId,
) -> Handled<bool> {
    match open_own(own, txn, subject, entry) {
        Ok(_) => Ok(true),
        Err(Failure::Refused(refusal)) => {
            tracing::error!(%entry, reason = refusal.name(), "an entry does not open, and stays where it is");
            Ok(false)
        }
        Err(fault) => Err(fault),
    }
}

/// An entry comes back into its chart. Of one that is not whole, what is here stays here.
fn take_back(
    ctx: &mut Context<'_>,
    (patient, own): (PartyId, PartyId),
    entry: EntryId,
) -> Handled<()> {
    let Some(row) = entries::entry(ctx.txn, patient, entry)? else { return Ok(()) };
    hold_what_is_here(ctx, own, entry, &row.contents)?;
    let mut sealer = Sealer::new(ctx.own, own, ctx.now);
    relabel(ctx, patient, &mut sealer, entry)?;
    Ok(())
}

fn hold_what_is_here(
    ctx: &mut Context<'_>,
    subject: PartyId,
    entry: EntryId,
    contents: &[ContentRef],
) -> Handled<()> {
    for content in contents {
        if holdings::here(ctx.txn, content.object)? {
            holdings::hold(ctx.txn, content.object, subject, entry, content.length)?;
        }
    }
    Ok(())
}

/// Entries that leave a record, and who else holds any of them.
#[derive(Default)]
struct Taken {
    salts: Vec<[u8; 16]>,
    holders: BTreeSet<PartyId>,
}

impl Taken {
    fn take(&mut self, ctx: &mut Context<'_>, of: (PartyId, &Label)) -> Handled<()> {
        let (subject, entry) = (of.0, of.1.entry());
        self.salts.push(of.1.salt);
        for holder in entries::holders(ctx.txn, subject, entry)? {
            entries::forget_holder(ctx.txn, subject, entry, holder)?;
            if holder != ctx.own.party() {
                self.holders.insert(holder);
            }
        }
        Ok(())
    }
}

fn say_all(
    ctx: &mut Context<'_>,
    (subject, compartment): (PartyId, Option<CompartmentId>),
    mut taken: Taken,
) -> Handled<()> {
    taken.salts.sort_unstable();
    for salts in taken.salts.chunks(limits::MISFILED_ENTRIES_MAX) {
        let said = Misfiled {
            author: ctx.own.party(),
            key: ctx.own.key_number(),
            subject,
            compartment,
            salts: salts.to_vec(),
            at: ctx.now,
        };
        say(ctx, said, &taken.holders)?;
    }
    Ok(())
}

/// An entry that is to be sealed anew: what it says, and the keys of its contents, for the node alone.
#[derive(Debug, Clone)]
pub struct ToSeal {
    /// The entry.
    pub entry: EntryId,
    /// When it was recorded, which stays.
    pub recorded: Timestamp,
    /// Its contents as they are now. Those that are not here cannot be sealed anew, and stay as they are.
    pub contents: Vec<ContentKey>,
    draft: Draft,
}

impl ToSeal {
    /// The entry as it is to be, with its contents sealed anew.
    #[must_use]
    pub fn with(self, contents: Vec<SealedContent>) -> (EntryId, Timestamp, Draft) {
        (self.entry, self.recorded, Draft { contents, ..self.draft })
    }
}

/// Up to so many entries of a chart that can be sealed anew now: they add to nothing that is still to be.
pub(crate) fn to_seal(
    own: &Own,
    txn: &dyn ReadTxn,
    subject: PartyId,
    most: usize,
) -> Handled<Vec<ToSeal>> {
    let mut found = Vec::new();
    for entry in misfiled::all_to_seal(txn, subject)? {
        if found.len() >= most {
            break;
        }
        let (row, manifest, _) = match open_own(own, txn, subject, entry) {
            Ok(opened) => opened,
            Err(Failure::Refused(_)) => continue,
            Err(fault) => return Err(fault),
        };
        let adds_to = match manifest.adds_to {
            Some(before) if misfiled::is_to_be_sealed(txn, subject, before)? => continue,
            // What adds to an entry of the patient who had enrolled adds to nothing in the chart.
            Some(before) => misfiled::sealed_anew(txn, subject, before)?,
            None => None,
        };
        let draft = Draft {
            kind: manifest.kind,
            title: manifest.title.clone(),
            effective: manifest.effective,
            user: manifest.user.clone(),
            terms: manifest.terms.clone(),
            adds_to,
            contents: Vec::new(),
        };
        let recorded = row.label.claims().recorded;
        found.push(ToSeal { entry, recorded, contents: manifest.contents.clone(), draft });
    }
    Ok(found)
}

/// Seals entries anew for a chart: the heavy part, for a pool.
pub(crate) fn seal_anew(
    own: &Own,
    subject: PartyId,
    drafts: Vec<(EntryId, Timestamp, Draft)>,
    rng: &mut dyn CryptoRng,
) -> Handled<Vec<(EntryId, SealedEntry)>> {
    let seal = |(entry, recorded, draft): (EntryId, Timestamp, Draft)| {
        let sealing = Sealing { own, subject, session: None, now: recorded };
        Ok((entry, entries::seal(draft, &sealing, rng)?))
    };
    drafts.into_iter().map(seal).collect()
}

/// Puts entries that were sealed anew in the place of the old ones. Where none could be, what is left does not open any more, and
/// stays as it is.
pub(super) fn anew(
    ctx: &mut Context<'_>,
    id: ChartId,
    sealed: Vec<(EntryId, SealedEntry)>,
) -> Handled<UndoneView> {
    let (row, own) = (chart(ctx.txn, id)?, subject_of_chart(id));
    if row.enrolled || row.subject != own {
        return refuse(Reason::EnrolledMeanwhile);
    }
    if sealed.is_empty() {
        for entry in misfiled::all_to_seal(ctx.txn, own)? {
            if !opens(ctx.own, ctx.txn, own, entry)? {
                misfiled::note_sealed(ctx.txn, own, entry, AnewRow { entry, at: ctx.now })?;
            }
        }
    }
    let mut recorded = Vec::new();
    for (old, sealed) in sealed {
        let Some(before) = entries::entry(ctx.txn, own, old)? else { continue };
        if !misfiled::is_to_be_sealed(ctx.txn, own, old)? || sealed.checked.label.subject != own {
            continue;
        }
        for small in &sealed.small {
            holdings::put_small(ctx.txn, small)?;
        }
        let entry = sealed.checked.label.entry();
        let opened = Some((&sealed.manifest, sealed.own_wrap));
        hold_what_is_here(ctx, own, entry, &sealed.checked.contents)?;
        keep(ctx, &sealed.checked, None, before.whole, opened)?;
        learn_holder(ctx.txn, own, entry, ctx.own.party())?;
        move_away(ctx, (own, old), &before)?;
        entries::forget_holder(ctx.txn, own, old, ctx.own.party())?;
        misfiled::note_sealed(ctx.txn, own, old, AnewRow { entry, at: ctx.now })?;
        recorded.push(entry);
    }
    if !recorded.is_empty() {
        let mut line = access_log::Draft::new(own, Action::Recorded, ctx.own.party());
        line.entries = recorded;
        access_log::append(ctx, line)?;
    }
    let left = misfiled::left(ctx.txn, own)?;
    Ok(UndoneView { subject: own, patient: None, taken_out: 0, stay: 0, left })
}
