//! What can be checked of a permission away from its use: who signed it, whether its links narrow,
//! whether it still stands. All reasons are found, not only the first.

use std::collections::BTreeMap;

use chartmesh_protocol::capability::{Chain, Reason, RevocationState, Revocations, Token, narrows};
use chartmesh_protocol::codec::Wire as _;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::{KeyLog, KnownKeys};
use chartmesh_protocol::limits::{
    CLOCK_TOLERANCE_SECONDS, NEWS_DAYS_DEFAULT, RESPONSE_BYTES_MAX, TOKEN_DAYS_MAX,
};
use chartmesh_protocol::peer::KeysView;
use chartmesh_protocol::statement::Unverified;
use chartmesh_protocol::time::{DAY_MS, SECOND_MS, Timestamp};
use serde::Serialize;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Found {
    /// It holds.
    Holds,
    /// It does not.
    Fails,
    /// What is needed to tell is missing.
    Unknown,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Check {
    /// What was checked.
    pub(super) what: String,
    /// How it ended.
    pub(super) found: Found,
    /// Why, or by what.
    pub(super) why: String,
    /// The reason's name, as holders log it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<&'static str>,
    /// Whether it tells who the permission is from, rather than whether it still counts.
    #[serde(skip)]
    pub(super) about_origin: bool,
}

/// Keys and revocations that were proved.
#[derive(Debug, Default)]
pub(super) struct Known {
    keys: BTreeMap<PartyId, KnownKeys>,
    revocations: BTreeMap<PartyId, Revocations>,
}

impl Known {
    pub(super) fn knows(&self, party: PartyId) -> bool {
        self.keys.contains_key(&party)
    }

    /// Takes over what proves itself.
    pub(super) fn add(&mut self, view: KeysView, now: Timestamp) -> Result<(), String> {
        let log = KeyLog::from_bytes(&view.log.0, RESPONSE_BYTES_MAX).map_err(|e| e.to_string())?;
        let keys = log.verify().map_err(|error| error.to_string())?;
        if keys.party() != view.party {
            return Err("the key log is another party's than it says".to_owned());
        }
        if view.current != keys.current_number() {
            let (said, is) = (view.current, keys.current_number());
            return Err(format!(
                "it says that key {said} is the current one, and its log ends with {is}"
            ));
        }
        if let Some(state) = view.revocations {
            let state =
                Unverified::<RevocationState>::parse(&state.0).map_err(|e| e.to_string())?;
            let state = state.certify(&keys).map_err(|error| error.to_string())?;
            self.revocations
                .entry(view.party)
                .or_insert_with(|| Revocations::none(view.party))
                .merge(&state, now);
        }
        self.keys.insert(view.party, keys);
        Ok(())
    }
}

/// Everything that can be checked.
pub(super) fn check(chain: &Chain, known: &Known, now: Timestamp) -> Vec<Check> {
    let mut checks = Checks::default();
    let links = chain.links();
    for (index, link) in links.iter().enumerate() {
        let name = if links.len() == 1 { String::new() } else { format!("link {}: ", index + 1) };
        let token = link.claims();
        checks.origin(format!("{name}its claims agree"), token.is_coherent(), Reason::Malformed);
        let keys = known.keys.get(&token.issuer);
        let what = format!("{name}signed by {}", token.issuer.short());
        match keys {
            None => checks.unknown(what, "the issuer's keys are not known"),
            // As a holder has it: an issuer without such a key is not one that is known.
            Some(keys) if keys.key(token.key).is_none() => {
                checks.origin(what, false, Reason::UnknownIssuer);
            }
            Some(keys) => {
                let signed = keys.key(token.key).is_some_and(|key| link.check(&key).is_ok());
                checks.origin(what, signed, Reason::BadSignature);
                let counts = keys.keeps(token.key, token.id);
                checks.standing(format!("{name}its key still counts"), counts, Reason::OldKey);
            }
        }
        dates(&mut checks, &name, token, now);
    }
    let first = chain.first().claims();
    checks.origin("given by the patient", first.issuer == first.subject, Reason::UnknownIssuer);
    checks.origin("it begins a chain", first.parent.is_none(), Reason::BrokenChain);
    for (index, pair) in links.windows(2).enumerate() {
        let what = format!("link {} permits no more than the one above", index + 2);
        let narrower = narrows(&pair[0], pair[1].claims());
        let reason = narrower.err().map_or(Reason::ChildExceedsParent, Reason::from);
        checks.origin(what, narrower.is_ok(), reason);
    }
    revocations(&mut checks, chain, known.revocations.get(&first.subject), now);
    checks.0
}

fn dates(checks: &mut Checks, name: &str, token: &Token, now: Timestamp) {
    let begins = Timestamp::from_seconds(token.not_before);
    let begun = now.plus_ms(CLOCK_TOLERANCE_SECONDS * SECOND_MS) >= begins;
    checks.standing(
        format!("{name}counts since {}", begins.utc_text()),
        begun,
        Reason::NotYetValid,
    );
    let ends = token.expires_at();
    checks.standing(format!("{name}ends on {}", ends.utc_text()), now < ends, Reason::Expired);
    let span = ends.since(Timestamp::from_seconds(token.issued).min(begins));
    let what = format!("{name}valid for at most {TOKEN_DAYS_MAX} days");
    checks.standing(what, span <= TOKEN_DAYS_MAX * DAY_MS, Reason::ValidTooLong);
}

fn revocations(checks: &mut Checks, chain: &Chain, known: Option<&Revocations>, now: Timestamp) {
    let Some(known) = known else {
        checks.unknown("not revoked", "the patient's revocations are not known");
        return;
    };
    let revoked = chain.links().iter().any(|link| known.contains(link.claims().id));
    // A state from the future takes back all the same, and is no news of what was not taken back.
    if known.issued == Timestamp(0) && !revoked {
        checks.unknown("not revoked", "the news of revocations is dated ahead of this clock");
    } else {
        let as_of = format!("not revoked, as of {}", known.issued.utc_text());
        checks.standing(as_of, !revoked, Reason::Revoked);
    }
    let in_time = chain.first().claims().issued >= known.min_iat;
    checks.standing("issued after the last revocation of all", in_time, Reason::IssuedBeforeMinIat);
    let age = now.since(known.issued.max(chain.first().claims().issued_at()));
    match chain.leaf().claims().max_staleness {
        Some(limit) => {
            let fresh = age <= limit.saturating_mul(SECOND_MS);
            checks.standing("news of revocations is fresh enough", fresh, Reason::StaleRevocations);
        }
        None if age > NEWS_DAYS_DEFAULT * DAY_MS => {
            let what = format!(
                "used by whoever treats the patient: news of revocations is older than {NEWS_DAYS_DEFAULT} days"
            );
            checks.unknown(what, "who treats the patient is not known here");
        }
        None => {}
    }
}

#[derive(Default)]
struct Checks(Vec<Check>);

impl Checks {
    fn origin(&mut self, what: impl Into<String>, holds: bool, reason: Reason) {
        self.push(what.into(), holds, reason, true);
    }

    fn standing(&mut self, what: impl Into<String>, holds: bool, reason: Reason) {
        self.push(what.into(), holds, reason, false);
    }

    fn push(&mut self, what: String, holds: bool, reason: Reason, about_origin: bool) {
        let failed = (!holds).then_some(reason);
        self.0.push(Check {
            what,
            found: if holds { Found::Holds } else { Found::Fails },
            why: failed.map(|reason| reason.sentence().to_owned()).unwrap_or_default(),
            reason: failed.map(Reason::name),
            about_origin,
        });
    }

    fn unknown(&mut self, what: impl Into<String>, why: &str) {
        self.0.push(Check {
            what: what.into(),
            found: Found::Unknown,
            why: why.to_owned(),
            reason: None,
            about_origin: true,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::capability::{Confirmation, Operation, Operations, Purpose, Scope};
    use chartmesh_protocol::codec::Bytes;
    use chartmesh_protocol::crypto::SigningKey;
    use chartmesh_protocol::id::{EntryId, TokenId};
    use chartmesh_protocol::identity::incept;
    use chartmesh_protocol::statement::Signed;

    const NOW: Timestamp = Timestamp(1_795_251_600_000);

    fn key(byte: u8) -> SigningKey {
        SigningKey::from_seed(&[byte; 32])
    }

    fn view(issued: Timestamp) -> KeysView {
        let log = incept(&key(1), &key(2).public());
        let party = log.party_unverified();
        let state = RevocationState {
            patient: party,
            key: 0,
            seq: 1,
            issued,
            min_iat: 0,
            revoked: Vec::new(),
        };
        let revocations = Some(Bytes(Signed::sign(state, &key(1)).bytes().to_vec()));
        KeysView { party, current: 0, log: Bytes(log.to_bytes()), revocations }
    }

    fn chain(number: u32) -> Chain {
        let patient = view(NOW).party;
        let issued = NOW.seconds();
        let token = Token {
            issuer: patient,
            subject: patient,
            audience: None,
            expires: issued + 3600,
            not_before: issued,
            issued,
            id: TokenId([7; 16]),
            confirmation: Confirmation { grantee: patient },
            key: number,
            parent: None,
            operations: Operations::of(&[Operation::Read]),
            scope: Scope::of_entries([EntryId([8; 16])]).expect("one is neither none nor too many"),
            quota: None,
            quota_entries: None,
            purpose: Purpose::Treatment,
            delegation: None,
            max_staleness: None,
        };
        Chain::root(&Signed::sign(token, &key(1)))
    }

    fn known(issued: Timestamp) -> Known {
        let mut known = Known::default();
        known.add(view(issued), NOW).expect("they prove themselves");
        known
    }

    fn found<'a>(checks: &'a [Check], what: &str) -> &'a Check {
        checks.iter().find(|check| check.what.starts_with(what)).expect("it is checked")
    }

    #[test]
    fn a_key_that_there_is_not_is_no_forgery() {
        let signed = check(&chain(0), &known(NOW), NOW);
        assert_eq!(found(&signed, "signed by").found, Found::Holds);
        let other = check(&chain(5), &known(NOW), NOW);
        assert_eq!(found(&other, "signed by").reason, Some("unknown-issuer"));
    }

    #[test]
    fn news_from_the_future_is_none_and_a_number_that_is_not_the_logs_is_refused() {
        let past = check(&chain(0), &known(NOW), NOW);
        assert_eq!(found(&past, "not revoked, as of 2026-11-21").found, Found::Holds);
        let ahead = check(&chain(0), &known(NOW.plus_ms(DAY_MS)), NOW);
        let (ahead, what) = (found(&ahead, "not revoked"), "not revoked");
        assert_eq!((ahead.found, ahead.what.as_str()), (Found::Unknown, what));
        let wrong = KeysView { current: 9, ..view(NOW) };
        let why = Known::default().add(wrong, NOW).unwrap_err();
        assert!(why.contains("key 9"), "{why}");
    }
}
