//! A patient reads: contents of one's own record come to the relay, and open with the patient's keys.

use chartmesh_protocol::access_log::{self, Action, Line};
use chartmesh_protocol::capability::Purpose;
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::consent::{self, RequestState};
use chartmesh_protocol::id::{EntryId, PartyId};
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, ask};
use chartmesh_protocol::record::view::OpenedView;
use chartmesh_protocol::record::{self, Announce, Bundle, Kind, Label, Taken};
use chartmesh_protocol::refusal::{Refusal, RefusalCode};
use chartmesh_protocol::session::SealedTo;
use chartmesh_protocol::statement::Signed;
use chartmesh_protocol::time::DAY_MS;
use chartmesh_scenarios::{Region, Who};

/// The patient has contents brought to the relay.
fn obtain(
    region: &mut Region,
    at: Who,
    entries: &[EntryId],
    holder: Option<Who>,
    unlocked: bool,
) -> Result<RequestView, Refusal> {
    let ask = serde_json::json!({
        "patient": region.patient, "entries": entries, "user": "Hanako",
        "holder": holder.map(|holder| region.world.id(holder)),
    });
    let command = serde_json::from_value::<consent::command::Obtain>(ask).unwrap();
    let keys = unlocked.then_some(region.patient);
    region.world.ask(at, command, keys)
}

/// Opens an entry at the relay.
fn open(region: &mut Region, entry: EntryId, unlocked: bool) -> Result<OpenedView, Refusal> {
    let command = record::command::Open {
        subject: region.patient,
        entry,
        user: "Hanako".into(),
        purpose: Purpose::PatientRequested,
        export: false,
    };
    let keys = unlocked.then_some(region.patient);
    region.world.ask(region.relay, command, keys)
}

fn reads(region: &mut Region, holder: Who, by: PartyId) -> Vec<Line> {
    let lines = region.lines(holder);
    lines.into_iter().filter(|line| line.action == Action::Read && line.by == by).collect()
}

fn whole(region: &Region) -> usize {
    region.entries(region.relay, true).iter().filter(|entry| entry.whole).count()
}

#[test]
fn contents_come_to_the_patient_are_logged_by_the_holder_and_open_with_the_patients_keys_only() {
    let mut region = Region::found(1);
    region.upload();
    let (relay, provider, patient) = (region.relay, region.provider, region.patient);
    let entry = region.entry("endoscopy");
    assert_eq!(whole(&region), 0);
    let asked = obtain(&mut region, relay, &[], None, true).unwrap();
    let done = region.request(relay, &asked);
    assert_eq!((done.state, whole(&region)), (RequestState::Done, 3), "{done:?}");
    assert_eq!(done.in_words, "You asked Provider for 3 entries of your record.");

    // The provider, being there for it, was asked; it logged who read, and why.
    let me = region.world.id(relay);
    let lines = reads(&mut region, provider, me);
    let shown: Vec<_> = lines.iter().map(|line| (line.purpose, line.user.as_deref())).collect();
    assert_eq!(shown, [(Some(Purpose::PatientRequested), Some("Hanako"))]);
    let hospital = region.a;
    assert!(reads(&mut region, hospital, me).is_empty());

    // The permission is listed once, and was to the relay itself.
    let grants = region.world.all(relay, ask::Grants::of(Some(patient)), None).unwrap();
    let own: Vec<_> = grants.iter().filter(|grant| grant.grantee == me).collect();
    assert_eq!(own.len(), 1);
    assert_eq!(lines[0].token, Some(own[0].token));

    // What came is as sealed as before: a locked relay shows nothing of it.
    assert!(region.entries(relay, false).iter().all(|entry| entry.title.is_none()));
    assert_eq!(open(&mut region, entry, false).unwrap_err().code, RefusalCode::Locked);
    let opened = open(&mut region, entry, true).unwrap();
    assert!(opened.whole && opened.manifest.contents.len() == 2);
    let query = ask::AccessLog::of(patient);
    let log = region.world.see(relay, &query, None).unwrap();
    let last = log.lines.last().unwrap();
    assert_eq!((last.line.action, last.line.by), (Action::Opened, patient));
}

#[test]
fn as_few_holders_as_hold_the_entries_are_asked_each_with_a_permission_of_its_own() {
    let mut region = Region::found(1);
    // B has an entry that A has not, A has three that B has not.
    let request = region.permitted("{}");
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    let finding = region.world.draft(region.b, Kind::Reports, "finding", &[b"no ulcer"]);
    region.world.record(region.b, region.patient, vec![finding]).unwrap();
    let relay = region.relay;
    let asked = obtain(&mut region, relay, &[], None, true).unwrap();
    assert_eq!(region.request(relay, &asked).state, RequestState::Done);
    assert_eq!((whole(&region), asked.tokens.len()), (4, 2));
    let me = region.world.id(relay);
    let (a, b, provider) = (region.a, region.b, region.provider);
    let counts = [a, b, provider].map(|holder| reads(&mut region, holder, me).len());
    assert_eq!(counts, [0, 1, 1]);
    let refused = obtain(&mut region, relay, &[], None, true).unwrap_err();
    assert_eq!(refused.code, RefusalCode::AlreadyDone);
}

