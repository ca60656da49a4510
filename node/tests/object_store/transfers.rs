//! Two sides of a transfer, and what a bad or dying one can do to the other.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use chartmesh_kit::{FaultyDisk, Loss};
use chartmesh_node::bulk::{
    InMemory, Library, Lie, Patience, Pulled, RECHECK, RefusalCode, ServeError, Served, Source,
    pull, serve,
};
use chartmesh_node::disk::RealDisk;
use chartmesh_node::object_store::tree::GROUP;
use chartmesh_node::object_store::{BATCH, ObjectError, ObjectFolder, Partial};
use chartmesh_protocol::id::{NodeId, ObjectId, TicketId};
use futures::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt as _};

use crate::{ROOT, TRANSFER, id_of, pairs_for};

const PEER: NodeId = NodeId([3; 32]);
const TICKET: TicketId = TicketId([4; 16]);
const QUICK: Patience = Patience { stall: Duration::from_secs(20), idle: Duration::from_secs(20) };

type Permit = Result<(), RefusalCode>;

fn anyone(_: NodeId, _: TicketId, _: ObjectId) -> Permit {
    Ok(())
}

fn object(len: usize) -> Vec<u8> {
    crate::object(len, 0)
}

/// A request in version 1.
fn request(object: ObjectId, start: u64) -> Vec<u8> {
    [&[0, 57, 1][..], TICKET.as_bytes(), object.as_bytes(), &start.to_be_bytes()].concat()
}

fn folder() -> ObjectFolder<FaultyDisk> {
    ObjectFolder::open(FaultyDisk::new(), Path::new(ROOT)).unwrap()
}

fn holding(data: &[u8]) -> (Arc<ObjectFolder<FaultyDisk>>, ObjectId) {
    let folder = folder();
    let mut writer = folder.writer();
    writer.push(data).unwrap();
    let id = writer.finish().unwrap().id;
    (Arc::new(folder), id)
}

fn partial_of(folder: &ObjectFolder<FaultyDisk>, data: &[u8]) -> Partial<FaultyDisk> {
    folder.partial(TRANSFER, id_of(data), data.len() as u64).unwrap()
}

type Pipe = Compat<tokio::io::DuplexStream>;

fn pipe() -> (Pipe, Pipe) {
    let (near, far) = tokio::io::duplex(256 * 1024);
    (near.compat(), far.compat())
}

/// One end of a stream that breaks after so many bytes read, or turns a bit of one of them.
struct Trouble {
    inner: Pipe,
    read: u64,
    break_at: Option<u64>,
    flip_at: Option<u64>,
}

impl Trouble {
    fn new(inner: Pipe) -> Self {
        Self { inner, read: 0, break_at: None, flip_at: None }
    }
}

impl AsyncRead for Trouble {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let room = self.break_at.map_or(u64::MAX, |at| at.saturating_sub(self.read));
        if room == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let n = buf.len().min(usize::try_from(room).unwrap_or(usize::MAX));
        let poll = Pin::new(&mut self.inner).poll_read(cx, &mut buf[..n]);
        if let Poll::Ready(Ok(n)) = &poll {
            let from = self.read;
            self.read += *n as u64;
            if let Some(at) = self.flip_at.filter(|at| (from..self.read).contains(at)) {
                buf[(at - from) as usize] ^= 0x10;
            }
        }
        poll
    }
}

impl AsyncWrite for Trouble {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }
    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}

#[tokio::test]
async fn several_objects_of_every_shape_arrive_on_one_stream() {
    let batch = BATCH as usize;
    let theirs = folder();
    let objects: Vec<_> =
        [1, 16_384, 16_385, batch - 1, batch, batch + 1, 3 * batch + 70_000].map(object).into();
    for data in &objects {
        let mut writer = theirs.writer();
        writer.push(data).unwrap();
        writer.finish().unwrap();
    }
    let (mut near, far) = pipe();
    let served = tokio::spawn(serve(far, PEER, Arc::new(theirs), Arc::new(anyone), QUICK));
    let ours = folder();
    for data in &objects {
        let mut partial = partial_of(&ours, data);
        let mut heard = 0;
        let end = pull(&mut near, TICKET, &mut partial, QUICK, |at| heard = at).await.unwrap();
        assert!(matches!(end, Pulled::Finished), "{end:?}");
        assert_eq!(heard, data.len() as u64);
        let id = partial.id();
        partial.finish().unwrap();
        ours.scrub(id).unwrap();
    }
    near.close().await.unwrap();
    let bytes = objects.iter().map(|data| data.len() as u64).sum();
    let expected = Served { objects: objects.len() as u64, refused: 0, bytes };
    assert_eq!(served.await.unwrap().unwrap(), expected);
}

