//! What can be checked of a permission away from its use: who signed it, whether its links narrow,
//! whether it still stands. All reasons are found, not only the first.

use std::collections::BTreeMap;

use chartmesh_protocol::capability::{Chain, Reason, RevocationState, Revocations, Token, narrows};
use chartmesh_protocol::codec::Wire as _;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::{KeyLog, KnownKeys};
use chartmesh_protocol::limits::{CLOCK_TOLERANCE_SECONDS, RESPONSE_BYTES_MAX, TOKEN_DAYS_MAX};
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
    let as_of = format!("not revoked, as of {}", known.issued.utc_text());
    checks.standing(as_of, !revoked, Reason::Revoked);
    let in_time = chain.first().claims().issued >= known.min_iat;
    checks.standing("issued after the last revocation of all", in_time, Reason::IssuedBeforeMinIat);
    if let Some(limit) = chain.leaf().claims().max_staleness {
        let fresh = now.since(known.issued) <= limit.saturating_mul(SECOND_MS);
        checks.standing("news of revocations is fresh enough", fresh, Reason::StaleRevocations);
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
