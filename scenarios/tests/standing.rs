//! Permissions that stand: what is added later opens, and after their end it does not.

use chartmesh_protocol::capability::GrantKeys;
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::consent::view::{GrantView, RequestView};
use chartmesh_protocol::consent::{self, ReadAnswer, RequestState, Wish};
use chartmesh_protocol::crypto::{KemSecret, SigningKey};
use chartmesh_protocol::directory::Introduction;
use chartmesh_protocol::id::{EntryId, ObjectId, PartyId};
use chartmesh_protocol::identity::{Card, Compartment, KeyRing, Role, incept};
use chartmesh_protocol::object::{DataKey, fresh_salt, seal_small};
use chartmesh_protocol::peer::{Body, ask};
use chartmesh_protocol::record::{Bundle, EntryStanding, Kind, Label, Manifest};
use chartmesh_protocol::session::{SealedTo, Session};
use chartmesh_protocol::statement::Signed;
use chartmesh_protocol::time::{DAY_MS, Timestamp};
use chartmesh_protocol::{custody, grant_keys, holdings};
use chartmesh_scenarios::{Region, Who};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn wish(region: &Region, days: u64, kinds: &[Kind]) -> Wish {
    let standing = Some(Timestamp(region.world.now.0 + days * DAY_MS));
    Wish { kinds: kinds.to_vec(), standing, ..Wish::default() }
}

/// A asks that B get a standing permission over laboratory results, and B does.
fn standing(region: &mut Region, days: u64) -> RequestView {
    region.world.record_wire = true;
    let wish = wish(region, days, &[Kind::Laboratory]);
    let request = region.refer(&wish);
    region.approve(&request, "{}").unwrap();
    request
}

/// All keys that a party was ever given.
fn keys_of(region: &Region, who: Who) -> Vec<GrantKeys> {
    region
        .world
        .said()
        .filter(|(_, to, _)| *to == who)
        .filter_map(|(_, _, body)| match body {
            Body::Consent(
                consent::Message::Permission(permission) | consent::Message::PassedOn(permission),
            ) => Some(permission.grants),
            _ => None,
        })
        .flatten()
        .map(|grant| {
            let store = &region.world.parties[who.0].store;
            let mut secrets = grant_keys::secrets(store).unwrap().into_iter();
            secrets.find_map(|secret| grant.open(&secret).ok()).expect("its key is there")
        })
        .collect()
}

fn bundle(region: &Region, at: Who, entry: EntryId) -> Bundle {
    let party = &region.world.parties[at.0];
    party.peer.bundle(&party.store, region.patient, entry).unwrap()
}

/// Whether any seed that a party was given opens an entry as another holds it: the mathematics, whatever
/// holders judge.
fn opens(region: &Region, keys: &[GrantKeys], at: Who, entry: EntryId) -> bool {
    let bundle = bundle(region, at, entry);
    let party = &region.world.parties[at.0];
    let Some(sealed) = bundle.label.claims().sealed else { return false };
    let session = party.peer.sessions(&party.store, &[bundle]).unwrap().remove(0);
    keys.iter().flat_map(|keys| &keys.compartments).any(|(_, seed)| {
        session.open(&KemSecret::from_seed(**seed)).is_ok_and(|by| by.unwrap(&sealed.wrap).is_ok())
    })
}

fn titles(region: &Region, who: Who) -> Vec<String> {
    let entries = region.entries(who, false).into_iter();
    let record = entries.filter(|entry| entry.standing != Some(EntryStanding::Unlisted));
    let mut titles: Vec<_> = record.filter_map(|entry| entry.title).collect();
    titles.sort();
    titles
}

fn readable_by_the_patient(region: &Region, title: &str) -> bool {
    region.entries(region.relay, true).iter().any(|entry| entry.title.as_deref() == Some(title))
}

/// The newest ring that a party was told, and the compartments of it.
struct Told(KeyRing, Vec<Compartment>);

impl Told {
    fn compartment(&self, kind: Kind) -> Compartment {
        self.1.iter().find(|c| c.kind == kind).unwrap().clone()
    }

    fn until(&self, kind: Kind) -> Option<Timestamp> {
        self.0.entry(self.compartment(kind).id()).unwrap().until
    }
}