/// Serves one object from memory, however large.
struct Memory(InMemory);

impl Library for Memory {
    type Disk = FaultyDisk;
    fn find(&self, id: ObjectId) -> Result<Option<Source<FaultyDisk>>, ObjectError> {
        Ok((id == self.0.id()).then(|| Source::Bytes(self.0.clone())))
    }
}

#[tokio::test]
async fn a_transfer_that_breaks_anywhere_resumes_where_it_was() {
    let data = object(2 * BATCH as usize + 100_000);
    let memory = Arc::new(Memory(InMemory::new(data.clone().into())));
    let ours = folder();
    let mut step = 1;
    let mut partial = partial_of(&ours, &data);
    let (mut pulls, mut fetched) = (0, 0);
    loop {
        let (near, far) = pipe();
        let mut near = Trouble::new(near);
        // Breaks at ever other places, in headers, pairs and bytes alike.
        near.break_at = Some(step % 199_999);
        step = step * 5 + 7;
        let serving = tokio::spawn(serve(far, PEER, memory.clone(), Arc::new(anyone), QUICK));
        let before = partial.next_offset();
        let end = pull(&mut near, TICKET, &mut partial, QUICK, |_| ()).await.unwrap();
        pulls += 1;
        fetched += near.read;
        drop(near);
        // Whether it noticed depends on where it was; it must end.
        let _ = serving.await.unwrap();
        let after = partial.next_offset();
        assert!(after >= before);
        match end {
            Pulled::Finished => break,
            Pulled::Broken(e) => assert_eq!(e.kind(), io::ErrorKind::ConnectionReset),
            other => panic!("{other:?}"),
        }
        assert_eq!(after % GROUP, 0);
        if pulls % 2 == 0 {
            // The process dies too: what was verified is durable once the pull has ended.
            drop(partial);
            partial = partial_of(&ours, &data);
            assert_eq!(partial.next_offset(), after);
        }
    }
    assert!(pulls > 5);
    // A break costs at most a group and the pairs of a path; beginning anew would cost far more.
    let spent = fetched - data.len() as u64;
    assert!(spent < pulls * (GROUP + 8 * 1024), "{pulls} pulls wasted {spent} bytes");
    let id = partial.id();
    partial.finish().unwrap();
    ours.scrub(id).unwrap();
}

#[tokio::test]
async fn a_pull_that_is_given_up_midway_can_be_taken_up_by_the_same_partial() {
    let data = object(6 * BATCH as usize);
    let (theirs, _) = holding(&data);
    let ours = folder();
    let mut partial = partial_of(&ours, &data);
    let (mut near, far) = pipe();
    let serving = tokio::spawn(serve(far, PEER, theirs.clone(), Arc::new(anyone), QUICK));
    let (first, heard) = tokio::sync::oneshot::channel();
    let mut first = Some(first);
    tokio::select! {
        biased;
        _ = heard => {}
        _ = pull(&mut near, TICKET, &mut partial, QUICK, |_| {
            first.take().map(|first| first.send(()));
        }) => {}
    }
    drop(near);
    let _ = serving.await.unwrap();
    assert!(partial.next_offset() >= BATCH);
    let (mut near, far) = pipe();
    let serving = tokio::spawn(serve(far, PEER, theirs, Arc::new(anyone), QUICK));
    let end = pull(&mut near, TICKET, &mut partial, QUICK, |_| ()).await.unwrap();
    assert!(matches!(end, Pulled::Finished), "{end:?}");
    drop(near);
    serving.await.unwrap().unwrap();
    let id = partial.id();
    partial.finish().unwrap();
    ours.scrub(id).unwrap();
}

