//! Passing on: an institution gives another, narrowed, what a patient permitted it and said may be passed
//! on. Holders judge the whole chain; the patient's relay is told, and the patient can end it.

use super::reasons::Reason;
use super::tables::{RequestKind, RequestRow, fail, put_request, request_view};
use super::view::RequestView;
use super::wire::{Message, Permission, RequestState, Told, Wish};
use super::{again, ask, compare, standing};
use crate::access_log::{self, Action};
use crate::capability::{
    Chain, Confirmation, Delegation, Grant, GrantKeys, Operation, Parties, Scope, Token, narrows,
};
use crate::codec::Bytes;
use crate::contacts::{add_contact, is_contact};
use crate::crypto::KemPublic;
use crate::directory;
use crate::entries;
use crate::id::{ConsentId, EntryId, PartyId, TokenId};
use crate::identity::{KnownKeys, Role};
use crate::kind::Kind;
use crate::limits;
use crate::members;
use crate::names;
use crate::outbox;
use crate::patients;
use crate::permission::{
    GivenRow, GrantState, ReceivedRow, given, issuer, known_received, known_token, put_given,
    received_token, revocations, through,
};
use crate::refusal::{Failure, Handled, Refusal, refuse};
use crate::time::DAY_MS;
use crate::turn::{Context, Notice, Sender};
use std::collections::BTreeSet;

/// What is passed on, to whom. Nothing in it can widen what was received.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PassOn {
    /// The permissions, all of one patient.
    pub grants: Vec<TokenId>,
    /// The institution that gets them.
    pub to: PartyId,
    /// Only these entries; all when empty.
    #[serde(default)]
    pub entries: Vec<EntryId>,
    /// Only these kinds; all when empty.
    #[serde(default)]
    pub kinds: Vec<Kind>,
    /// Days that it holds at most; as long as what was received when not given.
    #[serde(default)]
    pub days: Option<u64>,
    /// Institutions that may get it from there.
    #[serde(default)]
    pub may_pass_on: Vec<PartyId>,
    /// Who at this institution passes it on.
    pub user: String,
}

/// At the grantee: signs a narrower link, seals the keys anew, tells the patient's relay.
pub(super) fn pass_on(ctx: &mut Context<'_>, command: PassOn) -> Handled<RequestView> {
    ctx.own.require(Role::Hospital)?;
    if !names::can_be_named(&command.user) {
        return refuse(Reason::PasserOutOfBounds);
    }
    if members::is_expelled(ctx.txn, command.to)? {
        return refuse(members::Reason::Expelled);
    }
    let card = directory::card_to_seal_to(ctx.txn, command.to, ctx.now)?;
    let Some(to) = directory::introduction(ctx.txn, command.to)? else {
        return refuse(directory::Reason::InstitutionUnknown { institution: command.to });
    };
    let mut rows = Vec::new();
    for token in &command.grants {
        rows.push(received_token(ctx.txn, *token)?);
    }
    let Some(first) = rows.first() else {
        return refuse(Reason::NamesNoPermission);
    };
    let (patient, purpose) = {
        let claims = first.grant.chain.leaf().claims();
        (claims.subject, claims.purpose)
    };
    let Some(relay) = directory::relay_of(ctx.txn, patient)? else {
        return refuse(Reason::RelayUnknown);
    };
    let id = ConsentId(ctx.random());
    let (mut grants, mut chains, mut holders) = (Vec::new(), Vec::new(), BTreeSet::new());
    for row in &rows {
        if row.grant.chain.leaf().claims().subject != patient {
            return refuse(Reason::SeveralPatients);
        }
        let Some(grant) = narrowed(ctx, row, &command, &card.kem)? else { continue };
        let given = GivenRow { chain: grant.chain.clone(), request: id, state: GrantState::Live };
        put_given(ctx.txn, patient, &given)?;
        log(ctx, &grant.chain, &command.user)?;
        holders.extend(row.holders.iter().copied());
        // Who passed it on is introduced as well: its signature is checked with its keys.
        holders.extend(grant.chain.links()[1..].iter().map(|link| link.claims().issuer));
        chains.push(grant.chain.clone());
        grants.push(grant);
    }
    if grants.is_empty() {
        return refuse(Reason::CoversNothing);
    }
    let times = (ctx.now, grants[0].chain.leaf().claims().expires_at());
    let row = RequestRow {
        party: Some(command.to),
        user: command.user.clone(),
        state: RequestState::Approved,
        tokens: chains.iter().map(|chain| chain.leaf().claims().id).collect(),
        ..RequestRow::new(
            (RequestKind::PassedOn, purpose),
            patient,
            ctx.own.party(),
            Wish::default(),
            times,
        )
    };
    put_request(ctx.txn, id, &row)?;
    let permission = standing::permission(ctx, id, patient, grants, &holders)?;
    ctx.send(command.to, &Message::PassedOn(permission))?;
    let told = Told { patient, chains, to, user: command.user };
    ctx.send(relay, &Message::Told(told))?;
    request_view(ctx, id)
}

