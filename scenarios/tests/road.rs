//! The whole road once, in memory: found, enrol, record, deposit, refer, add, request, rotate, revoke.

use chartmesh_protocol::capability::Purpose;
use chartmesh_protocol::consent::{self, RequestState, Wish, view::RequestView};
use chartmesh_protocol::id::{ChartId, PartyId};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::membership::Status;
use chartmesh_protocol::peer::{Command, Query, View};
use chartmesh_protocol::record::{self, Kind};
use chartmesh_protocol::{access_log, backup, enrolment, federation};
use chartmesh_scenarios::{Who, World};

struct Region {
    world: World,
    a: Who,
    b: Who,
    provider: Who,
    relay: Who,
    patient: PartyId,
    chart: ChartId,
}

fn command<T: serde::de::DeserializeOwned>(json: &str) -> T {
    serde_json::from_str(json).unwrap()
}

fn code(view: View) -> String {
    match view {
        View::Code(view) => view.code,
        other => panic!("no code: {other:?}"),
    }
}

fn join(world: &mut World, host: Who, guest: Who) {
    let invite = federation::Command::Invite { valid_ms: None, addresses: vec!["memory".into()] };
    let code = code(world.ask(host, Command::Federation(invite), None).unwrap());
    world.ask(guest, Command::Federation(federation::Command::Join { code }), None).unwrap();
}

fn admit(world: &mut World, sponsor: Who, who: Who) {
    let party = world.id(who);
    world.ask(sponsor, Command::Federation(federation::Command::Admit { party }), None).unwrap();
}

fn member(world: &World, at: Who, who: Who) -> Status {
    let View::Federation(view) = world.see(at, &Query::Members, None).unwrap() else { panic!() };
    let id = world.id(who);
    view.parties
        .into_iter()
        .find(|party| party.party == id)
        .map_or(Status::Stranger, |party| party.standing)
}

fn found() -> Region {
    let mut world = World::new(1);
    let a = world.add(Role::Hospital, "Hospital A");
    let b = world.add(Role::Hospital, "Hospital B");
    let provider = world.add(Role::Backup, "Provider");
    let relay = world.add(Role::Patient, "Relay");
    let create = federation::Command::Create { name: "Kita".into(), threshold: 2 };
    world.ask(a, Command::Federation(create), None).unwrap();
    join(&mut world, a, b);
    admit(&mut world, a, b);
    join(&mut world, b, provider);
    admit(&mut world, a, provider);
    assert!(matches!(member(&world, b, provider), Status::Candidate { .. }));
    admit(&mut world, b, provider);
    for at in [a, b, provider] {
        for who in [a, b, provider] {
            assert!(matches!(member(&world, at, who), Status::Member { .. }), "{at:?} {who:?}");
        }
    }
    let patient = world.new_patient(relay, "Hanako");
    let chart = record::Command::NewChart { name: "Hanako".into(), identifiers: vec![] };
    let View::Chart(chart) = world.ask(a, Command::Record(chart), None).unwrap() else { panic!() };
    let drafts = vec![world.draft(a, Kind::Conditions, "before enrolment", &[b"gastritis"])];
    world.record(a, chart.subject, drafts).unwrap();
    let enrol = enrolment::Command::Code {
        chart: chart.chart,
        valid_ms: None,
        addresses: vec!["memory".into()],
    };
    let code = code(world.ask(a, Command::Enrolment(enrol), None).unwrap());
    let enrol = enrolment::Command::Enrol { patient, code };
    world.ask(relay, Command::Enrolment(enrol), Some(patient)).unwrap();
    let big = vec![7; 200_000];
    let drafts = vec![
        world.draft(a, Kind::Laboratory, "blood count", &[b"12.1 g/dL"]),
        world.draft(a, Kind::Imaging, "endoscopy", &[&big, b"still 2"]),
    ];
    world.record(a, patient, drafts).unwrap();
    Region { world, a, b, provider, relay, patient, chart: chart.chart }
}

impl Region {
    fn entries(&self, who: Who, keys: bool) -> Vec<record::view::EntryView> {
        let query = Query::Entries { subject: self.patient, find: None };
        let patient = keys.then_some(self.patient);
        match self.world.see(who, &query, patient).unwrap() {
            View::Entries(entries) => entries,
            other => panic!("{other:?}"),
        }
    }

    fn requests(&self, who: Who) -> Vec<RequestView> {
        match self.world.see(who, &Query::Requests { patient: None }, None).unwrap() {
            View::Requests(requests) => requests,
            other => panic!("{other:?}"),
        }
    }

    fn upload(&mut self) {
        let upload = consent::Command::Upload(command(&format!(
            r#"{{"patient":"{}","hospital":"{}","depositary":"{}"}}"#,
            self.patient,
            self.world.id(self.a),
            self.world.id(self.provider)
        )));
        self.world.ask(self.relay, Command::Consent(upload), Some(self.patient)).unwrap();
    }

