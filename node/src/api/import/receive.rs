//! A file comes in: recognised by its first bytes, read for what it says, sealed.

use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use chartmesh_protocol::id::ObjectId;
use chartmesh_protocol::limits::NAME_BYTES_MAX;
use chartmesh_protocol::record::{SealedContent, Term};
use futures::StreamExt as _;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::super::limits::{BODY_PAUSE_MAX, DRAIN_TIME_MAX, PIECES_MAX};
use super::super::problem::{Outcome, Problem};
use super::super::reasons::Reason;
use super::super::request::on_pool;
use super::super::state::ApiState;
use super::Item;
use super::seal::{Sealing, seal_whole};
use crate::content::limits::{DICOM_HEAD_BYTES_MAX, FHIR_BYTES_MAX};
use crate::content::{self, Content, Format, Group, SNIFF_BYTES, TermName, sniff, title};
use crate::dicom::{self, Head};
use crate::driver::Handle;
use crate::fhir::{self, PatientSummary};

/// What a file was found to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FileView {
    /// Its name.
    pub name: String,
    /// `fhir`, `dicom` or `file`.
    pub format: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: u64,
    /// What it brings: resources of a Bundle, or 1.
    pub items: usize,
    /// Whom it says it is about: to be compared with the chart before it is committed.
    pub person: Option<PersonView>,
}

/// A person as a file names them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct PersonView {
    /// Their names.
    pub names: Vec<String>,
    /// Date of birth, such as `1980-02-29`.
    pub birth_date: Option<String>,
    /// As the file says it: `female`, or DICOM's `F`.
    pub sex: Option<String>,
    /// Their identifiers at the source.
    pub identifiers: Vec<Term>,
}

/// A file that is sealed and understood.
pub(super) struct Received {
    pub(super) view: FileView,
    pub(super) groups: Vec<Group<Item>>,
    pub(super) dicom: Vec<(SealedContent, Head)>,
}

impl Received {
    pub(super) fn contents(&self) -> impl Iterator<Item = &SealedContent> {
        let grouped = self.groups.iter().flat_map(|group| &group.items).map(|(sealed, _)| sealed);
        grouped.chain(self.dicom.iter().map(|(sealed, _)| sealed))
    }

    /// What of it is kept in memory, taken out of there.
    pub(super) fn take_small(&mut self) -> Vec<(ObjectId, Vec<u8>)> {
        let grouped = self.groups.iter_mut().flat_map(|group| &mut group.items);
        let grouped = grouped.map(|(sealed, _)| sealed);
        let all = grouped.chain(self.dicom.iter_mut().map(|(sealed, _)| sealed));
        all.filter_map(|sealed| Some((sealed.key.object, sealed.small.take()?))).collect()
    }

    /// What of it is kept in memory.
    pub(super) fn small_bytes(&self) -> usize {
        self.contents().filter_map(|sealed| sealed.small.as_ref()).map(Vec::len).sum()
    }
}

/// The bytes of a file on their way in.
pub(super) struct Incoming {
    body: BodyDataStream,
    bytes: u64,
    /// How long the next piece may take.
    pause: Duration,
}

impl Incoming {
    pub(super) fn new(body: Body) -> Self {
        Self { body: body.into_data_stream(), bytes: 0, pause: BODY_PAUSE_MAX }
    }

    async fn next(&mut self) -> Outcome<Option<Bytes>> {
        match tokio::time::timeout(self.pause, self.body.next()).await {
            Ok(None) => Ok(None),
            Ok(Some(Ok(piece))) => {
                self.bytes += piece.len() as u64;
                Ok(Some(piece))
            }
            Err(_) | Ok(Some(Err(_))) => Err(Reason::NotWhole.into()),
        }
    }

    /// Reads on until `head` has `len` bytes or the file ends.
    async fn fill(&mut self, head: &mut Vec<u8>, len: usize) -> Outcome<()> {
        while head.len() < len {
            let Some(piece) = self.next().await? else { break };
            head.extend_from_slice(&piece);
        }
        Ok(())
    }

    /// Reads and forgets what is left, for a while.
    pub(super) async fn drain(&mut self) {
        let rest = async { while let Some(Ok(_)) = self.body.next().await {} };
        let _late = tokio::time::timeout(DRAIN_TIME_MAX, rest).await;
    }
}

/// Takes in one file.
pub(super) async fn receive(
    api: &ApiState,
    file_name: &str,
    body: &mut Incoming,
) -> Outcome<Received> {
    let name = title(file_name);
    if name.len() > NAME_BYTES_MAX {
        return Err(Reason::NameOutOfBounds { most: NAME_BYTES_MAX }.into());
    }
    let mut head = Vec::new();
    body.fill(&mut head, SNIFF_BYTES).await?;
    match sniff(&head, &name) {
        Format::FhirJson => fhir_document(api, name, head, body).await,
        Format::Dicom => dicom_file(&api.handle, name, head, body).await,
        Format::Other { media_type } => {
            let draft = content::file(&name, media_type);
            let sealing = Sealing::new(api.handle.objects(), media_type, name.clone());
            let sealed = stream(sealing, head, body).await?;
            let group = Group {
                kind: draft.kind,
                effective: draft.effective,
                title: draft.title.clone(),
                items: vec![(sealed, draft)],
            };
            let view = view(name, "file", media_type, body.bytes, 1, None);
            Ok(Received { view, groups: vec![group], dicom: Vec::new() })
        }
    }
}

