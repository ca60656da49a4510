//! What is offered: altered, too much, by nobody known.

use chartmesh_protocol::backup::{Message, Offer, OfferPermission};
use chartmesh_protocol::capability::{
    Chain, Confirmation, News, Operation, Operations, Parties, Purpose, Scope, Token,
};
use chartmesh_protocol::codec::{Bytes, Wire};
use chartmesh_protocol::consent::{self, ReadAnswer, RequestState};
use chartmesh_protocol::id::TokenId;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, ask};
use chartmesh_protocol::record::{Bundle, Kind, Taken};
use chartmesh_protocol::refusal::{Refusal, RefusalCode};
use chartmesh_protocol::statement::{Signed, Unverified};
use chartmesh_protocol::time::DAY_MS;
use chartmesh_scenarios::Region;

use crate::answers::garbage;
use crate::{bodies, bundle, keep, offer, offered};

fn flip(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    bytes
}

/// A bundle altered in each of the ways that a holder without keys can notice.
fn altered(good: &Bundle) -> [(&'static str, Bundle); 3] {
    let mut contents = good.contents.clone();
    contents[0].length += 1;
    [
        (
            "label",
            Bundle { label: Unverified::parse(&flip(good.label.bytes())).unwrap(), ..good.clone() },
        ),
        ("contents", Bundle { contents, ..good.clone() }),
        ("manifest", Bundle { manifest: Bytes(flip(&good.manifest.0)), ..good.clone() }),
    ]
}

#[test]
fn an_altered_entry_is_kept_by_no_depositary_and_no_first_wrap_is_replaced() {
    let mut region = Region::found(1);
    let (a, own) = (region.a, region.world.id(region.a));
    let good = bundle(&region, a, "endoscopy");
    for (what, bad) in altered(&good) {
        let refusal = offered(&mut region, a, offer(own, vec![bad])).unwrap_err();
        assert_eq!(refusal.code, RefusalCode::NotAuthentic, "{what}: {refusal}");
    }
    assert!(region.entries(region.provider, false).is_empty(), "nothing of it was kept");
    keep(&mut region);
    let other = bundle(&region, a, "blood count");
    let swapped = Bundle { wrap: other.wrap, ..good.clone() };
    assert_ne!(swapped.wrap, good.wrap);
    offered(&mut region, a, offer(own, vec![swapped])).unwrap();
    assert_eq!(bundle(&region, region.provider, "endoscopy").wrap, good.wrap);
}

#[test]
fn one_bad_entry_of_an_offer_is_named_and_keeps_no_other_from_being_kept() {
    let mut region = Region::found(1);
    let (a, own) = (region.a, region.world.id(region.a));
    let good = bundle(&region, a, "blood count");
    let one = bundle(&region, a, "endoscopy");
    let entry = one.label.claims().entry();
    for (n, (what, bad)) in (0..).zip(altered(&one)) {
        let reservation = [n; 16];
        let of = Offer { reservation, ..offer(own, vec![bad, good.clone()]) };
        let answer = offered(&mut region, a, of).unwrap();
        let taken = Taken::from_bytes(&answer, 1000).unwrap();
        let named: Vec<_> = taken.except.iter().map(|one| (one.entry, one.refusal.code)).collect();
        let id = if what == "label" { one.label.claims().entry() } else { entry };
        assert_eq!(named, [(id, RefusalCode::NotAuthentic)], "{what}");
        let kept = region.entries(region.provider, false);
        let of_good = good.label.claims().entry();
        assert_eq!(kept.iter().map(|kept| kept.entry).collect::<Vec<_>>(), [of_good], "{what}");
    }
}

#[test]
fn an_altered_entry_is_taken_by_no_reader() {
    let mut region = Region::found(1);
    let request = region.permitted("{}");
    // The provider does not answer at first: so there is a read to ask it for an honest answer with.
    region.world.record_wire = true;
    let not_now = Refusal::unlisted(RefusalCode::WrongState);
    region.world.lies.insert(region.provider, OutcomeResult::Refused(not_now));
    assert_eq!(region.fetch(&request).state, RequestState::Failed);
    region.world.lies.clear();
    let read = bodies(&region).find_map(|(_, body)| match body {
        Body::Consent(consent::Message::Read(read)) => Some(read),
        _ => None,
    });
    let read = read.expect("B has asked");
    let leaf = read.chain.leaf().id();
    let body = Body::Consent(consent::Message::Read(read));
    let (b, provider) = (region.b, region.provider);
    let honest = match region.world.say(b, provider, &body, Some(leaf), Some).unwrap() {
        OutcomeResult::Done(answer) => ReadAnswer::from_bytes(&answer.0, usize::MAX).unwrap(),
        other => panic!("{other:?}"),
    };
    let at = honest.bundles.iter().position(|bundle| !bundle.contents.is_empty()).unwrap();
    for (what, bad) in altered(&honest.bundles[at]) {
        let mut answer = honest.clone();
        answer.bundles[at] = bad;
        let lie = OutcomeResult::Done(Bytes(answer.to_bytes()));
        region.world.lies.insert(provider, lie);
        let fetched = region.fetch(&request);
        assert_eq!(fetched.state, RequestState::Done, "{what}");
        let obtained = fetched.obtained.unwrap();
        assert_eq!((obtained.entries, obtained.closed), (2, 1), "{what}: it spoils itself alone");
        let altered = honest.bundles[at].label.claims().entry();
        assert!(region.entries(b, false).iter().all(|entry| entry.entry != altered), "{what}");
    }
    for lie in garbage() {
        region.world.lies.insert(provider, OutcomeResult::Done(Bytes(lie)));
        assert_eq!(region.fetch(&request).state, RequestState::Failed);
    }
    region.world.lies.clear();
    assert_eq!(region.fetch(&request).state, RequestState::Done);
}

/// The patient's permission for A to deposit the endoscopy at the provider, with a quota.
fn permission(region: &Region, bytes: u64) -> OfferPermission {
    let party = &region.world.parties[region.relay.0];
    let keys = &party.unlocked[&region.patient];
    let now = region.world.now.seconds();
    let token = Token {
        issuer: region.patient,
        subject: region.patient,
        audience: Parties::new([region.world.id(region.provider)]),
        expires: now + 3600,
        not_before: now,
        issued: now,
        id: TokenId([7; 16]),
        confirmation: Confirmation { grantee: region.world.id(region.a) },
        key: keys.number,
        parent: None,
        operations: Operations::of(&[Operation::Keep]),
        scope: Scope::of_entries([region.entry("endoscopy")]).unwrap(),
        quota: Some(bytes),
        quota_entries: None,
        purpose: Purpose::RecordsManagement,
        delegation: None,
        max_staleness: None,
    };
    OfferPermission {
        chain: Chain::root(&Signed::sign(token, &keys.signing)),
        log: party.peer.keys_of(&party.store, region.patient).unwrap().unwrap().log().clone(),
        ring: None,
        news: News::default(),
        issuers: Vec::new(),
    }
}

fn offer_under(region: &mut Region, quota: u64, reservation: [u8; 16]) -> OutcomeResult {
    let permission = permission(region, quota);
    let leaf = permission.chain.leaf().id();
    let offer = Offer {
        reservation,
        permission: Some(permission),
        ..offer(region.patient, vec![bundle(region, region.a, "endoscopy")])
    };
    let body = Body::Backup(Message::Offer(offer));
    let (a, provider) = (region.a, region.provider);
    region.world.say(a, provider, &body, Some(leaf), Some).unwrap()
}

#[test]
fn deposits_of_one_permission_stay_within_its_quota_and_give_back_what_they_did_not_use() {
    let mut region = Region::found(1);
    // The provider knows the patient, so that a refusal stands in the patient's log.
    region.upload();
    let bytes = bundle(&region, region.a, "endoscopy");
    let bytes =
        bytes.manifest.0.len() as u64 + bytes.contents.iter().map(|c| c.length).sum::<u64>();
    let refused = |outcome: OutcomeResult| match outcome {
        OutcomeResult::Refused(refusal) => refusal.to_string(),
        other => panic!("over the quota: {other:?}"),
    };
    let text = refused(offer_under(&mut region, bytes - 1, [1; 16]));
    assert!(text.starts_with("quota-exceeded"), "{text}");
    assert!(matches!(offer_under(&mut region, bytes, [2; 16]), OutcomeResult::Done(_)));
    let text = refused(offer_under(&mut region, bytes, [3; 16]));
    assert!(text.starts_with("quota-exceeded"), "{text}: both together are over it");
    assert!(region.reasons(region.provider).contains(&"quota-exceeded".to_owned()));
    // Its data never come: after a week the place is given up, and its bytes count no more. The
    // permission has ended by then, so that only the account can be seen: a new one fits again.
    region.world.advance(8 * DAY_MS);
    assert!(matches!(offer_under(&mut region, bytes, [4; 16]), OutcomeResult::Done(_)));
}

#[test]
fn entries_of_an_author_whom_nobody_knows_are_not_kept() {
    let mut region = Region::found(1);
    let stranger = region.world.add(chartmesh_protocol::identity::Role::Hospital, "Stranger");
    let drafts = vec![region.world.draft(stranger, Kind::Reports, "theirs", &[b"x"])];
    let subject = region.world.open_chart(stranger, "Nobody").subject;
    region.world.record(stranger, subject, drafts).unwrap();
    let party = &region.world.parties[stranger.0];
    let entries = region.world.all(stranger, ask::Entries::of(subject), None).unwrap();
    let theirs = party.peer.bundle(&party.store, subject, entries[0].entry).unwrap();
    let (a, own) = (region.a, region.world.id(region.a));
    let refusal = offered(&mut region, a, offer(own, vec![theirs])).unwrap_err();
    assert_eq!(refusal.code, RefusalCode::NotAuthentic);
    assert!(refusal.to_string().contains("is not known"), "{refusal}");
}