    fn refer(&mut self, write: bool) -> RequestView {
        let refer = consent::Command::Referral(command(&format!(
            r#"{{"patient":"{}","to":"{}","purpose":"care-management","user":"Dr. A","wish":{{"write":{write}}}}}"#,
            self.patient,
            self.world.id(self.b)
        )));
        self.world.ask(self.a, Command::Consent(refer), None).unwrap();
        self.requests(self.relay)
            .into_iter()
            .find(|r| r.state == RequestState::Open && r.asker == self.world.id(self.a))
            .unwrap()
    }

    fn approve(&mut self, request: &RequestView, narrow: &str) {
        let approve =
            consent::Command::Approve { request: request.request, narrow: command(narrow) };
        self.world.ask(self.relay, Command::Consent(approve), Some(self.patient)).unwrap();
    }

    fn fetch(&mut self, request: &RequestView) -> RequestView {
        let fetch = consent::Command::Fetch {
            request: request.request,
            holder: Some(self.world.id(self.provider)),
            user: "Dr. B".into(),
        };
        self.world.ask(self.b, Command::Consent(fetch), None).unwrap();
        self.requests(self.b).into_iter().find(|r| r.request == request.request).unwrap()
    }
}

#[test]
fn the_whole_road_once() {
    let mut region = found();
    // The patient sees what A holds, what was recorded before the enrolment included.
    let seen = region.entries(region.relay, true);
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().any(|entry| entry.title.as_deref() == Some("before enrolment")));
    // Locked, the relay knows that there are entries and nothing else.
    assert!(region.entries(region.relay, false).iter().all(|entry| entry.title.is_none()));

    // The patient has A deposit everything with the provider.
    region.upload();
    let order = region.requests(region.relay).remove(0);
    assert_eq!(order.state, RequestState::Done, "{order:?}");
    assert_eq!(region.entries(region.provider, false).len(), 3);

    // A refers to B; the patient permits; B reads from the provider while A is off.
    let request = region.refer(true);
    region.approve(&request, r#"{"days":7}"#);
    region.world.switch(region.a, false);
    let fetched = region.fetch(&request);
    assert_eq!(fetched.state, RequestState::Done, "{fetched:?}");
    let at_b = region.entries(region.b, false);
    assert_eq!(at_b.len(), 3);
    assert!(at_b.iter().all(|entry| entry.whole && entry.title.is_some()));
    region.world.switch(region.a, true);

    // B adds a finding beside the original, at the provider, in the patient's name.
    let original =
        at_b.iter().find(|entry| entry.title.as_deref() == Some("endoscopy")).unwrap().entry;
    let mut finding = region.world.draft(region.b, Kind::Reports, "finding", &[b"no ulcer"]);
    finding.adds_to = Some(original);
    region.world.record(region.b, region.patient, vec![finding]).unwrap();
    let keep = backup::Command::Keep {
        holder: region.world.id(region.provider),
        subject: region.patient,
        entries: vec![],
        for_patient: true,
        not_before: None,
    };
    region.world.ask(region.b, Command::Backup(keep), None).unwrap();
    assert_eq!(region.entries(region.provider, false).len(), 4);
    let seen = region.entries(region.relay, true);
    assert!(seen.iter().any(|entry| entry.adds_to == Some(original)));

    // The patient rotates, keeping everything; B can still read.
    let tokens: Vec<_> =
        match region.world.see(region.relay, &Query::Grants { patient: None }, None).unwrap() {
            View::Grants(grants) => grants.iter().map(|grant| grant.token).collect(),
            other => panic!("{other:?}"),
        };
    let View::Rotated(rotated) =
        region.world.rotate(region.relay, region.patient, tokens.clone()).unwrap()
    else {
        panic!()
    };
    assert_eq!((rotated.kept.len(), rotated.dropped.len()), (tokens.len(), 0));
    assert_eq!(region.fetch(&request).state, RequestState::Done);
    assert_eq!(region.entries(region.relay, true).len(), 4);

    // The patient reads the access log of all holders.
    let collect = access_log::Command::Collect { patient: region.patient };
    region.world.ask(region.relay, Command::AccessLog(collect), None).unwrap();
    let View::AccessLogs(logs) = region
        .world
        .see(region.relay, &Query::CollectedLogs { patient: region.patient }, None)
        .unwrap()
    else {
        panic!()
    };
    assert!(logs.iter().all(|log| log.verified), "{logs:?}");
    let provider = region.world.id(region.provider);
    let reads = logs.iter().find(|log| log.holder == provider).unwrap();
    assert_eq!(
        reads.lines.iter().filter(|line| line.line.action == access_log::Action::Read).count(),
        2
    );

    // Revoked: the provider refuses, with its reason in the log.
    let revoke = consent::Command::Revoke { patient: region.patient, tokens };
    region.world.ask(region.relay, Command::Consent(revoke), Some(region.patient)).unwrap();
    let refused = region.fetch(&request);
    assert_eq!(refused.state, RequestState::Failed);
    assert!(refused.reason.contains("revoked"), "{}", refused.reason);
    let _ = (region.chart, Wish::default(), Purpose::Treatment);
}
