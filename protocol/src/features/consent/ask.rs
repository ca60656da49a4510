//! Asking, and what comes back to whoever asked.

use super::reasons::Reason;
use super::sign::card_or_greet;
use super::tables::{
    RequestKind, RequestRow, count_unasked, known_request, put_request, request, request_view,
    requests,
};
use super::view::RequestView;
use super::wire::{Ask, Decision, Message, Permission, RequestState, Wish};
use crate::capability::{Grant, Purpose};
use crate::codec::Bytes;
use crate::contacts;
use crate::directory::{self, Introduction};
use crate::entries;
use crate::grant_keys;
use crate::id::{ConsentId, PartyId};
use crate::identity::{KnownKeys, Role};
use crate::limits;
use crate::members;
use crate::names;
use crate::patients;
use crate::permission::{self, OwnGrant, ReceivedRow, put_received};
use crate::refusal::{Handled, refuse};
use crate::time::{DAY_MS, Timestamp};
use crate::turn::{Context, Effect, Notice, Sender};

/// A request to a patient.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AskCommand {
    /// The patient.
    pub patient: PartyId,
    /// For a referral: who is to see.
    #[serde(default)]
    pub to: Option<PartyId>,
    /// What is wished for.
    #[serde(default)]
    pub wish: Wish,
    /// The purpose.
    pub purpose: Purpose,
    /// On whose behalf.
    pub user: String,
    /// A word to the patient.
    #[serde(default)]
    pub message: String,
    /// How long the patient may take, in milliseconds.
    #[serde(default)]
    pub valid_ms: Option<u64>,
}

pub(super) fn send_ask(
    ctx: &mut Context<'_>,
    kind: RequestKind,
    ask: AskCommand,
) -> Handled<RequestView> {
    ctx.own.require(Role::Hospital)?;
    let Some(relay) = directory::relay_of(ctx.txn, ask.patient)? else {
        return refuse(Reason::NoWayTo { patient: ask.patient });
    };
    check_words(&ask.user, &ask.message, &ask.wish)?;
    let latest = latest_end(ctx.now);
    if ask.wish.standing.is_some_and(|until| until <= ctx.now || until > latest) {
        return refuse(Reason::DaysOutOfBounds { most: limits::TOKEN_DAYS_MAX });
    }
    let for_party = match (kind, ask.to) {
        (RequestKind::Referral, Some(to)) => match directory::introduction(ctx.txn, to)? {
            Some(introduction) => Some(introduction),
            None => {
                return refuse(directory::Reason::InstitutionUnknown { institution: to });
            }
        },
        (RequestKind::Referral, None) => {
            return refuse(Reason::ReferralToNobody);
        }
        _ => None,
    };
    let id = ConsentId(ctx.random());
    let valid = ask.valid_ms.unwrap_or(limits::CONSENT_MS_DEFAULT).min(limits::CONSENT_MS_MAX);
    let expires = ctx.now.plus_ms(valid);
    let row = RequestRow {
        party: ask.to.filter(|_| kind == RequestKind::Referral),
        user: ask.user.clone(),
        message: ask.message.clone(),
        ..RequestRow::new(
            (kind, ask.purpose),
            ask.patient,
            ctx.own.party(),
            ask.wish.clone(),
            (ctx.now, expires),
        )
    };
    put_request(ctx.txn, id, &row)?;
    ctx.effects.push(Effect::WakeAt(expires));
    let message = Ask {
        request: id,
        patient: ask.patient,
        wish: ask.wish,
        purpose: ask.purpose,
        user: ask.user,
        message: ask.message,
        for_party,
        expires,
    };
    ctx.send(relay, &Message::Ask(message))?;
    request_view(ctx, id)
}

/// What a patient can read and decide, checked by whoever asks and again at the relay, which shows it. A standing
/// permission is over whole kinds: it carries the keys of all of them, past and to come.
fn check_words(user: &str, message: &str, wish: &Wish) -> Handled<()> {
    if !names::can_be_named(user) || message.len() > limits::CONSENT_MESSAGE_BYTES_MAX {
        return refuse(Reason::RequestOutOfBounds);
    }
    let narrower = wish.since.is_some() || wish.until.is_some() || !wish.entries.is_empty();
    if wish.standing.is_some() && narrower {
        return refuse(Reason::StandingWithDates);
    }
    Ok(())
}

/// Until when a standing permission can be asked for.
const fn latest_end(now: Timestamp) -> Timestamp {
    now.plus_ms(limits::TOKEN_DAYS_MAX * DAY_MS)
}

