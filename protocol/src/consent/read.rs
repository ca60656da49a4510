//! Reading from a holder under a permission: both sides.

use super::tables::{ReceivedRow, fail, put_request, received, request};
use super::wire::{Message, ReadAnswer, ReadRequest, RequestState};
use super::{learn_revocations, revocation_state, revocations};
use crate::access_log::{self, Action};
use crate::capability::{
    GrantKeys, Granted, Keys, Operation, Permitted, Presented, Purpose, Read, Reason, Target,
    Verifier, Wanted, verify,
};
use crate::codec::{Bytes, Wire, wire_struct};
use crate::crypto::KemSecret;
use crate::directory;
use crate::id::{CompartmentId, ConsentId, EntryId, PartyId};
use crate::identity::{KeyLog, Role};
use crate::limits;
use crate::object::DataKey;
use crate::objects::{self, PullFor, Transfer, TransferFor};
use crate::outbox;
use crate::peer::{Body, Context, Sender};
use crate::record::{self, Checked, Manifest};
use crate::refusal::{Failure, Handled, Refusal, RefusalCode, refuse};
use crate::rows;
use crate::statement::Unverified;
use crate::store::Table;

/// Request -> [`ProgressRow`]: what is still to come of a read.
const READS: Table = Table("consent_read");

wire_struct! {
    /// How far a read has come.
    #[derive(Debug, Clone)]
    pub struct ProgressRow {
        /// Pages asked for and not answered.
        1 => pages: u64,
        /// Objects on their way.
        2 => objects: u64,
        /// Entries obtained.
        3 => entries: u64,
    }
}

/// What a message brings for judging a permission.
pub(crate) struct Judged<'a> {
    pub(crate) patient: PartyId,
    pub(crate) chain: crate::capability::Chain,
    pub(crate) log: KeyLog,
    pub(crate) revocations: Option<Unverified<crate::capability::RevocationState>>,
    pub(crate) purpose: Option<Purpose>,
    pub(crate) targets: &'a [Target],
    pub(crate) bytes: u64,
    pub(crate) used: &'a dyn Fn(crate::id::TokenId) -> u64,
    pub(crate) user: Option<String>,
    pub(crate) refused_as: Action,
}

/// Judges a permission on the spot. A refusal is on the record with its real reason; the far side
/// hears no more than it may know.
pub(crate) fn judge<Op: Permitted>(
    ctx: &mut Context<'_>,
    sender: &Sender,
    judged: Judged<'_>,
) -> Handled<Granted<Op>> {
    let token = judged.chain.leaf().claims().id;
    // Of patients that are not known here there is no log: nobody fills our tables with strangers.
    let logged = directory::keys(ctx.txn, judged.patient)?.is_some();
    let refused = |ctx: &mut Context<'_>, reason: Reason| {
        if logged {
            ctx.lines_if_refused.push(access_log::Draft {
                user: judged.user.clone(),
                purpose: judged.purpose,
                token: Some(token),
                reason: Some(reason.name().to_owned()),
                ..access_log::Draft::new(judged.patient, judged.refused_as, sender.institution)
            });
        }
        let told = reason.for_stranger();
        refuse(RefusalCode::BadPermission, format!("{}: {}", told.name(), told.sentence()))
    };
    let known = match directory::learn_keys(ctx.txn, judged.log) {
        Ok(known) if known.party() == judged.patient => known,
        // A log of another patient, or one that contradicts what is known.
        Ok(_) | Err(Failure::Refused(_)) => return refused(ctx, Reason::UnknownIssuer),
        Err(error) => return Err(error),
    };
    if let Some(state) = judged.revocations {
        // A state that does not verify teaches nothing; the permission is judged by what is known.
        let _ = learn_revocations(ctx, state, &known);
    }
    let known_revocations = revocations(ctx.txn, judged.patient)?;
    let presented = Presented {
        chain: judged.chain,
        proof: sender.proof.clone(),
        request_hash: sender.request_hash,
        node: sender.node,
    };
    let txn = &*ctx.txn;
    let now = ctx.now;
    let institutions = |party| directory::keys(txn, party).ok().flatten();
    let node_of = |node| directory::institution_of(txn, node, now).ok().flatten();
    let verifier = Verifier {
        me: ctx.peer.me(),
        now,
        nonce: sender.nonce,
        keys: Keys { patient: &known, institutions: &institutions },
        revocations: &known_revocations,
        node_of: &node_of,
    };
    let wanted = Wanted {
        targets: judged.targets,
        purpose: judged.purpose,
        bytes: judged.bytes,
        used: judged.used,
    };
    match verify::<Op>(&presented, &verifier, &wanted) {
        Ok(granted) => Ok(granted),
        Err(reason) => refused(ctx, reason),
    }
}

