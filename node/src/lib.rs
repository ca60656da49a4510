//! A Chartmesh node: storage, network and front doors around the protocol.

pub mod api;
pub mod bulk;
pub mod config;
pub mod content;
pub mod dicom;
pub mod disk;
pub mod driver;
pub mod fhir;
pub mod keystore;
pub mod net;
pub mod objects;
pub mod pool;
pub mod run;
pub mod sample;
pub mod store;
pub mod terminal;

/// Fills `bytes` from the operating system's generator, the only one in this crate.
pub fn random(bytes: &mut [u8]) {
    rand::Rng::fill_bytes(&mut driver::random(), bytes);
}

const _: () = assert!(
    !chartmesh_protocol::STAND_INS,
    "the feature `stand-ins` is for simulations only: a node with it would protect nothing"
);
