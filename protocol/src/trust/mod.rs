//! What is signed and sealed, and how it is judged: pure functions of their arguments.

pub mod capability;
pub mod identity;
pub mod membership;
pub mod message;
pub mod object;
pub mod own_wrap;
pub mod session;
pub mod session_keys;
pub mod statement;
