//! Reading from a holder under a permission: both sides.

use super::compare;
use super::reasons::Reason;
use super::tables::{Obtained, fail, put_request, request};
use super::wire::{Message, ReadAnswer, ReadRequest, RequestState};
use crate::access_log::{self, Action};
use crate::capability::{GrantKeys, Granted, Operation, Read};
use crate::codec::{Bytes, Wire, wire_struct};
use crate::crypto::KemSecret;
use crate::directory;
use crate::entries::{self, Bundle, Checked, Manifest};
use crate::holdings::{self, PullFor, Transfer, TransferFor};
use crate::id::{ConsentId, EntryId, PartyId, TicketId};
use crate::identity::Role;
use crate::limits;
use crate::misfiled;
use crate::names;
use crate::object::DataKey;
use crate::outbox;
use crate::patients;
use crate::permission::{
    self, Judged, ReceivedRow, judge, known_received, received_for, revocations, through,
};
use crate::refusal::{Failure, Handled, Refusal, RefusalCode, refuse};
use crate::rows;
use crate::store::{StoreError, Table};
use crate::time::Timestamp;
use crate::turn::{Context, Sender};
use crate::wrap::{self, Wrap};
use std::collections::BTreeSet;

/// Request -> [`ProgressRow`]: what is still to come of a read.
const READS: Table = Table::rows("consent_read");

wire_struct! {
    /// How far a read has come.
    #[derive(Debug, Clone, Default)]
    pub struct ProgressRow {
        /// Pages asked for and not answered.
        1 => pages: u64,
        /// Objects on their way.
        2 => objects: u64,
        /// Entries obtained.
        3 => entries: u64,
        /// Entries that were not as they should be.
        4 => closed: u64,
        /// Why the first of these was not.
        5 => why: Option<Refusal>,
        /// Of when the holder's news of revocations was, if that was old.
        6 => news: Option<Timestamp>,
        /// Those of the entries obtained that were not here already, or not whole.
        7 => new: u64,
    }
}

/// At the reader: asks a holder with every permission received for the request.
pub(super) fn fetch(
    ctx: &mut Context<'_>,
    id: ConsentId,
    holder: Option<PartyId>,
    user: String,
) -> Handled<()> {
    ctx.own.require(Role::Hospital)?;
    if !names::can_be_named(&user) {
        return refuse(Reason::ReaderOutOfBounds);
    }
    let mut row = request(ctx.txn, id)?;
    let mut grants = received_for(ctx.txn, id)?;
    grants.retain(|grant| grant.grant.chain.leaf().claims().operations.contains(Operation::Read));
    // What has ended, as is known here, is not asked with while something goes on: a refusal of the one
    // would count for all. When nothing goes on, the holder says why.
    let mut live = Vec::new();
    for grant in &grants {
        let claims = grant.grant.chain.leaf().claims();
        let revoked = revocations(ctx.txn, claims.subject)?;
        let ended = claims.expires_at() <= ctx.now
            || grant.grant.chain.links().iter().any(|link| revoked.contains(link.claims().id));
        live.push(!ended);
    }
    if live.contains(&true) {
        let mut live = live.into_iter();
        grants.retain(|_| live.next() == Some(true));
    }
    let Some(first) = grants.first() else {
        return refuse(Reason::NothingToReadWith);
    };
    let me = ctx.own.party();
    let Some(holder) =
        holder.or_else(|| first.holders.iter().copied().find(|holder| *holder != me))
    else {
        return refuse(Reason::NoHolders);
    };
    begin(ctx, id)?;
    row.state = RequestState::Approved;
    (row.why, row.obtained) = (None, None);
    put_request(ctx.txn, id, &row)?;
    for grant in &grants {
        ask_page(ctx, id, grant, holder, &user, None)?;
    }
    Ok(())
}

