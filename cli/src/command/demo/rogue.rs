//! A stolen terminal of Minami Clinic: it has the institution's keys and certifies itself, but tries
//! with permissions that do not hold. It speaks the real protocol over the real network.

use super::process::Node;
use anyhow::{Context, ensure};
use chartmesh_node::config::{Config, Flags};
use chartmesh_node::run::load_identity;
use chartmesh_node::terminal::{Far, Terminal};
use chartmesh_protocol::backup::{self, Offer, OfferPermission};
use chartmesh_protocol::capability::{Chain, Reason};
use chartmesh_protocol::codec::{Bytes, Wire};
use chartmesh_protocol::consent::view::GrantView;
use chartmesh_protocol::consent::{self, ReadAnswer, ReadRequest};
use chartmesh_protocol::crypto::SigningKey;
use chartmesh_protocol::id::{ConsentId, PartyId};
use chartmesh_protocol::identity::KeyLog;
use chartmesh_protocol::limits;
use chartmesh_protocol::peer::{Body, KeysView, PeerView};
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::statement::Signed;
use serde_json::json;

/// The stolen terminal.
pub(super) struct Rogue {
    terminal: Terminal,
    grants: Vec<GrantView>,
    log: KeyLog,
    patient: PartyId,
}

impl Rogue {
    /// Takes Minami Clinic's keys and the permissions that it has.
    pub(super) async fn of(b: &Node, patient: PartyId, holder: PartyId) -> anyhow::Result<Self> {
        let grants: Vec<GrantView> = b.query(json!({"grants": {}}), None).await?;
        let keys: KeysView = b.query(json!({"keys": {"party": patient}}), None).await?;
        let log = KeyLog::from_bytes(&keys.log.0, limits::LIST_STATEMENT_BYTES_MAX)?;
        let known: Vec<PeerView> = b.query(json!("peers"), None).await?;
        let far = Far::of(&known, holder).context("the holder is not known")?;
        let config = Config::load(Flags { dir: Some(b.dir.clone()), ..Flags::default() })?;
        let unlock =
            config.unlock(|| Err(anyhow::anyhow!("the demo's nodes have no passphrase")))?;
        let terminal = Terminal::start(load_identity(&config, &unlock)?, far).await?;
        Ok(Self { terminal, grants, log, patient })
    }

    /// Shows a permission that says what it likes, signed with a key of its own.
    pub(super) async fn forged(&mut self, request: ConsentId) -> anyhow::Result<()> {
        let mut claims = self.chain(request, "read")?.leaf().claims().clone();
        claims.audience = None;
        let mut seed = [0; 32];
        chartmesh_node::random(&mut seed);
        let forged = Chain::root(&Signed::sign(claims, &SigningKey::from_seed(&seed)));
        let answer = self.terminal.present(&forged, self.read(&forged, request)).await?;
        told(answer, Reason::NotValid)
    }

    /// Shows a good permission in which one bit is another: it ends a second earlier or later.
    pub(super) async fn altered(&mut self, request: ConsentId) -> anyhow::Result<()> {
        let chain = self.chain(request, "read")?;
        let mut bytes = chain.to_bytes();
        let end = chain.leaf().claims().expires.to_bytes();
        let at = bytes.windows(end.len()).position(|window| window == end);
        bytes[at.context("the permission has no end")? + end.len() - 1] ^= 1;
        let altered = Chain::from_bytes(&bytes, limits::TOKEN_CHAIN_BYTES_MAX)?;
        let answer = self.terminal.present(&altered, self.read(&altered, request)).await?;
        told(answer, Reason::NotValid)
    }

    /// Shows a good permission with a proof that was made for an earlier connection.
    pub(super) async fn replayed(&mut self, request: ConsentId) -> anyhow::Result<()> {
        let chain = self.chain(request, "read")?;
        let body = self.read(&chain, request);
        // A proof for another connection of the same two nodes: overheard, say, and kept.
        let mut earlier = [0; 16];
        chartmesh_node::random(&mut earlier);
        let proof = self.terminal.proof(&chain, &body, earlier);
        let nonce = self.terminal.greet().await?;
        let answer = self.terminal.say(nonce, body, Some(proof)).await?;
        told(answer, Reason::NotValid)
    }

    /// Reads with a good permission, and offers what it got as an addition, under a permission to
    /// add something else.
    pub(super) async fn out_of_scope(
        &mut self,
        to_read: ConsentId,
        to_add: ConsentId,
    ) -> anyhow::Result<()> {
        let chain = self.chain(to_read, "read")?;
        let answer = self.terminal.present(&chain, self.read(&chain, to_read)).await?;
        let answer = answer.context("a good permission was refused")?;
        let read = ReadAnswer::from_bytes(&answer.0, limits::RESPONSE_BYTES_MAX)?;
        ensure!(!read.bundles.is_empty(), "nothing came");
        let chain = self.chain(to_add, "write")?;
        let mut reservation = [0; 16];
        chartmesh_node::random(&mut reservation);
        let offer = Offer {
            reservation,
            owner: self.patient,
            bundles: read.bundles,
            permission: Some(OfferPermission {
                chain: chain.clone(),
                log: self.log.clone(),
                ring: None,
                revocations: None,
                issuers: Vec::new(),
            }),
            authors: read.authors,
            patient: None,
        };
        let body = Body::Backup(backup::Message::Offer(offer)).to_bytes();
        let answer = self.terminal.present(&chain, body).await?;
        // By then the holder knows whom it talks to, and says why.
        told(answer, Reason::OutOfScope)
    }

    /// The permission of a request with this operation.
    fn chain(&self, request: ConsentId, operation: &str) -> anyhow::Result<Chain> {
        let found = self.grants.iter().find(|grant| {
            grant.request == request && grant.operations.iter().any(|one| one == operation)
        });
        let bytes = &found.context("no permission to misuse")?.chain;
        let bytes = data_encoding::BASE64URL_NOPAD.decode(bytes.as_bytes())?;
        Ok(Chain::from_bytes(&bytes, limits::TOKEN_CHAIN_BYTES_MAX)?)
    }

    fn read(&self, chain: &Chain, request: ConsentId) -> Vec<u8> {
        let read = ReadRequest {
            request,
            patient: self.patient,
            chain: chain.clone(),
            log: self.log.clone(),
            revocations: None,
            user: "Dr. Nobody".into(),
            purpose: chain.leaf().claims().purpose,
            after: None,
            issuers: Vec::new(),
        };
        Body::Consent(consent::Message::Read(read)).to_bytes()
    }
}

/// The far side refused, and said no more than this.
fn told(answer: Result<Bytes, Refusal>, reason: Reason) -> anyhow::Result<()> {
    let refusal = answer.err().context("it was not refused")?;
    ensure!(refusal.is(&reason) && refusal.args.is_empty(), "the far side heard: {refusal}");
    Ok(())
}
