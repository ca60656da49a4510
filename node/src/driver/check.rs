//! Comparing what ought to be here with what is. The rows say what this node undertook to keep; the
//! files say what it has. The protocol is told the difference, so that nothing is claimed or served
//! that is not here, and the next restore fetches it again.
//!
//! At a start the names of the files are compared, which costs next to nothing. A front door may
//! have every file measured, or read whole and hashed.

use std::sync::Arc;

use chartmesh_protocol::holdings::{HeldObject, Lost};
use chartmesh_protocol::id::{EntryId, ObjectId, PartyId};
use chartmesh_protocol::limits::SMALL_OBJECT_BYTES_MAX;
use chartmesh_protocol::peer::Event;
use chartmesh_protocol::refusal::Failure;
use chartmesh_protocol::store::StoreError;

use super::ended::StartError;
use super::limits::{CHECK_BYTES_MAX, CHECK_OBJECTS_MAX};
use super::running::Running;
use crate::object_store::ObjectError;
use crate::random::system;

/// Which objects to look at, and how closely.
#[derive(Clone, Copy, Debug, Default)]
pub struct Check {
    /// Only those of this subject's entries.
    pub subject: Option<PartyId>,
    /// Only those after this one: where an earlier check ended.
    pub after: Option<ObjectId>,
    /// Read and hash them; otherwise files are only looked for and measured.
    pub deep: bool,
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// Objects looked at.
    pub objects: u64,
    /// Bytes they ought to have.
    pub bytes: u64,
    /// Those that are not here, those noticed earlier among them.
    pub lost: Vec<LostObject>,
    /// Where to go on; none when all were looked at.
    pub next: Option<ObjectId>,
}

/// An object that ought to be here and is not.
#[derive(Clone, Debug)]
pub struct LostObject {
    /// The object.
    pub object: ObjectId,
    /// Bytes of its file.
    pub length: u64,
    /// It is there and not what it should be; otherwise it is not there.
    pub damaged: bool,
    /// What was noticed.
    pub what: String,
    /// The owners and entries that need it.
    pub needed_by: Vec<(PartyId, EntryId)>,
}

/// Looks at some objects, and tells the protocol what is lost and what is here after all.
pub(super) async fn check(running: &Arc<Running>, asked: Check) -> Result<Checked, Failure> {
    let looked = running.on_pool(move |running| look_through(running, asked)).await;
    let (checked, lost, found) = match looked {
        Some(looked) => looked?,
        None => return Err(StoreError::Fault("the check was given up".to_owned()).into()),
    };
    if !lost.is_empty() || !found.is_empty() {
        let bytes = size_of::<Lost>() * (lost.len() + found.len());
        running.submit(Event::Checked { lost, found }, bytes).await?;
    }
    Ok(checked)
}

type Looked = (Checked, Vec<Lost>, Vec<ObjectId>);

fn look_through(running: &Running, asked: Check) -> Result<Looked, StoreError> {
    let held = running.read(|peer, txn, _| {
        peer.held_objects(txn, asked.subject, asked.after, CHECK_OBJECTS_MAX)
    })?;
    let full = held.len() == CHECK_OBJECTS_MAX;
    let (mut checked, mut lost, mut found) = (Checked::default(), Vec::new(), Vec::new());
    let mut last = None;
    for item in &held {
        if asked.deep && checked.bytes >= CHECK_BYTES_MAX {
            checked.next = last;
            return Ok((checked, lost, found));
        }
        checked.objects += 1;
        checked.bytes = checked.bytes.saturating_add(item.length);
        last = Some(item.object);
        let Some((damaged, what)) = look(running, item, asked.deep)? else {
            found.extend(item.lost.map(|lost| lost.object));
            continue;
        };
        let needed_by = running.read(|peer, txn, _| peer.held_by(txn, item.object))?;
        let HeldObject { object, length, .. } = *item;
        checked.lost.push(LostObject { object, length, damaged, what, needed_by });
        if item.lost.is_none() {
            lost.push(Lost { object, damaged });
        }
    }
    checked.next = last.filter(|_| full);
    Ok((checked, lost, found))
}