#[tokio::test]
async fn a_flipped_bit_anywhere_is_a_lie_or_a_refusal_and_never_a_byte_of_the_object() {
    let data = object(BATCH as usize + 50_000);
    let memory = Arc::new(Memory(InMemory::new(data.clone().into())));
    let total = 2 + 8 + 2 + 2 + 35 * 64 + data.len() as u64;
    let headers = 0..14;
    for at in headers.chain((14..total).step_by(30_011)) {
        let ours = folder();
        let mut partial = partial_of(&ours, &data);
        let (near, far) = pipe();
        let mut near = Trouble::new(near);
        near.flip_at = Some(at);
        let serving = tokio::spawn(serve(far, PEER, memory.clone(), Arc::new(anyone), QUICK));
        let end = pull(&mut near, TICKET, &mut partial, QUICK, |_| ()).await.unwrap();
        drop(near);
        let _ = serving.await.unwrap();
        match end {
            Pulled::Lied(Lie::Length { .. }) => assert!((2..10).contains(&at)),
            Pulled::Lied(Lie::Bytes(lie)) => assert!(lie.offset >= partial.next_offset()),
            Pulled::Refused(_) => {}
            other => panic!("{other:?} after byte {at}"),
        }
        let good = partial.next_offset();
        assert!(good == 0 || good == BATCH, "{good}");
        assert!(partial.finish().is_err());
    }
}

/// A peer that answers with these bytes and closes, or stays silent then.
async fn pull_from(answer: Vec<u8>, closes: bool, data: &[u8], stall: Duration) -> (Pulled, u64) {
    let ours = folder();
    let mut partial = partial_of(&ours, data);
    let (mut near, mut far) = pipe();
    let peer = tokio::spawn(async move {
        let mut request = [0; 59];
        far.read_exact(&mut request).await.unwrap();
        // The other side may have heard enough before the end.
        let _ = far.write_all(&answer).await;
        if closes {
            let _ = far.close().await;
        }
        far
    });
    let patience = Patience { stall, ..QUICK };
    let end = pull(&mut near, TICKET, &mut partial, patience, |_| ()).await.unwrap();
    drop(near);
    drop(peer.await.unwrap());
    (end, partial.next_offset())
}

fn answer_for(data: &[u8]) -> Vec<u8> {
    let pairs = pairs_for(data, 0, 0);
    [&[0; 2][..], &(data.len() as u64).to_be_bytes(), &[0; 2], &pairs, data].concat()
}

#[tokio::test]
async fn short_long_and_mislabelled_answers_are_told_apart() {
    let data = object(100_000);
    let good = answer_for(&data);
    let (end, got) = pull_from(good.clone(), true, &data, QUICK.stall).await;
    assert!(matches!(end, Pulled::Finished) && got == 100_000, "{end:?}");

    // Short: what was whole stays. Nothing tells a dying peer from a lying one.
    let (end, got) =
        pull_from(good[..good.len() - 50_000].to_vec(), true, &data, QUICK.stall).await;
    assert!(matches!(&end, Pulled::Broken(e) if e.kind() == io::ErrorKind::UnexpectedEof));
    assert_eq!(got, 3 * GROUP);

    // Long: what comes after the last byte is not read.
    let (end, _) = pull_from([&good[..], &[7; 999]].concat(), true, &data, QUICK.stall).await;
    assert!(matches!(end, Pulled::Finished), "{end:?}");

    // Another object of the same length, whole and consistent in itself.
    let mut other = data.clone();
    other[99_999] ^= 1;
    let (end, got) = pull_from(answer_for(&other), true, &data, QUICK.stall).await;
    assert!(matches!(end, Pulled::Lied(Lie::Bytes(_))) && got == 0, "{end:?}");

    // A longer object of which the true one is the beginning.
    let (end, _) = pull_from(answer_for(&object(100_001)), true, &data, QUICK.stall).await;
    assert!(matches!(end, Pulled::Lied(Lie::Length { found: 100_001, .. })), "{end:?}");
}

