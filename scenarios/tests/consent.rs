//! Permissions in the wrong hands, at the wrong place, too late, altered, or shown again.

use chartmesh_protocol::capability::{Proof, Purpose};
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::consent::{self, ReadRequest, RequestState, Wish};
use chartmesh_protocol::crypto::{KemSecret, SigningKey};
use chartmesh_protocol::directory::Introduction;
use chartmesh_protocol::id::ConsentId;
use chartmesh_protocol::identity::{Card, Role, incept};
use chartmesh_protocol::limits;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, DeliveryFailure};
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::statement::{Signed, Unverified};
use chartmesh_protocol::time::{DAY_MS, Timestamp};
use chartmesh_scenarios::{Region, Who, body_of};

/// The last read that B sent, as bytes and as what it says.
fn read_of(region: &Region) -> (Vec<u8>, ReadRequest) {
    region
        .world
        .wire
        .iter()
        .rev()
        .find_map(|(_, _, bytes)| match body_of(bytes) {
            Body::Consent(consent::Message::Read(read)) => Some((bytes.clone(), read)),
            _ => None,
        })
        .expect("B has read")
}

/// B has read once, with everything that went over the wire at hand.
fn after_a_read(narrow: &str) -> (Region, Vec<u8>, ReadRequest) {
    let mut region = Region::found(1);
    let request = region.permitted(narrow);
    region.world.record_wire = true;
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    let (bytes, read) = read_of(&region);
    (region, bytes, read)
}

/// Shows a read to a holder from a node of `from`; gives the refusal.
fn present(
    region: &mut Region,
    (from, holder): (Who, Who),
    read: &ReadRequest,
    proof: impl FnOnce(Proof) -> Option<Proof>,
) -> String {
    let leaf = read.chain.leaf().id();
    let body = Body::Consent(consent::Message::Read(read.clone()));
    match region.world.say(from, holder, &body, Some(leaf), proof).unwrap() {
        OutcomeResult::Refused(refusal) => refusal.to_string(),
        other => panic!("data left: {other:?}"),
    }
}

#[test]
fn refusals_without_end_are_listed_as_many_a_day_as_somebody_can_read() {
    let mut region = Region::found(1);
    let request = region.permitted("{}");
    let tokens = region.tokens(&request);
    region.revoke(tokens);
    let most = limits::REFUSED_LINES_PER_DAY_MAX;
    for _ in 0..most + 20 {
        assert!(region.fetch(&request).reason.starts_with("revoked"));
    }
    let lines = region.lines(region.provider);
    let last: Vec<_> =
        lines.iter().filter(|line| line.reason.is_some()).map(|line| line.last).collect();
    assert_eq!(last.len(), most);
    assert_eq!(last[most - 1], Some(true), "further refusals of this day are not listed");
    assert!(last[..most - 1].iter().all(Option::is_none), "{last:?}");
    region.world.advance(DAY_MS);
    region.fetch(&request);
    assert_eq!(region.reasons(region.provider).len(), most + 1);
}

#[test]
fn a_permission_with_an_altered_proof_is_refused_with_its_reason_in_the_patients_log() {
    let (mut region, _, read) = after_a_read("{}");
    let at = (region.b, region.provider);
    let told = [
        present(&mut region, at, &read, |_| None),
        present(&mut region, at, &read, |proof| Some(Proof { nonce: [9; 16], ..proof })),
        present(&mut region, at, &read, |proof| Some(Proof { request: [9; 32], ..proof })),
        present(&mut region, at, &read, |proof| Some(Proof { verifier: read.patient, ..proof })),
    ];
    // A stranger hears nothing of the cause.
    assert!(told.iter().all(|text| text.starts_with("not-valid")), "{told:?}");
    let reasons = region.reasons(region.provider);
    let wanted = [
        "proof-missing",
        "proof-replayed",
        "proof-for-another-request",
        "proof-for-another-verifier",
    ];
    assert_eq!(reasons, wanted);
}

