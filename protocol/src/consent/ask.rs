//! Asking, and what comes back to whoever asked.

use super::learn_revocations;
use super::tables::{
    ReceivedRow, RequestKind, RequestRow, answer_request, known_request, put_received, put_request,
    request, requests,
};
use super::wire::{Ask, Decision, Message, Permission, RequestState, Wish};
use crate::capability::Purpose;
use crate::codec::Bytes;
use crate::custody;
use crate::directory;
use crate::federation;
use crate::id::{ConsentId, PartyId};
use crate::identity::Role;
use crate::limits;
use crate::peer::{Body, Context, Effect, RequestId, Sender};
use crate::refusal::{Handled, RefusalCode, refuse};

/// A request to a patient.
#[derive(Debug, serde::Deserialize)]
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
    answer_to: RequestId,
    kind: RequestKind,
    ask: AskCommand,
) -> Handled<()> {
    ctx.peer.require(Role::Hospital)?;
    let Some(relay) = directory::relay_of(ctx.txn, ask.patient)? else {
        return refuse(
            RefusalCode::NotFound,
            format!(
                "nobody here knows how to reach patient {}; enrol the patient first, or wait for a referral",
                ask.patient.short()
            ),
        );
    };
    if ask.user.trim().is_empty() || ask.user.len() > 200 || ask.message.len() > 1000 {
        return refuse(
            RefusalCode::Invalid,
            "a request names its user (1 to 200 bytes) and has a message of at most 1000",
        );
    }
    let for_party = match (kind, ask.to) {
        (RequestKind::Referral, Some(to)) => match directory::introduction(ctx.txn, to)? {
            Some(introduction) => Some(introduction),
            None => {
                return refuse(
                    RefusalCode::NotFound,
                    format!("institution {} is not known here", to.short()),
                );
            }
        },
        (RequestKind::Referral, None) => {
            return refuse(RefusalCode::Invalid, "a referral names whom it is to");
        }
        _ => None,
    };
    let id = ConsentId(ctx.random());
    let valid = ask.valid_ms.unwrap_or(limits::CONSENT_MS_DEFAULT).min(limits::CONSENT_MS_MAX);
    let expires = ctx.now.plus_ms(valid);
    let row = RequestRow {
        kind,
        patient: ask.patient,
        asker: ctx.peer.me(),
        party: ask.to.filter(|_| kind == RequestKind::Referral),
        wish: ask.wish.clone(),
        purpose: ask.purpose,
        user: ask.user.clone(),
        message: ask.message.clone(),
        asked: ctx.now,
        expires,
        state: RequestState::Open,
        reason: String::new(),
        until: None,
        tokens: Vec::new(),
        executor: None,
        order: None,
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
    ctx.send(relay, &Body::Consent(Message::Ask(message)))?;
    answer_request(ctx, answer_to, id)
}

/// At the relay: a request arrives and waits for the patient.
pub(super) fn asked(ctx: &mut Context<'_>, sender: &Sender, ask: Ask) -> Handled<Bytes> {
    if !custody::serves(ctx.txn, ask.patient)? {
        return refuse(RefusalCode::NotFound, "this relay does not serve the patient");
    }
    // A member may ask any patient it can name; others only whoever deals with them already.
    if !sender.member && !super::is_contact(ctx.txn, ask.patient, sender.institution)? {
        return refuse(
            RefusalCode::NotPermitted,
            "only members of the federation ask patients they have not enrolled",
        );
    }
    if known_request(ctx.txn, ask.request)? {
        return refuse(RefusalCode::AlreadyDone, "a request of this id is here already");
    }
    let open = requests(ctx.txn)?
        .into_iter()
        .filter(|(_, row)| {
            row.asker == sender.institution
                && row.patient == ask.patient
                && row.state == RequestState::Open
        })
        .count();
    if open >= limits::OPEN_REQUESTS_MAX {
        return refuse(
            RefusalCode::LimitReached,
            "too many requests of this institution wait for the patient",
        );
    }
    let expires = ask.expires.min(ctx.now.plus_ms(limits::CONSENT_MS_MAX));
    let (kind, party) = match ask.for_party {
        Some(introduction) => {
            let party = directory::learn_introduction(ctx.txn, introduction)?;
            // A name on a card is only claimed: the patient is asked about members alone, whom others
            // vouched for, and about those that the patient deals with already.
            if !federation::is_member(ctx.txn, party)?
                && !super::is_contact(ctx.txn, ask.patient, party)?
            {
                return refuse(
                    RefusalCode::NotPermitted,
                    "a referral is to a member of the federation that the relay knows as one",
                );
            }
            (RequestKind::Referral, Some(party))
        }
        None => (RequestKind::Download, None),
    };
    let row = RequestRow {
        kind,
        patient: ask.patient,
        asker: sender.institution,
        party,
        wish: ask.wish,
        purpose: ask.purpose,
        user: ask.user,
        message: ask.message,
        asked: ctx.now,
        expires,
        state: RequestState::Open,
        reason: String::new(),
        until: None,
        tokens: Vec::new(),
        executor: None,
        order: None,
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
        return refuse(RefusalCode::NotPermitted, "another relay serves this patient");
    }
    let decision_state = matches!(
        decision.state,
        RequestState::Approved
            | RequestState::Refused
            | RequestState::Expired
            | RequestState::Deferred
    );
    if !decision_state || row.kind == RequestKind::Upload || row.asker != ctx.peer.me() {
        return refuse(RefusalCode::WrongState, "there is nothing of this kind to decide");
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
    let known = directory::learn_keys(ctx.txn, permission.log)?;
    let patient = known.party();
    directory::learn_ring(ctx.txn, permission.ring, &known, ctx.now)?;
    if directory::relay_of(ctx.txn, patient)? != Some(sender.institution) {
        return refuse(RefusalCode::NotPermitted, "another relay serves this patient");
    }
    if permission.grants.is_empty() {
        return refuse(RefusalCode::Invalid, "a permission permits something");
    }
    if let Some(state) = permission.revocations {
        learn_revocations(ctx, state, &known)?;
    }
    let mut holders = Vec::new();
    for holder in permission.holders {
        holders.extend(directory::hear_of(ctx.txn, holder)?);
    }
    let mut tokens = Vec::new();
    let mut purpose = Purpose::Treatment;
    for grant in permission.grants {
        let leaf = grant.chain.leaf();
        let claims = leaf.claims();
        let signed = known.key(claims.key).is_some_and(|key| leaf.check(&key).is_ok());
        if claims.subject != patient || claims.grantee() != ctx.peer.me() || !signed {
            return refuse(
                RefusalCode::NotAuthentic,
                "the permission is not this patient's, or not for this institution",
            );
        }
        tokens.push(claims.id);
        purpose = claims.purpose;
        let row = ReceivedRow {
            request: permission.request,
            holders: holders.clone(),
            received: ctx.now,
            grant,
        };
        put_received(ctx.txn, &row)?;
    }
    if ctx.peer.role() == Role::Hospital {
        crate::record::chart_for(ctx, patient)?;
    }
    // Answers our own request, or comes by a referral that somebody else asked for.
    let mut row = if known_request(ctx.txn, permission.request)? {
        let row = request(ctx.txn, permission.request)?;
        if row.patient != patient || row.kind == RequestKind::Upload {
            return refuse(RefusalCode::NotPermitted, "that request is another patient's");
        }
        row
    } else {
        RequestRow {
            kind: RequestKind::Referral,
            patient,
            asker: patient,
            party: Some(ctx.peer.me()),
            wish: Wish::default(),
            purpose,
            user: String::new(),
            message: String::new(),
            asked: ctx.now,
            expires: ctx.now,
            state: RequestState::Approved,
            reason: String::new(),
            until: None,
            tokens: Vec::new(),
            executor: None,
            order: None,
        }
    };
    row.state = RequestState::Approved;
    row.tokens.extend(tokens);
    row.tokens.dedup();
    put_request(ctx.txn, permission.request, &row)?;
    Ok(Bytes::default())
}