/// What a scope is asked about an entry; an entry without compartment is in none.
pub(crate) fn target(label: &record::Label) -> Target {
    Target { entry: label.entry, compartment: label.compartment.unwrap_or(CompartmentId([0; 16])) }
}

/// At the reader: asks a holder with every permission received for the request.
pub(super) fn fetch(
    ctx: &mut Context<'_>,
    id: ConsentId,
    holder: Option<PartyId>,
    user: String,
) -> Handled<()> {
    ctx.peer.require(Role::Hospital)?;
    let mut row = request(ctx.txn, id)?;
    let grants: Vec<ReceivedRow> = received(ctx.txn)?
        .into_iter()
        .filter(|grant| {
            grant.request == id
                && grant.grant.chain.leaf().claims().operations.contains(Operation::Read)
        })
        .collect();
    let Some(first) = grants.first() else {
        return refuse(
            RefusalCode::NotFound,
            "no permission to read was received for this request; the patient has not decided, or refused",
        );
    };
    let me = ctx.peer.me();
    let Some(holder) =
        holder.or_else(|| first.holders.iter().copied().find(|holder| *holder != me))
    else {
        return refuse(RefusalCode::NotFound, "nobody is known to hold the entries; name a holder");
    };
    let progress = ProgressRow { pages: 0, objects: 0, entries: 0 };
    rows::put(ctx.txn, READS, &id.0, &progress)?;
    row.state = RequestState::Approved;
    row.reason = String::new();
    put_request(ctx.txn, id, &row)?;
    for grant in &grants {
        ask_page(ctx, id, grant, holder, &user, None)?;
    }
    Ok(())
}

fn ask_page(
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
        return refuse(RefusalCode::NotFound, "the patient's key log is missing");
    };
    let message = ReadRequest {
        request: id,
        patient,
        chain: received.grant.chain.clone(),
        log: known.log().clone(),
        revocations: revocation_state(ctx.txn, patient)?,
        user: user.to_owned(),
        purpose: leaf.claims().purpose,
        after,
    };
    let proof_of = leaf.id();
    outbox::push(ctx, holder, &Body::Consent(Message::Read(message)), Some(proof_of))?;
    progress(ctx, id, |row| row.pages += 1)?;
    Ok(())
}

fn progress(
    ctx: &mut Context<'_>,
    id: ConsentId,
    change: impl FnOnce(&mut ProgressRow),
) -> Handled<ProgressRow> {
    let mut row = rows::get::<ProgressRow>(ctx.txn, READS, &id.0)?.unwrap_or(ProgressRow {
        pages: 0,
        objects: 0,
        entries: 0,
    });
    change(&mut row);
    rows::put(ctx.txn, READS, &id.0, &row)?;
    Ok(row)
}