/// One permission, narrowed; `None` when nothing of it is meant.
fn narrowed(
    ctx: &mut Context<'_>,
    row: &ReceivedRow,
    command: &PassOn,
    kem: &KemPublic,
) -> Handled<Option<Grant>> {
    let parent = row.grant.chain.leaf().claims();
    let Some(allowed) = &parent.delegation else {
        return refuse(Reason::NotToBePassedOn { token: parent.id });
    };
    if !allowed.institutions.contains(&command.to) {
        return refuse(Reason::NotToThem { token: parent.id, institution: command.to });
    }
    if parent.expires_at() <= ctx.now {
        return refuse(Reason::PermissionExpired);
    }
    let known = revocations(ctx.txn, parent.subject)?;
    if row.grant.chain.links().iter().any(|link| known.contains(link.claims().id)) {
        return refuse(Reason::Revoked);
    }
    let Some(scope) = narrowed_scope(ctx, parent, command)? else { return Ok(None) };
    let now = ctx.now.seconds();
    let child = Token {
        issuer: ctx.own.party(),
        expires: command.days.map_or(parent.expires, |days| {
            parent.expires.min(now.saturating_add(days.saturating_mul(DAY_MS / 1000)))
        }),
        not_before: parent.not_before.max(now),
        issued: now,
        id: TokenId(ctx.random()),
        confirmation: Confirmation { grantee: command.to },
        key: ctx.own.key_number(),
        scope,
        delegation: further(allowed, &command.may_pass_on)?,
        ..parent.clone()
    };
    let chain = row.grant.chain.attenuate(child, ctx.own.institution_key())?;
    Ok(Some(sealed(ctx, row, chain, kem)?))
}

/// A narrower link, with those of the keys that it covers.
fn sealed(
    ctx: &mut Context<'_>,
    row: &ReceivedRow,
    chain: Chain,
    kem: &KemPublic,
) -> Handled<Grant> {
    let keys = ctx.own.open(|own| row.grant.open(own))?;
    let scope = &chain.leaf().claims().scope;
    let keys = GrantKeys {
        entries: keys.entries.into_iter().filter(|(id, _)| scope.entries().contains(id)).collect(),
        compartments: keys
            .compartments
            .into_iter()
            .filter(|(id, _)| scope.compartments().contains(id))
            .collect(),
    };
    Ok(Grant::seal(chain, &keys, kem, ctx.rng)?)
}

/// It was refused. Where for its key, it is sealed again at once: whoever passes on has the keys at hand. [CAP-19]
pub(super) fn refused(
    ctx: &mut Context<'_>,
    to: PartyId,
    passed: Permission,
    refusal: &Refusal,
) -> Handled<()> {
    let patient = passed.log.party_unverified();
    if again::lacks(ctx, (patient, to), &passed, refusal)?
        && let Some(card) = again::card_now(ctx, (patient, to))?
    {
        let mut grants = Vec::new();
        for grant in &passed.grants {
            let [.., parent, _] = grant.chain.links() else { continue };
            let Some(row) = known_received(ctx.txn, patient, parent.claims().id)? else { continue };
            // The patient may have taken it back since.
            if still_stands(ctx, &grant.chain)? {
                grants.push(sealed(ctx, &row, grant.chain.clone(), &card.kem)?);
            }
        }
        if !grants.is_empty()
            && !members::is_expelled(ctx.txn, to)?
            && outbox::has_room(ctx.txn, to)?
        {
            ctx.send(to, &Message::PassedOn(Permission { grants, ..passed }))?;
            return Ok(());
        }
    }
    fail(ctx, passed.request, refusal)
}

