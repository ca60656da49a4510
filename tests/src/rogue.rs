//! A stolen terminal that tries with permissions that do not hold, in the real protocol over the real
//! network; and, for permissions that no relay makes today, a pen for the patient's own signature.

use chartmesh_node::config::{Config, Flags};
use chartmesh_node::net::CONTROL_REQUEST_BYTES_MAX;
use chartmesh_node::run::load_identity;
use chartmesh_node::terminal::{Far, Terminal};
use chartmesh_protocol::backup::{self, Offer, OfferPermission};
use chartmesh_protocol::capability::{Chain, Proof, Token};
use chartmesh_protocol::codec::{Bytes, Wire};
use chartmesh_protocol::consent::{self, ReadAnswer, ReadRequest};
use chartmesh_protocol::crypto::SigningKey;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::{KeyLog, Phrase};
use chartmesh_protocol::limits;
use chartmesh_protocol::peer::{Body, KeysView, PeerView};
use chartmesh_protocol::record::Bundle;
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::statement::Signed;
use futures::future::join_all;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{Node, Region};

/// What the far side heard.
pub type Told = Result<Bytes, Refusal>;

/// A terminal with an institution's keys, in a session with one holder.
#[derive(Debug)]
pub struct Rogue {
    terminal: Terminal,
    runtime: tokio::runtime::Runtime,
    patient: PartyId,
    log: KeyLog,
    patients_key: SigningKey,
}

fn of<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("the node's own view")
}

impl Rogue {
    /// Takes the keys of the institution of `victim`, to try them on `holder`.
    ///
    /// # Panics
    /// When a node does not answer.
    #[must_use]
    pub fn of(region: &Region, victim: &Node, holder: &Node) -> Self {
        let keys = json!({"keys": {"party": region.patient}});
        let keys: KeysView = of(victim.query(keys, None).expect("an answer"));
        let log = KeyLog::from_bytes(&keys.log.0, limits::LIST_STATEMENT_BYTES_MAX);
        let known: Vec<PeerView> = of(victim.query(json!("peers"), None).expect("an answer"));
        let far = Far::of(&known, of(json!(holder.id))).expect("the two know each other");
        let config = Config::load(Flags { dir: Some(victim.dir.clone()), ..Flags::default() });
        let config = config.expect("a node's configuration");
        let unlock = config.unlock(|| anyhow::bail!("tests' nodes have no passphrase"));
        let identity = load_identity(&config, &unlock.expect("a key file")).expect("its keys");
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let terminal = runtime.block_on(Terminal::start(identity, far)).expect("a free port");
        let phrase = Phrase::parse(&region.words).expect("the patient's words");
        Self {
            terminal,
            runtime,
            patient: of(json!(region.patient)),
            log: log.expect("a key log"),
            patients_key: phrase.signing_key(0),
        }
    }

    /// The permission that the institution received for a request.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn received(&self, victim: &Node, request: &str) -> Chain {
        let grants = victim.list(json!({"grants": {}}), None).expect("an answer");
        let found = grants.iter().find(|grant| grant["request"] == request).expect("a permission");
        let chain = found["chain"].as_str().expect("text").as_bytes();
        let chain = data_encoding::BASE64URL_NOPAD.decode(chain).expect("base64");
        Chain::parse(&chain).expect("a permission")
    }

    /// A permission like another, with other claims, signed by the patient.
    #[must_use]
    pub fn minted(&self, like: &Chain, change: impl FnOnce(&mut Token)) -> Chain {
        self.signed(like, change, &self.patients_key)
    }

    /// A permission like another, signed by somebody else.
    #[must_use]
    pub fn forged(&self, like: &Chain) -> Chain {
        self.signed(like, |_| (), &SigningKey::from_seed(&[7; 32]))
    }

    fn signed(&self, like: &Chain, change: impl FnOnce(&mut Token), key: &SigningKey) -> Chain {
        let mut claims = like.leaf().claims().clone();
        chartmesh_node::random(&mut claims.id.0);
        change(&mut claims);
        Chain::root(&Signed::sign(claims, key))
    }

    /// Presents a permission to read.
    ///
    /// # Panics
    /// When the holder does not answer in a way that proves to be its own.
    pub fn read(&mut self, chain: &Chain) -> Told {
        self.read_with(chain, |_| ())
    }

    /// Presents a permission to read with a proof in which something is changed.
    ///
    /// # Panics
    /// As [`Rogue::read`].
    pub fn read_with(&mut self, chain: &Chain, change: impl FnOnce(&mut Proof)) -> Told {
        let read = ReadRequest {
            request: of(json!("00".repeat(16))),
            patient: self.patient,
            chain: chain.clone(),
            log: self.log.clone(),
            revocations: None,
            user: "Dr. Nobody".into(),
            purpose: chain.leaf().claims().purpose,
            after: None,
            issuers: Vec::new(),
        };
        let body = Body::Consent(consent::Message::Read(read)).to_bytes();
        self.present(chain, body, change)
    }

    /// The entries that a permission to read gives.
    ///
    /// # Panics
    /// When it gives none.
    pub fn bundles(&mut self, chain: &Chain) -> Vec<Bundle> {
        let answer = self.read(chain).expect("a good permission");
        let read = ReadAnswer::from_bytes(&answer.0, limits::RESPONSE_BYTES_MAX);
        read.expect("a page of entries").bundles
    }

    /// Offers entries for keeping, under a permission.
    ///
    /// # Panics
    /// As [`Rogue::read`].
    pub fn offer(&mut self, chain: &Chain, bundles: Vec<Bundle>) -> Told {
        let mut reservation = [0; 16];
        chartmesh_node::random(&mut reservation);
        let permission = OfferPermission {
            chain: chain.clone(),
            log: self.log.clone(),
            ring: None,
            revocations: None,
            issuers: Vec::new(),
        };
        let offer = Offer {
            reservation,
            owner: self.patient,
            bundles,
            permission: Some(permission),
            authors: Vec::new(),
            patient: None,
        };
        let body = Body::Backup(backup::Message::Offer(offer)).to_bytes();
        self.present(chain, body, |_| ())
    }

    /// Sends so many requests of the largest size at once, none of them a message, and opens pipes
    /// for bulk data that it does not use; gives how many requests were answered.
    ///
    /// # Panics
    /// When the holder keeps its gate closed.
    #[must_use]
    pub fn flood(&self, requests: usize) -> usize {
        self.runtime.block_on(async {
            self.terminal.greet().await.expect("the holder answers");
            let bytes = CONTROL_REQUEST_BYTES_MAX as usize;
            let sent = (0..requests).map(|_| self.terminal.send_raw(vec![0xa5; bytes]));
            let pipes = (0..requests / 10).map(|_| self.terminal.open_bulk());
            let (answers, pipes) = tokio::join!(join_all(sent), join_all(pipes));
            drop(pipes);
            answers.iter().filter(|answer| answer.is_ok()).count()
        })
    }

    fn present(&mut self, chain: &Chain, body: Vec<u8>, change: impl FnOnce(&mut Proof)) -> Told {
        let Self { terminal, runtime, .. } = self;
        let told = runtime.block_on(async {
            let nonce = terminal.greet().await?;
            let mut proof = terminal.proof(chain, &body, nonce);
            change(&mut proof);
            terminal.say(nonce, body, Some(proof)).await
        });
        told.expect("the holder answers")
    }
}
