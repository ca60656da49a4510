//! A stolen terminal of Minami Clinic: it has the institution's keys and certifies itself, but tries
//! with permissions that do not hold. It speaks the real protocol over the real network.

use super::process::Node;
use anyhow::{Context, ensure};
use chartmesh_node::config::{Config, Flags};
use chartmesh_node::net::{self, Limits, Net, NetConfig};
use chartmesh_node::run::load_identity;
use chartmesh_protocol::capability::{Chain, Proof};
use chartmesh_protocol::codec::{Bytes, Wire};
use chartmesh_protocol::consent::view::GrantView;
use chartmesh_protocol::consent::{Message, ReadRequest};
use chartmesh_protocol::crypto::SigningKey;
use chartmesh_protocol::id::{ConsentId, NodeId, PartyId, StreamId};
use chartmesh_protocol::identity::KeyLog;
use chartmesh_protocol::limits;
use chartmesh_protocol::message::{Envelope, MessageId, Outcome, OutcomeResult};
use chartmesh_protocol::peer::{Body, CheckedWelcome, KeysView, Peer, PeerView};
use chartmesh_protocol::statement::{Signed, Unverified};
use chartmesh_protocol::store::Memory;
use chartmesh_protocol::time::Timestamp;
use serde_json::json;

/// The stolen terminal.
pub(super) struct Rogue {
    peer: Peer,
    store: Memory,
    net: Net,
    /// The network runs as long as somebody could hear it.
    _events: tokio::sync::mpsc::Receiver<net::NetEvent>,
    key: SigningKey,
    chain: Chain,
    log: KeyLog,
    patient: PartyId,
    request: ConsentId,
    addresses: Vec<libp2p::Multiaddr>,
    provider: NodeId,
    stream: StreamId,
    sent: u64,
}

impl Rogue {
    /// Takes Minami Clinic's keys and one of its good permissions.
    pub(super) async fn of(b: &Node, patient: PartyId, request: ConsentId) -> anyhow::Result<Self> {
        let grants: Vec<GrantView> = b.query(json!({"grants": {}}), None).await?;
        let grant = grants
            .iter()
            .find(|grant| grant.request == request)
            .context("no permission to misuse")?;
        let chain = data_encoding::BASE64URL_NOPAD.decode(grant.chain.as_bytes())?;
        let chain = Chain::from_bytes(&chain, limits::TOKEN_CHAIN_BYTES_MAX)?;
        let keys: KeysView = b.query(json!({"keys": {"party": patient}}), None).await?;
        let log = KeyLog::from_bytes(&keys.log.0, limits::LIST_STATEMENT_BYTES_MAX)?;
        let known: Vec<PeerView> = b.query(json!("peers"), None).await?;
        let provider = known
            .iter()
            .find(|peer| peer.role == chartmesh_protocol::identity::Role::Backup)
            .and_then(|peer| peer.nodes.first())
            .context("the provider is not known")?;
        let addresses = provider.addresses.iter().filter_map(|text| text.parse().ok()).collect();

        let config = Config::load(Flags { dir: Some(b.dir.clone()), ..Flags::default() })?;
        let unlock =
            config.unlock(|| Err(anyhow::anyhow!("the demo's nodes have no passphrase")))?;
        let mut identity = load_identity(&config, &unlock)?;
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        chartmesh_node::random(seed.as_mut_slice());
        let key = SigningKey::from_seed(&seed);
        identity.node = key.clone();
        let peer = Peer::new(identity)?;
        let mut store = Memory::default();
        peer.start(&mut store, now())?;
        let (net, events) = net::start(NetConfig {
            node_seed: seed,
            listen: vec!["/ip4/127.0.0.1/tcp/0".parse()?],
            mdns: false,
            limits: Limits::default(),
        })
        .await?;
        let mut stream = [0; 16];
        chartmesh_node::random(&mut stream);
        Ok(Self {
            peer,
            store,
            net,
            _events: events,
            key,
            chain,
            log,
            patient,
            request,
            addresses,
            provider: provider.node,
            stream: StreamId(stream),
            sent: 0,
        })
    }

