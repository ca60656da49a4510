//! The features, side by side: none imports another. One sets another going by a notice
//! ([`crate::turn::Notice`]), which the peer hands on within the same transaction.

pub mod backup;
pub mod consent;
pub mod custody;
pub mod enrolment;
pub mod federation;
pub mod record;
