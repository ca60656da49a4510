//! A stolen terminal of Minami Clinic, which tries with permissions that do not hold.

use super::process::Node;
use anyhow::{Context, ensure};
use chartmesh_kit::{Told, altered, minted};
use chartmesh_protocol::capability::{Chain, Reason};
use chartmesh_protocol::codec::Wire;
use chartmesh_protocol::consent::view::GrantView;
use chartmesh_protocol::crypto::SigningKey;
use chartmesh_protocol::id::{ConsentId, PartyId};
use chartmesh_protocol::limits;
use chartmesh_protocol::peer::ask;

/// The stolen terminal.
pub(super) struct Rogue {
    terminal: chartmesh_kit::Rogue,
    grants: Vec<GrantView>,
}

impl Rogue {
    /// Takes Minami Clinic's keys and the permissions that it has.
    pub(super) async fn of(b: &Node, patient: PartyId, holder: PartyId) -> anyhow::Result<Self> {
        let grants = b.all(ask::Grants::default(), None).await?;
        let keys = b.query(ask::Keys { party: patient }).await?;
        let known = b.all(ask::Peers::default(), None).await?;
        let terminal = chartmesh_kit::Rogue::of(&b.dir, &known, holder, patient, &keys).await?;
        Ok(Self { terminal, grants })
    }

    /// Shows a permission that says what it likes, signed with a key of its own.
    pub(super) async fn forged(&mut self, request: ConsentId) -> anyhow::Result<()> {
        let mut seed = [0; 32];
        chartmesh_node::random(&mut seed);
        let like = self.chain(request, "read")?;
        let forged = minted(&like, &SigningKey::from_seed(&seed), |claims| claims.audience = None);
        not_valid(self.terminal.read(&forged, request, |_| ()).await?)
    }

    /// Shows a good permission in which one bit is another: it ends a second earlier or later.
    pub(super) async fn altered(&mut self, request: ConsentId) -> anyhow::Result<()> {
        let chain = self.chain(request, "read")?;
        let altered = altered(&chain, &chain.leaf().claims().expires.to_bytes());
        not_valid(self.terminal.read(&altered, request, |_| ()).await?)
    }

    /// Shows a good permission with a proof that was made for an earlier connection.
    pub(super) async fn replayed(&mut self, request: ConsentId) -> anyhow::Result<()> {
        let chain = self.chain(request, "read")?;
        // A proof for another connection of the same two nodes: overheard, say, and kept.
        let earlier = self.terminal.read(&chain, request, |proof| {
            chartmesh_node::random(&mut proof.nonce);
        });
        not_valid(earlier.await?)
    }

    /// Reads with a good permission, and offers what it got as an addition, under a permission to
    /// add something else.
    pub(super) async fn out_of_scope(
        &mut self,
        to_read: ConsentId,
        to_add: ConsentId,
    ) -> anyhow::Result<()> {
        let page = self.terminal.page(&self.chain(to_read, "read")?, to_read).await?;
        ensure!(!page.bundles.is_empty(), "nothing came");
        let chain = self.chain(to_add, "write")?;
        // By then the holder knows whom it talks to, and says why.
        told(
            self.terminal.offer(&chain, (page.bundles, page.sessions), page.authors).await?,
            Reason::OutOfScope,
        )
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
}

fn not_valid(answer: Told) -> anyhow::Result<()> {
    told(answer, Reason::NotValid)
}

/// The far side refused, and said no more than this.
fn told(answer: Told, reason: Reason) -> anyhow::Result<()> {
    let refusal = answer.err().context("it was not refused")?;
    ensure!(refusal.is(&reason) && refusal.args.is_empty(), "the far side heard: {refusal}");
    Ok(())
}
