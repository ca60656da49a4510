//! From bytes to a sealed object, on a thread that may block.

use axum::body::Bytes;
use chartmesh_protocol::limits::SMALL_OBJECT_BYTES_MAX;
use chartmesh_protocol::object::{DataKey, Sealer, TooLarge, fresh_salt};
use chartmesh_protocol::record::{ContentKey, SealedContent};
use tokio::sync::mpsc;

use super::super::problem::{Outcome, Problem};
use super::super::reasons::Reason;
use crate::disk::AnyDisk;
use crate::object_store::{ObjectFolder, ObjectWriter};
use crate::random::system;

/// One object being sealed: in memory while it is small, else in the object folder.
pub(in crate::api) struct Sealing {
    sealer: Sealer,
    key: DataKey,
    media_type: String,
    name: String,
    folder: ObjectFolder,
    file: Vec<u8>,
    writer: Option<ObjectWriter<AnyDisk>>,
}

impl Sealing {
    pub(in crate::api) fn new(folder: &ObjectFolder, media_type: &str, name: String) -> Self {
        let mut rng = system();
        let key = DataKey::generate(&mut rng);
        Self {
            sealer: Sealer::new(&key, &fresh_salt(&mut rng)),
            key,
            media_type: media_type.to_owned(),
            name,
            folder: folder.clone(),
            file: Vec::new(),
            writer: None,
        }
    }

    /// Seals `head` and then the pieces until a `None` says that they were all. When they stop
    /// without it, whoever sent them is gone, and nothing is left behind.
    pub(super) fn run(
        mut self,
        head: Vec<u8>,
        mut pieces: mpsc::Receiver<Option<Bytes>>,
    ) -> Outcome<SealedContent> {
        self.push(&head)?;
        drop(head);
        loop {
            match pieces.blocking_recv() {
                Some(Some(piece)) => self.push(&piece)?,
                Some(None) => return self.finish(),
                None => return Err(Reason::NotWhole.into()),
            }
        }
    }

    pub(in crate::api) fn push(&mut self, plain: &[u8]) -> Outcome<()> {
        self.sealer.push(plain, &mut self.file).map_err(|TooLarge| Reason::FileTooLarge {
            file: self.name.clone(),
            why: TooLarge.to_string(),
        })?;
        flush(&self.folder, &mut self.writer, &mut self.file)
    }

    pub(in crate::api) fn finish(mut self) -> Outcome<SealedContent> {
        let mut closing = self.sealer.close();
        while closing.advance(&mut self.file) {
            flush(&self.folder, &mut self.writer, &mut self.file)?;
        }
        let sealed = closing.finish(&mut self.file);
        flush(&self.folder, &mut self.writer, &mut self.file)?;
        let small = match self.writer {
            None => Some(self.file),
            Some(mut writer) => {
                writer.push(&self.file)?;
                let written = writer.finish()?;
                if written.id != sealed.id {
                    return Err(Problem::trouble(Reason::NotAsSealed));
                }
                None
            }
        };
        let key = ContentKey {
            object: sealed.id,
            length: sealed.file_len,
            plaintext_length: sealed.plaintext_len,
            key: *self.key.expose(),
            media_type: self.media_type,
            name: self.name,
        };
        Ok(SealedContent { key, small })
    }
}

/// Seals what is whole already.
pub(super) fn seal_whole(mut sealing: Sealing, plain: &[u8]) -> Outcome<SealedContent> {
    sealing.push(plain)?;
    sealing.finish()
}

/// Moves what is ready to the folder, once it is more than a small object.
fn flush(
    folder: &ObjectFolder,
    writer: &mut Option<ObjectWriter<AnyDisk>>,
    file: &mut Vec<u8>,
) -> Outcome<()> {
    if file.len() > SMALL_OBJECT_BYTES_MAX || writer.is_some() {
        writer.get_or_insert_with(|| folder.writer()).push(file)?;
        file.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::refusal::RefusalCode;

    #[test]
    fn a_file_whose_sender_goes_away_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let folder = ObjectFolder::open(AnyDisk::default(), dir.path()).unwrap();
        let sealing = || Sealing::new(&folder, "text/plain", "a.txt".to_owned());
        let (pieces, coming) = mpsc::channel(2);
        pieces.blocking_send(Some(vec![7; 100_000].into())).unwrap();
        drop(pieces);
        let cut = sealing().run(vec![7; 200_000], coming);
        assert!(cut.unwrap_err().is_refusal(RefusalCode::Invalid));
        assert!(folder.list().unwrap().is_empty());

        let (pieces, coming) = mpsc::channel(2);
        pieces.blocking_send(None).unwrap();
        let whole = sealing().run(vec![7; 200_000], coming).unwrap();
        assert_eq!(folder.list().unwrap(), [whole.key.object]);
    }
}
