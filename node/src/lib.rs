//! A Chartmesh node: storage, network and front doors around the protocol.

pub mod api;
pub mod bulk;
pub mod content;
pub mod dicom;
pub mod disk;
pub mod fhir;
pub mod keystore;
pub mod net;
pub mod objects;
pub mod sample;
pub mod store;