/// A read begins: nothing of it has come.
pub(super) fn begin(ctx: &mut Context<'_>, id: ConsentId) -> Handled<()> {
    Ok(rows::put(ctx.txn, READS, &id.0, &ProgressRow::default())?)
}

/// Asks a holder for the entries of one permission, those after `after`.
pub(super) fn ask_page(
    ctx: &mut Context<'_>,
    id: ConsentId,
    received: &ReceivedRow,
    holder: PartyId,
    user: &str,
    after: Option<EntryId>,
) -> Handled<()> {
    let leaf = received.grant.chain.leaf();
    let patient = leaf.claims().subject;
    let Some(known) = directory::keys(ctx.txn, patient)? else {
        return refuse(directory::Reason::KeyLogMissing);
    };
    let mut issuers = Vec::new();
    for party in through(&received.grant.chain) {
        issuers.extend(directory::keys(ctx.txn, party)?.map(|keys| keys.log().clone()));
    }
    let message = ReadRequest {
        request: id,
        patient,
        chain: received.grant.chain.clone(),
        log: known.log().clone(),
        news: permission::news(ctx, patient, ctx.own.party())?,
        user: user.to_owned(),
        purpose: leaf.claims().purpose,
        after,
        issuers,
    };
    let proof_of = leaf.id();
    let signed = received.grant.chain.first().claims().issued_at();
    let news = revocations(ctx.txn, patient)?.issued.max(signed);
    permission::want_news(ctx, &received.grant.chain, news);
    outbox::push(ctx, holder, &Message::Read(message), Some(proof_of))?;
    progress(ctx, id, |row| row.pages += 1)?;
    Ok(())
}

fn progress(
    ctx: &mut Context<'_>,
    id: ConsentId,
    change: impl FnOnce(&mut ProgressRow),
) -> Handled<ProgressRow> {
    let mut row = rows::get::<ProgressRow>(ctx.txn, READS, &id.0)?.unwrap_or_default();
    change(&mut row);
    rows::put(ctx.txn, READS, &id.0, &row)?;
    Ok(row)
}

/// One entry is not as it should be.
fn spoilt(ctx: &mut Context<'_>, id: ConsentId, refusal: Refusal) -> Handled<()> {
    progress(ctx, id, |row| {
        row.closed += 1;
        row.why.get_or_insert(refusal);
    })?;
    Ok(())
}

/// At the holder: hands out a page of sealed entries, after judging the permission and logging it.
pub(super) fn serve(ctx: &mut Context<'_>, sender: &Sender, read: ReadRequest) -> Handled<Bytes> {
    let known_here = directory::keys(ctx.txn, read.patient)?.is_some();
    if !names::can_be_named(&read.user) {
        return refuse(Reason::ForNobody);
    }
    let through = through(&read.chain);
    let granted: Granted<Read> = judge(
        ctx,
        sender,
        Judged {
            patient: read.patient,
            chain: read.chain,
            log: read.log,
            issuers: read.issuers,
            news: read.news,
            purpose: Some(read.purpose),
            targets: &[],
            bytes: 0,
            used: &|_| 0,
            user: Some(read.user.clone()),
            refused_as: Action::ReadRefused,
        },
    )?;
    // Told only now: before, it would tell anybody whose record is kept here.
    if !known_here {
        return refuse(Reason::NothingCovered);
    }
    answer(ctx, sender, &granted, (read.user, through), read.after)
}