#[tokio::test]
async fn a_holder_that_sends_without_end_fills_no_disk() {
    let data = object(BATCH as usize + 50_000);
    let pairs = pairs_for(&data, 0, 0);
    let length = |len: u64| [&[0; 2][..], &len.to_be_bytes(), &[0; 2]].concat();
    let beginnings = [
        // A length that is not the transfer's: nothing after it is read.
        length(u64::MAX),
        length(data.len() as u64 + 1),
        // The right length, and then what it likes; or first what is right.
        length(data.len() as u64),
        [&length(data.len() as u64)[..], &pairs, &data[..BATCH as usize]].concat(),
    ];
    for beginning in beginnings {
        let dir = tempfile::tempdir().unwrap();
        let ours = ObjectFolder::open(RealDisk, &dir.path().join("store")).unwrap();
        let mut partial = ours.partial(TRANSFER, id_of(&data), data.len() as u64).unwrap();
        let (mut near, mut far) = pipe();
        let hostile = tokio::spawn(async move {
            let mut request = [0; 59];
            far.read_exact(&mut request).await.unwrap();
            far.write_all(&beginning).await.unwrap();
            let mut sent = 0;
            while far.write_all(&[0; 64 * 1024]).await.is_ok() {
                sent += 64 * 1024;
            }
            sent
        });
        let end = pull(&mut near, TICKET, &mut partial, QUICK, |_| ()).await.unwrap();
        drop(near);
        assert!(matches!(end, Pulled::Lied(_) | Pulled::Refused(_)), "{end:?}");
        // It got rid of no more than one object and what the pipe holds.
        assert!(hostile.await.unwrap() < data.len() + 1024 * 1024);
        let written = std::fs::metadata(dir.path().join(format!("store/incoming/{TRANSFER}")));
        assert!(written.is_ok_and(|file| file.len() <= data.len() as u64));
        assert!(partial.finish().is_err());
    }
}

#[tokio::test]
async fn a_peer_that_stalls_is_given_up_and_its_whole_groups_are_kept() {
    let data = object(100_000);
    let half = answer_for(&data)[..60_000].to_vec();
    let (end, got) = pull_from(half, false, &data, Duration::from_millis(30)).await;
    assert!(matches!(&end, Pulled::Broken(e) if e.kind() == io::ErrorKind::TimedOut), "{end:?}");
    assert_eq!(got, 3 * GROUP);
}

#[tokio::test]
async fn a_receiver_that_stalls_or_never_asks_is_given_up() {
    let data = object(BATCH as usize);
    let (theirs, id) = holding(&data);
    let short = Duration::from_millis(30);
    let (mut near, far) = pipe();
    near.write_all(&request(id, 0)).await.unwrap();
    let patience = Patience { stall: short, ..QUICK };
    let end = serve(far, PEER, theirs.clone(), Arc::new(anyone), patience).await;
    assert!(matches!(end, Err(ServeError::Stream(e)) if e.kind() == io::ErrorKind::TimedOut));

    let (_near, far) = pipe();
    let patience = Patience { idle: short, ..QUICK };
    let end = serve(far, PEER, theirs, Arc::new(anyone), patience).await;
    assert!(matches!(end, Err(ServeError::Stream(e)) if e.kind() == io::ErrorKind::TimedOut));
}

#[tokio::test]
async fn refusals_say_why_and_leave_the_stream_usable() {
    let data = object(50_000);
    let (theirs, id) = holding(&data);
    let only = move |node: NodeId, ticket: TicketId, object: ObjectId| {
        let known = node == PEER && ticket == TICKET && object != ObjectId([1; 32]);
        if known { Ok(()) } else { Err(RefusalCode::NotPermitted) }
    };
    let (mut near, far) = pipe();
    let serving = tokio::spawn(serve(far, PEER, theirs, Arc::new(only), QUICK));
    let ours = folder();
    let missing = ObjectId([2; 32]);
    let mut refused = Vec::new();
    for (ticket, object) in
        [(TicketId([0; 16]), id), (TICKET, ObjectId([1; 32])), (TICKET, missing)]
    {
        let mut partial = ours.partial(TRANSFER, object, 50_000).unwrap();
        match pull(&mut near, ticket, &mut partial, QUICK, |_| ()).await.unwrap() {
            Pulled::Refused(code) => refused.push(code),
            other => panic!("{other:?}"),
        }
    }
    let expected = [RefusalCode::NotPermitted, RefusalCode::NotPermitted, RefusalCode::NotHere];
    assert_eq!(refused, expected);
    // Beyond the end: only a peer of another making would ask.
    near.write_all(&request(id, 4 * GROUP)).await.unwrap();
    let mut code = [0; 2];
    near.read_exact(&mut code).await.unwrap();
    assert_eq!(RefusalCode::from_code(u16::from_be_bytes(code)), Some(RefusalCode::BadStart));
    let mut partial = partial_of(&ours, &data);
    let end = pull(&mut near, TICKET, &mut partial, QUICK, |_| ()).await.unwrap();
    assert!(matches!(end, Pulled::Finished), "{end:?}");
    drop(near);
    assert_eq!(serving.await.unwrap().unwrap(), Served { objects: 1, refused: 4, bytes: 50_000 });
}