/// A FHIR document must be whole to be read, and each of its resources is sealed for itself.
async fn fhir_document(
    api: &ApiState,
    name: String,
    mut bytes: Vec<u8>,
    body: &mut Incoming,
) -> Outcome<Received> {
    let _place = api.imports.fhir.acquire().await.map_err(|_| Problem::given_up())?;
    body.fill(&mut bytes, FHIR_BYTES_MAX + 1).await?;
    if bytes.len() > FHIR_BYTES_MAX {
        let error = fhir::FhirError::TooLarge { bytes: bytes.len() };
        return Err(Reason::DocumentTooLarge { why: error.to_string() }.into());
    }
    let handle = api.handle.clone();
    on_pool(move || {
        let parsed = fhir::parse(&bytes).map_err(|error| refused(&name, &error))?;
        let length = bytes.len() as u64;
        drop(bytes);
        let items = parsed.items();
        let person = parsed.patient.map(person_of_fhir);
        let groups = parsed.groups.into_iter().map(|group| seal_group(&handle, group));
        let groups = groups.collect::<Outcome<Vec<_>>>()?;
        let view = view(name, "fhir", fhir::MEDIA_TYPE, length, items, person);
        Ok(Received { view, groups, dicom: Vec::new() })
    })
    .await?
}

fn seal_group(handle: &Handle, group: Group) -> Outcome<Group<Item>> {
    let Group { kind, effective, title, items } = group;
    let items = items.into_iter().map(|mut draft| {
        let Content::Bytes(bytes) = std::mem::replace(&mut draft.content, Content::Stream) else {
            return Err(Problem::trouble(Reason::WithoutBytes));
        };
        let named = [TermName::Resource, TermName::ResourceType]
            .into_iter()
            .find_map(|name| draft.terms.get(name))
            .unwrap_or("resource")
            .to_owned();
        let sealing = Sealing::new(handle.objects(), &draft.media_type, named);
        Ok((seal_whole(sealing, &bytes)?, draft))
    });
    Ok(Group { kind, effective, title, items: items.collect::<Outcome<_>>()? })
}

/// A DICOM file is understood by its head, and sealed as it was received.
async fn dicom_file(
    handle: &Handle,
    name: String,
    mut head: Vec<u8>,
    body: &mut Incoming,
) -> Outcome<Received> {
    body.fill(&mut head, DICOM_HEAD_BYTES_MAX).await?;
    let file = name.clone();
    let (head, parsed) = on_pool(move || {
        let parsed = dicom::parse_head(&head).map_err(|error| refused(&file, &error));
        (head, parsed)
    })
    .await?;
    let parsed = parsed?;
    let sealing = Sealing::new(handle.objects(), dicom::MEDIA_TYPE, name.clone());
    let sealed = stream(sealing, head, body).await?;
    if let Err(error) = parsed.check_length(body.bytes) {
        super::remove_unheld(handle, super::large_objects([&sealed].into_iter())).await;
        return Err(refused(&name, &error));
    }
    let view = view(name, "dicom", dicom::MEDIA_TYPE, body.bytes, 1, person_of_dicom(&parsed));
    Ok(Received { view, groups: Vec::new(), dicom: vec![(sealed, parsed)] })
}

/// Seals what has come of a file and the rest as it comes, on a thread that may block.
async fn stream(sealing: Sealing, head: Vec<u8>, body: &mut Incoming) -> Outcome<SealedContent> {
    let (pieces, coming) = mpsc::channel(PIECES_MAX);
    let thread = tokio::task::spawn_blocking(move || sealing.run(head, coming));
    let mut ended = Ok(());
    loop {
        match body.next().await {
            Ok(Some(piece)) => {
                // The thread gave up: it tells why.
                if pieces.send(Some(piece)).await.is_err() {
                    break;
                }
            }
            Ok(None) => {
                // Only now may what came be taken for the whole.
                let _ended = pieces.send(None).await;
                break;
            }
            Err(problem) => {
                ended = Err(problem);
                break;
            }
        }
    }
    drop(pieces);
    let sealed = thread.await.map_err(|_| Problem::given_up())?;
    ended?;
    sealed
}

/// A file that is not what it should be; the error repeats no value of the record.
fn refused(name: &str, error: &dyn std::error::Error) -> Problem {
    Reason::NotOfItsFormat { file: name.to_owned(), why: error.to_string() }.into()
}

fn view(
    name: String,
    format: &str,
    media_type: &str,
    bytes: u64,
    items: usize,
    person: Option<PersonView>,
) -> FileView {
    FileView {
        name,
        format: format.to_owned(),
        media_type: media_type.to_owned(),
        bytes,
        items,
        person,
    }
}

fn person_of_fhir(patient: PatientSummary) -> PersonView {
    PersonView {
        names: patient.names,
        birth_date: patient.birth_date,
        sex: patient.gender,
        identifiers: patient
            .identifiers
            .into_iter()
            .map(|(name, value)| Term { name, value })
            .collect(),
    }
}

fn person_of_dicom(head: &Head) -> Option<PersonView> {
    let names = head.patient_names();
    let said = |text: &String| (!text.is_empty()).then(|| title(text));
    let identifier = said(&head.patient_id).map(|value| Term { name: String::new(), value });
    (!names.is_empty() || identifier.is_some()).then(|| PersonView {
        names,
        birth_date: said(&head.birth_date),
        sex: said(&head.sex),
        identifiers: identifier.into_iter().collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_stops_coming_gives_its_place_up() {
        let begun = futures::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"DI"))]);
        let stream = futures::StreamExt::chain(begun, futures::stream::pending());
        let mut incoming = Incoming::new(Body::from_stream(stream));
        incoming.pause = Duration::from_millis(10);
        let mut head = Vec::new();
        assert!(incoming.fill(&mut head, SNIFF_BYTES).await.is_err());
        assert_eq!(head, b"DI");
    }
}
