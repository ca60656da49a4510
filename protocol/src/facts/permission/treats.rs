//! At the patient's relay: who treats the patient follows from what the patient did, and is signed whenever that and the
//! keys are at hand.

use super::given::{GrantState, given};
use crate::capability::Operation;
use crate::contacts;
use crate::id::PartyId;
use crate::identity::{PatientKeys, Treats};
use crate::kind::Kind;
use crate::patients;
use crate::refusal::Handled;
use crate::statement::Signed;
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::treating;
use crate::turn::{Context, QuotaSaid};
use std::collections::{BTreeMap, BTreeSet};

/// Until when, and which kinds: as [`Treats`] says it.
type Extent = (Option<Timestamp>, BTreeSet<Kind>);

/// Signs anew what has changed of who treats a patient, and everything after a rotation: with the keys at hand. Gives
/// whether anything was signed.
pub(crate) fn sign_treats(ctx: &mut Context<'_>, keys: &PatientKeys) -> Handled<bool> {
    let (patient, mut any) = (keys.patient, false);
    let mut extents = extents(ctx, patient)?;
    let known = treating::all(ctx.txn, patient)?;
    for known in &known {
        // Who treats the patient no more did so until now, or until it was to end.
        let until = known.until.map_or(ctx.now, |until| until.min(ctx.now));
        let ended = || (Some(until), known.kinds.iter().copied().collect());
        extents.entry(known.institution).or_insert_with(ended);
    }
    for (institution, (until, kinds)) in extents {
        let kinds: Vec<Kind> = kinds.into_iter().collect();
        let before = known.iter().find(|known| known.institution == institution);
        if before.is_some_and(|b| (b.key, b.until, &b.kinds) == (keys.number, until, &kinds)) {
            continue;
        }
        let issued = before.map_or(ctx.now, |before| ctx.now.max(before.issued.plus_ms(1)));
        let treats = Treats { patient, key: keys.number, institution, issued, until, kinds };
        treating::put(ctx.txn, &Signed::sign(treats, &keys.signing))?;
        any = true;
    }
    Ok(any)
}

/// Who treats the patient now: whoever the patient enrolled with, without end; and whoever may add to the record, as
/// long as that permission lasts.
fn extents(ctx: &Context<'_>, patient: PartyId) -> Handled<BTreeMap<PartyId, Extent>> {
    let mut extents: BTreeMap<PartyId, Extent> = BTreeMap::new();
    for row in given(ctx.txn, patient)? {
        let claims = row.chain.leaf().claims();
        let live = row.state == GrantState::Live && claims.expires_at() > ctx.now;
        if !live || !claims.operations.contains(Operation::Write) {
            continue;
        }
        let (until, kinds) = extents.entry(claims.grantee()).or_default();
        *until = (*until).max(Some(claims.expires_at()));
        for compartment in claims.scope.compartments() {
            kinds.extend(patients::compartment(ctx.txn, patient, *compartment)?.map(|c| c.kind));
        }
    }
    for institution in contacts::enrolled(ctx.txn, patient)? {
        extents.insert(institution, (None, BTreeSet::new()));
    }
    Ok(extents)
}

/// At the patient's relay: how much an institution may add, by its permissions that do, the largest of them; and whether it
/// may by these alone. Nothing of one that has none.
pub(crate) fn may_add(
    txn: &(impl ReadTxn + ?Sized),
    now: Timestamp,
    patient: PartyId,
    institution: PartyId,
) -> Result<Option<(QuotaSaid, bool)>, StoreError> {
    let mut said: Option<QuotaSaid> = None;
    // No limit is more than any.
    let larger = |one: Option<u64>, other: Option<u64>| Some(one?.max(other?));
    for row in given(txn, patient)? {
        let claims = row.chain.leaf().claims();
        let live = row.state == GrantState::Live && claims.expires_at() > now;
        let adds = claims.operations.contains(Operation::Write);
        if !live || !adds || claims.grantee() != institution {
            continue;
        }
        let this = QuotaSaid { entries: claims.quota_entries, bytes: claims.quota };
        said = Some(said.map_or(this, |known| QuotaSaid {
            entries: larger(known.entries, this.entries),
            bytes: larger(known.bytes, this.bytes),
        }));
    }
    let Some(said) = said else { return Ok(None) };
    let alone = !contacts::enrolled(txn, patient)?.contains(&institution);
    Ok(Some((said, alone)))
}
