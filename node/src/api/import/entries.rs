//! From what came in to the drafts of entries.

use std::collections::BTreeSet;

use chartmesh_protocol::limits::{MANIFEST_BYTES_MAX, TEXT_BYTES_MAX};
use chartmesh_protocol::record::{Draft, SealedContent, Term};
use chartmesh_protocol::time::Timestamp;

use super::{About, Item};
use crate::content::{Group, TermName};

/// What the encoding of a content, a term, or all the rest takes beside its texts, at most.
const CONTENT_FRAME: usize = 128;
const TERM_FRAME: usize = 16;
const MANIFEST_FRAME: usize = 256;

/// One entry, as the protocol seals it.
pub(super) fn draft(about: &About, now: Timestamp, group: Group<Item>) -> Draft {
    let Group { kind, effective, title, items } = group;
    let title = about.title.clone().unwrap_or(title);
    let (contents, drafts): (Vec<SealedContent>, Vec<_>) = items.into_iter().unzip();
    let texts = |sealed: &SealedContent| sealed.key.media_type.len() + sealed.key.name.len();
    let taken: usize = contents.iter().map(|sealed| CONTENT_FRAME + texts(sealed)).sum();
    let room = MANIFEST_BYTES_MAX
        .saturating_sub(MANIFEST_FRAME + title.len() + about.user.len())
        .saturating_sub(taken);
    Draft {
        kind: about.kind.unwrap_or(kind),
        title,
        // What does not say when it happened is dated by when it was recorded.
        effective: effective.unwrap_or(now),
        user: about.user.clone(),
        terms: terms(drafts.into_iter().flat_map(|draft| draft.terms.into_vec()), room),
        adds_to: about.adds_to,
        contents,
    }
}

/// The terms that fit into `room` bytes of the manifest, each once: first those that say what it is,
/// then those that name single items, of which a large entry has too many.
fn terms(all: impl Iterator<Item = crate::content::Term>, mut room: usize) -> Vec<Term> {
    let mut sorted: BTreeSet<(bool, crate::content::Term)> = BTreeSet::new();
    sorted.extend(all.map(|term| (names_one_item(term.name), term)));
    let fits = |(_, term): &(bool, crate::content::Term)| {
        let size = TERM_FRAME + term.name.as_str().len() + term.value.len();
        let fits = size <= room && term.value.len() <= TEXT_BYTES_MAX;
        room -= if fits { size } else { 0 };
        fits
    };
    let kept = sorted.into_iter().filter(fits);
    kept.map(|(_, term)| Term { name: term.name.as_str().to_owned(), value: term.value }).collect()
}

const fn names_one_item(name: TermName) -> bool {
    matches!(name, TermName::Resource | TermName::Identifier | TermName::SopUid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn term(name: TermName, value: &str) -> crate::content::Term {
        crate::content::Term { name, value: value.to_owned() }
    }

    #[test]
    fn what_says_what_it_is_comes_before_what_names_one_item() {
        let all = [
            term(TermName::Resource, "Observation/1"),
            term(TermName::Code, "http://loinc.org|8867-4"),
            term(TermName::Code, "http://loinc.org|8867-4"),
        ];
        let named = |room| -> Vec<String> {
            terms(all.iter().cloned(), room).into_iter().map(|term| term.name).collect()
        };
        assert_eq!(named(1000), ["code", "resource"]);
        assert_eq!(named(50), ["code"]);
        assert!(named(0).is_empty());
    }
}
