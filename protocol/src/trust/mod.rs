//! What is signed and sealed, and how it is judged: pure functions of their arguments.

pub mod capability;
pub mod identity;
pub mod membership;
pub mod message;
pub mod object;
pub mod statement;
pub mod wrap;
