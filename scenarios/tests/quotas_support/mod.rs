//! Quotas as tests set and read them, and patients whom a member makes up.

use chartmesh_protocol::backup::{Message, Offer, OfferPermission};
use chartmesh_protocol::capability::{
    Chain, Confirmation, Operation, Operations, Purpose, Scope, Token,
};
use chartmesh_protocol::codec::Bytes;
use chartmesh_protocol::crypto::SigningKey;
use chartmesh_protocol::holdings::contents_hash;
use chartmesh_protocol::id::{ObjectId, PartyId, TokenId};
use chartmesh_protocol::identity::{KeyLog, incept};
use chartmesh_protocol::message::OutcomeResult;
use chartmesh_protocol::peer::{Body, ask};
use chartmesh_protocol::quota::{Owner, Use, command::Set};
use chartmesh_protocol::record::{Bundle, ContentRef, Label};
use chartmesh_protocol::refusal::Refusal;
use chartmesh_protocol::statement::Signed;
use chartmesh_scenarios::{Region, Who};

pub(crate) fn set(
    region: &mut Region,
    at: Who,
    owner: Owner,
    entries: Option<u64>,
    bytes: Option<u64>,
) {
    region.world.ask(at, Set { owner, entries, bytes }, None).unwrap();
}

/// What an owner takes up at a party.
pub(crate) fn taken(region: &Region, at: Who, owner: Owner) -> Use {
    let all = region.world.all(at, ask::Quotas::default(), None).unwrap();
    all.into_iter().find(|quota| quota.owner == owner).map(|quota| quota.taken).unwrap_or_default()
}

pub(crate) fn reservation(number: u32) -> [u8; 16] {
    let mut id = [9; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    id
}

/// A patient who does not exist, with keys of whoever made it up.
pub(crate) struct Invented {
    key: SigningKey,
    log: KeyLog,
}

impl Invented {
    pub(crate) fn new(number: u32) -> Self {
        let mut seed = [0xa5; 32];
        seed[..4].copy_from_slice(&number.to_be_bytes());
        let key = SigningKey::from_seed(&seed);
        let log = incept(&key, &key.public());
        Self { key, log }
    }

    pub(crate) fn id(&self) -> PartyId {
        self.log.clone().verify().unwrap().party()
    }
}

/// An offer of one entry of an invented patient, with a permission by that patient, as B's dishonest program makes it up.
pub(crate) fn offer(
    region: &Region,
    from: Who,
    invented: &Invented,
    reservation: [u8; 16],
    bytes: u64,
) -> Offer {
    let party = &region.world.parties[from.0];
    let now = region.world.now;
    let manifest = vec![7; 1200];
    let content =
        ContentRef { object: ObjectId(*blake3::hash(&reservation).as_bytes()), length: bytes };
    let contents = vec![content];
    let label = Label {
        subject: invented.id(),
        salt: reservation,
        compartment: None,
        manifest: ObjectId(*blake3::hash(&manifest).as_bytes()),
        contents: contents_hash(&contents),
        author: party.peer.me(),
        key: 0,
        recorded: now,
    };
    let entry = label.entry();
    let bundle = Bundle {
        label: Signed::sign(label, &party.institution_key).to_unverified(),
        contents,
        manifest: Bytes(manifest),
        wrap: None,
        author_wrap: None,
    };
    let token = Token {
        issuer: invented.id(),
        subject: invented.id(),
        audience: None,
        expires: now.seconds() + 3600,
        not_before: now.seconds(),
        issued: now.seconds(),
        id: TokenId(reservation),
        confirmation: Confirmation { grantee: party.peer.me() },
        key: 0,
        parent: None,
        operations: Operations::of(&[Operation::Keep]),
        scope: Scope::of_entries([entry]).unwrap(),
        quota: None,
        quota_entries: None,
        purpose: Purpose::RecordsManagement,
        delegation: None,
        max_staleness: None,
    };
    let permission = OfferPermission {
        chain: Chain::root(&Signed::sign(token, &invented.key)),
        log: invented.log.clone(),
        ring: None,
        news: chartmesh_protocol::capability::News::default(),
        issuers: Vec::new(),
    };
    Offer {
        reservation,
        owner: invented.id(),
        bundles: vec![bundle],
        permission: Some(permission),
        authors: Vec::new(),
        patient: None,
    }
}

/// Says it to the provider.
pub(crate) fn offered(region: &mut Region, from: Who, offer: Offer) -> Result<(), Refusal> {
    region.world.now = region.world.now.plus_ms(1);
    let leaf = offer.permission.as_ref().map(|permission| permission.chain.leaf().id());
    let (to, body) = (region.provider, Body::Backup(Message::Offer(offer)));
    match region.world.say(from, to, &body, leaf, Some).unwrap() {
        OutcomeResult::Done(_) => Ok(()),
        OutcomeResult::Refused(refusal) => Err(refusal),
        other => panic!("{other:?}"),
    }
}
