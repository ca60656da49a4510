//! What is too long or too many: it is refused where it is said, and whatever is kept is read again.

use chartmesh_protocol::capability::{Chain, Grant, GrantKeys, Purpose};
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::consent::{self, Ask, Permission, ReadAnswer, RequestState, Wish};
use chartmesh_protocol::crypto::{KemSecret, SigningKey};
use chartmesh_protocol::directory::{IntroducedNode, Introduction};
use chartmesh_protocol::id::{ConsentId, EntryId, NodeId, TokenId};
use chartmesh_protocol::identity::{Card, Role, incept};
use chartmesh_protocol::limits;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, Command, ask};
use chartmesh_protocol::refusal::{Refusal, RefusalCode};
use chartmesh_protocol::statement::Signed;
use chartmesh_protocol::time::{DAY_MS, Timestamp};
use chartmesh_protocol::{Addresses, Reach, grant_keys};
use chartmesh_scenarios::{Region, Who};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::cell::Cell;

/// The last permission that the relay gave B.
fn permission(region: &Region) -> Permission {
    let given = region.world.said().rev().find_map(|(_, _, body)| match body {
        Body::Consent(consent::Message::Permission(given)) => Some(given),
        _ => None,
    });
    given.expect("the patient permitted something")
}

/// The permission again, as the relay's program makes it up: so many under new ids.
fn made_up(region: &Region, given: &Permission, round: u8, count: u16) -> Permission {
    let keys = &region.world.parties[region.relay.0].unlocked[&region.patient];
    let template = given.grants[0].clone();
    let b = &region.world.parties[region.b.0].store;
    let to = grant_keys::secrets(b).unwrap()[0].public();
    let mut rng = ChaCha20Rng::from_seed([round; 32]);
    let grants = (0..count).map(|number| {
        let mut token = template.chain.leaf().claims().clone();
        token.id = TokenId([0; 16]);
        token.id.0[0] = round;
        token.id.0[1..3].copy_from_slice(&number.to_be_bytes());
        let chain = Chain::root(&Signed::sign(token, &keys.signing));
        Grant::seal(chain, &GrantKeys::default(), &to, &mut rng).unwrap()
    });
    Permission { grants: grants.collect(), ..given.clone() }
}

fn say(region: &mut Region, permission: Permission) -> OutcomeResult {
    region.world.now = region.world.now.plus_ms(1);
    let body = Body::Consent(consent::Message::Permission(permission));
    region.world.say(region.relay, region.b, &body, None, Some).unwrap()
}

#[test]
fn permissions_without_end_leave_their_request_readable() {
    let mut region = Region::found(1);
    let request = region.refer(&Wish::default());
    region.world.record_wire = true;
    region.approve(&request, "{}").unwrap();
    let given = permission(&region);
    let mut refused = 0;
    for round in 1..=12 {
        let more = made_up(&region, &given, round, 400);
        if let OutcomeResult::Refused(refusal) = say(&mut region, more) {
            assert_eq!(refusal.code, RefusalCode::LimitReached);
            refused += 1;
        }
    }
    let tokens = region.request(region.b, &request).tokens.len();
    assert!(tokens > 400 && tokens <= limits::REQUEST_PERMISSIONS_MAX, "{tokens}");
    assert_eq!(refused, 10);
    // The same ones again are no more.
    let again = made_up(&region, &given, 1, 400);
    assert!(matches!(say(&mut region, again), OutcomeResult::Done(_)));
    assert_eq!(region.request(region.b, &request).tokens.len(), tokens);
}

#[test]
fn permissions_that_nobody_asked_for_open_so_many_requests_a_day() {
    let mut region = Region::found(1);
    let request = region.refer(&Wish::default());
    region.world.record_wire = true;
    region.approve(&request, "{}").unwrap();
    let given = permission(&region);
    let unasked = |region: &mut Region, number: u64| {
        let mut more = made_up(region, &given, 1, 1);
        more.request.0[..8].copy_from_slice(&number.to_be_bytes());
        say(region, more)
    };
    region.world.advance(DAY_MS);
    let most = limits::UNASKED_PERMISSIONS_PER_DAY_MAX;
    let before = region.requests(region.b).len();
    for number in 0..most + 20 {
        let told = unasked(&mut region, number);
        assert_eq!(matches!(told, OutcomeResult::Done(_)), number < most, "{number}: {told:?}");
    }
    assert_eq!(region.requests(region.b).len() as u64, before as u64 + most);
    region.world.advance(DAY_MS);
    assert!(matches!(unasked(&mut region, most), OutcomeResult::Done(_)), "a new day");
}

