//! The proof that somebody has a code: good for one pair of sessions.

use crate::codec::wire_struct;
use crate::crypto::PublicKey;
use crate::id::{NodeId, PartyId};
use crate::limits;
use crate::statement::Statement;
use crate::turn::Nonce;

wire_struct! {
    /// That whoever says `hello` has a code: signed with the code's key.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct CodeProof {
        /// The code's key, which signs.
        1 => key: PublicKey,
        /// Who proves it.
        2 => asker: PartyId,
        /// The node that says so.
        3 => asker_node: NodeId,
        /// That node's nonce in this session.
        4 => asker_nonce: [u8; 16],
        /// The institution that gave the code out.
        5 => answerer: PartyId,
        /// Its node that is to hear it.
        6 => answerer_node: NodeId,
        /// That node's nonce in this session.
        7 => answerer_nonce: [u8; 16],
    }
}

impl Statement for CodeProof {
    const DOMAIN: &'static str = "chartmesh/1/code";
    const LIMIT: usize = limits::CODE_PROOF_BYTES_MAX;
}

/// What a proof is checked against: who says it where, and who hears it.
pub(crate) struct Session {
    pub(crate) asker: PartyId,
    pub(crate) asker_node: NodeId,
    pub(crate) asker_nonce: Nonce,
    pub(crate) answerer: PartyId,
    pub(crate) answerer_node: NodeId,
    pub(crate) answerer_nonce: Nonce,
}

impl Session {
    pub(super) fn proof(&self, key: PublicKey) -> CodeProof {
        let &Self { asker, asker_node, asker_nonce, answerer, answerer_node, answerer_nonce } =
            self;
        CodeProof { key, asker, asker_node, asker_nonce, answerer, answerer_node, answerer_nonce }
    }
}
