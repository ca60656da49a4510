//! A terminal that an institution certified, speaking by hand: it says to one holder whatever it is
//! told to say, true or not, in the real protocol over the real network.

use std::path::Path;

use anyhow::Context as _;
use chartmesh_node::config::{Config, Flags};
use chartmesh_node::net::{self, BulkStream, Limits, Net, NetConfig, NetEvent, SendFailure};
use chartmesh_node::run::load_identity;
use chartmesh_node::{random, system};
use chartmesh_protocol::capability::{Chain, ConnectionNonce, Proof};
use chartmesh_protocol::codec::{Bytes, Wire};
use chartmesh_protocol::crypto::{SigningKey, WrappingKey};
use chartmesh_protocol::federation::{self, Gossip};
use chartmesh_protocol::id::{NodeId, PartyId, StreamId};
use chartmesh_protocol::identity::{Role, incept};
use chartmesh_protocol::membership::{Ballot, Expulsion, Standpoint};
use chartmesh_protocol::message::{Envelope, MessageId, Outcome, OutcomeResult};
use chartmesh_protocol::peer::{Body, CheckedWelcome, Identity, Peer, PeerView};
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::statement::{Signed, Unverified};
use chartmesh_protocol::store::Memory;
use chartmesh_protocol::time::Timestamp;
use libp2p::Multiaddr;

/// The holder that a terminal talks to.
#[derive(Debug, Clone)]
pub struct Far {
    /// The institution.
    pub institution: PartyId,
    /// Its node.
    pub node: NodeId,
    /// Where the node is.
    pub addresses: Vec<Multiaddr>,
}

impl Far {
    /// The first node of an institution among those that a node knows.
    #[must_use]
    pub fn of(known: &[PeerView], institution: PartyId) -> Option<Self> {
        let node = known.iter().find(|peer| peer.institution == institution)?.nodes.first()?;
        let addresses = node.addresses.iter().filter_map(|text| text.parse().ok()).collect();
        Some(Self { institution, node: node.node, addresses })
    }
}

/// The terminal. It has a network key of its own and nothing on a disk.
pub struct Terminal {
    peer: Peer,
    store: Memory,
    net: Net,
    /// The network runs as long as somebody could hear it.
    _events: tokio::sync::mpsc::Receiver<NetEvent>,
    key: SigningKey,
    far: Far,
    stream: StreamId,
    sent: u64,
}

impl core::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Terminal({:?})", self.peer)
    }
}

impl Terminal {
    /// Starts a terminal that certifies itself with an institution's keys.
    ///
    /// # Errors
    /// When the keys do not fit, or no port is free.
    pub async fn start(identity: Identity, far: Far) -> anyhow::Result<Self> {
        let mut seed = zeroize::Zeroizing::new([0; 32]);
        random(seed.as_mut_slice());
        Self::start_as(seed, identity, far).await
    }

    /// The same, with a network key that it may have had before.
    ///
    /// # Errors
    /// As [`Terminal::start`].
    pub async fn start_as(
        seed: zeroize::Zeroizing<[u8; 32]>,
        mut identity: Identity,
        far: Far,
    ) -> anyhow::Result<Self> {
        let key = SigningKey::from_seed(&seed);
        identity.node = key.clone();
        let peer = Peer::new(identity)?;
        let mut store = Memory::default();
        peer.start(&mut store, now(), &mut system())?;
        let (net, events) = net::start(NetConfig {
            node_seed: seed,
            listen: vec!["/ip4/127.0.0.1/tcp/0".parse()?],
            mdns: false,
            private_networks: false,
            limits: Limits::default(),
        })
        .await?;
        let mut stream = [0; 16];
        random(&mut stream);
        Ok(Self { peer, store, net, _events: events, key, far, stream: StreamId(stream), sent: 0 })
    }

    /// Starts a terminal with the keys of the node in `dir`, which has no passphrase.
    ///
    /// # Errors
    /// As [`Terminal::start`]; when the keys cannot be had.
    pub async fn of(dir: &Path, far: Far) -> anyhow::Result<Self> {
        Self::start(stolen(dir)?, far).await
    }

    /// Starts a terminal of an institution that nobody knows.
    ///
    /// # Errors
    /// As [`Terminal::start`].
    pub async fn stranger(far: Far) -> anyhow::Result<Self> {
        let [mut first, mut next, mut own] = [[0; 32]; 3];
        [&mut first, &mut next, &mut own].into_iter().for_each(|seed| random(seed));
        let (first, next) = (SigningKey::from_seed(&first), SigningKey::from_seed(&next));
        let identity = Identity {
            role: Role::Hospital,
            name: "Nobody".to_owned(),
            log: incept(&first, &next.public()),
            institution: first.clone(),
            own: WrappingKey::from_bytes(own),
            node: first,
        };
        Self::start(identity, far).await
    }

    /// Stops, and frees its port.
    pub async fn stop(self) {
        self.net.stop().await;
    }

