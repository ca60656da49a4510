//! A stolen terminal: it has an institution's keys and certifies itself, and tries with whatever it likes.

use std::path::Path;

use anyhow::Context as _;
use chartmesh_node::random;
use chartmesh_protocol::backup::{self, Offer, OfferPermission};
use chartmesh_protocol::capability::{
    Chain, Confirmation, News, Operation, Operations, Proof, Purpose, Scope, Token,
};
use chartmesh_protocol::codec::{Bytes, Wire};
use chartmesh_protocol::consent::{self, ReadAnswer, ReadRequest};
use chartmesh_protocol::crypto::SigningKey;
use chartmesh_protocol::directory::Introduction;
use chartmesh_protocol::holdings::contents_hash;
use chartmesh_protocol::id::{ConsentId, EntryId, ObjectId, PartyId, TokenId};
use chartmesh_protocol::identity::{KeyLog, incept};
use chartmesh_protocol::limits;
use chartmesh_protocol::peer::{Body, KeysView, PeerView};
use chartmesh_protocol::record::{Bundle, ContentRef, Label};
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::statement::Signed;
use futures::future::join_all;

use crate::terminal::{Far, Terminal, now, stolen};

/// What the far side heard.
pub type Told = Result<Bytes, Refusal>;

/// A terminal with an institution's keys that talks to one holder about one patient.
#[derive(Debug)]
pub struct Rogue {
    terminal: Terminal,
    patient: PartyId,
    log: KeyLog,
    institution: (PartyId, SigningKey),
}

impl Rogue {
    /// Takes the keys of the node in `dir`, which has no passphrase, to try them on `holder`, which it knows.
    ///
    /// # Errors
    /// When the keys cannot be had, or no port is free.
    pub async fn of(
        dir: &Path,
        known: &[PeerView],
        holder: PartyId,
        patient: PartyId,
        keys: &KeysView,
    ) -> anyhow::Result<Self> {
        let log = KeyLog::from_bytes(&keys.log.0, limits::LIST_STATEMENT_BYTES_MAX)?;
        let far = Far::of(known, holder).context("the holder is not known")?;
        let identity = stolen(dir)?;
        let institution = (identity.log.party_unverified(), identity.institution.clone());
        let terminal = Terminal::start(identity, far).await?;
        Ok(Self { terminal, patient, log, institution })
    }

    /// Presents a permission to read, with a proof in which something may be changed.
    ///
    /// # Errors
    /// When the holder does not answer in a way that proves to be its own.
    pub async fn read(
        &mut self,
        chain: &Chain,
        request: ConsentId,
        change: impl FnOnce(&mut Proof),
    ) -> anyhow::Result<Told> {
        let read = ReadRequest {
            request,
            patient: self.patient,
            chain: chain.clone(),
            log: self.log.clone(),
            news: News::default(),
            user: "Dr. Nobody".into(),
            purpose: chain.leaf().claims().purpose,
            after: None,
            issuers: Vec::new(),
        };
        let body = Body::Consent(consent::Message::Read(read)).to_bytes();
        self.present(chain, body, change).await
    }

    /// The page of entries that a permission to read gives.
    ///
    /// # Errors
    /// As [`Rogue::read`]; when it gives none.
    pub async fn page(&mut self, chain: &Chain, request: ConsentId) -> anyhow::Result<ReadAnswer> {
        let answer = self.read(chain, request, |_| ()).await?;
        let answer = answer.context("a good permission was refused")?;
        Ok(ReadAnswer::from_bytes(&answer.0, limits::RESPONSE_BYTES_MAX)?)
    }

    /// Offers entries for keeping, under a permission, and introduces their authors.
    ///
    /// # Errors
    /// As [`Rogue::read`].
    pub async fn offer(
        &mut self,
        chain: &Chain,
        bundles: Vec<Bundle>,
        authors: Vec<Introduction>,
    ) -> anyhow::Result<Told> {
        let mut reservation = [0; 16];
        random(&mut reservation);
        let permission = OfferPermission {
            chain: chain.clone(),
            log: self.log.clone(),
            ring: None,
            news: News::default(),
            issuers: Vec::new(),
        };
        let offer = Offer {
            reservation,
            owner: self.patient,
            bundles,
            permission: Some(permission),
            authors,
            patient: None,
        };
        let body = Body::Backup(backup::Message::Offer(offer)).to_bytes();
        self.present(chain, body, |_| ()).await
    }

