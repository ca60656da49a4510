//! What each fuzz target does with its bytes.
//!
//! A target fails when a decoder panics, runs out of memory or time, or takes bytes that its
//! encoder would not have written: everything signed or hashed has exactly one encoding, so what
//! was accepted must come out again unchanged.
//!
//! The node's decoders are compiled from the node's own files, because the node itself would bring
//! libp2p, ten times the rest, of which nothing decodes these bytes.

#![allow(dead_code, unreachable_pub, reason = "of the node's files only the decoders are used")]

pub mod node;
pub mod protocol;

#[path = "../../node/src/content/mod.rs"]
pub mod content;
#[path = "../../node/src/dicom/mod.rs"]
pub mod dicom;
#[path = "../../node/src/fhir/mod.rs"]
pub mod fhir;

#[path = "."]
mod bulk {
    #[path = "../../node/src/bulk/limits.rs"]
    mod limits;
    #[path = "../../node/src/bulk/wire.rs"]
    pub mod wire;

    /// The length comes first, as the serving side reads it.
    pub fn request(bytes: &[u8]) {
        if bytes.len() <= limits::REQUEST_BYTES_MAX
            && let Ok(request) = wire::Request::decode(bytes)
        {
            assert_eq!(&request.encode()[2..], bytes);
        }
    }
}

#[path = "."]
mod object_store {
    #[path = "../../node/src/object_store/tree.rs"]
    pub mod tree;
}

#[path = "."]
mod keystore {
    #[path = "../../node/src/keystore/limits.rs"]
    mod limits;
    #[path = "../../node/src/keystore/mode.rs"]
    mod mode;
    #[path = "../../node/src/keystore/sealed_box.rs"]
    pub mod sealed_box;
    #[path = "../../node/src/keystore/secrets.rs"]
    pub mod secrets;
    #[path = "../../node/src/keystore/unlock.rs"]
    pub mod unlock;

    use unlock::Lock;

    pub fn contents(bytes: &[u8]) {
        if let Ok(secrets) = secrets::Secrets::decode(bytes) {
            assert_eq!(&*secrets.encode(), bytes);
        }
    }

    pub fn sealed_box(bytes: &[u8]) {
        let lock = Lock::Key([7; 32].into());
        let _ = sealed_box::open(&lock, bytes, b"");
        // Behind the checksum, which no mutation finds by itself.
        let whole = [bytes, blake3::hash(bytes).as_bytes()].concat();
        let _ = sealed_box::open(&lock, &whole, b"");
    }
}