fn ring(region: &Region, to: Who) -> Told {
    let mut rings = region.world.said().rev().filter(|(_, at, _)| *at == to);
    rings
        .find_map(|(_, _, body)| match body {
            Body::Custody(custody::Message::Keys(keys)) => {
                Some(Told(keys.ring?.claims().clone(), keys.compartments))
            }
            _ => None,
        })
        .expect("the party was told of a ring")
}

fn refresh(region: &mut Region) {
    let refresh = custody::command::Refresh { patient: region.patient };
    region.world.ask(region.relay, refresh, Some(region.patient)).unwrap();
}

fn live(region: &Region) -> Vec<GrantView> {
    region.grants(region.relay).into_iter().filter(|grant| grant.state == "live").collect()
}

#[test]
fn the_patient_reads_that_what_is_added_later_is_opened_too_and_until_when() {
    let mut region = Region::found(1);
    let wish = wish(&region, 20, &[Kind::Laboratory]);
    let request = region.refer(&wish);
    let date = &Timestamp(region.world.now.0 + 20 * DAY_MS).utc_text()[..10];
    let words = format!("everything that is added later until {date}");
    assert!(request.in_words.contains(&words), "{}", request.in_words);
    region.approve(&request, "{}").unwrap();
    let given = live(&region).remove(0);
    assert!(given.standing && given.kinds == [Kind::Laboratory], "{given:?}");
    assert!(given.in_words.contains("also what is added later"), "{}", given.in_words);
}

#[test]
fn a_standing_permission_opens_what_was_there_and_what_is_added_later() {
    let mut region = Region::found(1);
    let request = standing(&mut region, 20);
    assert_eq!(region.fetch_at(&request, region.a).state, RequestState::Done);
    assert_eq!(titles(&region, region.b), ["blood count"]);
    region.world.advance(3 * DAY_MS);
    region.add(Kind::Laboratory, "liver values");
    region.add(Kind::Reports, "something else");
    let again = region.fetch_at(&request, region.a);
    assert_eq!(again.state, RequestState::Done, "{}", again.reason);
    assert_eq!(titles(&region, region.b), ["blood count", "liver values"]);
    assert!(region.entries(region.b, false).iter().all(|entry| entry.whole));
}

#[test]
fn what_is_added_after_a_revocation_does_not_open_with_the_old_seeds_and_holders_refuse() {
    let mut region = Region::found(1);
    let request = standing(&mut region, 20);
    region.world.advance(DAY_MS);
    let before = region.add(Kind::Laboratory, "before");
    let old = ring(&region, region.a);
    region.world.advance(1000);
    let tokens = region.tokens(&request);
    region.revoke(tokens);
    let after = region.add(Kind::Laboratory, "after");
    let keys = keys_of(&region, region.b);
    assert!(opens(&region, &keys, region.a, before), "the seeds are the right ones");
    assert!(!opens(&region, &keys, region.a, after));
    assert!(readable_by_the_patient(&region, "after"));
    assert!(region.fetch_at(&request, region.a).reason.starts_with("revoked"));
    assert_eq!(titles(&region, region.b), Vec::<String>::new());
    // Only the kind concerned has a new epoch.
    let new = ring(&region, region.a);
    for kind in Kind::ALL {
        let same = old.compartment(*kind).id() == new.compartment(*kind).id();
        assert_eq!(same, *kind != Kind::Laboratory, "{kind}");
    }
}

#[test]
fn what_is_recorded_after_an_expiry_while_the_keys_are_locked_gets_the_patients_wrap_later() {
    let mut region = Region::found(1);
    let request = standing(&mut region, 5);
    let until = ring(&region, region.a).until(Kind::Laboratory).unwrap();
    assert_eq!(until.0, region.world.now.0 + 5 * DAY_MS);
    region.world.advance(6 * DAY_MS);
    // Nobody has unlocked the keys: nothing can be sealed to that compartment, and charting goes on.
    let late = region.add(Kind::Laboratory, "late");
    let other = region.add(Kind::Reports, "another kind");
    assert!(bundle(&region, region.a, late).label.claims().sealed.is_none());
    let sealed = bundle(&region, region.a, other).label.claims().sealed;
    assert!(sealed.is_some(), "other kinds go on as ever");
    assert!(!readable_by_the_patient(&region, "late"));
    let patients = region.world.all(region.relay, ask::Patients::default(), None).unwrap();
    assert_eq!(patients[0].lapsed, [Kind::Laboratory], "the patient sees what waits for the keys");
    assert!(region.fetch_at(&request, region.a).reason.starts_with("expired"));
    // Any command with the keys at hand begins the new epoch, and the hospital adds the wrap.
    let unlocked = custody::command::Unlocked;
    region.world.ask(region.relay, unlocked, Some(region.patient)).unwrap();
    assert!(bundle(&region, region.a, late).label.claims().sealed.is_some());
    assert!(readable_by_the_patient(&region, "late"));
    let keys = keys_of(&region, region.b);
    assert!(!opens(&region, &keys, region.a, late));
    assert!(opens(&region, &keys, region.a, region.entry("blood count")));
    let next = region.add(Kind::Laboratory, "next");
    assert!(!opens(&region, &keys, region.a, next));
    assert!(readable_by_the_patient(&region, "next"));
}

