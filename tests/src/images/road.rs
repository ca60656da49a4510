//! What the parties of a region do, so that each kind of row is written: the whole road once, then
//! steps that the seed chooses.

use chartmesh_protocol::consent::{self, Wish};
use chartmesh_protocol::id::{EntryId, TokenId};
use chartmesh_protocol::peer::Asked;
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::time::DAY_MS;
use chartmesh_protocol::{access_log, backup, federation};
use chartmesh_scenarios::{Region, Who, World};

use super::Numbers;

/// Steps after the road.
const STEPS: u64 = 24;
/// Bytes of one content at most: small objects stand in the store.
const CONTENT_BYTES_MAX: u64 = 60_000;
/// Bytes of a content that stands in a file of its own.
const LARGE_BYTES: usize = 100_000;

/// Founds a region in the world and has it live.
///
/// # Panics
/// When a step of the road is refused.
pub(super) fn walk(world: World, seed: u64) -> World {
    let mut numbers = Numbers::keyed(&[seed]);
    let mut region = Region::found_in(world);
    road(&mut region);
    for _ in 0..STEPS {
        step(&mut region, &mut numbers);
    }
    end(&mut region);
    region.world
}

/// Deposit, referral, permission, read, addition, rotation, logs, revocation.
fn road(region: &mut Region) {
    let request = region.permitted(r#"{"days":7}"#);
    region.fetch(&request);
    record(region, region.b, b"no ulcer");
    region.keep_for_patient().expect("b may add");
    let tokens = region.tokens(&request);
    region.world.rotate(region.relay, region.patient, tokens.clone()).expect("the words fit");
    region.fetch(&request);
    region.lines(region.provider);
    region.revoke(tokens);
    region.fetch(&request);
}

fn record(region: &mut Region, at: Who, content: &[u8]) {
    let drafts = vec![region.world.draft(at, Kind::Reports, "finding", &[content])];
    region.world.record(at, region.patient, drafts).expect("a hospital records");
}

/// One more thing that somebody does.
fn step(region: &mut Region, numbers: &mut Numbers) {
    match numbers.below(12) {
        0 | 1 => {
            let at = if numbers.below(2) == 0 { region.a } else { region.b };
            let length = usize::try_from(1 + numbers.below(CONTENT_BYTES_MAX));
            record(region, at, &vec![b'x'; length.expect("it is small")]);
        }
        2 => {
            let byte = u8::try_from(numbers.below(256)).expect("it is a byte");
            record(region, region.a, &vec![byte; LARGE_BYTES]);
        }
        3 => drop(region.upload()),
        4 => permit_and_read(region),
        5 => {
            let tokens = tokens(region).into_iter().take(1).collect();
            let revoke = consent::command::Revoke { patient: region.patient, tokens };
            ask(region, region.relay, revoke);
        }
        6 => {
            let tokens = tokens(region);
            let _refused = region.world.rotate(region.relay, region.patient, tokens);
        }
        7 => {
            let collect = access_log::command::Collect { patient: region.patient };
            ask(region, region.relay, collect);
        }
        8 => region.world.advance(numbers.below(2 * DAY_MS)),
        9 => {
            let who = Who(usize::try_from(numbers.below(4)).expect("there are four"));
            region.world.switch(who, false);
            let other = if who == region.b { region.a } else { region.b };
            let _refused = region.download(other, &Wish::default());
            region.world.switch(who, true);
            region.world.advance(numbers.below(DAY_MS / 4));
        }
        10 => {
            let at = region.world.now.0 + numbers.below(2 * DAY_MS);
            let _refused = region.upload_at(Some(at));
        }
        _ => {
            let kept = region.entries(region.provider, false);
            let entries: Vec<EntryId> = kept.iter().map(|entry| entry.entry).take(1).collect();
            let (patient, holder) = (Some(region.patient), region.world.id(region.provider));
            let delete = backup::command::Delete { patient, holder, entries };
            ask(region, region.relay, delete);
        }
    }
}

/// What nobody goes on from: a clock that was ahead is put right, and a member is put out.
fn end(region: &mut Region) {
    region.world.parties[region.relay.0].ahead_ms = 3 * DAY_MS;
    region.world.advance(DAY_MS / 24);
    region.world.put_clock_right(region.relay, true);
    region.world.advance(DAY_MS / 24);
    let holder = region.world.id(region.provider);
    ask(region, region.a, backup::command::Restore { holder, subject: None });
    region.world.advance(DAY_MS / 24);
    ask(region, region.a, federation::command::Threshold { sponsors: 2 });
    for member in [region.a, region.provider] {
        let _refused = region.world.expel(member, region.b);
    }
    region.world.advance(DAY_MS / 24);
}

fn permit_and_read(region: &mut Region) {
    let Ok(Some(request)) = region.download(region.b, &Wish::default()) else { return };
    let _refused = region.approve(&request, r#"{"days":3}"#);
    let fetch = consent::command::Fetch {
        request: request.request,
        holder: Some(region.world.id(region.a)),
        user: "Dr. B".into(),
    };
    ask(region, region.b, fetch);
}

/// Refusals are as good as anything: some of them are logged.
fn ask(region: &mut Region, who: Who, act: impl Asked) {
    let _refused = region.world.ask(who, act, Some(region.patient));
}

fn tokens(region: &Region) -> Vec<TokenId> {
    region.grants(region.relay).into_iter().map(|grant| grant.token).collect()
}
