//! What is known of parties: keys and cards, key rings, nodes and where they listen, why a party that is no
//! member may come in.
//!
//! ```text
//!  parties ──> rings         a patient's newest key ring, its retired compartments, its relay
//!     │   │       compartments  those of the ring that we were told of: to seal to, or to read
//!     │   └──> nodes         an institution's nodes, certified or merely told of
//!     │            hints     where others say that they listen, and how far that is followed
//!     └──────> introduction  what one party tells another of a third: keys, card, nodes
//!              standing      why a party that is no member may open more than `hello`
//! ```

mod compartments;
mod hints;
mod introduction;
mod nodes;
mod parties;
mod reasons;
mod rings;
mod standing;

pub(crate) use compartments::{compartments, kind_of, learn_compartments, usable_compartment};
pub(crate) use hints::{hint_node, looked_in_vain, only_told, where_to_look};
pub use introduction::{IntroducedNode, Introduction};
pub(crate) use introduction::{hear_of, introduction, learn_introduction};
pub(crate) use nodes::{
    NodeRow, certified_nodes, certify_node, institution_of, institution_told, learn_node, nodes_of,
    others,
};
pub(crate) use parties::{
    beginning, card, card_to_seal_to, institutions_page, keys, learn_card, learn_keys, set_own_card,
};
pub(crate) use reasons::Reason;
pub(crate) use rings::{
    compartment_end, learn_ring, patients_beginning, patients_of, relay_of, ring,
};
pub(crate) use standing::{
    CertifiedRow, Standing, clear_standing, dealing_with_us, set_standing, standing,
};
