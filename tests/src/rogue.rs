//! A stolen terminal ([`chartmesh_kit::Rogue`]) of a region's institution, for tests; and, for permissions that no
//! relay makes today, a pen for the patient's own signature.

use chartmesh_kit::minted;
use chartmesh_protocol::capability::{Chain, Proof, Token};
use chartmesh_protocol::crypto::SigningKey;
use chartmesh_protocol::id::ConsentId;
use chartmesh_protocol::identity::Phrase;
use chartmesh_protocol::peer::{KeysView, PeerView};
use chartmesh_protocol::record::Bundle;
use chartmesh_protocol::session::Session;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub use chartmesh_kit::Told;

use crate::{Node, Region};

/// What the terminal says that its requests are.
const REQUEST: ConsentId = ConsentId([0; ConsentId::LEN]);

/// A terminal with an institution's keys, in a session with one holder.
#[derive(Debug)]
pub struct Rogue {
    terminal: chartmesh_kit::Rogue,
    runtime: tokio::runtime::Runtime,
    patients_key: SigningKey,
    sessions: Vec<Session>,
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
        let keys: KeysView = of(region.relay.query(keys, None).expect("an answer"));
        let known: Vec<PeerView> =
            of(json!(victim.list(json!({"peers": {}}), None).expect("an answer")));
        let (holder, patient) = (of(json!(holder.id)), of(json!(region.patient)));
        let runtime = tokio::runtime::Runtime::new().expect("threads");
        let stolen = chartmesh_kit::Rogue::of(&victim.dir, &known, holder, patient, &keys);
        let terminal = runtime.block_on(stolen).expect("its keys, and a free port");
        let phrase = Phrase::parse(&region.words).expect("the patient's words");
        Self { terminal, runtime, patients_key: phrase.signing_key(0), sessions: Vec::new() }
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
        minted(like, &self.patients_key, change)
    }

    /// A permission like another, signed by somebody else.
    #[must_use]
    pub fn forged(&self, like: &Chain) -> Chain {
        minted(like, &SigningKey::from_seed(&[7; 32]), |_| ())
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
        let told = self.terminal.read(chain, REQUEST, change);
        self.runtime.block_on(told).expect("the holder answers")
    }

    /// The entries that a permission to read gives.
    ///
    /// # Panics
    /// When it gives none.
    pub fn bundles(&mut self, chain: &Chain) -> Vec<Bundle> {
        let page = self.runtime.block_on(self.terminal.page(chain, REQUEST));
        let page = page.expect("a good permission");
        self.sessions.extend(page.sessions);
        page.bundles
    }

    /// Offers entries for keeping, under a permission.
    ///
    /// # Panics
    /// As [`Rogue::read`].
    pub fn offer(&mut self, chain: &Chain, bundles: Vec<Bundle>) -> Told {
        let told = self.terminal.offer(chain, (bundles, self.sessions.clone()), Vec::new());
        self.runtime.block_on(told).expect("the holder answers")
    }

    /// Offers an entry of a patient who does not exist; its content is said to have so many bytes.
    ///
    /// # Panics
    /// As [`Rogue::read`].
    pub fn offer_for_nobody(&mut self, bytes: u64) -> Told {
        let told = self.terminal.offer_for_nobody(bytes);
        self.runtime.block_on(told).expect("the holder answers")
    }

    /// As [`chartmesh_kit::Rogue::flood`].
    ///
    /// # Panics
    /// When the holder keeps its gate closed.
    #[must_use]
    pub fn flood(&self, requests: usize) -> usize {
        self.runtime.block_on(self.terminal.flood(requests)).expect("the holder answers")
    }
}
