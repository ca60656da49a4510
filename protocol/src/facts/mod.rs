//! What is kept and several features read: each kind of fact has one module that writes its tables.

pub(crate) mod catalogue;
pub mod codes;
pub(crate) mod contacts;
pub mod copied;
pub mod directory;
pub(crate) mod entries;
pub mod grant_keys;
pub mod holdings;
pub(crate) mod members;
pub(crate) mod misfiled;
pub(crate) mod names;
pub(crate) mod patients;
pub(crate) mod permission;
pub mod quota;
pub(crate) mod receipts;
pub(crate) mod treating;