/// At the holder: hands out a page of sealed entries, after judging the permission and logging it.
pub(super) fn serve(ctx: &mut Context<'_>, sender: &Sender, read: ReadRequest) -> Handled<Bytes> {
    let known_here = directory::keys(ctx.txn, read.patient)?.is_some();
    if read.user.trim().is_empty() || read.user.len() > 200 {
        return refuse(RefusalCode::Invalid, "a read names the person on whose behalf it is");
    }
    let granted: Granted<Read> = judge(
        ctx,
        sender,
        Judged {
            patient: read.patient,
            chain: read.chain,
            log: read.log,
            revocations: read.revocations,
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
        return refuse(RefusalCode::NotFound, "nothing that this permission covers is kept here");
    }
    answer(ctx, sender, &granted, read.user, read.after)
}

/// Only reached with a proof that reading was granted.
fn answer(
    ctx: &mut Context<'_>,
    sender: &Sender,
    granted: &Granted<Read>,
    user: String,
    after: Option<EntryId>,
) -> Handled<Bytes> {
    let patient = granted.patient();
    let (mut bundles, mut entries, mut contents) = (Vec::new(), Vec::new(), Vec::new());
    let (mut authors, mut bytes, mut next) = (std::collections::BTreeSet::new(), 0, None);
    for found in record::entries(ctx.txn, patient)? {
        let label = found.row.label.claims();
        let target = target(label);
        let due = after.is_none_or(|after| found.entry > after);
        if !due || !found.row.whole || !granted.covers(target.entry, target.compartment) {
            continue;
        }
        let Some(whole) = record::whole(ctx.txn, &found.row)? else { continue };
        let bundle = whole.to_bundle();
        let size = bundle.to_bytes().len();
        if bundles.len() == limits::PAGE_ENTRIES_MAX || bytes + size > limits::PAGE_BYTES_MAX {
            next = entries.last().copied();
            break;
        }
        bytes += size;
        authors.insert(label.author);
        contents.extend(found.row.contents.iter().map(|content| content.object));
        entries.push(found.entry);
        bundles.push(bundle);
    }
    access_log::append(
        ctx,
        access_log::Draft {
            user: Some(user),
            purpose: Some(granted.purpose()),
            entries,
            token: granted.accounts().last(),
            ..access_log::Draft::new(patient, Action::Read, sender.institution)
        },
    )?;
    let ticket =
        objects::issue_ticket(ctx, sender.institution, contents, Some(granted.summary().clone()))?;
    let mut introductions = Vec::new();
    for author in authors {
        introductions.extend(directory::introduction(ctx.txn, author)?);
    }
    let log_head = access_log::head(ctx.peer, ctx.txn, ctx.now, patient)?.to_unverified();
    Ok(Bytes(ReadAnswer { bundles, ticket, next, authors: introductions, log_head }.to_bytes()))
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
        let refusal = Refusal::new(RefusalCode::NotAuthentic, "the holder's answer is malformed");
        return fail(ctx, read.request, &refusal);
    };
    let leaf = read.chain.leaf().id();
    let Some(grant) =
        received(ctx.txn)?.into_iter().find(|row| row.grant.chain.leaf().id() == leaf)
    else {
        return Ok(());
    };
    let keys = grant
        .grant
        .open(ctx.peer.kem())
        .or_else(|error| refuse(RefusalCode::NotAuthentic, error.to_string()))?;
    for introduction in answer.authors {
        let party = introduction.keys.party_unverified();
        if answer.bundles.iter().any(|bundle| bundle.label.claims().author == party) {
            directory::hear_of(ctx.txn, introduction)?;
        }
    }
    access_log::countersign(ctx, holder, read.patient, &answer.log_head)?;
    for bundle in answer.bundles {
        let author = bundle.label.claims().author;
        let Some(author_keys) = directory::keys(ctx.txn, author)? else {
            return refuse(RefusalCode::NotAuthentic, "the author of an entry is not known");
        };
        let checked = bundle.check(&author_keys)?;
        if checked.label.subject != read.patient {
            return refuse(RefusalCode::NotAuthentic, "an entry of another patient was sent");
        }
        let Some(key) = key_of(&keys, &checked) else {
            continue;
        };
        obtain(ctx, read.request, holder, answer.ticket, &checked, &key)?;
    }
    // Pages only go forward, so that no holder keeps us asking.
    let next = answer.next.filter(|next| read.after.is_none_or(|after| *next > after));
    if let Some(after) = next {
        ask_page(ctx, read.request, &grant, holder, &read.user, Some(after))?;
    }
    progress(ctx, read.request, |row| row.pages = row.pages.saturating_sub(1))?;
    finish_if_done(ctx, read.request)
}

/// The key of an entry's manifest: the grant names the entry, or has the key of the compartment that
/// the entry was sealed to.
fn key_of(keys: &GrantKeys, checked: &Checked) -> Option<DataKey> {
    let label = &checked.label;
    if let Ok(at) = keys.entries.binary_search_by_key(&label.entry, |(entry, _)| *entry) {
        return Some(DataKey::from_bytes(*keys.entries[at].1));
    }
    let (compartment, wrap) = (label.compartment?, checked.wrap.as_ref()?);
    let at = keys.compartments.binary_search_by_key(&compartment, |(id, _)| *id).ok()?;
    let seed = KemSecret::from_seed(*keys.compartments[at].1);
    let key = crate::wrap::unwrap(wrap, label.manifest, label.subject, &seed).ok()?;
    Some(DataKey::from_bytes(*key))
}

