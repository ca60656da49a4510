//! Files in, files out.

use std::fs;
use std::path::Path;

use axum::http::Method;
use chartmesh_kit::sample;
use chartmesh_protocol::codec::Wire as _;
use chartmesh_protocol::id::EntryId;
use chartmesh_protocol::identity::KeyLog;
use chartmesh_protocol::peer::{Page, ask};
use chartmesh_protocol::record::view::{ChartView, EntryView, RecordedView};
use chartmesh_protocol::record::{Kind, Label};
use chartmesh_protocol::refusal::RefusalCode;
use chartmesh_protocol::statement::Unverified;
use serde_json::json;

use super::super::limits::IMPORT_SMALL_BYTES_MAX;
use super::super::{CheckView, FileView, ImportView, OpenView, ProofView};
use super::Home;
use crate::content::Content;
use crate::fhir;

const SEED: u64 = 7;

async fn begin(home: &Home, chart: &ChartView) -> String {
    let about = json!({"subject": chart.subject, "user": "dr-sato"});
    let begun: ImportView = home.client.post("/v1/imports", &about).await.get();
    begun.import
}

async fn commit(home: &Home, import: &str) -> Vec<EntryId> {
    let path = format!("/v1/imports/{import}/commit");
    home.client.post(&path, &json!({})).await.get::<RecordedView>().entries
}

async fn open(home: &Home, chart: &ChartView, entry: EntryId) -> OpenView {
    let asked = json!({
        "subject": chart.subject, "entry": entry, "user": "dr-sato", "purpose": "treatment",
    });
    home.client.post("/v1/open", &asked).await.get()
}

/// All contents of an entry.
async fn contents(home: &Home, chart: &ChartView, entry: EntryId) -> Vec<Vec<u8>> {
    let opened = open(home, chart, entry).await;
    let mut contents = Vec::new();
    for (index, content) in opened.manifest.contents.iter().enumerate() {
        let answer = home.client.get(&format!("/v1/open/{}/{index}", opened.open)).await;
        assert_eq!(answer.media_type, content.media_type);
        contents.push(answer.bytes().to_vec());
    }
    contents
}

fn find(entries: &[EntryView], kind: Kind) -> &EntryView {
    entries.iter().find(|entry| entry.kind == Some(kind)).unwrap()
}

