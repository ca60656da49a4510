//! What many requests need: ids out of paths, names, a thread that may block.

use super::problem::{Outcome, Problem};

/// An id out of a path.
pub(super) fn id<T: std::str::FromStr<Err = chartmesh_protocol::id::InvalidId>>(
    text: &str,
) -> Outcome<T> {
    text.parse().map_err(|error: T::Err| Problem::invalid(error.to_string()))
}

/// Runs on a thread that may block.
pub(super) async fn on_pool<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Outcome<T> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::given_up())
}

/// Random bytes that name something here, in hexadecimal.
pub(super) fn fresh_name() -> String {
    use rand_core::Rng as _;
    let mut bytes = [0; 16];
    crate::random::system().fill_bytes(&mut bytes);
    data_encoding::HEXLOWER.encode(&bytes)
}

/// Bytes as they stand in JSON.
pub(super) fn base64(bytes: &[u8]) -> String {
    data_encoding::BASE64.encode(bytes)
}
