//! What a person means by a name or the beginning of an id.
//!
//! Names are chosen by their bearers, so a name never wins over an id that begins alike: when both
//! fit different things, the person is asked to say more.

use crate::exit::{Exit, Failure, Outcome};

/// Hexadecimal digits that a shortened id must have at least.
const PREFIX_DIGITS_MIN: usize = 4;
/// Candidates that an error lists at most.
const LISTED_MAX: usize = 10;

/// One thing that may be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The id that counts.
    pub(crate) id: String,
    /// Another id of the same thing, such as a chart's for its patient.
    pub(crate) other_id: Option<String>,
    /// Its name; empty when it has none.
    pub(crate) name: String,
}

impl Candidate {
    pub(crate) fn new(id: impl ToString, name: impl Into<String>) -> Self {
        Self { id: id.to_string(), other_id: None, name: name.into() }
    }

    fn has_id_of(&self, prefix: &str) -> bool {
        self.id.starts_with(prefix)
            || self.other_id.as_ref().is_some_and(|other| other.starts_with(prefix))
    }

    fn is_named(&self, name: &str) -> bool {
        !self.name.is_empty() && self.name.to_lowercase() == name.to_lowercase()
    }

    fn shown(&self) -> String {
        let id = self.id.get(..8).unwrap_or(&self.id);
        let other = self.other_id.as_deref().map(|other| other.get(..8).unwrap_or(other));
        let other = other.map(|other| format!(", {other}")).unwrap_or_default();
        format!("  {id}{other}  {}", self.name).trim_end().to_owned()
    }
}

/// The one candidate that `text` means. `what` is the thing in a sentence: "institution".
pub(crate) fn pick(what: &str, text: &str, candidates: &[Candidate]) -> Outcome<Candidate> {
    let text = text.trim();
    let prefix = text.to_lowercase();
    let is_id = prefix.len() >= PREFIX_DIGITS_MIN && prefix.bytes().all(|b| b.is_ascii_hexdigit());
    let mut found: Vec<&Candidate> = candidates
        .iter()
        .filter(|candidate| candidate.is_named(text) || is_id && candidate.has_id_of(&prefix))
        .collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found.dedup_by(|a, b| a.id == b.id);
    match found[..] {
        [one] => Ok(one.clone()),
        [] => Err(Failure::new(Exit::NotFound, format!("no {what} `{text}` is known here"))
            .next(known(what, candidates))),
        _ => Err(Failure::usage(format!(
            "`{text}` can mean {} of these:\n{}",
            found.len(),
            list(&found)
        ))
        .next("give more digits of the id")),
    }
}

fn known(what: &str, candidates: &[Candidate]) -> String {
    let mut all: Vec<&Candidate> = candidates.iter().collect();
    all.sort_by(|a, b| a.id.cmp(&b.id));
    all.dedup_by(|a, b| a.id == b.id);
    if all.is_empty() {
        return format!(
            "this node knows no {what} yet; give the whole id, if you have it, or ask another node (--dir)"
        );
    }
    format!(
        "give a whole name, or at least {PREFIX_DIGITS_MIN} digits of an id; known here:\n{}",
        list(&all)
    )
}

fn list(candidates: &[&Candidate]) -> String {
    let mut lines: Vec<String> =
        candidates.iter().take(LISTED_MAX).map(|candidate| candidate.shown()).collect();
    if candidates.len() > LISTED_MAX {
        lines.push(format!("  and {} more", candidates.len() - LISTED_MAX));
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
    }

    #[test]
    fn what_can_mean_several_is_refused_with_the_candidates() {
        let failure = pick("institution", "aaaa", &candidates()).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.text.contains("aaaa1111  Alder") && failure.text.contains("Birch"));
        assert_eq!(pick("institution", "Alder", &candidates()).unwrap_err().exit, Exit::Usage);
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
}
