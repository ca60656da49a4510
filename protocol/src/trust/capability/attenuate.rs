//! Passing on: what a further link may claim, field by field.
//!
//! A link narrows the one above when it permits nothing that the one above does not, whoever asks,
//! whenever, wherever. Every field is compared by itself and by nothing that the token does not say.

use super::{Reason, Token};
use crate::reason::reasons;
use crate::statement::Unverified;

reasons! {
    /// How a link exceeds the one above it.
    #[derive(Copy)]
    pub enum Excess: 12 "link" {
        /// It names another link as the one above.
        121 => Parent: NotPermitted "the link names another link as the one above it",
        /// It is about another patient.
        122 => Patient: NotPermitted "the link is about another patient than the one above",
        /// It is not issued by the grantee of the link above.
        123 => Issuer: NotPermitted "the link is not issued by whom the one above was given to",
        /// The link above may not be passed on.
        124 => NotDelegable: NotPermitted "the permission may not be passed on",
        /// Given to an institution that the link above does not allow.
        125 => Institution: NotPermitted "the permission may not be passed on to this institution",
        /// May be passed on further than, or to others than, the link above.
        126 => Depth: NotPermitted "the link may be passed on further than the one above allows",
        /// Other operations.
        127 => Operations: NotPermitted "the link permits operations that the one above does not",
        /// Other entries or compartments.
        128 => Scope: NotPermitted "the link covers what the one above does not",
        /// Other holders.
        129 => Audience: NotPermitted "the link is for holders that the one above is not for",
        /// Begins earlier or ends later.
        130 => Window: NotPermitted "the link begins before, or ends after, the one above",
        /// More bytes.
        131 => Quota: NotPermitted "the link permits more bytes than the one above",
        /// Another purpose.
        132 => Purpose: NotPermitted "the link is for another purpose than the one above",
        /// Accepts older news of revocations.
        133 => Staleness: NotPermitted "the link accepts older news of revocations than the one above",
        /// More entries.
        134 => QuotaEntries: NotPermitted "the link permits more entries than the one above",
    }
}

impl From<Excess> for Reason {
    fn from(excess: Excess) -> Self {
        match excess {
            Excess::Parent | Excess::Patient => Self::BrokenChain,
            Excess::Issuer | Excess::NotDelegable | Excess::Institution | Excess::Depth => {
                Self::DelegationNotAllowed
            }
            _ => Self::ChildExceedsParent,
        }
    }
}

/// Whether `child` permits no more than `parent` and may stand below it.
///
/// # Errors
/// [`Excess`], the first in the order of its variants.
pub fn narrows(parent: &Unverified<Token>, child: &Token) -> Result<(), Excess> {
    let (id, parent) = (parent.id(), parent.claims());
    let require = |holds: bool, otherwise| if holds { Ok(()) } else { Err(otherwise) };
    require(child.parent == Some(id), Excess::Parent)?;
    require(child.subject == parent.subject, Excess::Patient)?;
    require(child.issuer == parent.grantee(), Excess::Issuer)?;
    let allowed = parent.delegation.as_ref().ok_or(Excess::NotDelegable)?;
    require(allowed.institutions.contains(&child.grantee()), Excess::Institution)?;
    let further = child.delegation.as_ref();
    require(
        further.is_none_or(|further| {
            further.depth < allowed.depth && further.institutions.is_subset(&allowed.institutions)
        }),
        Excess::Depth,
    )?;
    require(child.operations.is_subset(parent.operations), Excess::Operations)?;
    require(child.scope.is_subset(&parent.scope), Excess::Scope)?;
    require(
        bounded(child.audience.as_ref(), parent.audience.as_ref(), |c, p| c.is_subset(p)),
        Excess::Audience,
    )?;
    require(
        child.not_before >= parent.not_before && child.expires <= parent.expires,
        Excess::Window,
    )?;
    require(bounded(child.quota.as_ref(), parent.quota.as_ref(), |c, p| c <= p), Excess::Quota)?;
    require(child.purpose == parent.purpose, Excess::Purpose)?;
    require(
        bounded(child.max_staleness.as_ref(), parent.max_staleness.as_ref(), |c, p| c <= p),
        Excess::Staleness,
    )?;
    require(
        bounded(child.quota_entries.as_ref(), parent.quota_entries.as_ref(), |c, p| c <= p),
        Excess::QuotaEntries,
    )
}

/// A bound that the parent sets must be set by the child, too, and not more loosely. Stated and not
/// inherited: a token then says by itself all that it permits.
fn bounded<T>(child: Option<&T>, parent: Option<&T>, within: impl Fn(&T, &T) -> bool) -> bool {
    parent.is_none_or(|parent| child.is_some_and(|child| within(child, parent)))
}
