//! Permissions (capability tokens): what a patient signed, and how a holder judges it.
//!
//! A permission is like a letter of authority with the bearer's name on it: the patient writes who
//! may do what, with which entries, until when. Whoever it names may, where the letter says so,
//! staple a narrower letter to it for somebody else. A holder needs nobody's help to judge the
//! whole: every page is signed, no page may say more than the one above, and the bearer must sign
//! each request, so a copy is worth nothing.
//!
//! ```text
//!   patient                hospital B               hospital C
//!     | signs                  | signs                  | its node signs, for each request
//!     v                        v                        v
//!  +------------------+   +------------------+   +-------------------------+
//!  | Token            |<--| Token            |<--| Proof                   |
//!  | iss  the patient |   | iss  hospital B  |   | leaf     hash of token  |
//!  | cnf  hospital B  |   | cnf  hospital C  |   | request  hash of it all |
//!  | scope, exp, ...  |   | parent  hash     |   | verifier, nonce         |
//!  +------------------+   | narrower claims  |   +-------------------------+
//!        Chain [root ...          ... leaf]
//!
//!  Presented --authenticate--> Authentic --judge--> Granted<Read>
//!      signatures of all links and       proof binding, chain, keys, dates,
//!      of the proof; else the far        revocations, audience, operation,
//!      side hears "not valid"            scope, quota; each with its Reason
//! ```
//!
//! | key | claim | says |
//! |---|---|---|
//! | 1 | `iss` | who signed: the patient; in a further link, the grantee of the link above |
//! | 2 | `sub` | the patient whom it is about |
//! | 3 | `aud` | the holders that it is for; absent: any |
//! | 4, 5, 6 | `exp`, `nbf`, `iat` | until when, from when, signed when, in seconds |
//! | 7 | `cti` | its id, for revoking |
//! | 8 | `cnf` | `{3: institution}`: to whom it is given |
//! | 300 | key | number of the issuer's key |
//! | 301 | parent | statement id of the link above |
//! | 302 | operations | read, write, keep, release, refer |
//! | 303 | scope | `{1: entries, 2: compartments}` |
//! | 304 | quota | bytes to write or keep at one holder |
//! | 305 | purpose | purpose of use (HL7 v3) |
//! | 306 | delegation | `{1: depth, 2: institutions}`: whether it may be passed on |
//! | 307 | max_staleness | how old a holder's news of revocations may be; absent: any age for whoever treats the patient |
//! | 308 | quota_entries | entries to write or keep at one holder |
//!
//! [`explain`] puts each claim into a sentence. A [`Grant`] adds the keys to what is permitted.
//! Revocation reaches neither the author's own copy nor what was already obtained.

mod attenuate;
mod chain;
pub mod explain;
mod grant;
mod granted;
mod keys;
mod news;
mod operation;
mod proof;
mod reason;
mod revocation;
mod scope;
mod token;
mod verify;

pub use attenuate::{Excess, narrows};
pub use chain::{AttenuateError, Chain};
pub use grant::{Grant, GrantError, GrantKeys};
pub use granted::{Granted, GrantedSummary, Link};
pub use keys::Keys;
pub use news::{Forgot, Freshness, FreshnessError, News};
pub use operation::{Keep, Operation, Operations, Permitted, Purpose, Read, Refer, Release, Write};
pub use proof::{ConnectionNonce, Proof, RequestHash};
pub use reason::Reason;
pub use revocation::{RevocationError, RevocationState, Revocations, Revoked};
pub use scope::{Compartments, Entries, Parties, Scope, Set, Target};
pub use token::{Confirmation, Delegation, Token};
pub use verify::{Authentic, Presented, Spent, Verifier, Wanted, verify};

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