#[test]
fn a_permission_in_another_institutions_hands_is_refused() {
    let (mut region, _, read) = after_a_read("{}");
    let at = (region.a, region.provider);
    assert!(present(&mut region, at, &read, Some).starts_with("not-valid"));
    assert_eq!(region.reasons(region.provider), ["not-the-grantee"]);
}

#[test]
fn the_same_bytes_again_are_judged_again_and_on_a_new_connection_not_at_all() {
    let (mut region, bytes, read) = after_a_read("{}");
    let before = region.lines(region.provider).len();
    let again = |region: &mut Region| {
        let outcome = region.world.inject(region.b, region.provider, &bytes).unwrap();
        let outcome = Unverified::<chartmesh_protocol::message::Outcome>::parse(&outcome).unwrap();
        outcome.claims().result.clone()
    };
    // Its answer was lost on the way: it is given once more, and has a line once more.
    assert!(matches!(again(&mut region), OutcomeResult::Done(_)));
    assert_eq!(region.lines(region.provider).len(), before + 1);
    region.revoke(vec![read.chain.leaf().claims().id]);
    assert!(matches!(again(&mut region), OutcomeResult::Refused(_)));
    assert_eq!(region.reasons(region.provider), ["revoked"]);
    region.world.switch(region.provider, false);
    region.world.switch(region.provider, true);
    let request = region.requests(region.b).remove(0);
    region.fetch(&request);
    let replayed = region.world.inject(region.b, region.provider, &bytes);
    assert_eq!(replayed, Err(DeliveryFailure::GateClosed));
}

#[test]
fn an_altered_permission_is_refused_as_forged() {
    let (mut region, _, read) = after_a_read("{}");
    let mut bytes = read.to_bytes();
    let text = read.patient.0;
    // The expiry stands in the token; any bit of the payload will do.
    let token = read.chain.leaf().bytes();
    let at = bytes.windows(token.len()).position(|window| window == token).unwrap();
    let last = at + token.len() - 1;
    bytes[last] ^= 1;
    let forged = ReadRequest::from_bytes(&bytes, usize::MAX).unwrap();
    assert_eq!(forged.patient.0, text);
    let at = (region.b, region.provider);
    assert!(present(&mut region, at, &forged, Some).starts_with("not-valid"));
    assert_eq!(region.reasons(region.provider), ["bad-signature"]);
}