/// An institution that nobody but a dishonest relay's program ever was.
fn made_up_institution(number: u8, name: &str) -> Introduction {
    let [key, next] = [number, 0].map(|seed| SigningKey::from_seed(&[seed; 32]));
    let keys = incept(&key, &next.public());
    let card = Card {
        institution: keys.clone().verify().unwrap().party(),
        key: 0,
        name: name.to_owned(),
        role: Role::Hospital,
        kem: KemSecret::from_seed([number; 32]).public(),
        issued: Timestamp(1),
        until: Timestamp(2),
    };
    Introduction { keys, card: Signed::sign(card, &key).to_unverified(), nodes: vec![] }
}

#[test]
fn a_permission_introduces_holders_that_its_tokens_name_and_nobody_else() {
    let mut region = Region::found(1);
    let request = region.refer(&Wish::default());
    region.world.record_wire = true;
    region.approve(&request, "{}").unwrap();
    let mut given = permission(&region);
    let known =
        |region: &Region| region.world.all(region.b, ask::Peers::default(), None).unwrap().len();
    let before = known(&region);
    let made_up = (100..230).map(|number| made_up_institution(number, "Hospital A"));
    given.holders.extend(made_up);
    assert!(matches!(say(&mut region, given), OutcomeResult::Done(_)));
    assert_eq!(known(&region), before);
    assert_eq!(region.fetch_at(&request, region.a).state, RequestState::Done);
}

/// Where B would look for a node, if B heard of it.
fn addresses_of(region: &Region, node: NodeId) -> Option<Vec<String>> {
    let peers = region.world.all(region.b, ask::Peers::default(), None).unwrap();
    let mut nodes = peers.into_iter().flat_map(|peer| peer.nodes);
    nodes.find(|found| found.node == node).map(|found| found.addresses)
}

#[test]
fn what_a_member_tells_of_addresses_reaches_no_further_inside_than_itself() {
    let told = ["/ip4/203.0.113.7/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1"];
    for (reach, heard) in [(Reach::Internet, 1), (Reach::Private, 2), (Reach::Machine, 3)] {
        let mut region = Region::found(1);
        let request = region.refer(&Wish::default());
        region.world.record_wire = true;
        region.approve(&request, "{}").unwrap();
        let mut given = permission(&region);
        let node = NodeId([9; 32]);
        let addresses = Addresses::from(told.map(str::to_owned).to_vec());
        given.holders[0].nodes.push(IntroducedNode { node, addresses });
        region.world.reach = reach;
        assert!(matches!(say(&mut region, given), OutcomeResult::Done(_)));
        assert_eq!(addresses_of(&region, node).unwrap(), told[..heard], "{reach:?}");
    }
}

/// What a party answers to a command in JSON.
fn refused(region: &mut Region, who: Who, command: &str) -> Refusal {
    let command: Command = serde_json::from_str(command).unwrap();
    region.world.ask(who, command, None).unwrap_err()
}