    /// Shows the permission with its last link's signature altered.
    pub(super) async fn forged(&mut self, provider: &Node) -> anyhow::Result<()> {
        let mut bytes = self.chain.to_bytes();
        // The signature stands at the end of the only link.
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        let forged = Chain::from_bytes(&bytes, limits::TOKEN_CHAIN_BYTES_MAX)?;
        let (nonce, to) = self.greet(provider).await?;
        let body = self.body(forged.clone());
        let proof = self.prove(&forged, &body, to, nonce);
        let text = self.send(to, nonce, body, proof).await?;
        ensure!(text.contains("not-valid"), "the far side told too much: {text}");
        Ok(())
    }

    /// Shows the good permission with a proof that was made for an earlier connection.
    pub(super) async fn replayed(&mut self, provider: &Node) -> anyhow::Result<()> {
        let chain = self.chain.clone();
        let body = self.body(chain.clone());
        // A proof for another connection of the same two nodes: overheard, say, and kept.
        let mut earlier = [0; 16];
        chartmesh_node::random(&mut earlier);
        let proof = self.prove(&chain, &body, provider.id, earlier);
        let (nonce, to) = self.greet(provider).await?;
        let text = self.send(to, nonce, body, proof).await?;
        ensure!(text.contains("not-valid"), "the far side told too much: {text}");
        Ok(())
    }

    async fn greet(&self, provider: &Node) -> anyhow::Result<([u8; 16], PartyId)> {
        let to = provider.id;
        let mut ours = [0; 16];
        chartmesh_node::random(&mut ours);
        let hello = self.peer.hello(&self.store, now(), to, Vec::new(), ours)?;
        let (node, reply) =
            self.net.hello(self.addresses.clone(), Some(self.provider), hello).await?;
        let welcome = CheckedWelcome::prepare(node, &reply)?;
        let nonce =
            welcome.nonce().context("the provider did not open its gate to a certified node")?;
        self.net.open_gate(node);
        Ok((nonce, to))
    }

    fn body(&self, chain: Chain) -> Vec<u8> {
        let read = ReadRequest {
            request: self.request,
            patient: self.patient,
            chain,
            log: self.log.clone(),
            revocations: None,
            user: "Dr. Nobody".into(),
            purpose: self.chain.leaf().claims().purpose,
            after: None,
            issuers: Vec::new(),
        };
        Body::Consent(Message::Read(read)).to_bytes()
    }

    fn prove(&self, chain: &Chain, body: &[u8], to: PartyId, nonce: [u8; 16]) -> Unverified<Proof> {
        let proof = Proof {
            leaf: chain.leaf().id(),
            request: blake3::hash(body).into(),
            verifier: to,
            nonce,
        };
        Signed::sign(proof, &self.key).to_unverified()
    }

    /// Sends, and gives the text of the refusal.
    async fn send(
        &mut self,
        to: PartyId,
        nonce: [u8; 16],
        body: Vec<u8>,
        proof: Unverified<Proof>,
    ) -> anyhow::Result<String> {
        self.sent += 1;
        let envelope = Envelope {
            id: MessageId { sender: self.peer.me(), stream: self.stream, number: self.sent },
            to,
            sent: now(),
            acknowledged: self.sent - 1,
            node: self.peer.node(),
            nonce,
            body: Bytes(body),
            proof: Some(proof),
        };
        let envelope = Signed::sign(envelope, &self.key);
        let answer = self
            .net
            .control(self.provider, self.addresses.clone(), envelope.bytes().to_vec())
            .await?;
        let outcome = Unverified::<Outcome>::parse(&answer)?;
        outcome.check(&self.provider.into())?;
        match &outcome.claims().result {
            OutcomeResult::Refused(refusal) => Ok(refusal.text.clone()),
            other => anyhow::bail!("it was not refused: {other:?}"),
        }
    }
}

fn now() -> Timestamp {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