    /// Says hello; gives the holder's nonce, which messages and proofs must name from now on.
    ///
    /// # Errors
    /// When the holder is not there or keeps its gate closed.
    pub async fn greet(&self) -> anyhow::Result<ConnectionNonce> {
        let mut ours = [0; 16];
        random(&mut ours);
        let of = (self.far.institution, self.far.node);
        let greeting = self.peer.hello(&self.store, now(), of, Vec::new(), ours)?;
        let hello = greeting.bytes.clone();
        let (node, reply) =
            self.net.hello(self.far.addresses.clone(), Some(self.far.node), hello).await?;
        let welcome = CheckedWelcome::prepare(node, &reply, &greeting)?;
        let nonce = welcome.nonce().context("the holder did not open its gate")?;
        self.net.open_gate(node, self.far.institution);
        Ok(nonce)
    }

    /// The proof that belongs to a permission and a body on a connection.
    pub(crate) fn proof(&self, chain: &Chain, body: &[u8], nonce: ConnectionNonce) -> Proof {
        Proof {
            leaf: chain.leaf().id(),
            request: blake3::hash(body).into(),
            verifier: self.far.institution,
            nonce,
        }
    }

    /// Says hello, and sends a message that needs no permission; gives the answer.
    ///
    /// # Errors
    /// When whoever is spoken to does not answer in a way that proves to be its own.
    pub async fn tell(&mut self, body: &Body) -> anyhow::Result<Result<Bytes, Refusal>> {
        let nonce = self.greet().await?;
        self.say(nonce, body.to_bytes(), None).await
    }

    /// Sends a body with a proof, which the terminal signs; gives the holder's answer.
    ///
    /// # Errors
    /// When the holder does not answer in a way that proves to be its own.
    pub(crate) async fn say(
        &mut self,
        nonce: ConnectionNonce,
        body: Vec<u8>,
        proof: Option<Proof>,
    ) -> anyhow::Result<Result<Bytes, Refusal>> {
        self.sent += 1;
        let envelope = Envelope {
            id: MessageId { sender: self.peer.me(), stream: self.stream, number: self.sent },
            to: self.far.institution,
            sent: now(),
            acknowledged: self.sent - 1,
            node: self.peer.node(),
            nonce,
            body: Bytes(body),
            proof: proof.map(|proof| Signed::sign(proof, &self.key).to_unverified()),
        };
        let envelope = Signed::sign(envelope, &self.key);
        let answer = self
            .net
            .control(self.far.node, self.far.addresses.clone(), envelope.bytes().to_vec())
            .await?;
        let outcome = Unverified::<Outcome>::parse(&answer)?;
        outcome.check(&self.far.node.into())?;
        match &outcome.claims().result {
            OutcomeResult::Done(answer) => Ok(Ok(answer.clone())),
            OutcomeResult::Refused(refusal) => Ok(Err(refusal.clone())),
            OutcomeResult::OutOfOrder(number) => {
                anyhow::bail!("out of order; {number} comes next")
            }
        }
    }

    /// Sends bytes that need not be a message, as control; gives what came back, if anything did.
    ///
    /// # Errors
    /// Whatever became of them.
    pub async fn send_raw(&self, bytes: Vec<u8>) -> Result<Vec<u8>, SendFailure> {
        self.net.control(self.far.node, self.far.addresses.clone(), bytes).await
    }

    /// Opens a pipe for bulk data.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn open_bulk(&self) -> Result<BulkStream, SendFailure> {
        self.net.open_bulk(self.far.node, self.far.addresses.clone()).await
    }
}

/// Everything that makes an institution, from the files of its node in `dir`, which has no passphrase.
pub(crate) fn stolen(dir: &Path) -> anyhow::Result<Identity> {
    let config = Config::load(Flags { dir: Some(dir.to_owned()), ..Flags::default() })?;
    let unlock = config.unlock(|| anyhow::bail!("the node has a passphrase"))?;
    Ok(load_identity(&config, &unlock)?)
}

/// What members say to each other if those with these folders vote for putting `whom` out, as in the view `then`.
///
/// # Errors
/// When their keys cannot be had.
pub fn backdated(by: &[&Path], then: Standpoint, whom: PartyId) -> anyhow::Result<Body> {
    let mut ballots = Vec::new();
    for dir in by {
        let identity = stolen(dir)?;
        let ballot = Ballot {
            view: then.view,
            author: identity.log.party_unverified(),
            number: u32::MAX,
            admit: Vec::new(),
            expel: vec![Expulsion { party: whom, reason: "as of before".to_owned() }],
            threshold: None,
            leave: false,
        };
        ballots.push(Signed::sign(ballot, &identity.institution).to_unverified());
    }
    let gossip = Gossip {
        position: then,
        ballots,
        speeches: Vec::new(),
        words: Vec::new(),
        left: None,
        seals: Vec::new(),
    };
    Ok(Body::Federation(federation::Message::Gossip(gossip)))
}

pub(crate) fn now() -> Timestamp {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
