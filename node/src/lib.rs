//! Chartmesh.

pub mod content;
pub mod dicom;
pub mod fhir;
pub mod sample;
