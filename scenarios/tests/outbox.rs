//! Each message is handled exactly once, whatever is lost, repeated or restored.

use chartmesh_protocol::consent::{RequestState, Wish};
use chartmesh_protocol::time::DAY_MS;
use chartmesh_scenarios::Region;

#[test]
fn a_message_waits_while_the_far_side_is_away_and_is_handled_once() {
    let mut region = Region::found(1);
    region.world.cut.insert((region.a, region.relay));
    let asked = region.download(region.a, &Wish::default()).unwrap();
    assert!(asked.is_none());
    region.world.advance(DAY_MS);
    region.world.cut.clear();
    region.world.advance(DAY_MS / 24);
    assert_eq!(region.requests(region.relay).len(), 1);
}

#[test]
fn a_receiver_restored_from_an_old_copy_takes_up_what_still_waits() {
    let mut region = Region::found(1);
    let old = region.world.parties[region.relay.0].store.clone();
    region.download(region.a, &Wish::default()).unwrap();
    region.world.switch(region.relay, false);
    region.world.parties[region.relay.0].store = old;
    region.world.switch(region.relay, true);
    region.download(region.a, &Wish::default()).unwrap();
    region.world.advance(DAY_MS / 24);
    // The first was acknowledged before the copy was put back, and is lost with it; the second is not.
    assert_eq!(region.requests(region.relay).len(), 1);
    assert_eq!(region.requests(region.a).len(), 2);
}

#[test]
fn a_sender_restored_from_an_old_copy_says_other_things_under_old_numbers_and_is_heard() {
    let mut region = Region::found(1);
    let old = region.world.parties[region.a.0].store.clone();
    for _ in 0..3 {
        region.download(region.a, &Wish::default()).unwrap();
    }
    region.world.switch(region.a, false);
    region.world.parties[region.a.0].store = old;
    region.world.switch(region.a, true);
    let wish = Wish { write: Some(true), ..Wish::default() };
    region.download(region.a, &wish).unwrap();
    region.world.advance(DAY_MS / 24);
    let requests = region.requests(region.relay);
    assert_eq!(requests.len(), 4);
    assert_eq!(requests.iter().filter(|r| r.wish.write == Some(true)).count(), 1);
}

#[test]
fn a_contact_that_takes_nothing_keeps_no_patient_from_revoking() {
    let mut region = Region::found(1);
    let request = region.permitted("{}");
    // A asks and asks while it takes no answer; its requests fill what they may, and no more.
    for n in 0..70 {
        let asked = region.download(region.a, &Wish::default());
        assert!(asked.is_ok(), "{n}");
    }
    let open = region.requests(region.relay);
    assert_eq!(open.iter().filter(|r| r.state == RequestState::Open).count(), 64);
    region.world.switch(region.a, false);
    let tokens = region.tokens(&request);
    region.revoke(tokens);
    assert!(region.fetch(&request).reason.starts_with("revoked"));
}