#[test]
fn a_hospital_that_heard_late_of_a_retired_compartment_seals_again_and_holders_take_that_only() {
    let mut region = Region::found(1);
    region.upload();
    let request = standing(&mut region, 20);
    let tokens = region.tokens(&request);
    // The provider hears of the revocation, A does not.
    region.world.cut.insert((region.relay, region.a));
    region.world.advance(1000);
    region.revoke(tokens);
    region.world.advance(1000);
    let entry = region.add(Kind::Laboratory, "sealed to the old compartment");
    let keys = keys_of(&region, region.b);
    assert!(opens(&region, &keys, region.a, entry), "A could not know better");
    region.keep(None).unwrap();
    assert_eq!(region.entries(region.provider, false).len(), 3, "history only, from before");
    region.world.cut.clear();
    region.world.advance(DAY_MS);
    assert!(!opens(&region, &keys, region.a, entry), "sealed again when the ring came");
    assert!(readable_by_the_patient(&region, "sealed to the old compartment"));
    region.keep(None).unwrap();
    assert_eq!(
        region.entries(region.provider, false).len(),
        4,
        "with what is older, which stays good"
    );
    assert!(!opens(&region, &keys, region.provider, entry));
}

#[test]
fn another_standing_permission_over_the_same_kind_goes_on_when_one_ends() {
    let mut region = Region::found(1);
    let request = standing(&mut region, 20);
    let wish = wish(&region, 20, &[Kind::Laboratory]);
    let c = region.world.add(Role::Hospital, "Hospital C");
    let invite = region.world.invite(region.a);
    region.world.join(c, invite).unwrap();
    region.world.admit(region.a, c).unwrap();
    region.world.admit(region.b, c).unwrap();
    let of_c = region.refer_to(c, &wish);
    region.approve(&of_c, "{}").unwrap();
    let tokens = region.tokens(&of_c);
    region.revoke(tokens);
    let after = region.add(Kind::Laboratory, "after");
    assert!(opens(&region, &keys_of(&region, region.b), region.a, after));
    assert!(!opens(&region, &keys_of(&region, c), region.a, after));
    let fetched = region.fetch_at(&request, region.a);
    assert_eq!(fetched.state, RequestState::Done, "{}", fetched.reason);
    assert_eq!(titles(&region, region.b), ["after", "blood count"]);
}

#[test]
fn revoking_one_token_of_a_standing_permission_ends_all_of_it_and_brings_no_further_one() {
    let mut region = Region::found(1);
    let of_b = standing(&mut region, 20);
    let ended = standing(&mut region, 20);
    // What ends begins an epoch, for which B gets a further token of the permission that goes on.
    let tokens = region.tokens(&ended);
    region.revoke(tokens);
    let both = region.tokens(&of_b);
    assert_eq!(both.len(), 2);
    region.world.advance(1000);
    region.revoke(vec![both[1]]);
    let after = region.add(Kind::Laboratory, "after");
    assert!(!opens(&region, &keys_of(&region, region.b), region.a, after));
    assert_eq!((region.tokens(&of_b), live(&region).len()), (both, 0));
    assert!(region.fetch_at(&of_b, region.a).reason.starts_with("revoked"));
    assert!(titles(&region, region.b).is_empty());
}

