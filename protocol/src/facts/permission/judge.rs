//! A holder judges a permission that somebody presents, and puts every refusal on the record.

use super::{learn_news, revocations};
use crate::capability::{
    Chain, Granted, Keys, News, Permitted, Presented, Purpose, Reason, Spent, Target, Verifier,
    Wanted, verify,
};
use crate::copied;
use crate::directory;
use crate::id::{PartyId, TokenId};
use crate::identity::{KeyLog, KnownKeys, Treats};
use crate::limits;
use crate::members;
use crate::refusal::{Failure, Handled, refuse};
use crate::statement::Unverified;
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::treating;
use crate::turn::{Action, Context, Draft, Notice, Sender};
use std::collections::{BTreeMap, BTreeSet};

/// What a message brings for judging a permission.
pub(crate) struct Judged<'a> {
    /// The patient.
    pub(crate) patient: PartyId,
    /// The permission.
    pub(crate) chain: Chain,
    pub(crate) log: KeyLog,
    pub(crate) issuers: Vec<KeyLog>,
    pub(crate) news: News,
    pub(crate) purpose: Option<Purpose>,
    pub(crate) targets: &'a [Target],
    pub(crate) bytes: u64,
    pub(crate) used: &'a dyn Fn(TokenId) -> Spent,
    pub(crate) user: Option<String>,
    pub(crate) refused_as: Action,
}

/// Judges a permission on the spot. A refusal is on the record with its real reason; the far side
/// hears no more than it may know.
pub(crate) fn judge<Op: Permitted>(
    ctx: &mut Context<'_>,
    sender: &Sender,
    mut judged: Judged<'_>,
) -> Handled<Granted<Op>> {
    let token = judged.chain.leaf().claims().id;
    // Of patients that are not known here there is no log: nobody fills our tables with strangers.
    let logged = directory::keys(ctx.txn, judged.patient)?.is_some();
    let through = through(&judged.chain);
    let refused = |ctx: &mut Context<'_>, reason: Reason| {
        // Before the signatures have held, a chain's names are only what somebody wrote into it.
        let authentic = reason.for_stranger() != Reason::NotValid;
        if logged {
            ctx.lines_if_refused.push(Draft {
                user: judged.user.clone(),
                purpose: judged.purpose,
                token: Some(token),
                reason: Some(reason.into()),
                through: if authentic { through.clone() } else { Vec::new() },
                ..Draft::new(judged.patient, judged.refused_as, sender.institution)
            });
        }
        refuse(reason.for_stranger())
    };
    let known = match directory::learn_keys(ctx.txn, judged.log) {
        Ok(known) if known.party() == judged.patient => known,
        // A log of another patient, or one that contradicts what is known.
        Ok(_) | Err(Failure::Refused(_)) => return refused(ctx, Reason::UnknownIssuer),
        Err(error) => return Err(error),
    };
    let treats = treating_presenter(ctx, judged.news.treats.take(), &known, sender)?;
    // What does not verify teaches nothing; the permission is judged by what is known.
    match learn_news(ctx, judged.news, &known) {
        Ok(()) | Err(Failure::Refused(_)) => {}
        Err(error) => return Err(error),
    }
    let known_revocations = revocations(ctx.txn, judged.patient)?;
    let forgot = copied::forgot(ctx.txn, sender.institution)?;
    let issuers = issuers(ctx, &judged.chain, judged.issuers)?;
    let chain = judged.chain.clone();
    let presented = Presented {
        chain: judged.chain,
        proof: sender.proof.clone(),
        request_hash: sender.request_hash,
        node: sender.node,
    };
    let txn = &*ctx.txn;
    let now = ctx.now;
    let institutions = |party| issuers.get(&party).cloned();
    let node_of = |node| directory::institution_of(txn, node, now).ok().flatten();
    let verifier = Verifier {
        me: ctx.own.party(),
        now,
        nonce: sender.nonce,
        keys: Keys { patient: &known, institutions: &institutions },
        revocations: &known_revocations,
        forgot,
        treats: treats.as_ref(),
        node_of: &node_of,
    };
    let wanted = Wanted {
        targets: judged.targets,
        purpose: judged.purpose,
        bytes: judged.bytes,
        used: judged.used,
    };
    let granted = match verify::<Op>(&presented, &verifier, &wanted) {
        Ok(granted) => granted,
        Err(reason) => return refused(ctx, reason),
    };
    // Asked again while data leave, it is judged with what is known here. All of these signed a link that
    // the patient allowed.
    for keys in issuers.into_values() {
        directory::learn_keys(ctx.txn, keys.log().clone())?;
    }
    want_news(ctx, &chain, granted.summary().news);
    Ok(granted)
}

