//! What a holder refuses to a stolen terminal that speaks the real protocol: each attempt for its own
//! reason on the record, and the far side hears no more than it may know.

use chartmesh_kit::altered;
use chartmesh_protocol::capability::{
    Chain, Operation, Operations, Parties, Purpose, Reason, Scope,
};
use chartmesh_protocol::codec::Wire as _;
use chartmesh_protocol::id::EntryId;
use chartmesh_protocol::record::Bundle;
use chartmesh_protocol::refusal::RefusalCode;
use chartmesh_tests::{Node, Region, Rogue, Told, fetch, grant, lines, refusals};
use serde_json::json;

/// What a holder's log has more of, and what the far side heard.
struct Holder<'a> {
    node: &'a Node,
    patient: &'a str,
    seen: usize,
}

impl Holder<'_> {
    /// Refused, with this reason on the record and this one told.
    fn refused(&mut self, what: &str, told: &Told, reason: Reason) {
        let refusal = told.as_ref().expect_err(what);
        let may_know = reason.for_stranger();
        assert_eq!(*refusal, may_know.into(), "{what}");
        let reasons = refusals(self.node, self.patient);
        assert_eq!(reasons[self.seen..], [reason.name()], "{what}");
        self.seen = reasons.len();
    }
}

fn entry(number: u8) -> Option<Scope> {
    Scope::of_entries([EntryId([number; 16])])
}

#[test]
fn a_stolen_terminal_is_refused_each_time_for_the_right_reason_and_hears_no_more_than_it_may() {
    let root = tempfile::tempdir().unwrap();
    let region = Region::found(root.path(), "Tanabe Reiko");
    let extra = json!({"kind": "reports", "title": "A letter"});
    let entries = region.a.import(&region.patient, "letter.txt", b"A letter.\n", extra).unwrap();
    region.deposit(&entries);
    let request = grant(&region, &json!({"kinds": ["reports"]}), &json!({"days": 1}), "");
    let (b, provider) = (&region.b, &region.provider);
    let ended = fetch(b, &request, &provider.id).unwrap();
    assert_eq!(ended["state"], "done", "{ended}");

    let mut rogue = Rogue::of(&region, b, provider);
    let good = rogue.received(b, &request);
    let mut holder = Holder { node: provider, patient: &region.patient, seen: 0 };
    // What it may, it may: whatever is refused below is refused for what is wrong with it.
    let bundles = rogue.bundles(&good);
    assert_eq!(bundles.len(), 1);
    assert!(refusals(provider, &region.patient).is_empty());

    reads(&mut rogue, &mut holder, &good, &region);
    offers(&mut rogue, &mut holder, &good, &bundles);
    // Every attempt to read left its line, and none of them says "read" or "kept".
    let lines = lines(provider, &region.patient);
    let nobody = lines.iter().filter(|line| line["user"] == "Dr. Nobody");
    assert_eq!(nobody.filter(|line| line["action"] == "read").count(), 3, "{lines:?}");
}