#[test]
fn standing_is_never_added_to_what_was_asked_and_once_gives_what_there_is() {
    let mut region = Region::found(1);
    let once = Wish { kinds: vec![Kind::Laboratory], ..Wish::default() };
    let request = region.refer(&once);
    let until = region.world.now.0 + DAY_MS;
    let widened = region.approve(&request, &format!(r#"{{"wish":{{"standing":{until}}}}}"#));
    assert!(widened.unwrap_err().to_string().contains("was not asked for"));
    region.approve(&request, "{}").unwrap();
    assert!(live(&region).iter().all(|grant| !grant.standing));

    let asked = wish(&region, 20, &[Kind::Laboratory]);
    let request = region.refer(&asked);
    let dated = region.approve(&request, r#"{"wish":{"since":1}}"#).unwrap_err();
    assert!(dated.to_string().contains("--once"), "{dated}");
    let longer = region.approve(&request, r#"{"once":true,"wish":{"since":1}}"#);
    longer.unwrap();
    region.add(Kind::Laboratory, "later");
    region.fetch_at(&request, region.a);
    assert_eq!(titles(&region, region.b), ["blood count"]);

    let dated = Wish { since: Some(Timestamp(1)), ..wish(&region, 20, &[]) };
    assert!(region.download(region.a, &dated).is_err());
    let long = wish(&region, 91, &[]);
    assert!(region.download(region.a, &long).is_err());
}

#[test]
fn a_standing_permission_ends_no_later_than_was_asked_and_is_narrowed_to_kinds() {
    let mut region = Region::found(1);
    let asked = wish(&region, 10, &[Kind::Laboratory, Kind::Imaging]);
    let request = region.refer(&asked);
    region.approve(&request, r#"{"days":60,"wish":{"kinds":["imaging"]}}"#).unwrap();
    let given = live(&region).remove(0);
    assert_eq!(given.kinds, [Kind::Imaging]);
    assert_eq!(given.expires.0, (region.world.now.0 + 10 * DAY_MS).div_ceil(1000) * 1000);
}

#[test]
fn a_rotation_keeps_a_standing_permission_that_is_listed_with_what_comes_later_and_ends_the_others()
{
    let mut region = Region::found(1);
    let kept = standing(&mut region, 20);
    let dropped = standing(&mut region, 20);
    let tokens = region.tokens(&kept);
    let rotated = region.world.rotate(region.relay, region.patient, tokens.clone()).unwrap();
    assert_eq!((rotated.kept, rotated.dropped), (tokens, region.tokens(&dropped)));
    region.add(Kind::Laboratory, "under the new key");
    let fetched = region.fetch_at(&kept, region.a);
    assert_eq!(fetched.state, RequestState::Done, "{}", fetched.reason);
    assert_eq!(titles(&region, region.b), ["blood count", "under the new key"]);
    assert!(region.fetch_at(&dropped, region.a).reason.starts_with("old-key"));
}

#[test]
fn a_permission_to_add_goes_on_in_the_new_epoch() {
    let mut region = Region::found(1);
    region.upload();
    let asked = Wish { write: Some(true), ..wish(&region, 20, &[Kind::Laboratory]) };
    let writing = region.refer(&asked);
    region.approve(&writing, "{}").unwrap();
    let request = standing(&mut region, 10);
    let tokens = region.tokens(&request);
    region.revoke(tokens);
    let drafts = vec![region.world.draft(region.b, Kind::Laboratory, "by B", &[b"x"])];
    region.world.record(region.b, region.patient, drafts).unwrap();
    region.keep_for_patient().unwrap();
    assert_eq!(region.entries(region.provider, false).len(), 4);
}

/// What a holder makes up: an entry by an institution that nobody knows, sealed as it should be.
fn made_up(patient: PartyId, to: &Compartment, at: Timestamp) -> (Bundle, Session, Introduction) {
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let (key, next) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
    let keys = incept(&key, &next.public());
    let author = keys.party_unverified();
    let label_salt = [0xee; 16];
    let manifest = Manifest {
        entry: EntryId::of(author, &label_salt),
        kind: Kind::Laboratory,
        title: "made up".into(),
        effective: at,
        user: "Dr. Nobody".into(),
        contents: vec![],
        terms: vec![],
        adds_to: None,
    };
    let data_key = DataKey::generate(&mut rng);
    let salt = fresh_salt(&mut rng);
    let (sealed, _) = seal_small(&data_key, &salt, &manifest.to_bytes()).unwrap();
    let object = ObjectId(blake3::hash(&sealed).into());
    let (session, by) = Session::begin((patient, to), author, at, &mut rng).unwrap();
    let label = Label {
        subject: patient,
        salt: label_salt,
        sealed: Some(SealedTo::new(&session, &by, &data_key)),
        manifest: object,
        contents: holdings::contents_hash(&vec![]),
        author,
        key: 0,
        recorded: at,
    };
    let card = Card {
        institution: author,
        key: 0,
        name: "Hospital A".into(),
        role: Role::Hospital,
        kem: KemSecret::from_seed([3; 32]).public(),
        issued: at,
        until: at,
    };
    let bundle = Bundle {
        label: Signed::sign(label, &key).to_unverified(),
        contents: vec![],
        manifest: chartmesh_protocol::codec::Bytes(sealed),
        own_wrap: None,
    };
    let card = Signed::sign(card, &key).to_unverified();
    (bundle, session, Introduction { keys, card, nodes: vec![] })
}

#[test]
fn a_holder_that_makes_up_an_author_or_spoils_a_wrap_is_noticed_and_the_rest_is_taken() {
    let mut region = Region::found(1);
    let request = standing(&mut region, 20);
    let spoilt = region.add(Kind::Laboratory, "spoilt");
    let to = ring(&region, region.a).compartment(Kind::Laboratory);
    let (bundle, session, who) = made_up(region.patient, &to, region.world.now);
    let lie = move |bytes: Vec<u8>| {
        let Ok(mut answer) = ReadAnswer::from_bytes(&bytes, usize::MAX) else { return bytes };
        let mut spoilt = answer.bundles.iter_mut().filter(|b| b.label.claims().entry() == spoilt);
        spoilt.next().unwrap().manifest.0[100] ^= 1;
        answer.bundles.push(bundle.clone());
        answer.sessions.push(session.clone());
        answer.authors.push(who.clone());
        answer.to_bytes()
    };
    region.world.liar = Some((region.a, Box::new(lie)));
    let fetched = region.fetch_at(&request, region.a);
    assert_eq!(fetched.state, RequestState::Done, "{}", fetched.reason);
    assert!(
        fetched.reason.starts_with("2 entries obtained; 1 was not as it should be"),
        "{}",
        fetched.reason
    );
    assert_eq!(titles(&region, region.b), ["blood count"]);
    region.world.liar = None;
    region.fetch_at(&request, region.a);
    assert_eq!(titles(&region, region.b), ["blood count", "spoilt"]);
}

#[test]
fn a_relay_that_was_put_back_to_an_older_copy_does_not_move_the_end_of_a_standing_permission() {
    let mut region = Region::found(1);
    let copy = region.world.parties[region.relay.0].store.clone();
    standing(&mut region, 5);
    region.world.switch(region.relay, false);
    region.world.parties[region.relay.0].store = copy;
    region.world.advance(DAY_MS);
    region.world.switch(region.relay, true);
    refresh(&mut region);
    let before = region.add(Kind::Laboratory, "before");
    region.world.advance(6 * DAY_MS);
    refresh(&mut region);
    let until = ring(&region, region.a).until(Kind::Laboratory);
    assert_eq!(until, None, "the relay has forgotten it");
    let after = region.add(Kind::Laboratory, "after");
    let keys = keys_of(&region, region.b);
    assert!(opens(&region, &keys, region.a, before));
    assert!(!opens(&region, &keys, region.a, after));
    // The patient's next keys, at the latest, can be sealed to again.
    region.world.rotate(region.relay, region.patient, vec![]).unwrap();
    region.world.advance(DAY_MS);
    assert!(readable_by_the_patient(&region, "after"));
}

/// [CUS-4]: what the patient says of who treats the patient is said by the new key first.
#[test]
fn a_rotation_ends_no_standing_permission_of_an_institution_that_treats_the_patient() {
    let mut region = Region::found(1);
    let (b, relay, patient) = (region.b, region.relay, region.patient);
    region.world.enrol(b, relay, patient);
    let request = standing(&mut region, 20);
    region.world.advance(DAY_MS);
    let tokens = region.tokens(&request);
    region.world.rotate(relay, patient, tokens).unwrap();
    region.world.advance(DAY_MS);
    region.add(Kind::Laboratory, "after");
    region.world.wait();
    region.fetch_at(&request, region.a);
    assert!(titles(&region, b).contains(&"after".to_owned()), "{:?}", titles(&region, b));
}

#[test]
fn a_refreshed_ring_does_not_outlive_a_standing_permission() {
    let mut region = Region::found(1);
    standing(&mut region, 20);
    region.world.advance(DAY_MS);
    refresh(&mut region);
    let ring = ring(&region, region.a);
    assert!(ring.until(Kind::Laboratory).unwrap() < ring.0.expires);
    assert_eq!(ring.until(Kind::Imaging), None);
}
