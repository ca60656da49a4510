//! Passing on: an institution gives another, narrowed, what a patient permitted it and said may be passed
//! on. Holders judge the whole chain; the patient's relay is told, and the patient can end it.

use super::tables::{RequestKind, RequestRow, answer_request, put_request};
use super::wire::{Message, Permission, RequestState, Told, Wish};
use super::{ask, compare, standing};
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
use crate::patients;
use crate::permission::{
    GivenRow, GrantState, ReceivedRow, given, issuer, known_token, put_given, received_token,
    revocations, through,
};
use crate::refusal::{Failure, Handled, RefusalCode, refuse};
use crate::time::DAY_MS;
use crate::turn::{Context, Notice, RequestId, Sender};
use std::collections::BTreeSet;

/// What is passed on, to whom. Nothing in it can widen what was received.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub struct PassOnCommand {
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
pub(super) fn pass_on(
    ctx: &mut Context<'_>,
    answer_to: RequestId,
    command: PassOnCommand,
) -> Handled<()> {
    ctx.own.require(Role::Hospital)?;
    if command.user.trim().is_empty() || command.user.len() > 200 {
        return refuse(RefusalCode::Invalid, "say who passes it on, in 1 to 200 bytes");
    }
    if members::is_expelled(ctx.txn, command.to)? {
        return refuse(
            RefusalCode::NotPermitted,
            "the institution was expelled from the federation",
        );
    }
    let (Some(card), Some(to)) =
        (directory::card(ctx.txn, command.to)?, directory::introduction(ctx.txn, command.to)?)
    else {
        return refuse(
            RefusalCode::NotFound,
            "the institution is not known here; `chartmesh peers` lists who is",
        );
    };
    let mut rows = Vec::new();
    for token in &command.grants {
        rows.push(received_token(ctx.txn, *token)?);
    }
    let Some(first) = rows.first() else {
        return refuse(RefusalCode::Invalid, "name the permission that is passed on");
    };
    let (patient, purpose) = {
        let claims = first.grant.chain.leaf().claims();
        (claims.subject, claims.purpose)
    };
    let Some(relay) = directory::relay_of(ctx.txn, patient)? else {
        return refuse(
            RefusalCode::NotFound,
            "the patient's relay, which must be told, is unknown",
        );
    };
    let id = ConsentId(ctx.random());
    let (mut grants, mut chains, mut holders) = (Vec::new(), Vec::new(), BTreeSet::new());
    for row in &rows {
        if row.grant.chain.leaf().claims().subject != patient {
            return refuse(RefusalCode::Invalid, "the permissions are of several patients");
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
        return refuse(
            RefusalCode::NotFound,
            "the permission covers nothing of what is to be passed on",
        );
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
    answer_request(ctx, answer_to, id)
}

/// One permission, narrowed; `None` when nothing of it is meant.
fn narrowed(
    ctx: &mut Context<'_>,
    row: &ReceivedRow,
    command: &PassOnCommand,
    kem: &KemPublic,
) -> Handled<Option<Grant>> {
    let parent = row.grant.chain.leaf().claims();
    let Some(allowed) = &parent.delegation else {
        return refuse(
            RefusalCode::NotPermitted,
            format!(
                "the patient has not said that permission {} may be passed on; the patient says so with `chartmesh consent approve --may-pass-on`",
                parent.id.short()
            ),
        );
    };
    if !allowed.institutions.contains(&command.to) {
        let names: Result<Vec<_>, _> = allowed
            .institutions
            .as_slice()
            .iter()
            .map(|party| directory::name(ctx.txn, *party))
            .collect();
        return refuse(
            RefusalCode::NotPermitted,
            format!("the permission may be passed on to {} only", names?.join(", ")),
        );
    }
    if parent.expires_at() <= ctx.now {
        return refuse(RefusalCode::Expired, "the permission has expired; ask the patient again");
    }
    let known = revocations(ctx.txn, parent.subject)?;
    if row.grant.chain.links().iter().any(|link| known.contains(link.claims().id)) {
        return refuse(RefusalCode::BadPermission, "the patient has revoked the permission");
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
    let chain = row
        .grant
        .chain
        .attenuate(child, ctx.own.institution_key())
        .or_else(|error| refuse(RefusalCode::NotPermitted, error.to_string()))?;
    let keys = row
        .grant
        .open(ctx.own.kem())
        .or_else(|error| refuse(RefusalCode::NotAuthentic, error.to_string()))?;
    let scope = &chain.leaf().claims().scope;
    let keys = GrantKeys {
        entries: keys.entries.into_iter().filter(|(id, _)| scope.entries().contains(id)).collect(),
        compartments: keys
            .compartments
            .into_iter()
            .filter(|(id, _)| scope.compartments().contains(id))
            .collect(),
    };
    Grant::seal(chain, &keys, kem, ctx.rng)
        .map(Some)
        .or_else(|error| refuse(RefusalCode::NotAuthentic, error.to_string()))
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
        _ => refuse(
            RefusalCode::NotPermitted,
            "the patient has not said that it may be passed on that often, or to all of these",
        ),
    }
}

/// The part of a permission's scope that is meant. An institution tells kinds apart by what it has
/// opened, and by the compartments of the patient's newest ring.
fn narrowed_scope(
    ctx: &Context<'_>,
    parent: &Token,
    command: &PassOnCommand,
) -> Handled<Option<Scope>> {
    if command.entries.is_empty() && command.kinds.is_empty() {
        return Ok(Some(parent.scope.clone()));
    }
    if !parent.scope.compartments().is_empty() && !command.entries.is_empty() {
        return refuse(
            RefusalCode::Invalid,
            "a permission over whole kinds is passed on by kind, not by entry: a holder could not tell that the entry is covered",
        );
    }
    let found = entries::entries(ctx.txn, parent.subject)?;
    let of_kind = |kind: Kind| command.kinds.is_empty() || command.kinds.contains(&kind);
    let entries: Vec<EntryId> = parent
        .scope
        .entries()
        .iter()
        .copied()
        .filter(|id| command.entries.is_empty() || command.entries.contains(id))
        .filter(|id| {
            let index =
                found.iter().find(|found| found.entry == *id).and_then(|f| f.index.as_ref());
            command.kinds.is_empty() || index.is_some_and(|index| of_kind(index.kind))
        })
        .collect();
    let ring = directory::ring(ctx.txn, parent.subject)?;
    let compartments: Vec<_> = parent
        .scope
        .compartments()
        .iter()
        .copied()
        .filter(|id| {
            let current = ring.iter().flat_map(|ring| &ring.compartments);
            let named = current.filter(|c| c.id() == *id).map(|c| c.kind).next();
            let opened = || {
                let mut inside =
                    found.iter().filter(|found| found.row.label.claims().compartment == Some(*id));
                inside.find_map(|found| found.index.as_ref()).map(|index| index.kind)
            };
            named.or_else(opened).is_some_and(of_kind)
        })
        .collect();
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
        return refuse(RefusalCode::NotPermitted, "only members of the federation pass on");
    }
    let known = directory::learn_keys(ctx.txn, permission.log.clone())?;
    // Whoever passes on may not have heard of the newest ring, or of a rotation: then ours counts.
    match directory::learn_ring(ctx.txn, permission.ring.clone(), &known, ctx.now) {
        Ok(()) | Err(Failure::Refused(_)) => {}
        Err(error) => return Err(error),
    }
    let patient = known.party();
    let holders = ask::prepare(ctx, &known, &permission)?;
    for grant in &permission.grants {
        let claims = grant.chain.leaf().claims();
        let passed = grant.chain.links().len() > 1
            && claims.issuer == sender.institution
            && claims.grantee() == ctx.own.party();
        if !passed || !holds_together(ctx, &grant.chain, &known) {
            return refuse(
                RefusalCode::NotAuthentic,
                "the permission was not passed on by its grantee as the patient allowed, or not to this institution",
            );
        }
    }
    let from = (RequestKind::PassedOn, sender.institution);
    ask::accept(ctx, patient, permission, &holders, from)
}

/// At the relay: an institution tells that it passed on what the patient permitted it.
pub(super) fn told(ctx: &mut Context<'_>, sender: &Sender, told: Told) -> Handled<Bytes> {
    let patient = told.patient;
    if !patients::serves(ctx.txn, patient)? {
        return refuse(RefusalCode::NotFound, "this relay does not serve the patient");
    }
    if !sender.member && !is_contact(ctx.txn, patient, sender.institution)? {
        return refuse(RefusalCode::NotPermitted, "only members of the federation pass on");
    }
    let Some(known) = directory::keys(ctx.txn, patient)? else {
        return refuse(RefusalCode::NotFound, "the patient's key log is missing");
    };
    if told.user.len() > 200 {
        return refuse(RefusalCode::Invalid, "a name of at most 200 bytes");
    }
    if told.chains.is_empty() {
        return refuse(RefusalCode::Invalid, "whoever tells of permissions names them");
    }
    let to = told.to.keys.party_unverified();
    directory::hear_of(ctx.txn, told.to)?;
    let mut scopes = Vec::new();
    for chain in told.chains {
        let claims = chain.leaf().claims();
        let first = chain.first();
        let root = known_token(ctx.txn, patient, first.claims().id)?
            .filter(|row| row.chain.leaf().id() == first.id());
        let Some(root) = root else {
            return refuse(
                RefusalCode::NotFound,
                "the patient gave no such permission, or has forgotten it",
            );
        };
        let passed = chain.links().len() > 1
            && claims.issuer == sender.institution
            && claims.grantee() == to;
        if !passed || !holds_together(ctx, &chain, &known) {
            return refuse(
                RefusalCode::NotAuthentic,
                "the permission was not passed on as the patient allowed",
            );
        }
        match known_token(ctx.txn, patient, claims.id)? {
            Some(row) if row.chain.leaf().id() == chain.leaf().id() => continue,
            Some(_) => {
                return refuse(
                    RefusalCode::AlreadyDone,
                    "another permission of this patient has this number",
                );
            }
            None => {}
        }
        let others = given(ctx.txn, patient)?.into_iter().filter(|row| row.chain.links().len() > 1);
        let of_this = others.filter(|row| row.chain.first().id() == chain.first().id()).count();
        if of_this >= limits::PASSED_ON_MAX {
            return refuse(
                RefusalCode::LimitReached,
                "the permission was passed on more often than anybody could oversee",
            );
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