/// Only reached with a proof that reading was granted.
fn answer(
    ctx: &mut Context<'_>,
    sender: &Sender,
    granted: &Granted<Read>,
    (user, through): (String, Vec<PartyId>),
    after: Option<EntryId>,
) -> Handled<Bytes> {
    let patient = granted.patient();
    let (mut bundles, mut entries, mut contents) = (Vec::new(), Vec::new(), Vec::new());
    let (mut authors, mut bytes, mut next) = (BTreeSet::new(), 0, None);
    let mut due = Due { after, page: Vec::new().into_iter(), more: true };
    while let Some(id) = due.next(ctx, granted)? {
        let Some(row) = entries::entry(ctx.txn, patient, id)? else { continue };
        let label = row.label.claims();
        let target = label.target();
        if !row.whole || !granted.covers(target.entry, target.compartment) {
            continue;
        }
        let Some(whole) = entries::whole(ctx.txn, &row)? else { continue };
        let bundle = whole.to_bundle();
        let size = bundle.to_bytes().len();
        if bundles.len() == limits::PAGE_ENTRIES_MAX || bytes + size > limits::PAGE_BYTES_MAX {
            next = entries.last().copied();
            break;
        }
        bytes += size;
        authors.insert(label.author);
        contents.extend(row.contents.iter().map(|content| content.object));
        entries.push(id);
        bundles.push(bundle);
    }
    access_log::append(
        ctx,
        access_log::Draft {
            user: Some(user),
            purpose: Some(granted.purpose()),
            entries,
            token: granted.accounts().last(),
            through,
            news: granted.summary().old_news(ctx.now),
            ..access_log::Draft::new(patient, Action::Read, sender.institution)
        },
    )?;
    let ticket =
        holdings::issue_ticket(ctx, sender.institution, contents, Some(granted.summary().clone()))?;
    let mut introductions = Vec::new();
    for author in authors {
        introductions.extend(directory::introduction(ctx.txn, author)?);
    }
    let log_head = access_log::head(ctx.own, ctx.txn, ctx.now, patient)?.to_unverified();
    let news = granted.summary().old_news(ctx.now);
    let answer = ReadAnswer { bundles, ticket, next, authors: introductions, log_head, news };
    Ok(Bytes(answer.to_bytes()))
}

/// The entries that a permission covers and that are still to be sent, in order.
struct Due {
    after: Option<EntryId>,
    page: std::vec::IntoIter<EntryId>,
    more: bool,
}

impl Due {
    fn next(
        &mut self,
        ctx: &Context<'_>,
        granted: &Granted<Read>,
    ) -> Result<Option<EntryId>, StoreError> {
        if self.page.len() == 0 && self.more {
            let page = entries::covered(ctx.txn, granted.patient(), granted.scope(), self.after)?;
            self.more = page.len() == limits::PAGE_ENTRIES_MAX;
            self.page = page.into_iter();
        }
        let next = self.page.next();
        self.after = next.or(self.after);
        Ok(next)
    }
}

/// At the reader: a page has come, or a refusal.
pub(super) fn answered(
    ctx: &mut Context<'_>,
    holder: PartyId,
    read: &ReadRequest,
    result: Result<Bytes, Refusal>,
) -> Handled<()> {
    let answer = match result {
        Ok(answer) => answer,
        Err(refusal) => return fail(ctx, read.request, &refusal),
    };
    let Ok(answer) = ReadAnswer::from_bytes(&answer.0, limits::RESPONSE_BYTES_MAX) else {
        let refusal = Refusal::from(Reason::AnswerMalformed);
        return fail(ctx, read.request, &refusal);
    };
    let leaf = read.chain.leaf().id();
    // At the patient's own relay nothing is opened: what comes stays sealed to the patient.
    let own = patients::serves(ctx.txn, read.patient)?;
    let known = known_received(ctx.txn, read.patient, read.chain.leaf().claims().id)?;
    let Some(grant) = known.filter(|row| row.grant.chain.leaf().id() == leaf) else {
        return Ok(());
    };
    let keys = ctx.own.open(|kem| grant.grant.open(kem))?;
    for introduction in answer.authors {
        let party = introduction.keys.party_unverified();
        if answer.bundles.iter().any(|bundle| bundle.label.claims().author == party) {
            directory::hear_of(ctx, introduction)?;
        }
    }
    access_log::countersign(ctx, holder, read.patient, &answer.log_head)?;
    compare::answering(ctx, read.request, holder)?;
    let given = Given { read, keys: &keys, holder, ticket: answer.ticket, own };
    // Pages only go forward, from one of their entries on, so that no holder keeps us asking.
    let last = answer.bundles.iter().map(|bundle| bundle.label.claims().entry()).max();
    let next = answer
        .next
        .filter(|next| Some(*next) == last && read.after.is_none_or(|after| *next > after));
    for bundle in answer.bundles {
        if progress(ctx, read.request, |_| ())?.entries >= limits::FETCH_ENTRIES_MAX {
            return refuse(Reason::TooManyEntries);
        }
        match take(ctx, &given, bundle) {
            // One that is not as it should be keeps none of the others away.
            Err(Failure::Refused(refusal)) => {
                tracing::warn!(holder = %holder.short(), reason = refusal.name(), "an entry was not taken");
                spoilt(ctx, read.request, refusal)?;
            }
            result => result?,
        }
    }
    if let Some(after) = next {
        ask_page(ctx, read.request, &grant, holder, &read.user, Some(after))?;
    }
    progress(ctx, read.request, |row| {
        row.pages = row.pages.saturating_sub(1);
        row.news = row.news.or(answer.news);
    })?;
    finish_if_done(ctx, read.request)
}

