//! Passing on where other features meet it: standing permissions, catalogues, the patient's ring.

use chartmesh_protocol::consent::view::{GrantView, RequestView};
use chartmesh_protocol::consent::{self, Wish};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::Body;
use chartmesh_protocol::record::{self, Kind};
use chartmesh_protocol::time::{DAY_MS, Timestamp};
use chartmesh_scenarios::{Region, Who};
use serde_json::json;

/// The region with one more hospital.
fn founded() -> (Region, Who) {
    let mut region = Region::found(1);
    let c = region.world.add(Role::Hospital, "Hospital C");
    let invite = region.world.invite(region.a);
    region.world.join(c, invite).unwrap();
    region.world.admit(region.a, c).unwrap();
    region.world.admit(region.b, c).unwrap();
    region.world.record_wire = true;
    (region, c)
}

fn standing(region: &Region) -> Wish {
    let until = Timestamp(region.world.now.0 + 20 * DAY_MS);
    Wish { kinds: vec![Kind::Laboratory], standing: Some(until), ..Wish::default() }
}

/// B gets a standing permission over laboratory results that it may pass on to `c`.
fn permitted(region: &mut Region, c: Who) -> RequestView {
    let wish = standing(region);
    let request = region.refer(&wish);
    let narrow = json!({"may_pass_on": [region.world.id(c)]}).to_string();
    region.approve(&request, &narrow).unwrap();
    request
}

fn given(region: &Region, request: &RequestView) -> Vec<GrantView> {
    let grants = region.grants(region.relay).into_iter();
    grants.filter(|grant| grant.request == request.request && grant.through.is_empty()).collect()
}

fn bodies(region: &Region, from: Who, to: Who) -> Vec<Body> {
    let said = region.world.said().filter(|(by, at, _)| (*by, *at) == (from, to));
    said.map(|(.., body)| body).collect()
}

/// Listings that the relay sent to somebody.
fn listings(region: &Region, to: Who) -> usize {
    let bodies = bodies(region, region.relay, to).into_iter();
    bodies.filter(|body| matches!(body, Body::Record(record::Message::Listing(_)))).count()
}

#[test]
fn a_permission_that_was_passed_on_comes_with_the_catalogue_and_its_end_ends_both() {
    let (mut region, c) = founded();
    let request = permitted(&mut region, c);
    let id = region.pass_on(region.b, c, json!({})).unwrap();
    assert_eq!(listings(&region, c), 1, "who gets it hears what there is behind it");
    region.add(Kind::Laboratory, "later");
    assert_eq!(listings(&region, c), 2, "and what is new");
    let fetched = region.fetch_by(c, id, region.a);
    assert!(fetched.reason.starts_with("2 entries"), "{}", fetched.reason);

    // A does not hear of the end, and goes on with the old compartment.
    region.world.cut.insert((region.relay, region.a));
    let tokens = given(&region, &request).into_iter().map(|grant| grant.token).collect();
    region.revoke(tokens);
    region.add(Kind::Laboratory, "after the end");
    assert_eq!(listings(&region, c), 2, "what rests on a revoked permission is told nothing more");
    region.world.cut.clear();
    region.world.advance(DAY_MS);
    assert!(region.fetch_by(c, id, region.a).reason.starts_with("revoked"));
}

#[test]
fn the_patients_ring_goes_to_nobody_without_a_permission_that_was_passed_on() {
    let (mut region, c) = founded();
    permitted(&mut region, c);
    region.pass_on(region.b, c, json!({})).unwrap();
    let (b, relay) = (region.b, region.relay);
    let told = bodies(&region, b, relay).into_iter().find_map(|body| match body {
        Body::Consent(consent::Message::Told(told)) => Some(told),
        _ => None,
    });
    let mut told = told.expect("the relay was told");
    told.chains.clear();
    region.world.wire.clear();
    let body = Body::Consent(consent::Message::Told(told));
    let outcome = region.world.say(b, relay, &body, None, Some).unwrap();
    assert!(matches!(outcome, OutcomeResult::Refused(_)), "{outcome:?}");
    assert!(bodies(&region, relay, c).is_empty());
}
