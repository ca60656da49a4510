//! Nobody got at plaintext without a permission in force.
//!
//! Plaintext takes a sealed object and its key. Watches what relays send as permissions, with the keys in them; what
//! holders give for reads, and objects that readers pull after that; and what front doors open. A read is in order
//! when the patient's relay sent that very permission, its last link is the reader's own, it holds by the holder's
//! clock, and covers each entry that was given; an opening, when the entry is the opener's own work or came by such a
//! read; an object that comes later, when the permission still held when it was given. It cannot see what people
//! tell each other, nor keys that a machine keeps after a permission ended: that is why what is sealed later must
//! not be given. A violation means that somebody saw what the patient did not permit, or no longer.

use super::found::{Checker, Found, name};
use super::logged::read_answer;
use crate::stage::Stage;
use crate::tier::Seen;
use crate::tier::people::Patient;
use chartmesh_protocol::capability::{Chain, Grant};
use chartmesh_protocol::consent::{Message as Consent, ReadAnswer, ReadRequest};
use chartmesh_protocol::id::{CompartmentId, EntryId, ObjectId, PartyId, StatementId, TokenId};
use chartmesh_protocol::limits::CLOCK_TOLERANCE_SECONDS;
use chartmesh_protocol::peer::Body;
use chartmesh_protocol::record::Label;
use chartmesh_protocol::record::view::OpenedView;
use chartmesh_protocol::statement::Unverified;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub(super) struct Plaintext {
    /// Permissions that patients gave, by their first link.
    given: BTreeMap<TokenId, StatementId>,
    /// Entries that machines read under permissions.
    obtained: BTreeSet<(u32, EntryId)>,
    /// By reader and object: the holder that gave the entry, and until when the permission holds, in seconds.
    pulling: BTreeMap<(u32, ObjectId), (u32, u64)>,
}

impl Plaintext {
    /// A patient's relay sends permissions.
    fn gives(&mut self, stage: &Stage, from: u32, grants: &[Grant]) {
        for grant in grants {
            self.is_given(stage, from, &grant.chain);
        }
    }

    fn is_given(&mut self, stage: &Stage, from: u32, chain: &Chain) {
        let first = chain.first();
        let at_home =
            stage.machines[from as usize].party.unlocked.contains_key(&first.claims().subject);
        if at_home && stage.is_judged(from) {
            self.given.insert(first.claims().id, first.id());
        }
    }

    /// Why a read is not in order.
    fn wrong(
        &self,
        stage: &Stage,
        (from, at): (u32, u32),
        read: &ReadRequest,
        answer: &ReadAnswer,
    ) -> Option<String> {
        let reader = &stage.machines[from as usize].party;
        let (first, leaf) = (read.chain.first(), read.chain.leaf().claims());
        // A patient permits the own relay what it asks for itself.
        let own = reader.unlocked.contains_key(&read.patient);
        if !own && self.given.get(&first.claims().id) != Some(&first.id()) {
            return Some(format!("under permission {}, which the patient never gave", leaf.id));
        }
        if leaf.subject != read.patient || leaf.grantee() != reader.peer.me() {
            return Some(format!("under permission {} of somebody else", leaf.id));
        }
        let now = stage.machines[at as usize].clock(stage.now_us).seconds();
        let links = read.chain.links().iter().map(|link| link.claims());
        for link in links {
            if link.expires <= now {
                return Some(format!("under permission {}, which had expired", link.id));
            }
            if link.not_before > now + CLOCK_TOLERANCE_SECONDS {
                return Some(format!("under permission {}, which does not hold yet", link.id));
            }
        }
        let outside = answer.bundles.iter().map(|bundle| bundle.label.claims()).find(|label| {
            let compartment = label.compartment().unwrap_or(CompartmentId([0; 16]));
            label.subject != read.patient || !leaf.scope.covers(label.entry(), compartment)
        });
        outside.map(|label| {
            format!("entry {}, which permission {} does not cover", label.entry(), leaf.id)
        })
    }

    fn opened(&self, stage: &Stage, at: u32, label: &[u8], found: &mut Found) {
        let Ok(label) = Unverified::<Label>::parse(label) else { return };
        let label = label.claims();
        let party = &stage.machines[at as usize].party;
        let own: PartyId = party.peer.me();
        let entitled = label.author == own
            || party.unlocked.contains_key(&label.subject)
            || self.obtained.contains(&(at, label.entry()));
        if !entitled && stage.is_judged(at) {
            let what =
                format!("{} opened entry {} that nobody gave it", name(stage, at), label.entry());
            found.add("plaintext", Some(at), what);
        }
    }
}

impl Checker for Plaintext {
    fn see(&mut self, stage: &Stage, seen: &Seen<'_>, found: &mut Found) {
        match seen {
            Seen::Sent { from, message, .. } => match message.body() {
                Body::Consent(Consent::Permission(given)) => {
                    self.gives(stage, *from, &given.grants)
                }
                Body::Consent(Consent::Order(order)) => self.is_given(stage, *from, &order.chain),
                _ => {}
            },
            Seen::Handled {
                from, at, body: Body::Consent(Consent::Read(read)), outcome, ..
            } => {
                let Some(answer) = read_answer(*outcome) else { return };
                if stage.is_judged(*at)
                    && let Some(wrong) = self.wrong(stage, (*from, *at), read, &answer)
                {
                    let what = format!(
                        "{} gave {} entries of {}: {wrong}",
                        name(stage, *at),
                        name(stage, *from),
                        read.patient.short()
                    );
                    found.add("plaintext", Some(*at), what);
                    return;
                }
                let links = read.chain.links().iter().map(|link| link.claims().expires);
                let until = links.min().unwrap_or(0);
                for bundle in &answer.bundles {
                    self.obtained.insert((*from, bundle.label.claims().entry()));
                    for content in &bundle.contents {
                        self.pulling.insert((*from, content.object), (*at, until));
                    }
                }
            }
            Seen::Pulled { at, from, object, served_us, end: "done", .. } => {
                let Some((holder, until)) = self.pulling.remove(&(*at, *object)) else { return };
                let served = stage.machines[*from as usize].clock(*served_us).seconds();
                if holder == *from && served >= until && stage.is_judged(*from) {
                    let what = format!(
                        "{} gave {} object {} after the permission had expired",
                        name(stage, *from),
                        name(stage, *at),
                        object.short()
                    );
                    found.add("plaintext", Some(*from), what);
                }
            }
            Seen::Answered { party, answer: Ok(view), .. } => {
                if let Some(opened) = view.get::<OpenedView>() {
                    self.opened(stage, *party, &opened.label, found);
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, _stage: &Stage, _patients: &[Patient], _found: &mut Found) {}
}