/// What is wrong with an object, if anything is: whether it is damaged, and how that shows. A damaged
/// file is set aside, for as long as it stood in its place nothing could be received there.
fn look(
    running: &Running,
    item: &HeldObject,
    deep: bool,
) -> Result<Option<(bool, String)>, StoreError> {
    if running.in_use.is_used(item.object) {
        return Ok(item.lost.map(|lost| (lost.damaged, "is on its way here".to_owned())));
    }
    if item.length <= SMALL_OBJECT_BYTES_MAX as u64 {
        if !deep {
            return Ok(item.lost.map(|lost| (lost.damaged, "was lost".to_owned())));
        }
        let bytes = running.read(|peer, txn, _| peer.small_object(txn, item.object))?;
        return Ok(match bytes {
            None => Some((false, "is missing".to_owned())),
            Some(bytes) if *blake3::hash(&bytes).as_bytes() != item.object.0 => {
                Some((true, "is damaged in the store".to_owned()))
            }
            Some(_) => None,
        });
    }
    match file(running, item, deep) {
        Ok(()) => Ok(None),
        Err(ObjectError::Missing(_)) if item.lost.is_some_and(|lost| lost.damaged) => {
            Ok(Some((true, "is damaged, and was set aside".to_owned())))
        }
        Err(ObjectError::Missing(_)) => Ok(Some((false, "is missing".to_owned()))),
        Err(ObjectError::Damaged { what, .. }) => {
            set_aside(running, item.object);
            Ok(Some((true, format!("is damaged: {what}"))))
        }
        Err(error) if error.is_the_files_fault() => {
            set_aside(running, item.object);
            Ok(Some((true, format!("cannot be read: {error}"))))
        }
        Err(error) => Err(StoreError::Fault(error.to_string())),
    }
}

fn file(running: &Running, item: &HeldObject, deep: bool) -> Result<(), ObjectError> {
    let reader = running.objects.open_object(item.object)?;
    if reader.len() != item.length {
        return Err(ObjectError::Damaged { id: item.object, what: "it has another length" });
    }
    if deep { reader.scrub() } else { Ok(()) }
}

fn set_aside(running: &Running, object: ObjectId) {
    match running.objects.set_aside(object) {
        Ok(_) => {
            tracing::warn!(%object, "a damaged object was set aside; restore it from a backup")
        }
        Err(error) => tracing::error!(%object, %error, "a damaged object could not be set aside"),
    }
}

/// Compares by names alone, before anyone can ask. `here` is sorted.
pub(super) fn compare_names(running: &Running, here: &[ObjectId]) -> Result<(), StartError> {
    let (mut after, mut missing, mut back) = (None, 0, 0);
    loop {
        let page =
            running.read(|peer, txn, _| peer.held_objects(txn, None, after, CHECK_OBJECTS_MAX))?;
        let Some(last) = page.last() else { break };
        after = Some(last.object);
        let (mut lost, mut found) = (Vec::new(), Vec::new());
        for item in page.iter().filter(|item| item.length > SMALL_OBJECT_BYTES_MAX as u64) {
            let object = item.object;
            match (here.binary_search(&object).is_ok(), item.lost) {
                (false, None) => lost.push(Lost { object, damaged: false }),
                // What was damaged and could not be set aside is no better for its name.
                (true, Some(Lost { damaged: true, .. })) if !is_sound(running, object) => {}
                (true, Some(_)) => found.push(object),
                (true, None) | (false, Some(_)) => {}
            }
        }
        missing += lost.len();
        back += found.len();
        if !lost.is_empty() || !found.is_empty() {
            tell(running, Event::Checked { lost, found })?;
        }
    }
    if missing > 0 {
        tracing::error!(
            missing,
            "objects that this node keeps are not in its object folder: is its disk there? `chartmesh backup restore` gets them back"
        );
    }
    if back > 0 {
        tracing::info!(back, "objects that were missing are here again");
    }
    Ok(())
}

fn is_sound(running: &Running, object: ObjectId) -> bool {
    running.objects.scrub(object).is_ok()
}

/// One event in a transaction of its own: there is no writer yet.
fn tell(running: &Running, event: Event) -> Result<(), StoreError> {
    let mut batch = running.store.batch()?;
    let mut overlay = batch.event();
    running.peer.handle(running.clock.now(), event, &mut overlay, &mut system())?;
    let changes = overlay.into_changes();
    batch.merge(changes);
    batch.commit()
}
