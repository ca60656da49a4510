//! A Chartmesh node: storage, network and front doors around the protocol.

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
pub mod run;
pub mod sample;
pub mod store;