/// Three of these are good: two that `reads` and `offers` compare with, and the first of all.
fn reads(rogue: &mut Rogue, holder: &mut Holder<'_>, good: &Chain, region: &Region) {
    let told = rogue.read(&rogue.forged(good));
    holder.refused("signed by somebody else", &told, Reason::BadSignature);
    let end = good.leaf().claims().expires.to_bytes();
    let told = rogue.read(&altered(good, &end));
    holder.refused("one bit of the end altered", &told, Reason::BadSignature);
    let told = rogue.read_with(good, |proof| proof.nonce[0] ^= 1);
    holder.refused("a proof of another connection", &told, Reason::ProofReplayed);
    let told = rogue.read_with(good, |proof| proof.request[0] ^= 1);
    holder.refused("a proof for another request", &told, Reason::ProofForAnotherRequest);
    let told = rogue.read_with(good, |proof| proof.verifier.0[0] ^= 1);
    holder.refused("a proof for another holder", &told, Reason::ProofForAnotherVerifier);
    let other = rogue.minted(good, |_| ());
    let leaf = other.leaf().id();
    let told = rogue.read_with(good, |proof| proof.leaf = leaf);
    holder.refused("a proof for another permission", &told, Reason::ProofForAnotherToken);

    // From here on the signatures and the proof hold: the reason is told.
    let of_a = serde_json::from_value(json!(region.a.id)).unwrap();
    let stolen = rogue.minted(good, |claims| claims.confirmation.grantee = of_a);
    let told = rogue.read(&stolen);
    holder.refused("another institution's", &told, Reason::NotTheGrantee);
    let now = good.leaf().claims().issued;
    let expired = rogue.minted(good, |claims| {
        (claims.issued, claims.not_before, claims.expires) = (now - 20, now - 20, now - 10);
    });
    let told = rogue.read(&expired);
    holder.refused("expired", &told, Reason::Expired);
    let early = rogue.minted(good, |claims| {
        (claims.not_before, claims.expires) = (now + 3600, now + 7200);
    });
    let told = rogue.read(&early);
    holder.refused("not yet good", &told, Reason::NotYetValid);
    let long = rogue.minted(good, |claims| claims.expires = now + 91 * 24 * 3600);
    let told = rogue.read(&long);
    holder.refused("good for too long", &told, Reason::ValidTooLong);
    let elsewhere = rogue.minted(good, |claims| claims.audience = Parties::new([of_a]));
    let told = rogue.read(&elsewhere);
    holder.refused("for another holder", &told, Reason::WrongAudience);
    let to_keep =
        rogue.minted(good, |claims| claims.operations = Operations::of(&[Operation::Keep]));
    let told = rogue.read(&to_keep);
    holder.refused("to keep, not to read", &told, Reason::OperationNotPermitted);

    // A permission for other entries opens nothing, though nothing is wrong with it.
    let others = rogue.minted(good, |claims| claims.scope = entry(9).expect("one entry"));
    assert!(rogue.bundles(&others).is_empty(), "an entry out of scope was handed out");
    // Signed by the patient with nothing changed, it is good.
    assert_eq!(rogue.bundles(&other).len(), 1);
}

fn offers(rogue: &mut Rogue, holder: &mut Holder<'_>, good: &Chain, bundles: &[Bundle]) {
    let told = rogue.offer(good, bundles.to_vec());
    holder.refused("an offer with a permission to read", &told, Reason::OperationNotPermitted);
    let keep = |rogue: &Rogue, entry: Option<Scope>, quota: Option<u64>| {
        rogue.minted(good, |claims| {
            claims.operations = Operations::of(&[Operation::Keep]);
            claims.purpose = Purpose::RecordsManagement;
            claims.scope = entry.unwrap_or_else(|| claims.scope.clone());
            claims.quota = quota;
        })
    };
    let chain = keep(rogue, entry(9), None);
    let told = rogue.offer(&chain, bundles.to_vec());
    holder.refused("an entry out of scope", &told, Reason::OutOfScope);
    let chain = keep(rogue, None, Some(10));
    let told = rogue.offer(&chain, bundles.to_vec());
    holder.refused("more bytes than the quota", &told, Reason::QuotaExceeded);

    // An altered entry is refused before any permission is looked at: no line, for nothing was
    // asked of the patient's record.
    let chain = keep(rogue, None, None);
    let before = lines(holder.node, holder.patient).len();
    let label = bundles[0].label.claims().recorded.to_bytes();
    let manifest = &bundles[0].manifest.0;
    for part in [&label[..], &manifest[..manifest.len() / 2]] {
        let told = rogue.offer(&chain, vec![altered(&bundles[0], part)]);
        assert_eq!(told.expect_err("altered").code, RefusalCode::NotAuthentic);
    }
    assert_eq!(lines(holder.node, holder.patient).len(), before);
    // Unaltered, the same offer is taken.
    rogue.offer(&chain, bundles.to_vec()).expect("a good offer");
}