/// A permission is used, with news of that time: it is to become newer, in the background.
pub(crate) fn want_news(ctx: &mut Context<'_>, chain: &Chain, news: Timestamp) {
    if ctx.now.since(news) > chain.leaf().claims().news_ages_after_ms() {
        ctx.notify(Notice::OldNews { chain: chain.clone() });
    }
}

/// What the patient says of whoever shows a permission: as is known here or as it brings along, whichever is newer.
/// Nothing is kept of it.
fn treating_presenter(
    ctx: &Context<'_>,
    brought: Option<Unverified<Treats>>,
    known: &KnownKeys,
    sender: &Sender,
) -> Handled<Option<Treats>> {
    let brought = brought.and_then(|brought| brought.certify(known, ctx.now).ok());
    let brought = brought.map(|signed| (*signed).clone());
    let here = treating::of(ctx.txn, known.party(), sender.institution)?;
    let theirs = |treats: &Treats| treats.institution == sender.institution;
    Ok(brought.into_iter().chain(here).filter(theirs).max_by_key(|treats| treats.issued))
}

/// Who passed a permission on, the patient's grantee first.
pub(crate) fn through(chain: &Chain) -> Vec<PartyId> {
    chain.links()[1..].iter().map(|link| link.claims().issuer).collect()
}

/// Whether everybody who signed a part of it stands behind that still, as far as is known here: by a key that counts, or that
/// kept it, and put out by nobody. A holder that knows as much refuses it otherwise. [CAP-7]
pub(crate) fn is_stood_by(
    txn: &(impl ReadTxn + ?Sized),
    chain: &Chain,
) -> Result<bool, StoreError> {
    for link in chain.links().iter().map(|link| link.claims()) {
        let passed_on = link.issuer != link.subject;
        if passed_on && members::is_expelled(txn, link.issuer)? {
            return Ok(false);
        }
        let keys = directory::keys(txn, link.issuer)?;
        if keys.is_some_and(|keys| !keys.keeps(link.key, link.id)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The keys of an institution that may have passed a permission on; none of one that was put out.
pub(crate) fn issuer(txn: &(impl ReadTxn + ?Sized), party: PartyId) -> Option<KnownKeys> {
    match members::is_expelled(txn, party) {
        Ok(false) => directory::keys(txn, party).ok().flatten(),
        _ => None,
    }
}

/// The keys of those who passed a permission on: as known here, or as brought along. Nothing is written
/// down of what somebody brings until the whole is found to hold.
fn issuers(
    ctx: &Context<'_>,
    chain: &Chain,
    brought: Vec<KeyLog>,
) -> Handled<BTreeMap<PartyId, KnownKeys>> {
    let wanted: BTreeSet<PartyId> = through(chain).into_iter().collect();
    let mut found = BTreeMap::new();
    for party in &wanted {
        found.extend(issuer(ctx.txn, *party).map(|keys| (*party, keys)));
    }
    for log in brought.into_iter().take(limits::TOKEN_CHAIN_LINKS_MAX) {
        let party = log.party_unverified();
        if !wanted.contains(&party) || members::is_expelled(ctx.txn, party)? {
            continue;
        }
        let Ok(keys) = log.verify() else { continue };
        let merged = match found.get(&party) {
            Some(known) => known.clone().merge(keys).unwrap_or_else(|_| known.clone()),
            None => keys,
        };
        found.insert(party, merged);
    }
    Ok(found)
}