/// Whether any file below a folder holds these bytes.
fn holds(folder: &Path, needle: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).any(|entry| {
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            return holds(&entry.path(), needle);
        }
        let bytes = if kind.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_imported_comes_back_byte_for_byte() {
    let (home, chart) = Home::with_chart().await;
    let import = begin(&home, &chart).await;
    let files = format!("/v1/imports/{import}/files");

    let bundle = sample::bundle(SEED);
    let view: FileView =
        home.client.put(&format!("{files}?name=r.json"), bundle.clone()).await.get();
    let parsed = fhir::parse(&bundle).unwrap();
    assert_eq!((view.format.as_str(), view.items), ("fhir", parsed.items()));
    assert!(!view.person.unwrap().names.is_empty());

    let stills: Vec<Vec<u8>> = (1..=3).map(|number| sample::still(SEED, number)).collect();
    // Not in the order of the study.
    for number in [2, 1, 3] {
        let path = format!("{files}?name=still{number}.dcm");
        let view: FileView = home.client.put(&path, stills[number - 1].clone()).await.get();
        assert_eq!(view.format, "dicom");
    }
    let video = home.dir.path().join("video.dcm");
    sample::write_large(&video, SEED, 3 << 20).unwrap();
    let video = fs::read(video).unwrap();
    home.client.put(&format!("{files}?name=video.dcm"), video.clone()).await.bytes();
    let note = "所見なし。".repeat(20_000);
    home.client.put(&format!("{files}?name=note.txt"), note.clone()).await.bytes();
    assert!(home.objects() > 0, "large objects are sealed as they come");

    let recorded = commit(&home, &import).await;
    let entries = home.entries(&chart).await;
    assert_eq!(entries.len(), recorded.len());
    assert!(entries.iter().all(|entry| entry.whole && entry.user.as_deref() == Some("dr-sato")));

    let mut resources: Vec<Vec<u8>> = Vec::new();
    for group in parsed.groups {
        resources.extend(group.items.into_iter().map(|draft| match draft.content {
            Content::Bytes(bytes) => bytes,
            Content::Stream => panic!("a resource has bytes"),
        }));
    }
    let mut found = Vec::new();
    let mut imaging = Vec::new();
    for entry in &recorded {
        for content in contents(&home, &chart, *entry).await {
            if content.get(128..132) == Some(b"DICM") {
                imaging.push(content);
            } else if content != note.as_bytes() {
                found.push(content);
            }
        }
    }
    resources.sort();
    found.sort();
    assert_eq!(found, resources);
    imaging.sort();
    let mut sent: Vec<_> = stills.into_iter().chain([video]).collect();
    sent.sort();
    assert!(imaging == sent, "DICOM files come back as they were received");
    let document = find(&entries, Kind::Documents);
    assert_eq!(document.title.as_deref(), Some("note.txt"));

    for secret in [&b"resourceType"[..], b"DICM", "所見なし".as_bytes()] {
        assert!(!holds(&home.node.config().data_dir, secret), "plaintext on the disk");
    }
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn small_files_beyond_what_memory_has_room_for_are_recorded_with_the_others() {
    let (home, chart) = Home::with_chart().await;
    let import = begin(&home, &chart).await;
    let note = |number: usize| format!("{number:05}\n").repeat(10_000);
    let count = IMPORT_SMALL_BYTES_MAX / note(0).len() + 20;
    for number in 0..count {
        let path = format!("/v1/imports/{import}/files?name=note{number:05}.txt");
        let _taken: FileView = home.client.put(&path, note(number)).await.get();
    }
    assert_eq!(home.objects(), 0, "none of them is a large object");
    let data = &home.node.config().data_dir;
    let shown = || fs::read_dir(data).unwrap().map(|item| item.unwrap().file_name());
    assert!(!shown().any(|name| name.to_string_lossy().starts_with("import")), "{data:?}");
    assert_eq!(commit(&home, &import).await.len(), count);
    let listed = async |only: &[EntryId]| -> Vec<EntryView> {
        let query = json!({"query": {"subject": chart.subject, "limit": 1000, "only": only}});
        home.client.post("/v1/query/entries", &query).await.get::<Page<EntryView>>().items
    };
    let entries = listed(&[]).await;
    assert!(entries.len() == count && entries.iter().all(|entry| entry.whole));
    let few = [entries[9].entry, entries[3].entry, EntryId([0xff; 16])];
    let few: Vec<_> = listed(&few).await.iter().map(|entry| entry.entry).collect();
    assert_eq!(few, [entries[3].entry, entries[9].entry], "those that are there, in order");
    for number in [0, count / 2, count - 1] {
        let title = format!("note{number:05}.txt");
        let entry = entries.iter().find(|entry| entry.title.as_ref() == Some(&title)).unwrap();
        assert_eq!(contents(&home, &chart, entry.entry).await, [note(number).into_bytes()]);
    }
    let checked: CheckView = home.client.post("/v1/check", &json!({"deep": true})).await.get();
    assert!(checked.lost.is_empty() && checked.objects > 0);
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_not_what_they_should_be_are_refused_and_leave_nothing() {
    let (home, chart) = Home::with_chart().await;
    let import = begin(&home, &chart).await;
    let files = format!("/v1/imports/{import}/files");
    let put = async |name: &str, bytes: Vec<u8>| {
        home.client.put(&format!("{files}?name={name}"), bytes).await
    };

    let mut cut = sample::bundle(SEED);
    cut.truncate(cut.len() / 2);
    let why = put("cut.json", cut).await.refused(400, RefusalCode::Invalid);
    assert!(why.contains("cut.json") && why.contains("cut off"), "{why}");

    let video = home.dir.path().join("video.dcm");
    sample::write_large(&video, SEED, 3 << 20).unwrap();
    let mut video = fs::read(video).unwrap();
    video.truncate(2 << 20);
    put("cut.dcm", video).await.refused(400, RefusalCode::Invalid);

    let mut large = br#"{"resourceType": "Patient", "id": ""#.to_vec();
    large.resize(crate::content::limits::FHIR_BYTES_MAX + 1, b'x');
    put("large.json", large).await.refused(413, RefusalCode::LimitReached);

    let name = "x".repeat(300);
    put(&name, Vec::new()).await.refused(400, RefusalCode::Invalid);
    home.client
        .put("/v1/imports/none/files?name=a", "bytes")
        .await
        .refused(404, RefusalCode::NotFound);
    home.client
        .post(&format!("/v1/imports/{import}/commit"), &json!({}))
        .await
        .refused(400, RefusalCode::Invalid);
    assert_eq!(home.objects(), 0);
    assert!(home.entries(&chart).await.is_empty());
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_given_up_leaves_no_object() {
    let (home, chart) = Home::with_chart().await;
    let import = begin(&home, &chart).await;
    let path = format!("/v1/imports/{import}");
    home.client.put(&format!("{path}/files?name=a.bin"), vec![7; 300_000]).await.bytes();
    assert_eq!(home.objects(), 1);
    home.client.send(Method::DELETE, &path, "").await.bytes();
    assert_eq!(home.objects(), 0);
    home.client
        .post(&format!("{path}/commit"), &json!({}))
        .await
        .refused(404, RefusalCode::NotFound);
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_may_be_given_a_kind_and_title_and_added_to_another() {
    let (home, chart) = Home::with_chart().await;
    let import = begin(&home, &chart).await;
    home.client.put(&format!("/v1/imports/{import}/files?name=a.txt"), "first").await.bytes();
    let first = commit(&home, &import).await[0];

    let about = json!({
        "subject": chart.subject, "user": "dr-abe", "adds_to": first,
        "kind": "reports", "title": "Second\u{1b}[2J opinion",
    });
    let begun: ImportView = home.client.post("/v1/imports", &about).await.get();
    let path = format!("/v1/imports/{}", begun.import);
    home.client.put(&format!("{path}/files?name=b.txt"), "second").await.bytes();
    let second = commit(&home, &begun.import).await[0];
    let entries = home.entries(&chart).await;
    let added = entries.iter().find(|entry| entry.entry == second).unwrap();
    assert_eq!(added.adds_to, Some(first));
    assert_eq!(added.kind, Some(Kind::Reports));
    assert_eq!(added.title.as_deref(), Some("Second [2J opinion"));

    let begun: ImportView = home.client.post("/v1/imports", &about).await.get();
    let path = format!("/v1/imports/{}", begun.import);
    for name in ["c.txt", "d.txt"] {
        home.client.put(&format!("{path}/files?name={name}"), name.to_owned()).await.bytes();
    }
    let refused = home.client.post(&format!("{path}/commit"), &json!({})).await;
    refused.refused(400, RefusalCode::Invalid);
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_content_that_was_damaged_on_the_disk_never_comes_out_whole() {
    let (home, chart) = Home::with_chart().await;
    let import = begin(&home, &chart).await;
    let path = format!("/v1/imports/{import}/files?name=a.bin");
    home.client.put(&path, vec![7; 300_000]).await.bytes();
    let entry = commit(&home, &import).await[0];
    let object = open(&home, &chart, entry).await.manifest.contents[0].object.to_string();
    let file = home.node.config().data_dir.join("objects/objects").join(&object[..2]).join(&object);
    let mut bytes = fs::read(&file).unwrap();
    bytes[200_000] ^= 1;
    fs::write(&file, bytes).unwrap();
    let opened = open(&home, &chart, entry).await;
    let answer = home.client.get(&format!("/v1/open/{}/0", opened.open)).await;
    assert!(answer.body.is_err(), "the body breaks off");
    home.client
        .get(&format!("/v1/open/{}/1", opened.open))
        .await
        .refused(404, RefusalCode::NotFound);
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_opening_is_in_the_access_log() {
    let (home, chart) = Home::with_chart().await;
    let import = begin(&home, &chart).await;
    home.client.put(&format!("/v1/imports/{import}/files?name=a.txt"), "text").await.bytes();
    let entry = commit(&home, &import).await[0];
    open(&home, &chart, entry).await;
    let query = ask::AccessLog::of(chart.subject);
    let log = home.node.handle().query(query, None).await.unwrap();
    assert!(log.verified && log.length == 2, "{log:?}");
    let nobody = json!({
        "subject": chart.subject, "entry": entry, "user": " ", "purpose": "treatment",
    });
    home.client.post("/v1/open", &nobody).await.refused(400, RefusalCode::Invalid);
    home.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_holds_without_the_node() {
    let (home, chart) = Home::with_chart().await;
    let import = begin(&home, &chart).await;
    home.client.put(&format!("/v1/imports/{import}/files?name=a.txt"), "text").await.bytes();
    let entry = commit(&home, &import).await[0];
    let path = format!("/v1/proof/{}/{entry}", chart.subject);
    let proof: ProofView = home.client.get(&path).await.get();
    let raw = |text: &str| data_encoding::BASE64.decode(text.as_bytes()).unwrap();

    let keys = KeyLog::from_bytes(&raw(&proof.key_log), 1 << 20).unwrap().verify().unwrap();
    assert_eq!(keys.party(), proof.author);
    let key = keys.key(proof.key).unwrap();
    assert_eq!(data_encoding::HEXLOWER.encode(&key.0), proof.public_key);
    let label = Unverified::<Label>::parse(&raw(&proof.label)).unwrap().verify(&key).unwrap();
    assert_eq!((label.entry(), label.subject, label.author), (entry, chart.subject, proof.author));
    let hash = |bytes: &[u8]| *blake3::hash(bytes).as_bytes();
    assert_eq!(hash(&raw(&proof.contents_list)), label.contents);
    assert_eq!(hash(&raw(&proof.manifest)), label.manifest.0);
    assert_eq!(proof.contents.len(), 1);

    let other = format!("/v1/proof/{}/{}", chart.subject, EntryId([9; 16]));
    home.client.get(&other).await.refused(404, RefusalCode::NotFound);
    home.client.get("/v1/proof/x/y").await.refused(400, RefusalCode::Invalid);
    home.stop().await;
}