#[test]
fn a_holder_that_is_off_answers_when_it_is_back_and_another_can_be_named() {
    let mut region = Region::found(1);
    region.upload();
    let (relay, a, provider) = (region.relay, region.a, region.provider);
    let entry = region.entry("endoscopy");
    region.world.switch(provider, false);
    let waiting = obtain(&mut region, relay, &[entry], None, true).unwrap();
    assert_eq!(region.request(relay, &waiting).state, RequestState::Approved);
    let named = obtain(&mut region, relay, &[entry], Some(a), true).unwrap();
    assert_eq!(region.request(relay, &named).state, RequestState::Done);
    assert_eq!(whole(&region), 1);
    region.world.switch(provider, true);
    region.world.advance(60 * 60 * 1000);
    assert_eq!(region.request(relay, &waiting).state, RequestState::Done);
}

#[test]
fn a_permission_to_ones_own_relay_can_be_revoked_and_stops_there() {
    let mut region = Region::found(1);
    region.upload();
    let (relay, provider) = (region.relay, region.provider);
    region.world.switch(provider, false);
    let waiting = obtain(&mut region, relay, &[], None, true).unwrap();
    region.revoke(waiting.tokens.clone());
    region.world.switch(provider, true);
    region.world.advance(60 * 60 * 1000);
    let ended = region.request(relay, &waiting);
    assert_eq!((ended.state, whole(&region)), (RequestState::Failed, 0), "{ended:?}");
}

#[test]
fn only_an_unlocked_patient_asks_and_only_at_the_relay() {
    let mut region = Region::found(1);
    let (relay, a) = (region.relay, region.a);
    let code = |refused: Result<RequestView, Refusal>| refused.unwrap_err().code;
    assert_eq!(code(obtain(&mut region, relay, &[], None, false)), RefusalCode::Locked);
    assert_eq!(code(obtain(&mut region, a, &[], None, true)), RefusalCode::WrongRole);
    let unknown = [EntryId([9; 16])];
    assert_eq!(code(obtain(&mut region, relay, &unknown, None, true)), RefusalCode::NotFound);
    let own = Some(relay);
    assert_eq!(code(obtain(&mut region, relay, &[], own, true)), RefusalCode::NotFound);
}

#[test]
fn a_head_that_the_patient_was_shown_when_reading_is_compared_with_the_log_too() {
    let mut region = Region::found(1);
    region.upload();
    let (relay, provider, patient) = (region.relay, region.provider, region.patient);
    obtain(&mut region, relay, &[], Some(provider), true).unwrap();
    region.world.advance(1000);
    let collect = access_log::command::Collect { patient };
    region.world.ask(relay, collect, None).unwrap();
    let query = ask::CollectedLogs { patient };
    let logs = region.world.see(relay, &query, None).unwrap();
    let holder = region.world.id(provider);
    let log = logs.into_iter().find(|log| log.holder == holder).unwrap();
    let shown: Vec<_> = log.shown.iter().map(|shown| (shown.reader, shown.agrees)).collect();
    assert_eq!(shown, [(region.world.id(relay), Some(true))]);
}

/// What the first hospital announced last.
fn announced(region: &Region) -> Announce {
    let announced = region.world.said().rev().find_map(|(_, to, body)| match body {
        Body::Record(record::Message::Announce(announce)) if to == region.relay => Some(announce),
        _ => None,
    });
    announced.expect("A announced what it recorded")
}

#[test]
fn whoever_knows_an_entry_announces_nothing_in_its_place() {
    let mut region = Region::found(1);
    let (a, b, relay, patient) = (region.a, region.b, region.relay, region.patient);
    region.permitted("{}");
    region.world.record_wire = true;
    region.add(Kind::Reports, "letter");
    let mut stolen = announced(&region);
    region.world.cut.insert((a, relay));
    let titles = ["one", "two", "three"];
    let drafts = titles.map(|title| region.world.draft(a, Kind::Reports, title, &[b"Well."]));
    let recorded = region.world.record(a, patient, drafts.into()).unwrap().entries;
    // B's program knows all of the label of one of them, and announces something of its own with it before A is heard.
    let party = &region.world.parties[a.0];
    let known = party.peer.bundle(&party.store, patient, recorded[0]).unwrap();
    let label = known.label.claims().clone();
    let session = &mut stolen.sessions[0];
    session.author = region.world.id(b);
    let sealed = label.sealed.map(|sealed| SealedTo { session: session.id(), ..sealed });
    let label = Label { author: region.world.id(b), sealed, ..label };
    assert_ne!(label.entry(), recorded[0], "an id is its author's");
    let taken = label.entry();
    let key = &region.world.parties[b.0].institution_key;
    let label = Signed::sign(label, key).to_unverified();
    stolen.bundles = vec![Bundle { label, ..known }];
    let body = Body::Record(record::Message::Announce(stolen));
    let told = region.world.say(b, relay, &body, None, Some).unwrap();
    assert!(matches!(told, OutcomeResult::Done(_)), "{told:?}");
    region.world.cut.clear();
    region.world.advance(DAY_MS / 24);
    let listed = region.entries(relay, false);
    let author = |entry| listed.iter().find(|view| view.entry == entry).map(|view| view.author);
    let (a, b) = (region.world.id(a), region.world.id(b));
    assert_eq!(recorded.into_iter().map(author).collect::<Vec<_>>(), [Some(a); 3]);
    assert_eq!(author(taken), Some(b));
}

