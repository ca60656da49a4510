//! How far a patient goes along with a request: never further.

use super::reasons::Reason;
use super::sign::Quota;
use super::tables::RequestRow;
use super::wire::Wish;
use crate::capability::{Delegation, Parties};
use crate::id::PartyId;
use crate::kind::Kind;
use crate::limits;
use crate::refusal::{Handled, refuse};
use crate::time::{DAY_MS, Timestamp};
use std::collections::BTreeSet;

/// Days a permission holds when the patient says nothing.
const DAYS_DEFAULT: u64 = 30;

/// How a patient narrows a request. Nothing in it can widen what is to be seen; that it may be passed on
/// is the patient's own word, which no request can ask for.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub struct Narrow {
    /// Only these, of what is wished for.
    pub wish: Wish,
    /// Days until the permission ends; 30 when not given, 90 at most.
    pub days: Option<u64>,
    /// Milliseconds until the permission ends, instead of days.
    pub valid_ms: Option<u64>,
    /// Only at these holders; all that are known to hold the entries when empty.
    pub audience: Vec<PartyId>,
    /// Holders whose news of revocations is older than this many seconds must refuse.
    pub max_staleness: Option<u64>,
    /// Only to read, even if adding was wished for.
    pub read_only: bool,
    /// Only what there is now, even if a standing permission was wished for.
    pub once: bool,
    /// Institutions that it may be passed on to.
    pub may_pass_on: Vec<PartyId>,
    /// How many times in a row it may be passed on: 1 when not given, 2 at most.
    pub depth: Option<u16>,
    /// Bytes that may be added under it at each holder; 10 GiB when not given.
    pub quota: Option<u64>,
    /// Entries that may be added under it at each holder; 1000 when not given.
    pub quota_entries: Option<u64>,
}

impl Narrow {
    /// How much may be added under it: bounded, also where the patient says nothing. [QUO-7]
    pub(super) fn quota(&self) -> Quota {
        Quota {
            bytes: self.quota.or(Some(limits::QUOTA_ADDED_BYTES)),
            entries: self.quota_entries.or(Some(limits::QUOTA_ADDED_ENTRIES)),
        }
    }

    /// To whom, and how often in a row, it may be passed on.
    pub(super) fn delegation(&self, grantee: PartyId) -> Handled<Option<Delegation>> {
        if self.may_pass_on.is_empty() {
            return match self.depth {
                None => Ok(None),
                Some(_) => refuse(Reason::DepthToNobody),
            };
        }
        let depth = self.depth.unwrap_or(1);
        let further = limits::TOKEN_CHAIN_LINKS_MAX - 1;
        if !(1..=further).contains(&usize::from(depth)) {
            return refuse(Reason::DepthOutOfBounds { most: further });
        }
        if self.may_pass_on.contains(&grantee) {
            return refuse(Reason::GranteeAlready);
        }
        match Parties::new(self.may_pass_on.iter().copied()) {
            Some(institutions) => Ok(Some(Delegation { depth, institutions })),
            None => refuse(Reason::TooManyInstitutions { most: limits::TOKEN_PARTIES_MAX }),
        }
    }
}

/// Until when a standing permission was asked for and is permitted; `None` for one over what there is.
pub(super) fn standing_until(
    row: &RequestRow,
    narrow: &Narrow,
    now: Timestamp,
) -> Handled<Option<Timestamp>> {
    let Some(asked) = row.wish.standing else {
        return match narrow.wish.standing {
            None => Ok(None),
            Some(_) => refuse(Reason::StandingNotAskedFor),
        };
    };
    if narrow.once {
        return Ok(None);
    }
    let dated = narrow.wish.since.is_some() || narrow.wish.until.is_some();
    if dated || !narrow.wish.entries.is_empty() {
        return refuse(Reason::StandingWithDatesPermitted);
    }
    let until = narrow.wish.standing.map_or(asked, |until| until.min(asked));
    if until <= now {
        return refuse(Reason::StandingIsOver);
    }
    Ok(Some(until))
}

/// How long the permission holds, in milliseconds.
pub(super) fn valid_ms(narrow: &Narrow, standing: Option<Timestamp>, now: Timestamp) -> u64 {
    let said = narrow.valid_ms.or_else(|| narrow.days.map(|days| days.saturating_mul(DAY_MS)));
    match (said, standing) {
        (Some(said), None) => said,
        (None, None) => DAYS_DEFAULT * DAY_MS,
        (said, Some(until)) => said.map_or(until.since(now), |said| said.min(until.since(now))),
    }
}

/// The kinds that were wished for and are permitted.
pub(super) fn permitted_kinds(wished: &Wish, narrowed: &Wish) -> Handled<BTreeSet<Kind>> {
    let all = [&wished.kinds, &narrowed.kinds];
    let permitted = |kind: &Kind| all.iter().all(|kinds| kinds.is_empty() || kinds.contains(kind));
    let kinds: BTreeSet<Kind> = Kind::ALL.iter().copied().filter(permitted).collect();
    if kinds.is_empty() {
        return refuse(Reason::NoKindMeets);
    }
    Ok(kinds)
}