/// Whether a permission that was passed on has neither ended nor been taken back, as far as that was heard here.
fn still_stands(ctx: &Context<'_>, chain: &Chain) -> Handled<bool> {
    let known = revocations(ctx.txn, chain.leaf().claims().subject)?;
    let revoked = chain.links().iter().any(|link| known.contains(link.claims().id));
    Ok(!revoked && chain.leaf().claims().expires_at() > ctx.now)
}

/// Who may get it after the next one: one link fewer, and nobody whom the patient did not name.
fn further(allowed: &Delegation, to: &[PartyId]) -> Handled<Option<Delegation>> {
    if to.is_empty() {
        return Ok(None);
    }
    let depth = allowed.depth.saturating_sub(1);
    match Parties::new(to.iter().copied()) {
        Some(institutions) if depth > 0 && institutions.is_subset(&allowed.institutions) => {
            Ok(Some(Delegation { depth, institutions }))
        }
        _ => refuse(Reason::NotThatOften),
    }
}

/// The part of a permission's scope that is meant, by what it names alone, however long the record is. An institution tells
/// kinds apart by what it has opened, and by the compartments of the patient's newest ring that it was told of.
fn narrowed_scope(ctx: &Context<'_>, parent: &Token, command: &PassOn) -> Handled<Option<Scope>> {
    if command.entries.is_empty() && command.kinds.is_empty() {
        return Ok(Some(parent.scope.clone()));
    }
    if !parent.scope.compartments().is_empty() && !command.entries.is_empty() {
        return refuse(Reason::KindsByEntry);
    }
    let of_kind = |kind: Kind| command.kinds.is_empty() || command.kinds.contains(&kind);
    let meant: BTreeSet<EntryId> = command.entries.iter().copied().collect();
    let mut entries = Vec::new();
    for id in parent.scope.entries() {
        if !meant.is_empty() && !meant.contains(id) {
            continue;
        }
        let opened = || entries::index(ctx.txn, parent.subject, *id);
        if command.kinds.is_empty() || opened()?.is_some_and(|index| of_kind(index.kind)) {
            entries.push(*id);
        }
    }
    let current = directory::compartments(ctx.txn, parent.subject)?;
    let mut compartments = Vec::new();
    for id in parent.scope.compartments() {
        let named = current.iter().find(|c| c.id() == *id).map(|c| c.kind);
        let kind = match named {
            Some(kind) => Some(kind),
            None => entries::kind_opened_in(ctx.txn, parent.subject, *id)?,
        };
        if kind.is_some_and(of_kind) {
            compartments.push(*id);
        }
    }
    Ok(if compartments.is_empty() {
        Scope::of_entries(entries)
    } else {
        Scope::of_compartments(compartments)
    })
}

/// A permission that was passed on, on the record with both: who got it, and from whom.
fn log(ctx: &mut Context<'_>, chain: &Chain, user: &str) -> Handled<()> {
    let claims = chain.leaf().claims();
    let mut line = access_log::Draft::new(claims.subject, Action::PassedOn, claims.grantee());
    line.user = Some(user.to_owned()).filter(|user| !user.is_empty());
    line.purpose = Some(claims.purpose);
    line.entries = claims.scope.entries().to_vec();
    line.token = Some(claims.id);
    line.through = through(chain);
    access_log::append(ctx, line)?;
    Ok(())
}

/// Whether a chain is what it says it is: the patient's first link, each further one signed by whom the
/// one above was given to, and narrower.
fn holds_together(ctx: &Context<'_>, chain: &Chain, patient: &KnownKeys) -> bool {
    let links = chain.links();
    let first = &links[0];
    let root = first.claims();
    let by_patient = root.subject == patient.party()
        && root.issuer == patient.party()
        && root.parent.is_none()
        && patient.key(root.key).is_some_and(|key| first.check(&key).is_ok());
    by_patient
        && links.windows(2).all(|pair| {
            let link = &pair[1];
            let keys = issuer(ctx.txn, link.claims().issuer);
            narrows(&pair[0], link.claims()).is_ok()
                && keys
                    .and_then(|keys| keys.key(link.claims().key))
                    .is_some_and(|key| link.check(&key).is_ok())
        })
}