#[tokio::test]
async fn a_permission_revoked_midway_stops_the_transfer_within_the_bound() {
    let data = object(40 * 1024 * 1024);
    let memory = Arc::new(Memory(InMemory::new(data.clone().into())));
    let asked = Arc::new(AtomicU64::new(0));
    let counter = asked.clone();
    let revoked = move |_: NodeId, _: TicketId, _: ObjectId| {
        let before = counter.fetch_add(1, Ordering::Relaxed);
        if before < 2 { Ok(()) } else { Err(RefusalCode::NotPermitted) }
    };
    let ours = folder();
    let mut partial = partial_of(&ours, &data);
    let (mut near, far) = pipe();
    let serving = tokio::spawn(serve(far, PEER, memory, Arc::new(revoked), QUICK));
    let end = pull(&mut near, TICKET, &mut partial, QUICK, |_| ()).await.unwrap();
    assert!(matches!(end, Pulled::Refused(RefusalCode::NotPermitted)), "{end:?}");
    assert_eq!(partial.next_offset(), 2 * RECHECK);
    assert_eq!(partial.durable_offset(), 2 * RECHECK);
    drop(near);
    serving.await.unwrap().unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_request_that_cannot_be_read_ends_the_stream() {
    for bytes in [&[1, 1][..], &[0, 3, 1, 0, 0]] {
        let (mut near, far) = pipe();
        near.write_all(bytes).await.unwrap();
        let end = serve(far, PEER, Arc::new(folder()), Arc::new(anyone), QUICK).await;
        assert!(matches!(end, Err(ServeError::BadRequest)), "{end:?}");
    }
}

#[tokio::test]
async fn our_own_full_disk_is_nobodys_fault_and_pulling_goes_on_later() {
    let data = object(3 * BATCH as usize);
    let (theirs, _) = holding(&data);
    let disk = FaultyDisk::new();
    let ours = ObjectFolder::open(disk.clone(), Path::new(ROOT)).unwrap();
    let mut partial = partial_of(&ours, &data);
    for space in [Some(2 * BATCH), None] {
        disk.limit_space(space);
        let (mut near, far) = pipe();
        let serving = tokio::spawn(serve(far, PEER, theirs.clone(), Arc::new(anyone), QUICK));
        match (space, pull(&mut near, TICKET, &mut partial, QUICK, |_| ()).await) {
            (Some(_), Err(ObjectError::Disk { source, .. })) => {
                assert_eq!(source.kind(), io::ErrorKind::StorageFull);
                assert_eq!(partial.next_offset(), BATCH);
            }
            (None, Ok(Pulled::Finished)) => {}
            other => panic!("{other:?}"),
        }
        drop(near);
        let _ = serving.await.unwrap();
    }
    partial.finish().unwrap();
}

/// The order of writes and syncs varies from run to run here; what must hold does not.
#[tokio::test]
async fn a_power_cut_at_any_operation_of_a_pull_keeps_what_was_durable() {
    let data = object(3 * BATCH as usize + 100_000);
    let memory = Arc::new(Memory(InMemory::new(data.clone().into())));
    let id = memory.0.id();
    let open =
        |disk: &FaultyDisk| ObjectFolder::open_with(disk.clone(), Path::new(ROOT), BATCH).unwrap();
    let fetch = async |partial: &mut Partial<FaultyDisk>| {
        let (mut near, far) = pipe();
        let serving = tokio::spawn(serve(far, PEER, memory.clone(), Arc::new(anyone), QUICK));
        let end = pull(&mut near, TICKET, partial, QUICK, |_| ()).await;
        drop(near);
        let _ = serving.await.unwrap();
        end
    };
    for cut in 0.. {
        let disk = FaultyDisk::new();
        let folder = open(&disk);
        let mut partial = partial_of(&folder, &data);
        disk.crash_at(disk.operations() + cut);
        let pulled = fetch(&mut partial).await;
        let durable = partial.durable_offset();
        let done = pulled.is_ok() && partial.finish().is_ok();
        for seed in 0..4 {
            let disk = disk.restart(Loss::Some { seed });
            let folder = open(&disk);
            assert!(!done || folder.has(id).unwrap());
            let mut partial = partial_of(&folder, &data);
            assert!(partial.next_offset() >= durable, "cut at {cut}");
            let end = fetch(&mut partial).await.unwrap();
            assert!(matches!(end, Pulled::Finished), "{end:?}");
            partial.finish().unwrap();
            folder.scrub(id).unwrap();
        }
        if done {
            break;
        }
    }
}
