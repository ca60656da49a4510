//! Where work goes that blocks on the disk or computes for long: to the runtime's pool of threads.
//!
//! A simulation has many nodes on one thread, under a time that jumps to the next timer as soon as
//! nobody has anything left to do. A thread of the pool would work beside that time, in an order that
//! is the machine's and not the seed's. So a thread can do what it would hand to the pool itself: see
//! [`in_place`].

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::{JoinError, JoinHandle};

thread_local! {
    static IN_PLACE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `run`. Until it returns, this thread does at once and by itself what it would otherwise hand
/// to others: the pool's work, and the driver's writing. For simulations on a runtime of one thread.
pub fn in_place<T>(run: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IN_PLACE.set(self.0);
        }
    }
    let _restore = Restore(IN_PLACE.replace(true));
    run()
}

/// Whether this thread does everything itself now.
pub(crate) fn is_in_place() -> bool {
    IN_PLACE.get()
}

/// Work that was handed over, or is done.
#[derive(Debug)]
pub(crate) enum Work<T> {
    Pool(JoinHandle<T>),
    Done(Option<T>),
}

/// Starts work that may block, from now on and not only when the future is polled.
pub(crate) fn spawn_blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Work<T> {
    if is_in_place() {
        return Work::Done(Some(work()));
    }
    Work::Pool(tokio::task::spawn_blocking(work))
}

impl<T> Work<T> {
    /// Whether it would be waited for in vain.
    pub(crate) fn is_finished(&self) -> bool {
        match self {
            Self::Pool(running) => running.is_finished(),
            Self::Done(_) => true,
        }
    }
}

// What was done is handed out, never polled.
impl<T> Unpin for Work<T> {}

impl<T> Future for Work<T> {
    type Output = Result<T, JoinError>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            Self::Pool(running) => Pin::new(running).poll(cx),
            Self::Done(done) => Poll::Ready(Ok(done.take().expect("polled after it was ready"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[tokio::test]
    async fn work_is_done_by_this_thread_when_it_says_so_and_by_another_otherwise() {
        let here = thread::current().id();
        assert_ne!(spawn_blocking(|| thread::current().id()).await.unwrap(), here);
        let work = in_place(|| spawn_blocking(|| thread::current().id()));
        assert!(work.is_finished());
        assert_eq!(work.await.unwrap(), here);
        assert!(!is_in_place(), "only while it lasts");
    }
}
