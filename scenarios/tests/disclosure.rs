//! What a refusal tells whoever hears it: nothing of what it may not know [REF-2]. That its arguments are of what
//! the message named itself is looked at wherever anybody of these worlds is refused.

use chartmesh_protocol::identity::Role;
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::Body;
use chartmesh_protocol::{access_log, backup};
use chartmesh_scenarios::{Region, Who, World};
use std::collections::BTreeSet;

/// What a refusal tells apart all the same. Asked of a relay by a member, which may ask its patients as well:
const OF_A_RELAY: [&str; 4] = ["access-log.shown", "backup.kept", "consent.ask", "record.announce"];
/// Named by the id of a request or a deposit, which nobody guesses:
const BY_AN_ID: [&str; 5] =
    ["backup.execute", "backup.offer", "backup.stored", "consent.decision", "consent.order-state"];
/// An order that the owner signed, whoever brings it:
const SIGNED: &str = "backup.delete";

/// A region in which all that concerns a patient was said.
fn lived(seed: u64) -> Region {
    let mut world = World::new(seed);
    world.record_wire = true;
    let mut region = Region::found_in(world);
    let request = region.permitted("{}");
    region.fetch(&request);
    region.keep(None).unwrap();
    region.world.wait();
    region.lines(region.provider);
    let (patient, holder) = (Some(region.patient), region.world.id(region.provider));
    let entries = vec![region.entry("endoscopy")];
    let delete = backup::command::Delete { patient, holder, entries };
    region.world.ask(region.relay, delete, patient).unwrap();
    let restore = backup::command::Restore { holder, subject: None };
    region.world.ask(region.a, restore, None).unwrap();
    region.revoke(region.tokens(&request));
    let collect = access_log::command::Collect { patient: region.patient };
    region.world.ask(region.relay, collect, None).unwrap();
    region.world.wait();
    region
}

/// What was said about a patient, one message of each kind.
fn about_the_patient(region: &Region) -> Vec<Body> {
    let mut kinds = BTreeSet::new();
    let said = region.world.said().map(|(_, _, body)| body);
    let about = said.filter(|body| !matches!(body, Body::Federation(_)));
    about.filter(|body| kinds.insert(body.name())).collect()
}

/// What a refusal says, but for the ids, which are those that the message named.
fn heard(region: &mut Region, from: Who, to: Who, body: &Body) -> String {
    match region.world.say(from, to, body, None, Some).unwrap() {
        OutcomeResult::Refused(refusal) => {
            let about: Vec<_> = refusal.args.iter().map(|arg| arg.kind()).collect();
            format!("{:?} {} {about:?}", refusal.code, refusal.reason)
        }
        OutcomeResult::Done(_) => "done".to_owned(),
        OutcomeResult::OutOfOrder(awaited) => format!("{awaited} awaited"),
    }
}

#[test]
fn a_member_that_has_nothing_to_do_with_a_patient_does_not_learn_from_refusals_who_knows_the_patient()
 {
    let mut region = lived(1);
    let (here, elsewhere) = (about_the_patient(&region), about_the_patient(&lived(2)));
    let stranger = region.world.add(Role::Hospital, "Hospital C");
    let invite = region.world.invite(region.a);
    region.world.join(stranger, invite).unwrap();
    region.world.admit(region.a, stranger).unwrap();
    region.world.admit(region.b, stranger).unwrap();
    assert_eq!(here.len(), elsewhere.len());
    let mut apart = BTreeSet::new();
    for (known, unknown) in here.iter().zip(&elsewhere) {
        assert_eq!(known.name(), unknown.name());
        for to in [region.a, region.b, region.provider, region.relay] {
            let of_unknown = heard(&mut region, stranger, to, unknown);
            let of_known = heard(&mut region, stranger, to, known);
            if of_known != of_unknown {
                apart.insert((known.name(), to, of_known, of_unknown));
            }
        }
    }
    for (name, to, ..) in &apart {
        assert!(!OF_A_RELAY.contains(name) || *to == region.relay, "{apart:#?}");
    }
    let apart: BTreeSet<_> = apart.iter().map(|(name, ..)| *name).collect();
    let expected: BTreeSet<_> = OF_A_RELAY.into_iter().chain(BY_AN_ID).chain([SIGNED]).collect();
    assert_eq!(apart, expected);
    // Those that ask for a record, its log or its keys were among what was said.
    for name in ["access-log.lines", "backup.fetch", "consent.read", "custody.keys"] {
        assert!(here.iter().any(|body| body.name() == name), "nobody said {name}");
    }
}
