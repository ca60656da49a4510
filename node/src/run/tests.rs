use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chartmesh_protocol::federation;
use chartmesh_protocol::federation::view::Status;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::object::{DataKey, fresh_salt, seal_small};
use chartmesh_protocol::peer::{Asked, Page, Question, TransferView, ask};
use chartmesh_protocol::record::{self, ContentKey, Draft, Kind, SealedContent};
use chartmesh_protocol::refusal::Failure;
use chartmesh_protocol::{backup, store::StoreError};
use tempfile::TempDir;

use super::*;
use crate::config::{Flags, Settings, UnlockWith};
use crate::driver::TransferProgress;
use crate::random::system;

mod keys;

/// Long enough for two busy cores; a test that passes never waits for it to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A node's directory, and how to run what is in it.
struct Home {
    dir: TempDir,
    config: Config,
    /// The institution's 24 words.
    words: String,
}

impl Home {
    fn new(role: Role, name: &str) -> Self {
        Self::listening(role, name, &["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1"])
    }

    fn listening(role: Role, name: &str, listen: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            listen: Some(listen.iter().map(|addr| (*addr).to_owned()).collect()),
            mdns: Some(false),
            unlock: Some(UnlockWith::KeyFile(dir.path().join("key"))),
            ..Settings::default()
        };
        let flags = Flags { dir: Some(dir.path().join("node")), settings, ..Flags::default() };
        let config = Config::load(flags).unwrap();
        let mut home = Self { dir, config, words: String::new() };
        let made = init(&home.config, &home.unlock(), role, name).unwrap();
        home.words = made.words.map(|words| words.to_string()).unwrap_or_default();
        home
    }

    fn unlock(&self) -> Unlock {
        Unlock::KeyFile(self.dir.path().join("key"))
    }

    async fn run(&self) -> Node {
        // What was abandoned here may have the store open for a moment yet.
        within("the store to be free", async {
            loop {
                match run(self.config.clone(), self.unlock()).await {
                    Err(RunError::Store(OpenError::InUse { .. })) => {
                        tokio::task::yield_now().await;
                    }
                    ran => return ran.unwrap(),
                }
            }
        })
        .await
    }
}

async fn within<F: Future>(what: &str, future: F) -> F::Output {
    let ended = tokio::time::timeout(PATIENCE, future).await;
    ended.unwrap_or_else(|_| panic!("waited in vain: {what}"))
}

impl Node {
    async fn ask<A: Asked>(&self, act: A) -> A::Answer {
        within("an answer", self.handle().command(act, None)).await.unwrap()
    }

    async fn see<Q: Question + Send + 'static>(&self, query: Q) -> Q::Answer {
        self.handle().query(query, None).await.unwrap()
    }

    /// Waits until a query gives what is wanted.
    async fn until<Q>(&self, what: &str, query: Q, wanted: impl Fn(&Q::Answer) -> bool)
    where
        Q: Question + Clone + Send + 'static,
    {
        let handle = self.handle();
        let mut changes = handle.changes();
        let waiting = async {
            while !wanted(&handle.query(query.clone(), None).await.unwrap()) {
                changes.changed().await.unwrap();
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("waited in vain for {what}: {:?}", self.see(query).await);
        }
    }

    async fn until_member(&self, party: PartyId) {
        self.until("a member", ask::Members, |view| {
            view.parties
                .iter()
                .any(|member| member.party == party && matches!(member.status, Status::Member))
        })
        .await;
    }

    fn me(&self) -> PartyId {
        self.identity().institution()
    }

    async fn new_chart(&self, name: &str) -> PartyId {
        let new = record::command::NewChart { name: name.to_owned(), identifiers: Vec::new() };
        self.ask(new).await.subject
    }

    /// Records an entry with one content object in the store and one in the folder.
    async fn record(&self, subject: PartyId, large: usize) {
        let contents = [b"small".to_vec(), vec![7; large]].map(|plain| self.seal(&plain));
        let draft = Draft {
            kind: Kind::Imaging,
            title: "endoscopy".to_owned(),
            effective: self.handle().now(),
            user: "Dr. Test".to_owned(),
            terms: Vec::new(),
            adds_to: None,
            contents: contents.to_vec(),
        };
        let sealed = self.handle().read(|peer, txn, now| {
            peer.seal_entries(txn, now, subject, vec![draft], &mut system())
        });
        let entries = sealed.unwrap();
        let keep = record::command::Record { subject, chart: None, entries };
        self.ask(keep).await;
    }

    fn seal(&self, plain: &[u8]) -> SealedContent {
        let key = DataKey::generate(&mut system());
        let (file, sealed) = seal_small(&key, &fresh_salt(&mut system()), plain).unwrap();
        let key = ContentKey {
            object: sealed.id,
            length: sealed.file_len,
            plaintext_length: sealed.plaintext_len,
            key: *key.expose(),
            media_type: "text/plain".to_owned(),
            name: "test".to_owned(),
        };
        let small = file.len() <= chartmesh_protocol::limits::SMALL_OBJECT_BYTES_MAX;
        if !small {
            let mut writer = self.handle().objects().writer();
            writer.push(&file).unwrap();
            assert_eq!(writer.finish().unwrap().id, sealed.id);
        }
        SealedContent { key, small: small.then_some(file) }
    }
}