#[test]
fn a_permission_for_one_holder_is_refused_by_another() {
    let mut region = Region::found(1);
    let provider = region.world.id(region.provider);
    let request = region.permitted(&format!(r#"{{"audience":["{provider}"]}}"#));
    let refused = region.fetch_at(&request, region.a);
    assert_eq!(refused.state, RequestState::Failed);
    assert!(refused.reason.starts_with("wrong-audience"), "{}", refused.reason);
    assert_eq!(region.reasons(region.a), ["wrong-audience"]);
    assert!(region.entries(region.b, false).is_empty());
}

#[test]
fn an_expired_a_stale_and_a_revoked_permission_are_refused_each_with_its_reason() {
    let mut region = Region::found(1);
    let request = region.permitted(r#"{"days":2,"max_staleness":3600}"#);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    region.world.switch(region.relay, false);
    region.world.advance(2 * 3600 * 1000);
    assert!(region.fetch(&request).reason.starts_with("stale-revocations"));
    region.world.advance(2 * DAY_MS);
    assert!(region.fetch(&request).reason.starts_with("expired"));
    region.world.switch(region.relay, true);
    region.world.advance(1000);
    let request = region.permitted("{}");
    let tokens = region.tokens(&request);
    region.revoke(tokens);
    assert!(region.fetch(&request).reason.starts_with("revoked"));
    let reasons = region.reasons(region.provider);
    assert_eq!(reasons, ["stale-revocations", "expired", "revoked"]);
}

#[test]
fn narrowing_narrows_what_is_read_and_what_may_be_added() {
    let mut region = Region::found(1);
    let request = region.permitted(r#"{"wish":{"kinds":["laboratory"]},"read_only":true}"#);
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    let got = region.entries(region.b, false);
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].title.as_deref(), Some("blood count"));
    let drafts = vec![region.world.draft(region.b, Kind::Reports, "finding", &[b"x"])];
    region.world.record(region.b, region.patient, drafts).unwrap();
    assert!(region.keep_for_patient().is_err(), "reading does not permit adding");
}

#[test]
fn a_deferred_request_opens_again_at_its_time_and_an_undecided_one_expires() {
    let mut region = Region::found(1);
    let request = region.refer(&Wish::default());
    let until = Timestamp(region.world.now.0 + DAY_MS);
    let defer = consent::command::Defer { request: request.request, until };
    region.world.ask(region.relay, defer, Some(region.patient)).unwrap();
    assert_eq!(region.request(region.a, &request).state, RequestState::Deferred);
    region.world.advance(DAY_MS);
    assert_eq!(region.request(region.relay, &request).state, RequestState::Open);
    region.world.advance(7 * DAY_MS);
    assert_eq!(region.request(region.relay, &request).state, RequestState::Expired);
    assert_eq!(region.request(region.a, &request).state, RequestState::Expired);
    assert!(region.approve(&request, "{}").is_err());
}

#[test]
fn a_referral_tells_the_referring_hospital_the_outcome_and_nothing_else() {
    let mut region = Region::found(1);
    let request = region.refer(&Wish::default());
    region.world.record_wire = true;
    region.approve(&request, "{}").unwrap();
    assert_eq!(region.request(region.a, &request).state, RequestState::Approved);
    assert!(region.request(region.a, &request).tokens.is_empty());
    let permission = |body: &Body| matches!(body, Body::Consent(consent::Message::Permission(_)));
    let permissions = region.world.said().filter(|(.., body)| permission(body));
    let to: Vec<Who> = permissions.map(|(_, to, _)| to).collect();
    assert_eq!(to, [region.b], "only B gets it");
}

#[test]
fn locked_keys_permit_nothing() {
    let mut region = Region::found(1);
    let request = region.refer(&Wish::default());
    let keys = region.world.parties[region.relay.0].unlocked.remove(&region.patient).unwrap();
    assert!(region.approve(&request, "{}").is_err());
    region.world.parties[region.relay.0].unlocked.insert(region.patient, keys);
    region.approve(&request, "{}").unwrap();
}

#[test]
fn nobody_becomes_a_patients_relay_by_saying_so() {
    let (mut region, _, read) = after_a_read("{}");
    // B knows the patient's log and ring, and claims at the provider to serve the patient.
    let keys = chartmesh_protocol::access_log::Message::Lines(
        Wire::from_bytes(
            &{
                let mut e = vec![0xa2, 0x01, 0x58, 0x20];
                e.extend(read.patient.0);
                e.extend([0x02, 0xa2, 0x01, 0x00, 0x02, 0x00]);
                e
            },
            usize::MAX,
        )
        .unwrap(),
    );
    let body = Body::AccessLog(keys);
    let told = region.world.say(region.b, region.provider, &body, None, Some).unwrap();
    assert!(matches!(told, OutcomeResult::Refused(_)), "{told:?}");
}

/// What the relay says to a request that B's program makes up.
fn ask(region: &mut Region, change: impl FnOnce(&mut consent::Ask)) -> OutcomeResult {
    let mut ask = consent::Ask {
        request: ConsentId([1; 16]),
        patient: region.patient,
        wish: Wish::default(),
        purpose: Purpose::Treatment,
        user: "Dr. B".into(),
        message: String::new(),
        for_party: None,
        expires: region.world.now.plus_ms(DAY_MS),
    };
    change(&mut ask);
    // Each is said in a stream of its own, and the oldest streams are forgotten by when they spoke.
    region.world.now = region.world.now.plus_ms(1);
    let body = Body::Consent(consent::Message::Ask(ask));
    region.world.say(region.b, region.relay, &body, None, Some).unwrap()
}

fn refused(told: &OutcomeResult) -> String {
    match told {
        OutcomeResult::Refused(refusal) => refusal.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_relay_takes_few_requests_each_once_and_about_members_only() {
    let mut region = Region::found(1);
    assert!(matches!(ask(&mut region, |_| {}), OutcomeResult::Done(_)));
    assert!(refused(&ask(&mut region, |_| {})).contains("here already"));
    let (key, next) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
    let keys = incept(&key, &next.public());
    let card = Card {
        institution: keys.party_unverified(),
        key: 0,
        name: "Hospital C".into(),
        role: Role::Hospital,
        kem: KemSecret::from_seed([3; 32]).public(),
        issued: region.world.now,
        until: region.world.now.plus_ms(DAY_MS),
    };
    let card = Signed::sign(card, &key).to_unverified();
    let stranger = Introduction { keys, card, nodes: vec![] };
    let told = ask(&mut region, |ask| {
        ask.request = ConsentId([2; 16]);
        ask.for_party = Some(stranger);
    });
    assert!(refused(&told).contains("a member of the federation"), "{told:?}");
    let told = ask(&mut region, |ask| {
        ask.request = ConsentId([3; 16]);
        ask.wish.standing = Some(ask.expires);
        ask.wish.since = Some(Timestamp(1));
    });
    assert!(refused(&told).contains("whole kinds"), "{told:?}");
    for number in 3..=u8::try_from(limits::OPEN_REQUESTS_MAX).unwrap() + 1 {
        let told = ask(&mut region, |ask| ask.request = ConsentId([number; 16]));
        assert!(matches!(told, OutcomeResult::Done(_)), "{number}: {told:?}");
    }
    let told = ask(&mut region, |ask| ask.request = ConsentId([0xff; 16]));
    assert!(refused(&told).contains("too many"), "{told:?}");
}

#[test]
fn requests_that_expire_at_once_count_for_a_week() {
    let mut region = Region::found(1);
    let short = |number: u8, region: &mut Region| {
        let told = ask(region, |ask| {
            ask.request = ConsentId([number; 16]);
            ask.expires = Timestamp(ask.expires.0 - DAY_MS + 1000);
        });
        region.world.advance(2000);
        told
    };
    for number in 1..=u8::try_from(limits::OPEN_REQUESTS_MAX).unwrap() {
        assert!(matches!(short(number, &mut region), OutcomeResult::Done(_)), "{number}");
    }
    assert!(refused(&short(200, &mut region)).contains("this week"));
}

#[test]
fn a_permission_ends_after_thirty_days_or_when_the_patient_says_but_after_ninety() {
    let mut region = Region::found(1);
    for (narrow, days) in [("{}", 30), (r#"{"days":7}"#, 7), (r#"{"days":400}"#, 90)] {
        let request = region.refer(&Wish::default());
        region.approve(&request, narrow).unwrap();
        let token = region.tokens(&request)[0];
        let given = region.grants(region.relay).into_iter().find(|g| g.token == token).unwrap();
        assert_eq!(given.expires, region.world.now.plus_ms(days * DAY_MS), "{narrow}");
    }
}

#[test]
fn a_refusal_tells_the_patients_word_and_nothing_is_decided_twice() {
    let mut region = Region::found(1);
    let request = region.refer(&Wish::default());
    let deny = consent::command::Deny { request: request.request, reason: "not now".into() };
    region.world.ask(region.relay, deny, None).unwrap();
    let at_a = region.request(region.a, &request);
    assert_eq!((at_a.state, &*at_a.reason), (RequestState::Refused, "not now"));
    let again = region.approve(&request, "{}").unwrap_err();
    assert!(again.to_string().contains("refused already"), "{again}");
    assert!(region.grants(region.b).is_empty());
}