/// At the relay: a request arrives and waits for the patient.
pub(super) fn asked(ctx: &mut Context<'_>, sender: &Sender, ask: Ask) -> Handled<Bytes> {
    if !patients::serves(ctx.txn, ask.patient)? {
        return refuse(patients::Reason::NotServed);
    }
    // A member may ask any patient it can name; others only whoever deals with them already.
    if !sender.member && !contacts::is_contact(ctx.txn, ask.patient, sender.institution)? {
        return refuse(Reason::AskedByNoMember);
    }
    if known_request(ctx.txn, ask.request)? {
        return refuse(Reason::RequestHereAlready);
    }
    check_words(&ask.user, &ask.message, &ask.wish)?;
    // What ended without a permission counts for a while: nobody fills the relay with requests that
    // expire at once.
    let counts = |row: &RequestRow| match row.state {
        RequestState::Open | RequestState::Deferred => true,
        RequestState::Expired | RequestState::Refused => {
            ctx.now.since(row.asked) < limits::ENDED_REQUEST_COUNTS_MS
        }
        _ => false,
    };
    let asked = requests(ctx.txn)?
        .into_iter()
        .filter(|(_, row)| {
            row.asker == sender.institution && row.patient == ask.patient && counts(row)
        })
        .count();
    if asked >= limits::OPEN_REQUESTS_MAX {
        return refuse(Reason::TooManyRequests);
    }
    let expires = ask.expires.min(ctx.now.plus_ms(limits::CONSENT_MS_MAX));
    let (kind, party) = match ask.for_party {
        Some(introduction) => {
            let party = directory::learn_introduction(ctx, introduction)?;
            // A name on a card is only claimed: the patient is asked about members alone, whom others
            // vouched for, and about those that the patient deals with already.
            if !members::is_member(ctx.txn, party)?
                && !contacts::is_contact(ctx.txn, ask.patient, party)?
            {
                return refuse(Reason::ReferralToNoMember);
            }
            // Whoever refers may not have heard it for long: when the patient decides, it is to be heard.
            card_or_greet(ctx, party)?;
            (RequestKind::Referral, Some(party))
        }
        None => (RequestKind::Download, None),
    };
    // Cut like `expires`, and not refused: the asker's clock may be somewhat ahead.
    let standing = ask.wish.standing.map(|until| until.min(latest_end(ctx.now)));
    let row = RequestRow {
        party,
        user: ask.user,
        message: ask.message,
        ..RequestRow::new(
            (kind, ask.purpose),
            ask.patient,
            sender.institution,
            Wish { standing, ..ask.wish },
            (ctx.now, expires),
        )
    };
    put_request(ctx.txn, ask.request, &row)?;
    ctx.effects.push(Effect::WakeAt(expires));
    Ok(Bytes::default())
}

/// At whoever asked: the patient has decided.
pub(super) fn decided(
    ctx: &mut Context<'_>,
    sender: &Sender,
    decision: Decision,
) -> Handled<Bytes> {
    let mut row = request(ctx.txn, decision.request)?;
    if directory::relay_of(ctx.txn, row.patient)? != Some(sender.institution) {
        return refuse(Reason::AnotherRelay);
    }
    let decision_state = matches!(
        decision.state,
        RequestState::Approved
            | RequestState::Refused
            | RequestState::Expired
            | RequestState::Deferred
    );
    if !decision_state || row.kind == RequestKind::Upload || row.asker != ctx.own.party() {
        return refuse(Reason::NothingToDecide);
    }
    row.state = decision.state;
    row.reason = decision.reason;
    row.until = decision.until;
    put_request(ctx.txn, decision.request, &row)?;
    Ok(Bytes::default())
}

/// At the grantee: a permission arrives.
pub(super) fn permitted(
    ctx: &mut Context<'_>,
    sender: &Sender,
    permission: Permission,
) -> Handled<Bytes> {
    let known = directory::learn_keys(ctx.txn, permission.log.clone())?;
    let newer = directory::learn_ring(ctx.txn, permission.ring.clone(), &known, ctx.now)?;
    if directory::relay_of(ctx.txn, known.party())? != Some(sender.institution) {
        return refuse(Reason::AnotherRelay);
    }
    let patient = known.party();
    let me = ctx.own.party();
    let holders = prepare(ctx, &known, &permission, newer)?;
    for grant in &permission.grants {
        let leaf = grant.chain.leaf();
        let claims = leaf.claims();
        let signed = known.key(claims.key).is_some_and(|key| leaf.check(&key).is_ok());
        let direct = grant.chain.links().len() == 1;
        if claims.subject != patient || claims.grantee() != me || !signed || !direct {
            return refuse(Reason::NotThisPatients);
        }
    }
    // Answers our own request, or comes by a referral that somebody else asked for.
    let from = (sender.institution, &holders[..]);
    accept(ctx, patient, permission, from, (RequestKind::Referral, patient))
}