/// Keeps one entry that was sent and starts pulling what it needs.
fn obtain(
    ctx: &mut Context<'_>,
    id: ConsentId,
    holder: PartyId,
    ticket: crate::id::TicketId,
    checked: &Checked,
    key: &DataKey,
) -> Handled<()> {
    let manifest = Manifest::open(&checked.label, &checked.contents, &checked.manifest, key)?;
    let (patient, entry) = (checked.label.subject, checked.label.entry);
    let own = ctx.peer.kem().public();
    let own_wrap = crate::wrap::wrap(key.expose(), checked.label.manifest, patient, &own, ctx.rng)
        .or_else(|error| refuse(RefusalCode::NotAuthentic, error.to_string()))?;
    record::keep(ctx, checked, Some(holder), false, Some((&manifest, own_wrap)))?;
    record::learn_holder(ctx, patient, entry, holder)?;
    let purpose = PullFor { id: id.0, owner: patient, subject: patient, entry };
    let missing = objects::pull_missing(
        ctx,
        &checked.contents,
        &Transfer {
            from: holder,
            ticket,
            object: checked.label.manifest,
            length: 0,
            purpose: TransferFor::Read(purpose),
        },
    )?;
    progress(ctx, id, |row| {
        row.objects += missing;
        row.entries += 1;
    })?;
    if missing == 0 {
        record::complete(ctx, patient, entry)?;
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
        objects::cancel(ctx, &transfer.purpose)?;
        return fail(ctx, id, &refusal);
    }
    objects::hold(ctx.txn, transfer.object, pull.owner, pull.entry, transfer.length)?;
    progress(ctx, id, |row| row.objects = row.objects.saturating_sub(1))?;
    record::complete(ctx, pull.subject, pull.entry)?;
    finish_if_done(ctx, id)
}

fn finish_if_done(ctx: &mut Context<'_>, id: ConsentId) -> Handled<()> {
    let progress = progress(ctx, id, |_| ())?;
    if progress.pages == 0 && progress.objects == 0 {
        let mut row = request(ctx.txn, id)?;
        if row.state != RequestState::Failed {
            row.state = RequestState::Done;
            row.reason = format!("{} entries obtained", progress.entries);
            put_request(ctx.txn, id, &row)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;
    use serde_json::Value;
    use zeroize::Zeroizing;

    use super::*;
    use crate::record::Bundle;
    use crate::vectors;

    #[test]
    fn a_grant_opens_an_entry_by_its_name_or_by_its_compartment_and_no_other() {
        let made: Value = vectors::read("record", "bundles");
        let bytes = |hex: &Value| HEXLOWER.decode(hex.as_str().unwrap().as_bytes()).unwrap();
        let key = |hex| Zeroizing::new(<[u8; 32]>::try_from(bytes(hex)).unwrap());
        let (good, max) = (&made["cases"][0], limits::REQUEST_BYTES_MAX);
        let log = KeyLog::from_bytes(&bytes(&good["author_keys"]), max).unwrap();
        let bundle = Bundle::from_bytes(&bytes(&good["bundle"]), max).unwrap();
        let checked = bundle.check(&log.verify().unwrap()).unwrap();
        let (data_key, seed) = (key(&made["data_key"]), key(&made["compartment_seed"]));
        let (entry, compartment) = (checked.label.entry, checked.label.compartment.unwrap());

        let by = |entries, compartments| {
            key_of(&GrantKeys { entries, compartments }, &checked).map(|key| *key.expose())
        };
        assert_eq!(by(vec![(entry, data_key.clone())], vec![]), Some(*data_key));
        assert_eq!(by(vec![], vec![(compartment, seed.clone())]), Some(*data_key));
        let (other_entry, other_compartment) = (EntryId([0; 16]), CompartmentId([0; 16]));
        assert_eq!(by(vec![(other_entry, data_key)], vec![(other_compartment, seed)]), None);
        assert_eq!(by(vec![], vec![(compartment, Zeroizing::new([0; 32]))]), None, "another seed");
    }
}