    /// Offers an entry of a patient who does not exist, with a permission by that patient, and says that its content has so
    /// many bytes.
    ///
    /// # Errors
    /// As [`Rogue::read`].
    pub async fn offer_for_nobody(&mut self, bytes: u64) -> anyhow::Result<Told> {
        let mut seed = [0; 32];
        random(&mut seed);
        let nobody = SigningKey::from_seed(&seed);
        let log = incept(&nobody, &nobody.public());
        let subject = log.clone().verify()?.party();
        let bundle = self.made_up(subject, bytes);
        let token = self.keep_of(subject, bundle.label.claims().entry());
        let chain = Chain::root(&Signed::sign(token, &nobody));
        let (patient, known) = (self.patient, self.log.clone());
        (self.patient, self.log) = (subject, log);
        let told = self.offer(&chain, vec![bundle], Vec::new()).await;
        (self.patient, self.log) = (patient, known);
        told
    }

    /// An entry of the institution's that is nothing, about anybody.
    fn made_up(&self, subject: PartyId, bytes: u64) -> Bundle {
        let (author, key) = &self.institution;
        let (mut salt, mut object, mut manifest) = ([0; 16], [0; 32], vec![0; 1200]);
        [&mut salt[..], &mut object, &mut manifest].into_iter().for_each(random);
        let contents = vec![ContentRef { object: ObjectId(object), length: bytes }];
        let label = Label {
            subject,
            salt,
            compartment: None,
            manifest: ObjectId(*blake3::hash(&manifest).as_bytes()),
            contents: contents_hash(&contents),
            author: *author,
            key: 0,
            recorded: now(),
        };
        let label = Signed::sign(label, key).to_unverified();
        Bundle { label, contents, manifest: Bytes(manifest), wrap: None, author_wrap: None }
    }

    /// A permission of a patient's to keep one entry, wherever.
    fn keep_of(&self, patient: PartyId, entry: EntryId) -> Token {
        let mut id = TokenId([0; 16]);
        random(&mut id.0);
        let now = now().seconds();
        Token {
            issuer: patient,
            subject: patient,
            audience: None,
            expires: now + 3600,
            not_before: now,
            issued: now,
            id,
            confirmation: Confirmation { grantee: self.institution.0 },
            key: 0,
            parent: None,
            operations: Operations::of(&[Operation::Keep]),
            scope: Scope::of_entries([entry]).expect("one entry"),
            quota: None,
            quota_entries: None,
            purpose: Purpose::RecordsManagement,
            delegation: None,
            max_staleness: None,
        }
    }

    /// Sends so many requests of the largest size at once, none of them a message, and opens pipes
    /// for bulk data that it does not use; gives how many requests were answered.
    ///
    /// # Errors
    /// When the holder keeps its gate closed.
    pub async fn flood(&self, requests: usize) -> anyhow::Result<usize> {
        self.terminal.greet().await?;
        let bytes = limits::REQUEST_BYTES_MAX;
        let sent = (0..requests).map(|_| self.terminal.send_raw(vec![0xa5; bytes]));
        let pipes = (0..requests / 10).map(|_| self.terminal.open_bulk());
        let (answers, pipes) = tokio::join!(join_all(sent), join_all(pipes));
        drop(pipes);
        Ok(answers.iter().filter(|answer| answer.is_ok()).count())
    }

    async fn present(
        &mut self,
        chain: &Chain,
        body: Vec<u8>,
        change: impl FnOnce(&mut Proof),
    ) -> anyhow::Result<Told> {
        let nonce = self.terminal.greet().await?;
        let mut proof = self.terminal.proof(chain, &body, nonce);
        change(&mut proof);
        self.terminal.say(nonce, body, Some(proof)).await
    }
}

/// A permission like another, with an id of its own and other claims, signed by whoever has `key`.
#[must_use]
pub fn minted(like: &Chain, key: &SigningKey, change: impl FnOnce(&mut Token)) -> Chain {
    let mut claims = like.leaf().claims().clone();
    random(&mut claims.id.0);
    change(&mut claims);
    Chain::root(&Signed::sign(claims, key))
}

/// One bit of the encoded bytes is another, in the last byte of `part`.
///
/// # Panics
/// When `part` does not stand in there, or without it the bytes are not well formed.
#[must_use]
pub fn altered<T: Wire>(whole: &T, part: &[u8]) -> T {
    let mut bytes = whole.to_bytes();
    let at = bytes.windows(part.len()).position(|window| window == part).expect("it is in there");
    bytes[at + part.len() - 1] ^= 1;
    T::from_bytes(&bytes, limits::REQUEST_BYTES_MAX).expect("it is well formed still")
}