/// `host` founds a federation with `guest`, who knows nothing but an invite.
async fn federate(host: &Node, guest: &Node) {
    let create = federation::command::Found { name: "Kita".to_owned(), threshold: 2, anew: false };
    host.ask(create).await;
    let invite =
        federation::command::Invite { valid_ms: None, addresses: host.handle().addresses() };
    let invite = host.ask(invite).await;
    let join = federation::command::Join { code: invite.code };
    guest.ask(join).await;
    let guest_id = guest.me();
    host.until("an applicant", ask::Members, |view| {
        view.parties.iter().any(|party| party.party == guest_id)
    })
    .await;
    let admit = federation::command::Admit { party: guest_id, although_alike: false };
    host.ask(admit).await;
    for node in [host, guest] {
        node.until_member(guest.me()).await;
        node.until_member(host.me()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_knows_nothing_but_an_invite_becomes_a_member() {
    let (a, b) = (Home::new(Role::Hospital, "A"), Home::new(Role::Hospital, "B"));
    let (a, b) = (a.run().await, b.run().await);
    federate(&a, &b).await;
    assert_eq!(a.shutdown().await, Ended::Stopped);
    assert_eq!(b.shutdown().await, Ended::Stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_announces_an_address_tells_nobody_of_a_door_on_loopback() {
    let mut home = Home::new(Role::Hospital, "A");
    let forwarder = "/ip4/127.0.0.1/tcp/4801";
    home.config.announce = vec![forwarder.parse().unwrap()];
    let node = home.run().await;
    assert_eq!(node.handle().addresses(), [forwarder]);
    assert_eq!(node.shutdown().await, Ended::Stopped);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_a_kill_and_the_ports_are_the_same() {
    let home = Home::new(Role::Hospital, "A");
    let node = home.run().await;
    let addresses = node.handle().addresses();
    let subject = node.new_chart("Hanako").await;
    node.abandon().await;
    let node = home.run().await;
    let charts = node.see(ask::Charts::default()).await;
    assert!(charts.items.iter().any(|chart| chart.subject == subject));
    assert_eq!(node.handle().addresses(), addresses);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_come_together_share_transactions() {
    let home = Home::new(Role::Hospital, "A");
    let node = Arc::new(home.run().await);
    let before = node.handle().status();
    let charts = (0..400).map(|i| {
        let node = node.clone();
        tokio::spawn(async move { node.new_chart(&format!("patient {i}")).await })
    });
    futures::future::join_all(charts.collect::<Vec<_>>()).await;
    let after = node.handle().status();
    let (events, batches) = (after.events - before.events, after.batches - before.batches);
    assert!(events >= 400 && batches * 4 < events, "{events} in {batches}");
    assert_eq!((after.waiting, after.faults), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_an_answer_and_spoils_nothing() {
    let home = Home::new(Role::Backup, "P");
    let node = home.run().await;
    let new = record::command::NewChart { name: "Hanako".to_owned(), identifiers: Vec::new() };
    let refused = node.handle().command(new, None).await;
    assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
    let handle = node.handle();
    node.shutdown().await;
    let stopped = handle.command(federation::command::Leave, None).await;
    assert!(matches!(stopped, Err(Failure::Store(StoreError::Fault(_)))), "{stopped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_from_a_stranger_gets_no_answer_and_the_node_goes_on() {
    let home = Home::new(Role::Hospital, "A");
    let node = home.run().await;
    let config = NetConfig {
        node_seed: Zeroizing::new([3; 32]),
        listen: Vec::new(),
        mdns: false,
        private_networks: false,
        limits: Limits::default(),
    };
    let (stranger, _events) = net::start(config).await.unwrap();
    let hello = stranger.hello(node.net().listeners(), Some(node.net().node_id()), vec![0xff; 99]);
    assert!(within("an end", hello).await.is_err());
    node.new_chart("Hanako").await;
    stranger.stop().await;
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_fault_drops_its_batch_tells_who_waits_and_stops_the_node_when_it_persists() {
    let home = Home::new(Role::Hospital, "A");
    let node = home.run().await;
    let new = |name: &str| {
        let name = name.to_owned();
        let identifiers = Vec::new();
        record::command::NewChart { name, identifiers }
    };
    let handle = node.handle();
    node.driver.fail_batches(1);
    let failed = handle.command(new("lost"), None).await;
    assert!(matches!(failed, Err(Failure::Store(_))), "{failed:?}");
    node.ask(new("kept")).await;
    node.driver.fail_batches(3);
    // A tick may have met a fault as well; the last to come finds the node stopped.
    while !matches!(tokio::time::timeout(Duration::ZERO, node.ended()).await, Ok(Ended::Storage(_)))
    {
        let failed = within("an answer", handle.command(new("lost"), None)).await;
        assert!(matches!(failed, Err(Failure::Store(_))), "{failed:?}");
    }
    assert!(matches!(node.shutdown().await, Ended::Storage(_)));
    drop(handle);
    let node = home.run().await;
    let charts = node.see(ask::Charts::default()).await;
    let names: Vec<_> = charts.items.iter().map(|chart| chart.name.as_str()).collect();
    assert_eq!(names, ["kept"]);
    node.shutdown().await;
}

/// Bytes of the large object in the tests of deposits.
const LARGE: usize = 64 << 20;

/// How far a node has come with pulling the large object.
fn progress(node: &Node) -> Option<TransferProgress> {
    let all = node.handle().transfers();
    let mut large = all.into_iter().map(|(_, progress)| progress);
    large.find(|progress| progress.length > LARGE as u64)
}

/// A provider that pulls a hospital's deposit and is in the middle of it.
async fn deposit_half_done(hospital: &Node, provider: &Node) {
    federate(hospital, provider).await;
    let subject = hospital.new_chart("Hanako").await;
    hospital.record(subject, LARGE).await;
    let keep = backup::command::Keep {
        holder: provider.me(),
        subject,
        entries: Vec::new(),
        for_patient: false,
        not_before: None,
    };
    hospital.ask(keep).await;
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    within("the middle of the pull", async {
        while progress(provider).is_none_or(|progress| progress.have < 24 << 20) {
            tick.tick().await;
        }
    })
    .await;
}

async fn deposit_done(provider: &Node) {
    let ended = |left: &Page<TransferView>| left.items.is_empty();
    provider.until("the end of the pull", ask::Transfers::default(), ended).await;
    let kept = provider.handle().objects().list().unwrap();
    assert_eq!(kept.len(), 1, "the small object stands in the store");
    provider.handle().objects().scrub(kept[0]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_depositary_that_dies_in_a_pull_goes_on_where_it_was() {
    let (a, p) = (Home::new(Role::Hospital, "A"), Home::new(Role::Backup, "P"));
    let (hospital, provider) = (a.run().await, p.run().await);
    deposit_half_done(&hospital, &provider).await;
    provider.abandon().await;
    let provider = p.run().await;
    let mut tick = tokio::time::interval(Duration::from_millis(1));
    let resumed = within("the pull to be taken up", async {
        loop {
            if let Some(progress) = progress(&provider) {
                break progress.resumed_from;
            }
            tick.tick().await;
        }
    });
    let resumed = resumed.await;
    assert!(resumed >= 8 << 20, "began anew at {resumed}");
    deposit_done(&provider).await;
    assert_eq!(incoming(&p.config.data_dir), Vec::<String>::new());
    hospital.shutdown().await;
    provider.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_that_dies_in_a_pull_is_greeted_again_and_the_pull_goes_on() {
    let (a, p) = (Home::new(Role::Hospital, "A"), Home::new(Role::Backup, "P"));
    let (hospital, provider) = (a.run().await, p.run().await);
    deposit_half_done(&hospital, &provider).await;
    hospital.abandon().await;
    let hospital = a.run().await;
    deposit_done(&provider).await;
    hospital.shutdown().await;
    provider.shutdown().await;
}

fn incoming(data: &Path) -> Vec<String> {
    let files = std::fs::read_dir(data.join(file::OBJECTS).join("incoming")).unwrap();
    files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_node_is_made_once_and_its_files_are_its_owners() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new(Role::Patient, "R");
    let again = init(&home.config, &home.unlock(), Role::Patient, "R");
    assert!(matches!(again, Err(InitError::Exists { .. })), "{again:?}");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.config.data_dir), 0o700);
    assert_eq!(mode(&home.dir.path().join("key")), 0o600);
    assert_eq!(mode(&home.config.data_dir.join(file::KEYSTORE)), 0o600);
    let identity = NodeIdentity::read(&home.config.data_dir.join(file::IDENTITY)).unwrap();
    assert_eq!((identity.role, identity.name.as_str()), (Role::Patient, "R"));
}

#[test]
fn a_node_is_made_with_a_name_that_can_be_read() {
    let home = Home::new(Role::Patient, "R");
    for name in ["", "\u{200b}", "R\nS"] {
        let made = init(&home.config, &home.unlock(), Role::Patient, name);
        assert!(matches!(made, Err(InitError::Name)), "{name:?}: {made:?}");
    }
}

#[tokio::test]
async fn where_no_node_is_the_error_says_how_to_make_one() {
    let dir = tempfile::tempdir().unwrap();
    let flags = Flags { dir: Some(dir.path().to_owned()), ..Flags::default() };
    let config = Config::load(flags).unwrap();
    let error = run(config, Unlock::KeyFile("/none".into())).await.unwrap_err();
    assert!(error.to_string().contains("chartmesh init"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_known_is_known_after_a_restart_and_who_was_expelled_is_not() {
    let (a, b, c) = (
        Home::new(Role::Hospital, "A"),
        Home::new(Role::Hospital, "B"),
        Home::new(Role::Hospital, "C"),
    );
    let (hospital, other, third) = (a.run().await, b.run().await, c.run().await);
    federate(&hospital, &other).await;
    let invite =
        federation::command::Invite { valid_ms: None, addresses: hospital.handle().addresses() };
    let invite = hospital.ask(invite).await;
    third.ask(federation::command::Join { code: invite.code }).await;
    let applicant = third.me();
    for node in [&hospital, &other] {
        node.until("an applicant", ask::Members, |view| {
            view.parties.iter().any(|party| party.party == applicant)
        })
        .await;
        node.ask(federation::command::Admit { party: applicant, although_alike: false }).await;
    }
    for node in [&hospital, &third] {
        node.until_member(applicant).await;
    }
    let nodes = [other.net().node_id(), third.net().node_id()];
    let known = |node: &Node| {
        node.handle()
            .read(|peer, txn, now| peer.known_nodes(txn, now))
            .unwrap()
            .into_iter()
            .map(|(node, _)| node)
            .collect::<Vec<_>>()
    };
    hospital.abandon().await;
    let hospital = a.run().await;
    assert!(nodes.iter().all(|node| known(&hospital).contains(node)));
    let expel = |party| federation::command::Expel { party, reason: "a test".to_owned() };
    hospital.ask(expel(applicant)).await;
    other.until("the proposal", ask::Members, |view| !view.open.is_empty()).await;
    other.ask(expel(applicant)).await;
    hospital
        .until("the expulsion", ask::Members, |view| {
            view.parties
                .iter()
                .any(|found| found.party == applicant && matches!(found.status, Status::Expelled))
        })
        .await;
    assert_eq!(known(&hospital), [nodes[0]]);
    for node in [hospital, other, third] {
        node.shutdown().await;
    }
}
