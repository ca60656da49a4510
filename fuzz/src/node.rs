//! The node's decoders.

use crate::{bulk, content, dicom, fhir, keystore};

/// FHIR resources and Bundles, as a hospital's systems hand them in.
pub fn fhir(bytes: &[u8]) {
    let _ = fhir::parse(bytes);
}

/// The heads of DICOM files, and what tells them from other files.
pub fn dicom(bytes: &[u8]) {
    let _ = dicom::parse_head(bytes);
    let _ = content::sniff(&bytes[..bytes.len().min(content::SNIFF_BYTES)], "IMG0001");
}

/// What a peer asks for on a bulk stream.
pub fn bulk_request(bytes: &[u8]) {
    bulk::request(bytes);
}

/// The keystore file: its box, and what is in it.
pub fn keystore_file(bytes: &[u8]) {
    keystore::sealed_box(bytes);
    keystore::contents(bytes);
}
