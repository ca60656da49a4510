//! What a person means by a name or the beginning of an id.
//!
//! Names are chosen by their bearers, so a name never wins over an id that begins alike: when both
//! fit different things, the person is asked to say more.

use chartmesh_protocol::peer::{FoundBy, FoundOne, FoundView, Stands};

use crate::exit::{Exit, Failure, Outcome};
use crate::limits::LISTED_MAX;
use crate::style::one_line;

/// Hexadecimal digits that a shortened id must have at least.
const PREFIX_DIGITS_MIN: usize = 4;

/// One thing that may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The id that counts.
    pub(crate) id: String,
    /// Another id of the same thing, such as a chart's for its patient.
    pub(crate) other_id: Option<String>,
    /// Its name; empty when it has none.
    pub(crate) name: String,
    /// Where it stands, if it is an institution.
    pub(crate) stands: Option<Stands>,
}

impl Candidate {
    pub(crate) fn new(id: impl ToString, name: impl Into<String>) -> Self {
        Self { id: id.to_string(), other_id: None, name: name.into(), stands: None }
    }

    fn has_id_of(&self, prefix: &str) -> bool {
        self.id.starts_with(prefix)
            || self.other_id.as_ref().is_some_and(|other| other.starts_with(prefix))
    }

    /// The quotation marks around what somebody calls itself are typed, or are not.
    fn is_named(&self, name: &str) -> bool {
        let bare = |name: &str| name.trim_matches(['\u{201c}', '\u{201d}']).to_lowercase();
        !self.name.is_empty() && bare(&self.name) == bare(name)
    }

    fn shown(&self) -> String {
        let id = self.id.get(..8).unwrap_or(&self.id);
        let other = self.other_id.as_deref().map(|other| other.get(..8).unwrap_or(other));
        let other = other.map(|other| format!(", {other}")).unwrap_or_default();
        let stands = self.stands.map(|stands| format!("  ({})", stands.name())).unwrap_or_default();
        format!("  {id}{other}  {}{stands}", one_line(&self.name)).trim_end().to_owned()
    }
}

/// The one thing that a word means of what a node found, if it means any. What a name merely begins with
/// is not meant.
pub(crate) fn meant(text: &str, view: &FoundView) -> Outcome<Option<Candidate>> {
    if let Some(member) = only_member(view) {
        return Ok(Some(member.into()));
    }
    let fit = view.found.iter().filter(|one| one.by != FoundBy::Beginning);
    let mut fit = distinct(fit.map(Candidate::from).collect());
    // Ids are found in their order: one more that begins so may have been cut off.
    let by_id = view.found.iter().any(|one| one.by == FoundBy::Id);
    if fit.len() > 1 || fit.len() == 1 && by_id && view.more {
        return Err(ambiguous(text, &fit, view.more));
    }
    Ok(fit.pop())
}

/// The one member among all that bear a name: others vouched for it, and whoever else takes its name, to be met
/// in its place or to make it ambiguous, is passed over, however many they are: no member of that name is cut off
/// for them. An id that begins so is still asked about.
fn only_member(view: &FoundView) -> Option<&FoundOne> {
    let fit = || view.found.iter().filter(|one| one.by != FoundBy::Beginning);
    let mut members = fit().filter(|one| one.stands == Some(Stands::Member));
    let member = members.next()?;
    let only = members.next().is_none() && fit().all(|one| one.by == FoundBy::Name);
    only.then_some(member)
}

impl From<&FoundOne> for Candidate {
    fn from(one: &FoundOne) -> Self {
        let FoundOne { id, other, name, stands, .. } = one.clone();
        Self { id, other_id: other, name, stands }
    }
}

/// The one candidate that `text` means, of a list that is at hand. `what` is the thing in a sentence:
/// "institution".
pub(crate) fn pick(what: &str, text: &str, candidates: &[Candidate]) -> Outcome<Candidate> {
    let text = text.trim();
    let prefix = text.to_lowercase();
    let is_id = prefix.len() >= PREFIX_DIGITS_MIN && prefix.bytes().all(|b| b.is_ascii_hexdigit());
    let fit = candidates
        .iter()
        .filter(|candidate| candidate.is_named(text) || is_id && candidate.has_id_of(&prefix));
    let mut fit = distinct(fit.cloned().collect());
    if fit.len() > 1 {
        return Err(ambiguous(text, &fit, false));
    }
    fit.pop().ok_or_else(|| unknown(what, text, candidates, false))
}

fn ambiguous(text: &str, fit: &[Candidate], more: bool) -> Failure {
    let count = if more { format!("more than {}", fit.len()) } else { fit.len().to_string() };
    let text = format!("`{text}` can mean {count} of these:\n{}", list(fit, more));
    Failure::usage(text).next("give more digits of the id")
}

/// Nothing fits; says what could be meant.
pub(crate) fn unknown(what: &str, text: &str, known: &[Candidate], more: bool) -> Failure {
    let failure = Failure::new(Exit::NotFound, format!("no {what} `{text}` is known here"));
    if known.is_empty() {
        return failure.next(format!(
            "this node knows no {what} yet; give the whole id, if you have it, or ask another node (--dir)"
        ));
    }
    failure.next(format!(
        "give a whole name, or at least {PREFIX_DIGITS_MIN} digits of an id; known here:\n{}",
        list(&distinct(known.to_vec()), more)
    ))
}

fn distinct(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by(|a, b| a.id.cmp(&b.id));
    candidates.dedup_by(|a, b| a.id == b.id);
    candidates
}