/// What comes with permissions is taken over, with a ring that was newer or not; gives who holds the entries.
pub(super) fn prepare(
    ctx: &mut Context<'_>,
    known: &KnownKeys,
    permission: &Permission,
    newer: bool,
) -> Handled<Vec<PartyId>> {
    if permission.grants.is_empty() {
        return refuse(Reason::PermitsNothing);
    }
    permission::learn_news(ctx, permission.news.clone(), known)?;
    let patient = known.party();
    if directory::learn_compartments(ctx.txn, patient, &permission.compartments)? || newer {
        ctx.notify(Notice::Ring { patient });
    }
    let mut holders = Vec::new();
    for holder in introduced(permission) {
        holders.extend(directory::hear_of(ctx, holder.clone())?);
    }
    Ok(holders)
}

/// Whose introductions are taken: of those that its tokens name, as holders or because they passed them on, or of
/// anybody when one names no holders; and of as many as a token can name. Whoever sends it cannot fill the directory.
fn introduced(permission: &Permission) -> impl Iterator<Item = &Introduction> {
    let names = |grant: &Grant, party: PartyId| {
        let audience = &grant.chain.leaf().claims().audience;
        audience.as_ref().is_none_or(|holders| holders.as_slice().contains(&party))
            || grant.chain.links().iter().any(|link| link.claims().issuer == party)
    };
    let named = move |holder: &&Introduction| {
        let party = holder.keys.party_unverified();
        permission.grants.iter().any(|grant| names(grant, party))
    };
    permission.holders.iter().filter(named).take(limits::TOKEN_PARTIES_MAX)
}

/// Permissions that were found to be for us are kept, under their request.
pub(super) fn accept(
    ctx: &mut Context<'_>,
    patient: PartyId,
    permission: Permission,
    (sender, holders): (PartyId, &[PartyId]),
    (kind, asker): (RequestKind, PartyId),
) -> Handled<Bytes> {
    let id = permission.request;
    if ctx.own.role() == Role::Hospital {
        entries::chart_for(ctx, patient)?;
    }
    let purpose = permission.grants.last().map(|grant| grant.chain.leaf().claims().purpose);
    let mut row = if known_request(ctx.txn, id)? {
        let row = request(ctx.txn, id)?;
        // One that was passed on is not added to by anybody else.
        let passed = [row.kind, kind].contains(&RequestKind::PassedOn);
        let other = passed && (row.kind != kind || row.asker != asker);
        if row.patient != patient || row.kind == RequestKind::Upload || other {
            return refuse(Reason::AnotherRequest);
        }
        row
    } else {
        let most = limits::UNASKED_PERMISSIONS_PER_DAY_MAX;
        if count_unasked(ctx.txn, sender, ctx.now)? > most {
            return refuse(Reason::TooManyUnasked { most });
        }
        let what = (kind, purpose.unwrap_or(Purpose::Treatment));
        RequestRow {
            party: Some(ctx.own.party()),
            ..RequestRow::new(what, patient, asker, Wish::default(), (ctx.now, ctx.now))
        }
    };
    for grant in &permission.grants {
        let token = grant.chain.leaf().claims().id;
        if !row.tokens.contains(&token) {
            row.tokens.push(token);
        }
    }
    if row.tokens.len() > limits::REQUEST_PERMISSIONS_MAX {
        return refuse(Reason::TooManyPermissions { most: limits::REQUEST_PERMISSIONS_MAX });
    }
    for grant in permission.grants {
        let keys = grant_keys::open(ctx, &grant)?;
        let grant = OwnGrant::seal(ctx.own, grant.chain, &keys, ctx.rng);
        let received =
            ReceivedRow { request: id, holders: holders.to_vec(), received: ctx.now, grant };
        put_received(ctx.txn, &received)?;
    }
    // A further permission of one that goes on changes nothing of what was fetched.
    if row.state != RequestState::Done {
        row.state = RequestState::Approved;
    }
    put_request(ctx.txn, id, &row)?;
    Ok(Bytes::default())
}