#[test]
fn one_bad_entry_of_an_announcement_is_named_and_keeps_no_other_from_the_patient() {
    let mut region = Region::found(1);
    let (a, relay) = (region.a, region.relay);
    region.world.record_wire = true;
    region.add(Kind::Reports, "letter");
    let Announce { mut bundles, sessions, .. } = announced(&region);
    let good = bundles.remove(0);
    let mut bad = good.clone();
    let label = Label { salt: [7; 16], ..good.label.claims().clone() };
    let entry = label.entry();
    let key = &region.world.parties[a.0].institution_key;
    bad.label = Signed::sign(label, key).to_unverified();
    *bad.manifest.0.last_mut().unwrap() ^= 1;
    let announce = |bundles| {
        let announce =
            Announce { patient: good.label.claims().subject, bundles, sessions: sessions.clone() };
        Body::Record(record::Message::Announce(announce))
    };
    let say = |region: &mut Region, bundles| {
        region.world.say(a, relay, &announce(bundles), None, Some).unwrap()
    };
    let OutcomeResult::Done(answer) = say(&mut region, vec![bad.clone(), good.clone()]) else {
        panic!("one of the two is good");
    };
    let taken = Taken::from_bytes(&answer.0, 1000).unwrap();
    let named: Vec<_> = taken.except.iter().map(|one| (one.entry, one.refusal.code)).collect();
    assert_eq!(named, [(entry, RefusalCode::NotAuthentic)]);
    let told = say(&mut region, vec![bad]);
    assert!(matches!(told, OutcomeResult::Refused(_)), "none was taken: {told:?}");
}

#[test]
fn an_entry_that_its_author_sealed_wrongly_keeps_the_patient_from_no_other() {
    let mut region = Region::found(1);
    region.world.record_wire = true;
    let good = region.add(Kind::Reports, "letter");
    let mut announce = announced(&region);
    // A's program announces another one, whose key it did not seal as it should.
    let bundle = &mut announce.bundles[0];
    let sealed = bundle.label.claims().sealed.map(|sealed| {
        let mut bytes = sealed.to_bytes();
        *bytes.last_mut().unwrap() ^= 1;
        Wire::from_bytes(&bytes, bytes.len()).unwrap()
    });
    assert!(sealed.is_some(), "it is sealed to the patient");
    let label = Label { salt: [7; 16], sealed, ..bundle.label.claims().clone() };
    let entry = label.entry();
    let key = &region.world.parties[region.a.0].institution_key;
    bundle.label = Signed::sign(label, key).to_unverified();
    let body = Body::Record(record::Message::Announce(announce));
    let told = region.world.say(region.a, region.relay, &body, None, Some).unwrap();
    assert!(matches!(told, OutcomeResult::Done(_)), "{told:?}");

    let listed = region.entries(region.relay, true);
    let title = |entry| listed.iter().find(|view| view.entry == entry).unwrap().title.clone();
    assert_eq!((title(good).as_deref(), title(entry)), (Some("letter"), None));
    let keys = Some(region.patient);
    let bad = |keys| {
        let verified =
            region.world.all(region.relay, ask::Verify::of(region.patient), keys).unwrap();
        assert_eq!(verified.len(), listed.len());
        verified.into_iter().filter(|one| !one.bad.is_empty()).collect::<Vec<_>>()
    };
    let verified = bad(keys);
    assert_eq!((verified.len(), verified[0].entry, verified[0].bad.len()), (1, entry, 1));
    assert_eq!(verified[0].bad[0].name(), "record.does-not-open");
    assert_eq!(bad(None).len(), 0, "without the keys nobody can tell");
    // Whoever writes the record out is told of this one that it does not open.
    for (entry, opens) in [(good, true), (entry, false)] {
        let open = record::command::Open {
            subject: region.patient,
            entry,
            user: "Hanako".into(),
            purpose: Purpose::PatientRequested,
            export: true,
        };
        let told = region.world.ask(region.relay, open, keys);
        assert_eq!(told.is_ok(), opens, "{told:?}");
        if let Err(refusal) = told {
            assert_eq!(refusal.code, RefusalCode::NotAuthentic);
        }
    }
}