fn list(candidates: &[Candidate], more: bool) -> String {
    let shown = candidates.iter().take(LISTED_MAX).map(Candidate::shown);
    let mut lines: Vec<String> = shown.collect();
    match candidates.len().saturating_sub(LISTED_MAX) {
        _ if more => lines.push("  and more".to_owned()),
        0 => {}
        rest => lines.push(format!("  and {rest} more")),
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates() -> Vec<Candidate> {
        vec![
            Candidate::new("aaaa1111bbbb", "Alder"),
            Candidate::new("aaaa2222bbbb", "Birch"),
            Candidate {
                other_id: Some("cccc3333".into()),
                ..Candidate::new("dddd4444", "Chestnut")
            },
            Candidate::new("eeee5555ffff", "alder"),
        ]
    }

    #[test]
    fn a_unique_beginning_or_name_is_enough() {
        let pick = |text| pick("institution", text, &candidates()).map(|found| found.id);
        assert_eq!(pick("aaaa1"), Ok("aaaa1111bbbb".into()));
        assert_eq!(pick("AAAA2222"), Ok("aaaa2222bbbb".into()));
        assert_eq!(pick("birch"), Ok("aaaa2222bbbb".into()));
        assert_eq!(pick("cccc"), Ok("dddd4444".into()));
        let relay = [Candidate::new("eeee1111", "\u{201c}Sakura Relay\u{201d}")];
        for typed in ["Sakura Relay", "\u{201c}sakura relay\u{201d}"] {
            assert!(super::pick("institution", typed, &relay).is_ok(), "{typed}");
        }
    }

    #[test]
    fn what_can_mean_several_is_refused_with_the_candidates() {
        let failure = pick("institution", "aaaa", &candidates()).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.text.contains("aaaa1111  Alder") && failure.text.contains("Birch"));
        assert_eq!(pick("institution", "Alder", &candidates()).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn a_name_makes_no_candidate_of_its_own() {
        let both =
            [Candidate::new("aaaa1111", "A\n  bbbb2222  Alder"), Candidate::new("cccc3333", "B")];
        let failure = pick("institution", "Maple", &both).unwrap_err();
        assert_eq!(failure.next.unwrap().lines().count(), 3);
    }

    #[test]
    fn a_name_that_looks_like_an_id_does_not_take_its_place() {
        let mut all = candidates();
        all.push(Candidate::new("99998888", "aaaa1111"));
        assert_eq!(pick("institution", "aaaa1111", &all).unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn what_is_unknown_says_what_is_known() {
        for short in ["aaa", "Maple", ""] {
            let failure = pick("institution", short, &candidates()).unwrap_err();
            assert_eq!(failure.exit, Exit::NotFound, "{short}");
            assert!(failure.next.unwrap().contains("dddd4444, cccc3333  Chestnut"));
        }
    }

    fn found(id: &str, name: &str, by: FoundBy) -> FoundOne {
        let what = chartmesh_protocol::peer::Thing::Institution;
        FoundOne { what, id: id.into(), other: None, name: name.into(), stands: None, by }
    }

    #[test]
    fn one_member_is_meant_among_others_that_took_its_name_but_not_two() {
        let named = |id: &str, stands| FoundOne {
            stands: Some(stands),
            ..found(id, "Alder", FoundBy::Name)
        };
        let mean = |found: Vec<FoundOne>| meant("Alder", &FoundView { found, more: false });
        let (member, relay) = (named("aaaa1111", Stands::Member), named("bbbb1111", Stands::Relay));
        let one = mean(vec![relay.clone(), member.clone()]).unwrap().unwrap();
        assert_eq!(one.id, "aaaa1111");
        let cut_off = FoundView { found: vec![member.clone(), relay.clone()], more: true };
        assert_eq!(meant("Alder", &cut_off).unwrap().unwrap().id, "aaaa1111");
        let other = named("cccc1111", Stands::Member);
        let failure = mean(vec![relay.clone(), member.clone(), other]).unwrap_err();
        assert!(failure.text.contains("3 of these") && failure.text.contains("Alder  (relay)"));
        let expelled = named("dddd1111", Stands::Expelled);
        assert!(mean(vec![relay, expelled]).unwrap_err().text.contains("(expelled)"));
        let by_id = found("a1de4444", "Birch", FoundBy::Id);
        assert!(mean(vec![by_id, member]).is_err(), "an id is no name");
    }

    #[test]
    fn what_a_name_merely_begins_with_is_not_meant_and_an_id_and_a_name_are_asked_about() {
        let by_name = found("99998888", "aaaa1111", FoundBy::Name);
        let begins = found("aaaa2222", "aaaa1111 and Sons", FoundBy::Beginning);
        let by_id = found("aaaa1111", "Alder", FoundBy::Id);
        let mean = |found: &[&FoundOne], more| {
            let found = found.iter().map(|one| (*one).clone()).collect();
            meant("aaaa1111", &FoundView { found, more })
        };
        let id = |found: &[&FoundOne], more| mean(found, more).unwrap().map(|one| one.id);
        assert_eq!(id(&[&begins], false), None);
        assert_eq!(id(&[&by_name, &begins], true), Some("99998888".into()));
        assert_eq!(id(&[&by_id, &begins], false), Some("aaaa1111".into()));
        let failure = mean(&[&by_id, &by_name], false).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.text.contains("2 of these") && failure.text.contains("99998888  aaaa1111"));
        let failure = mean(&[&by_id], true).unwrap_err();
        assert!(failure.text.contains("more than 1") && failure.text.ends_with("and more"));
    }
}