/// What a page of entries was given under.
struct Given<'a> {
    read: &'a ReadRequest,
    keys: &'a GrantKeys,
    holder: PartyId,
    ticket: TicketId,
    /// Whether the patient's own relay reads.
    own: bool,
}

/// Takes one entry that was sent. Refused is what is not as it should be: nothing is written of it.
fn take(ctx: &mut Context<'_>, given: &Given<'_>, bundle: Bundle) -> Handled<()> {
    let Some(author) = directory::keys(ctx.txn, bundle.label.claims().author)? else {
        return refuse(Reason::AuthorUnknown);
    };
    let checked = bundle.check(&author)?;
    let (subject, id) = (checked.label.subject, checked.label.entry());
    if subject != given.read.patient {
        return refuse(Reason::OfAnotherPatient);
    }
    // The holder has not heard that its author took it back.
    if misfiled::is_taken_back(ctx.txn, (subject, checked.label.author), id)? {
        return Ok(());
    }
    let scope = &given.read.chain.leaf().claims().scope;
    let opened = match opened(given.keys, &checked)? {
        Some(key) => Some(own_wrap(ctx, &checked, &key)?),
        None if given.own && scope.entries().contains(&id) => None,
        None => return Ok(()),
    };
    let known = entries::entry(ctx.txn, subject, id)?;
    entries::keepable(ctx.own, ctx.txn, &checked, known.as_ref())?;
    if !compare::admit(ctx, given.read.request, given.holder, &checked.label)? {
        return Ok(());
    }
    let here = known.is_some_and(|known| known.whole);
    obtain(ctx, given, &checked, opened, here)
}

/// Opens an entry's manifest and seals its key to this institution.
fn own_wrap(ctx: &mut Context<'_>, checked: &Checked, key: &DataKey) -> Handled<(Manifest, Wrap)> {
    let label = &checked.label;
    let manifest = Manifest::open(label, &checked.contents, &checked.manifest, key)?;
    let own = ctx.own.kem();
    let own_wrap = wrap::wrap(key.expose(), label.manifest, label.subject, &own, ctx.rng)?;
    Ok((manifest, own_wrap))
}

