//! What is known of parties: keys and cards, key rings, nodes and where they listen, why a party that is no
//! member may come in.
//!
//! ```text
//!  parties ──> rings         a patient's newest key ring, its retired compartments, its relay
//!     │   └──> nodes         an institution's nodes, certified or merely told of
//!     └──────> introduction  what one party tells another of a third: keys, card, nodes
//!              standing      why a party that is no member may open more than `hello`
//! ```

mod introduction;
mod nodes;
mod parties;
mod reasons;
mod rings;
mod standing;

pub use introduction::{IntroducedNode, Introduction};
pub(crate) use introduction::{hear_of, introduction, learn_introduction};
pub(crate) use nodes::{
    NodeRow, certified_nodes, certify_node, hint_node, institution_of, institution_told,
    learn_node, met, nodes_of,
};
pub(crate) use parties::{
    beginning, card, card_to_seal_to, institutions, institutions_page, keys, learn_card,
    learn_keys, set_own_card,
};
pub(crate) use reasons::Reason;
pub(crate) use rings::{
    compartment_end, compartments_seen, learn_ring, patients_beginning, relay_of, ring,
    usable_compartment,
};
pub(crate) use standing::{
    CertifiedRow, Standing, clear_standing, dealing_with_us, set_standing, standing,
};