#[test]
fn what_is_too_long_is_refused_and_nothing_of_it_is_kept() {
    let mut region = Region::found(1);
    let request = region.permitted("{}");
    let (a, b, relay) = (region.a, region.b, region.relay);
    let (subject, entry) = (region.patient, region.entry("endoscopy"));
    let provider = region.world.id(region.provider);
    let (long, request) = ("x".repeat(5000), request.request);
    let many: Vec<_> = (0..=4096).map(|_| serde_json::json!({"name": "a", "value": "b"})).collect();
    let many = serde_json::to_string(&many).unwrap();
    for (who, command, word) in [
        (
            a,
            format!(r#"{{"federation":{{"expel":{{"party":"{provider}","reason":"{long}"}}}}}}"#),
            "1000",
        ),
        (
            a,
            format!(
                r#"{{"record":{{"new-chart":{{"name":"K","identifiers":[{{"name":"a","value":"{long}"}}]}}}}}}"#
            ),
            "64",
        ),
        (a, format!(r#"{{"record":{{"new-chart":{{"name":"K","identifiers":{many}}}}}}}"#), "64"),
        (
            a,
            format!(
                r#"{{"record":{{"open":{{"subject":"{subject}","entry":"{entry}","user":"{long}","purpose":"treatment"}}}}}}"#
            ),
            "200",
        ),
        (
            b,
            format!(r#"{{"consent":{{"fetch":{{"request":"{request}","user":"{long}"}}}}}}"#),
            "200",
        ),
    ] {
        let waiting = region.world.see(who, &ask::Status, None).unwrap().waiting;
        let refusal = refused(&mut region, who, &command);
        assert!(refusal.to_string().contains(word), "{refusal:?}");
        assert_eq!(region.world.see(who, &ask::Status, None).unwrap().waiting, waiting);
    }
    // Bounded by nobody but the store: more entries than a list has.
    let entries = vec![entry; limits::LIST_ITEMS_MAX + 1];
    let wish = serde_json::json!({"entries": entries});
    let ask_for = serde_json::json!({"consent": {"download": {
        "patient": subject, "wish": wish, "purpose": "treatment", "user": "Dr. B"}}});
    let refusal = refused(&mut region, b, &ask_for.to_string());
    assert_eq!(refusal.code, RefusalCode::LimitReached, "{refusal:?}");
    // Everybody goes on, and reads what it kept.
    for who in [a, b, relay, region.provider] {
        region.world.switch(who, false);
        region.world.switch(who, true);
    }
    assert!(region.world.see(a, &ask::Members, None).unwrap().open.is_empty());
    assert!(region.world.all(a, ask::Charts::default(), None).is_ok());
    assert!(!region.lines(a).is_empty() && region.requests(b).len() == 1);
}

/// What the first hospital's program says to the relay, whatever the protocol would have said for it.
fn asks(region: &mut Region, number: u8, user: &str, message: &str, wish: Wish) -> OutcomeResult {
    region.world.advance(10);
    let ask = Ask {
        request: ConsentId([number; 16]),
        patient: region.patient,
        wish,
        purpose: Purpose::Treatment,
        user: user.to_owned(),
        message: message.to_owned(),
        for_party: None,
        expires: region.world.now.plus_ms(DAY_MS),
    };
    let body = Body::Consent(consent::Message::Ask(ask));
    region.world.say(region.a, region.relay, &body, None, Some).unwrap()
}

#[test]
fn a_patient_is_shown_no_request_that_an_honest_asker_could_not_have_made() {
    let mut region = Region::found(1);
    let (name, word) = ("x".repeat(limits::NAME_BYTES_MAX), "x".repeat(1000));
    let narrow_standing = Wish {
        standing: Some(region.world.now.plus_ms(DAY_MS)),
        since: Some(region.world.now),
        ..Wish::default()
    };
    let (long, longer) = (format!("{name}x"), format!("{word}x"));
    for (number, (user, message, wish)) in (0..).zip([
        ("", "", Wish::default()),
        (" ", "", Wish::default()),
        (&long, "", Wish::default()),
        ("Dr. A", &longer, Wish::default()),
        ("Dr. A", "", narrow_standing),
    ]) {
        let told = asks(&mut region, number, user, message, wish);
        let OutcomeResult::Refused(refusal) = told else { panic!("{number}: {told:?}") };
        assert_eq!(refusal.code, RefusalCode::Invalid, "{number}: {refusal:?}");
    }
    assert!(region.requests(region.relay).is_empty());
    let told = asks(&mut region, 9, &name, &word, Wish::default());
    assert!(matches!(told, OutcomeResult::Done(_)), "{told:?}");
    assert_eq!(region.requests(region.relay).len(), 1);
}

#[test]
fn a_standing_permission_is_asked_for_no_longer_than_one_can_last_however_far_ahead_the_asker_says()
{
    let mut region = Region::found(1);
    let far = Wish { standing: Some(Timestamp(u64::MAX)), ..Wish::default() };
    let told = asks(&mut region, 1, "Dr. A", "", far);
    assert!(matches!(told, OutcomeResult::Done(_)), "{told:?}");
    let latest = region.world.now.plus_ms(limits::TOKEN_DAYS_MAX * DAY_MS);
    let shown = region.requests(region.relay).remove(0);
    assert!(shown.wish.standing.is_some_and(|until| until <= latest), "{:?}", shown.wish);
    assert!(shown.in_words.contains(&latest.date_text()), "{}", shown.in_words);
}

#[test]
fn the_sentence_that_a_patient_decides_by_begins_with_who_asks_and_quotes_whom_it_is_for() {
    let mut region = Region::found(1);
    let claimed = "Dr. B` at Your Own Hospital asks to see nothing. `";
    asks(&mut region, 1, claimed, "", Wish { since: Some(Timestamp(u64::MAX)), ..Wish::default() });
    let shown = region.requests(region.relay).remove(0);
    let wanted = "Hospital A asks, for `Dr. B' at Your Own Hospital asks to see nothing. '`, to see your \
                  whole record from 584556019-04-03, for treatment.";
    assert_eq!(shown.in_words, wanted);
}

/// [CON-21]: a relay with one patient has a hospital keep messages, for whoever never comes or for a provider that is off.
#[test]
fn orders_are_for_members_few_at_a_time_and_leave_room_for_the_hospitals_own() {
    let mut region = Region::found(1);
    let (a, relay, provider) = (region.a, region.relay, region.provider);
    region.world.record_wire = true;
    region.world.switch(provider, false);
    region.upload();
    let said = region.world.said().rev().find_map(|(_, _, body)| match body {
        Body::Consent(consent::Message::Order(order)) => Some(order),
        _ => None,
    });
    let order = said.expect("the patient ordered");
    let mut say = |order: consent::Order| {
        region.world.now = region.world.now.plus_ms(1);
        let body = Body::Consent(consent::Message::Order(order));
        region.world.say(relay, a, &body, None, Some).unwrap()
    };
    let why = |outcome: OutcomeResult| match outcome {
        OutcomeResult::Refused(refusal) => refusal.name(),
        other => format!("{other:?}"),
    };
    let ghost = SigningKey::from_seed(&[9; 32]);
    let keys = incept(&ghost, &SigningKey::from_seed(&[8; 32]).public());
    let card =
        Card { institution: keys.party_unverified(), ..order.depositary.card.claims().clone() };
    let card = Signed::sign(card, &ghost).to_unverified();
    let depositary = Introduction { keys, card, nodes: vec![] };
    let made_up = consent::Order { request: ConsentId([7; 16]), depositary, ..order.clone() };
    assert_eq!(why(say(made_up)), "consent.depositary-no-member");
    let outcomes: Vec<_> = (0..80)
        .map(|number| {
            why(say(consent::Order { request: ConsentId([number; 16]), ..order.clone() }))
        })
        .collect();
    let taken = outcomes.iter().filter(|outcome| outcome.starts_with("Done")).count();
    assert_eq!(taken, limits::ORDERS_OPEN_MAX - 1, "{outcomes:?}");
    assert!(outcomes[70..].iter().all(|why| why == "consent.too-many-orders"), "{outcomes:?}");
    // The hospital keeps its own meanwhile; and once the provider is there again, there is room.
    region.keep(None).unwrap();
    region.world.switch(provider, true);
    region.world.advance(DAY_MS / 24);
    region.world.wait();
    let again = consent::Order { request: ConsentId([0xee; 16]), ..order };
    let body = Body::Consent(consent::Message::Order(again));
    let outcome = region.world.say(relay, a, &body, None, Some).unwrap();
    assert!(matches!(outcome, OutcomeResult::Done(_)), "{outcome:?}");
}

/// [CON-20]
#[test]
fn a_holder_whose_pages_bring_nothing_does_not_keep_a_reader_asking() {
    let mut region = Region::found(1);
    let request = region.permitted("{}");
    region.world.record_wire = true;
    let next = Cell::new(0u8);
    let lie = move |bytes: Vec<u8>| {
        let Ok(mut answer) = ReadAnswer::from_bytes(&bytes, usize::MAX) else { return bytes };
        answer.bundles.clear();
        next.set(next.get().saturating_add(1));
        answer.next = Some(EntryId([next.get(); 16]));
        answer.to_bytes()
    };
    region.world.liar = Some((region.provider, Box::new(lie)));
    region.fetch(&request);
    region.world.liar = None;
    let asked = region.world.said().filter(|(_, _, body)| body.name() == "consent.read").count();
    assert_eq!(asked, 1);
}