/// Opens an entry with its own key, or with that of its compartment; none where neither was permitted. A compartment's public half is no
/// secret: any holder can make an institution up, have it sign an entry, and seal that to the compartment. Whether it belongs to the
/// record is the patient's to say ([`crate::record::EntryStanding`]). What the wrap gives is only ever the manifest's true key, since sealed
/// objects commit to theirs.
fn opened(keys: &GrantKeys, checked: &Checked) -> Handled<Option<DataKey>> {
    let label = &checked.label;
    if let Ok(at) = keys.entries.binary_search_by_key(&label.entry(), |(entry, _)| *entry) {
        return Ok(Some(DataKey::from_bytes(*keys.entries[at].1)));
    }
    let Some(compartment) = label.compartment else { return Ok(None) };
    let Ok(at) = keys.compartments.binary_search_by_key(&compartment, |(id, _)| *id) else {
        return Ok(None);
    };
    let secret = KemSecret::from_seed(*keys.compartments[at].1);
    let key = checked
        .wrap
        .as_ref()
        .and_then(|wrap| wrap::unwrap(wrap, label.manifest, label.subject, &secret).ok())
        .map(|key| DataKey::from_bytes(*key));
    match key {
        Some(key) => Ok(Some(key)),
        None => refuse(Reason::DoesNotUnwrap),
    }
}

/// Keeps one entry that was sent and starts pulling what it needs.
fn obtain(
    ctx: &mut Context<'_>,
    given: &Given<'_>,
    checked: &Checked,
    opened: Option<(Manifest, Wrap)>,
    here: bool,
) -> Handled<()> {
    let (id, holder) = (given.read.request, given.holder);
    let (patient, entry) = (checked.label.subject, checked.label.entry());
    let opened = opened.as_ref().map(|(manifest, wrap)| (manifest, wrap.clone()));
    entries::keep(ctx, checked, Some(holder), false, opened)?;
    entries::learn_holder(ctx.txn, patient, entry, holder)?;
    let purpose = PullFor { id: id.0, owner: patient, subject: patient, entry };
    let missing = holdings::pull_missing(
        ctx,
        &checked.contents,
        holder,
        given.ticket,
        &TransferFor::Read(purpose),
    )?;
    progress(ctx, id, |row| {
        row.objects += missing;
        row.entries += 1;
        row.new += u64::from(!here || missing > 0);
    })?;
    if missing == 0 {
        entries::complete(ctx, patient, entry)?;
    }
    Ok(())
}

/// A content object has come, or was refused for good.
pub(crate) fn pulled(
    ctx: &mut Context<'_>,
    transfer: &Transfer,
    pull: &PullFor,
    result: Result<(), Refusal>,
) -> Handled<()> {
    let id = ConsentId(pull.id);
    if let Err(refusal) = result {
        let others = holdings::cancel(ctx, &transfer.purpose)?;
        // What one object is spoils one entry. That the holder gives nothing more ends all.
        if !matches!(refusal.code, RefusalCode::NotFound | RefusalCode::NotAuthentic) {
            return fail(ctx, id, &refusal);
        }
        progress(ctx, id, |row| {
            row.objects = row.objects.saturating_sub(1 + others);
            row.entries = row.entries.saturating_sub(1);
            row.new = row.new.saturating_sub(1);
        })?;
        spoilt(ctx, id, refusal)?;
        return finish_if_done(ctx, id);
    }
    progress(ctx, id, |row| row.objects = row.objects.saturating_sub(1))?;
    entries::arrived(ctx, transfer, pull)?;
    finish_if_done(ctx, id)
}

fn finish_if_done(ctx: &mut Context<'_>, id: ConsentId) -> Handled<()> {
    let progress = progress(ctx, id, |_| ())?;
    if progress.pages > 0 || progress.objects > 0 {
        return Ok(());
    }
    let mut row = request(ctx.txn, id)?;
    if row.state == RequestState::Failed {
        return Ok(());
    }
    let ProgressRow { entries, closed, why, news, new, .. } = progress;
    if let (0, Some(why)) = (entries, why) {
        return fail(ctx, id, &why);
    }
    row.state = RequestState::Done;
    row.obtained = Some(Obtained { entries, closed, news, new });
    put_request(ctx.txn, id, &row)?;
    compare::finish(ctx, id)
}
