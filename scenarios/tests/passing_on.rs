//! Permissions that are passed on: as the patient allowed, and in no other way.

use chartmesh_protocol::access_log::Action;
use chartmesh_protocol::backup::{self, Offer, OfferPermission};
use chartmesh_protocol::capability::{
    Chain, Confirmation, Delegation, News, Operation, Operations, Parties, Scope, Token,
};
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::consent::view::{GrantView, RequestView};
use chartmesh_protocol::consent::{self, ReadRequest, RequestState, Wish};
use chartmesh_protocol::id::{ConsentId, TokenId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::Body;
use chartmesh_protocol::reason::Arg;
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::statement::Signed;
use chartmesh_protocol::time::{DAY_MS, Timestamp};
use chartmesh_scenarios::{Region, Who};
use serde_json::json;

/// The hospital to which the first refers.
const B: Who = Who(1);

/// The region with two more hospitals, whose patient's record is at the provider.
fn founded() -> (Region, Who, Who) {
    let mut region = Region::found(1);
    let mut join = |name| {
        let who = region.world.add(Role::Hospital, name);
        let invite = region.world.invite(region.a);
        region.world.join(who, invite).unwrap();
        region.world.admit(region.a, who).unwrap();
        region.world.admit(region.b, who).unwrap();
        who
    };
    let (c, d) = (join("Hospital C"), join("Hospital D"));
    region.upload();
    (region, c, d)
}

/// B gets a permission that it may pass on to C and D.
fn permitted(region: &mut Region, to: &[Who], depth: u16) -> RequestView {
    let request = region.refer(&Wish::default());
    let to: Vec<_> = to.iter().map(|who| region.world.id(*who)).collect();
    let narrow = json!({"may_pass_on": to, "depth": depth, "days": 20});
    region.approve(&request, &narrow.to_string()).unwrap();
    request
}

fn passed(region: &Region, at: Who) -> Vec<GrantView> {
    region.grants(at).into_iter().filter(|grant| !grant.through.is_empty()).collect()
}

#[test]
fn what_is_passed_on_opens_with_both_on_the_record_and_the_patient_sees_it() {
    let (mut region, c, _) = founded();
    permitted(&mut region, &[c], 1);
    let words = region.grants(region.b).remove(0).in_words;
    assert!(words.contains("It may be passed on once, to Hospital C."), "{words}");
    let id = region.pass_on(B, c, json!({})).unwrap();
    let fetched = region.fetch_by(c, id, region.provider);
    assert_eq!(fetched.state, RequestState::Done, "{}", fetched.reason);
    assert_eq!(region.entries(c, false).iter().filter(|entry| entry.title.is_some()).count(), 3);
    let (b, c_id) = (region.world.id(region.b), region.world.id(c));
    let lines = region.lines(region.provider);
    let read = lines.iter().find(|line| line.action == Action::Read).unwrap();
    assert_eq!((read.by, read.through.clone()), (c_id, Some(vec![b])));
    let shown = passed(&region, region.relay).remove(0);
    assert_eq!((shown.grantee, shown.through), (c_id, vec![b]));
    assert!(shown.in_words.ends_with("It was passed on by Hospital B."), "{}", shown.in_words);
    assert_eq!(passed(&region, region.b).len(), 1, "B sees what it passed on");
}

#[test]
fn nothing_is_passed_on_without_the_patients_word_nor_to_others_nor_further() {
    let (mut region, c, _) = founded();
    let request = region.refer(&Wish::default());
    region.approve(&request, "{}").unwrap();
    let refused = region.pass_on(B, c, json!({})).unwrap_err();
    assert!(refused.to_string().contains("has not said"), "{refused}");

    let (mut region, c, d) = founded();
    permitted(&mut region, &[c], 1);
    let refused = region.pass_on(B, d, json!({})).unwrap_err();
    assert_eq!(refused.name(), "consent.not-to-them");
    assert_eq!(refused.args[1], Arg::Party(region.world.id(d)));
    let further = json!({"may_pass_on": [region.world.id(c)]});
    assert!(region.pass_on(B, c, further).is_err(), "the depth is used up");
    region.pass_on(B, c, json!({})).unwrap();
    let refused = region.pass_on(c, d, json!({})).unwrap_err();
    assert!(refused.to_string().contains("has not said"), "{refused}");
    let twice = json!({"may_pass_on": [region.world.id(c)], "depth": 3}).to_string();
    let request = region.refer(&Wish::default());
    assert!(region.approve(&request, &twice).is_err(), "twice in a row at most");
}

#[test]
fn three_links_are_judged_and_all_named() {
    let (mut region, c, d) = founded();
    permitted(&mut region, &[c, d], 2);
    let further = json!({"may_pass_on": [region.world.id(d)]});
    region.pass_on(B, c, further).unwrap();
    let id = region.pass_on(c, d, json!({"days": 2})).unwrap();
    let fetched = region.fetch_by(d, id, region.provider);
    assert_eq!(fetched.state, RequestState::Done, "{}", fetched.reason);
    let through = Some(vec![region.world.id(region.b), region.world.id(c)]);
    assert!(region.lines(region.provider).iter().any(|line| line.through == through));
    assert_eq!(passed(&region, region.relay).len(), 2);
}

#[test]
fn what_is_passed_on_can_be_narrowed_to_entries_and_kinds() {
    let (mut region, c, d) = founded();
    let request = permitted(&mut region, &[c, d], 1);
    region.fetch(&request);
    let id = region.pass_on(B, c, json!({"kinds": ["laboratory"]})).unwrap();
    region.fetch_by(c, id, region.provider);
    let titles = |region: &Region, who| -> Vec<_> {
        region.entries(who, false).into_iter().filter_map(|entry| entry.title).collect()
    };
    assert_eq!(titles(&region, c), ["blood count"]);
    let endoscopy = region.entry("endoscopy");
    let id = region.pass_on(B, d, json!({"entries": [endoscopy]})).unwrap();
    region.fetch_by(d, id, region.provider);
    assert_eq!(titles(&region, d), ["endoscopy"]);
    let nothing = region.pass_on(B, c, json!({"kinds": ["allergies"]}));
    assert!(nothing.unwrap_err().to_string().contains("covers nothing"));
}

/// [CAP-7]
#[test]
fn what_was_passed_on_with_a_key_that_was_replaced_is_shown_as_dropped_as_a_holder_judges_it() {
    let (mut region, c, _) = founded();
    permitted(&mut region, &[c], 1);
    let id = region.pass_on(B, c, json!({})).unwrap();
    let states =
        |region: &Region| [c, region.relay, region.b].map(|at| passed(region, at).remove(0).state);
    assert_eq!(states(&region), ["live"; 3]);
    let now = region.world.now;
    region.world.switch(region.b, false);
    region.world.parties[region.b.0].rotate_institution(now);
    region.world.switch(region.b, true);
    region.world.advance(DAY_MS);
    assert_eq!(states(&region), ["dropped"; 3]);
    let fetched = region.fetch_by(c, id, region.provider);
    assert!(fetched.reason.starts_with("old-key"), "{}", fetched.reason);
    // What the patient gave B stands, and is passed on anew.
    let id = region.pass_on(B, c, json!({})).unwrap();
    assert_eq!(region.fetch_by(c, id, region.provider).state, RequestState::Done);
}

#[test]
fn revoking_the_first_ends_the_second_and_revoking_the_second_leaves_the_first() {
    let (mut region, c, d) = founded();
    let request = permitted(&mut region, &[c, d], 1);
    let for_c = region.pass_on(B, c, json!({})).unwrap();
    let for_d = region.pass_on(B, d, json!({})).unwrap();
    let c_id = region.world.id(c);
    let child = passed(&region, region.relay).into_iter().find(|g| g.grantee == c_id).unwrap();
    region.revoke(vec![child.token]);
    assert!(region.fetch_by(c, for_c, region.provider).reason.starts_with("revoked"));
    assert_eq!(region.fetch_by(d, for_d, region.provider).state, RequestState::Done);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    assert_eq!(passed(&region, c)[0].state, "revoked", "the delegate hears of it");
    let tokens = region.tokens(&request);
    region.revoke(tokens);
    assert!(region.fetch_by(d, for_d, region.provider).reason.starts_with("revoked"));
    assert!(passed(&region, region.relay).iter().all(|grant| grant.state == "revoked"));
    let late = region.pass_on(B, d, json!({})).unwrap_err();
    assert!(late.to_string().contains("revoked"), "{late}");
}

#[test]
fn what_was_passed_on_ends_with_what_it_rests_on() {
    let (mut region, c, _) = founded();
    permitted(&mut region, &[c], 1);
    let id = region.pass_on(B, c, json!({"days": 90})).unwrap();
    region.world.advance(21 * DAY_MS);
    region.fetch_by(c, id, region.provider);
    // Certificates have run out, too, and are renewed with the next `hello`.
    region.world.advance(600_000);
    let found = region.requests(c).into_iter().find(|request| request.request == id).unwrap();
    assert!(found.reason.starts_with("expired"), "{}", found.reason);
    assert!(region.pass_on(B, c, json!({})).unwrap_err().to_string().contains("expired"));
}

#[test]
fn a_standing_permission_that_was_passed_on_ends_with_a_new_epoch_too() {
    let (mut region, c, _) = founded();
    let standing = Some(Timestamp(region.world.now.0 + 20 * DAY_MS));
    let wish = Wish { kinds: vec![Kind::Laboratory], standing, ..Wish::default() };
    let request = region.refer(&wish);
    let narrow = json!({"may_pass_on": [region.world.id(c)]}).to_string();
    region.approve(&request, &narrow).unwrap();
    let id = region.pass_on(B, c, json!({})).unwrap();
    region.add(Kind::Laboratory, "later");
    let fetched = region.fetch_by(c, id, region.a);
    assert!(fetched.reason.starts_with("2 entries"), "{}", fetched.reason);
    let child = passed(&region, region.relay).remove(0);
    region.revoke(vec![child.token]);
    region.add(Kind::Laboratory, "after");
    let root = region.fetch_at(&request, region.a);
    assert!(root.reason.starts_with("3 entries"), "B's goes on: {}", root.reason);
    assert!(region.fetch_by(c, id, region.a).reason.starts_with("revoked"));
}

/// A dishonest B signs what it likes below what it was given, and C presents it.
fn forged(change: impl FnOnce(&Region, &mut Token)) -> (String, Vec<String>) {
    forged_under(&|_| {}, change)
}

fn forged_under(
    given: &dyn Fn(&mut serde_json::Value),
    change: impl FnOnce(&Region, &mut Token),
) -> (String, Vec<String>) {
    let (mut region, c, d) = founded();
    let request = region.refer(&Wish::default());
    let mut narrow = json!({
        "may_pass_on": [region.world.id(c)], "days": 20,
        "wish": {"kinds": ["laboratory"]}, "audience": [region.world.id(region.provider)],
    });
    given(&mut narrow);
    region.approve(&request, &narrow.to_string()).unwrap();
    let grant = region.grants(region.b).into_iter().find(|grant| grant.received).unwrap();
    let bytes = data_encoding::BASE64URL_NOPAD.decode(grant.chain.as_bytes()).unwrap();
    let root = Chain::parse(&bytes).unwrap();
    let mut child = Token {
        issuer: region.world.id(region.b),
        id: TokenId([7; 16]),
        confirmation: Confirmation { grantee: region.world.id(c) },
        key: 0,
        parent: Some(root.leaf().id()),
        delegation: None,
        ..root.leaf().claims().clone()
    };
    change(&region, &mut child);
    let presenter = if child.grantee() == region.world.id(d) { d } else { c };
    let key = &region.world.parties[region.b.0].institution_key;
    let links = vec![root.leaf().clone(), Signed::sign(child, key).to_unverified()];
    let chain = Chain::parse(&links.to_bytes()).unwrap();
    let (leaf, holder) = (chain.leaf().id(), region.provider);
    let party = &region.world.parties[region.relay.0];
    let log = party.peer.keys_of(&party.store, region.patient).unwrap().unwrap().log().clone();
    let read = ReadRequest {
        request: request.request,
        patient: region.patient,
        purpose: chain.leaf().claims().purpose,
        chain,
        log,
        news: News::default(),
        user: "Dr. C".into(),
        after: None,
        issuers: vec![],
    };
    let body = Body::Consent(consent::Message::Read(read));
    let told = match region.world.say(presenter, holder, &body, Some(leaf), Some).unwrap() {
        OutcomeResult::Refused(refusal) => refusal.to_string(),
        OutcomeResult::Done(_) => "done".to_owned(),
        other => panic!("{other:?}"),
    };
    (told, region.reasons(holder))
}

fn refused_for(reason: &str, change: impl FnOnce(&Region, &mut Token)) {
    let (told, reasons) = forged(change);
    assert!(told.starts_with(reason), "{told}");
    assert_eq!(reasons, [reason]);
}

#[test]
fn a_link_as_the_patient_allowed_is_taken_so_that_the_others_fail_for_their_reason_alone() {
    assert_eq!(forged(|_, _| {}), ("done".to_owned(), vec![]));
}

#[test]
fn a_delegate_that_widens_the_scope_is_refused() {
    refused_for("child-exceeds-parent", |region, child| {
        child.scope = Scope::of_entries([region.entry("endoscopy")]).unwrap();
    });
}

#[test]
fn a_delegate_that_widens_the_time_is_refused() {
    refused_for("child-exceeds-parent", |_, child| child.expires += 1);
}

#[test]
fn a_delegate_that_widens_the_audience_is_refused() {
    refused_for("child-exceeds-parent", |_, child| child.audience = None);
}

#[test]
fn a_delegate_that_permits_more_than_reading_is_refused() {
    refused_for("child-exceeds-parent", |_, child| {
        child.operations = Operations::of(&[Operation::Read, Operation::Write]);
    });
}

#[test]
fn a_delegate_that_widens_the_depth_is_refused() {
    refused_for("delegation-not-allowed", |region, child| {
        let institutions = Parties::new([region.world.id(Who(5))]).unwrap();
        child.delegation = Some(Delegation { depth: 1, institutions });
    });
}

#[test]
fn passing_on_to_somebody_whom_the_patient_did_not_name_is_refused() {
    refused_for("delegation-not-allowed", |region, child| {
        child.confirmation.grantee = region.world.id(Who(5));
    });
}

#[test]
fn passing_on_when_nothing_was_said_is_refused() {
    let silent = |narrow: &mut serde_json::Value| {
        narrow.as_object_mut().unwrap().remove("may_pass_on");
    };
    let (told, reasons) = forged_under(&silent, |_, _| {});
    assert!(told.starts_with("delegation-not-allowed"), "{told}");
    assert_eq!(reasons, ["delegation-not-allowed"]);
}

#[test]
fn what_an_expelled_institution_passed_on_is_worth_nothing() {
    let (mut region, c, d) = founded();
    permitted(&mut region, &[c], 1);
    let id = region.pass_on(B, c, json!({})).unwrap();
    for member in [region.a, c, d] {
        let _ = region.world.expel(member, region.b);
    }
    region.world.advance(DAY_MS);
    let refused = region.fetch_by(c, id, region.provider);
    assert!(refused.reason.starts_with("not-valid"), "{}", refused.reason);
    assert_eq!(region.reasons(region.provider), ["unknown-issuer"]);
}

#[test]
fn what_is_passed_on_never_takes_the_place_of_what_the_patient_gave() {
    let (mut region, c, _) = founded();
    let own = region.refer_to(c, &Wish::default());
    region.approve(&own, "{}").unwrap();
    let direct = region.tokens(&own)[0];
    region.world.record_wire = true;
    permitted(&mut region, &[c], 1);
    region.pass_on(B, c, json!({})).unwrap();
    // B signs another link, with the number of the permission that C has from the patient.
    let passed = region.world.said().find_map(|(from, to, body)| match body {
        Body::Consent(consent::Message::PassedOn(given)) if (from, to) == (B, c) => Some(given),
        _ => None,
    });
    let mut passed = passed.unwrap();
    let grant = &mut passed.grants[0];
    let child = Token { id: direct, ..grant.chain.leaf().claims().clone() };
    let key = &region.world.parties[B.0].institution_key;
    let links = vec![grant.chain.first().clone(), Signed::sign(child, key).to_unverified()];
    grant.chain = Chain::parse(&links.to_bytes()).unwrap();
    passed.request = ConsentId([9; 16]);
    let body = Body::Consent(consent::Message::PassedOn(passed));
    let told = region.world.say(B, c, &body, None, Some).unwrap();
    assert!(matches!(told, OutcomeResult::Refused(_)), "{told:?}");
    let fetched = region.fetch_by(c, own.request, region.provider);
    assert_eq!(fetched.state, RequestState::Done, "{}", fetched.reason);
}

#[test]
fn a_quota_is_spent_together_by_all_to_whom_it_was_passed_on() {
    let (mut region, c, d) = founded();
    let entry = region.add(Kind::Laboratory, "one more");
    let party = &region.world.parties[region.a.0];
    let bundle = party.peer.bundle(&party.store, region.patient, entry).unwrap();
    let bytes = bundle.manifest.0.len() as u64
        + bundle.contents.iter().map(|content| content.length).sum::<u64>();
    let keys = region.world.parties[region.relay.0].unlocked[&region.patient].clone();
    let now = region.world.now.seconds();
    let root = Token {
        issuer: region.patient,
        subject: region.patient,
        audience: None,
        expires: now + 86_400,
        not_before: now,
        issued: now,
        id: TokenId([1; 16]),
        confirmation: Confirmation { grantee: region.world.id(region.b) },
        key: keys.number,
        parent: None,
        operations: Operations::of(&[Operation::Keep]),
        scope: Scope::of_entries([entry]).unwrap(),
        quota: Some(bytes + bytes / 2),
        quota_entries: None,
        purpose: chartmesh_protocol::capability::Purpose::RecordsManagement,
        delegation: Some(Delegation {
            depth: 1,
            institutions: Parties::new([region.world.id(c), region.world.id(d)]).unwrap(),
        }),
        max_staleness: None,
    };
    let root = Chain::root(&Signed::sign(root, &keys.signing));
    let relay = &region.world.parties[region.relay.0];
    let log = relay.peer.keys_of(&relay.store, region.patient).unwrap().unwrap().log().clone();
    let told: Vec<OutcomeResult> = [(c, 2), (d, 3)]
        .map(|(who, number)| {
            let child = Token {
                issuer: region.world.id(region.b),
                id: TokenId([number; 16]),
                confirmation: Confirmation { grantee: region.world.id(who) },
                key: 0,
                delegation: None,
                ..root.leaf().claims().clone()
            };
            let key = &region.world.parties[region.b.0].institution_key;
            let chain = root.attenuate(child, key).unwrap();
            let leaf = chain.leaf().id();
            let permission = OfferPermission {
                chain,
                log: log.clone(),
                ring: None,
                news: News::default(),
                issuers: vec![],
            };
            let offer = Offer {
                reservation: [number; 16],
                owner: region.patient,
                bundles: vec![bundle.clone()],
                permission: Some(permission),
                authors: vec![],
                patient: None,
            };
            let body = Body::Backup(backup::Message::Offer(offer));
            region.world.say(who, region.provider, &body, Some(leaf), Some).unwrap()
        })
        .into();
    assert!(matches!(told[0], OutcomeResult::Done(_)), "{told:?}");
    let OutcomeResult::Refused(refusal) = &told[1] else { panic!("{told:?}") };
    assert!(refusal.to_string().starts_with("quota-exceeded"), "{refusal}");
}