/// At the delegate: a permission arrives from an institution that had it.
pub(super) fn received(
    ctx: &mut Context<'_>,
    sender: &Sender,
    permission: Permission,
) -> Handled<Bytes> {
    ctx.own.require(Role::Hospital)?;
    if !sender.member {
        return refuse(Reason::PassedOnByNoMember);
    }
    let known = directory::learn_keys(ctx.txn, permission.log.clone())?;
    // Whoever passes on may not have heard of the newest ring, or of a rotation: then ours counts.
    let newer = match directory::learn_ring(ctx.txn, permission.ring.clone(), &known, ctx.now) {
        Ok(newer) => newer,
        Err(Failure::Refused(_)) => false,
        Err(error) => return Err(error),
    };
    let patient = known.party();
    let holders = ask::prepare(ctx, &known, &permission, newer)?;
    for grant in &permission.grants {
        let claims = grant.chain.leaf().claims();
        let passed = grant.chain.links().len() > 1
            && claims.issuer == sender.institution
            && claims.grantee() == ctx.own.party();
        if !passed || !holds_together(ctx, &grant.chain, &known) {
            return refuse(Reason::NotPassedOnToUs);
        }
    }
    let from = (sender.institution, &holders[..]);
    ask::accept(ctx, patient, permission, from, (RequestKind::PassedOn, sender.institution))
}

/// At the relay: an institution tells that it passed on what the patient permitted it.
pub(super) fn told(ctx: &mut Context<'_>, sender: &Sender, told: Told) -> Handled<Bytes> {
    let patient = told.patient;
    if !patients::serves(ctx.txn, patient)? {
        return refuse(patients::Reason::NotServed);
    }
    if !sender.member && !is_contact(ctx.txn, patient, sender.institution)? {
        return refuse(Reason::PassedOnByNoMember);
    }
    let Some(known) = directory::keys(ctx.txn, patient)? else {
        return refuse(directory::Reason::KeyLogMissing);
    };
    if told.user.len() > limits::NAME_BYTES_MAX {
        return refuse(Reason::NameTooLong);
    }
    if told.chains.is_empty() {
        return refuse(Reason::TellsOfNothing);
    }
    let to = told.to.keys.party_unverified();
    directory::hear_of(ctx, told.to)?;
    let mut scopes = Vec::new();
    for chain in told.chains {
        let claims = chain.leaf().claims();
        let first = chain.first();
        let root = known_token(ctx.txn, patient, first.claims().id)?
            .filter(|row| row.chain.leaf().id() == first.id());
        let Some(root) = root else {
            return refuse(Reason::NoSuchPermission);
        };
        let passed = chain.links().len() > 1
            && claims.issuer == sender.institution
            && claims.grantee() == to;
        if !passed || !holds_together(ctx, &chain, &known) {
            return refuse(Reason::NotAsAllowed);
        }
        match known_token(ctx.txn, patient, claims.id)? {
            Some(row) if row.chain.leaf().id() == chain.leaf().id() => continue,
            Some(_) => {
                return refuse(Reason::NumberTaken);
            }
            None => {}
        }
        let others = given(ctx.txn, patient)?.into_iter().filter(|row| row.chain.links().len() > 1);
        let of_this = others.filter(|row| row.chain.first().id() == chain.first().id()).count();
        if of_this >= limits::PASSED_ON_MAX {
            return refuse(Reason::PassedOnTooOften);
        }
        if root.state == GrantState::Live && claims.operations.contains(Operation::Read) {
            scopes.push(claims.scope.clone());
        }
        // Told late, it has ended with what it rests on.
        let row = GivenRow { chain: chain.clone(), request: root.request, state: root.state };
        put_given(ctx.txn, patient, &row)?;
        add_contact(ctx.txn, patient, to)?;
        log(ctx, &chain, &told.user)?;
    }
    // The delegate deals with the patient from now on, and is to know what counts.
    if directory::ring(ctx.txn, patient)?.is_none() {
        return Ok(Bytes::default());
    }
    ctx.notify_now(Notice::Deals { patient, institution: to })?;
    compare::list(ctx, to, patient, &scopes)?;
    Ok(Bytes::default())
}
