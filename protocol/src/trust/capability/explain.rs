//! A permission in plain words: one sentence per claim, from one table.

use super::{Chain, Operation, Purpose, Scope, Set, Token};
use crate::id::{CompartmentId, EntryId, PartyId};
use crate::limits;
use crate::reason::fill;
use crate::time::Timestamp;
use core::fmt::Display;

/// How one claim reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// The claim's key on the wire.
    pub key: u64,
    /// Its name.
    pub claim: &'static str,
    /// Its form in CDDL.
    pub form: &'static str,
    /// The sentence. Words in braces stand for values.
    pub sentence: &'static str,
    /// When another sentence stands instead, and which.
    pub otherwise: Option<(Otherwise, &'static str)>,
}

/// When a row's other sentence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Otherwise {
    /// The claim is not there.
    Absent,
    /// The moment is over.
    Past,
    /// The moment is still to come.
    Future,
}

const fn row(
    key: u64,
    claim: &'static str,
    form: &'static str,
    sentence: &'static str,
    otherwise: Option<(Otherwise, &'static str)>,
) -> Row {
    Row { key, claim, form, sentence, otherwise }
}

/// The table of claims, as SPEC.md prints it.
pub const TABLE: &[Row] = &[
    row(1, "iss", "bytes .size 32", "It was given by {iss}.", None),
    row(2, "sub", "bytes .size 32", "It is about the record of {sub}.", None),
    row(
        3,
        "aud",
        "[1* bytes .size 32]",
        "It can be used at {aud} and nowhere else.",
        Some((Otherwise::Absent, "It can be used at any holder of the record.")),
    ),
    row(
        4,
        "exp",
        "uint",
        "It ends on {exp}.",
        Some((Otherwise::Past, "It ended on {exp} and no longer counts.")),
    ),
    row(
        5,
        "nbf",
        "uint",
        "It counts since {nbf}.",
        Some((Otherwise::Future, "It does not count before {nbf}.")),
    ),
    row(6, "iat", "uint", "It was signed on {iat}.", None),
    row(7, "cti", "bytes .size 16", "Its number is {cti}.", None),
    row(8, "cnf", "{3: bytes .size 32}", "Only {cnf} can use it.", None),
    row(300, "key", "uint .size 4", "It is signed with key number {key} of {iss}.", None),
    row(
        301,
        "parent",
        "bytes .size 32",
        "It narrows the permission {parent}.",
        Some((Otherwise::Absent, "It rests on no other permission.")),
    ),
    row(302, "operations", "[1* operation]", "It permits to {operations}.", None),
    row(303, "scope", "scope", "It covers {scope}.", None),
    row(
        304,
        "quota",
        "uint",
        "It permits to add or keep {quota} bytes at each holder, not more.",
        Some((Otherwise::Absent, "It sets no limit in bytes.")),
    ),
    row(305, "purpose", "purpose", "It is for {purpose}.", None),
    row(
        306,
        "delegation",
        "{1: uint .size 2, 2: [1* bytes .size 32]}",
        "It may be passed on {depth}, to {institutions}.",
        Some((Otherwise::Absent, "It may not be passed on.")),
    ),
    row(
        307,
        "max_staleness",
        "uint",
        "A holder must refuse it when its news of revocations is older than {max_staleness}.",
        Some((
            Otherwise::Absent,
            "A holder may go by old news of revocations if the bearer treats the patient; by news of up to 7 days if not.",
        )),
    ),
    row(
        308,
        "quota_entries",
        "uint",
        "It permits to add or keep {quota_entries} entries at each holder, not more.",
        Some((Otherwise::Absent, "It sets no limit in entries.")),
    ),
];

/// One sentence per claim and link, in the order of [`TABLE`], the patient's link first. Explains
/// what the permission says, not whether it is valid: nothing is verified here.
///
/// `names` gives the names of parties that are known by one; others show as the start of their id.
#[must_use]
pub fn explain(
    chain: &Chain,
    names: &dyn Fn(PartyId) -> Option<String>,
    now: Timestamp,
) -> Vec<String> {
    let links = chain.links();
    let mut sentences = Vec::new();
    for (index, link) in links.iter().enumerate() {
        if links.len() > 1 {
            sentences.push(format!("Link {} of {}:", index + 1, links.len()));
        }
        let words = Words { token: link.claims(), names };
        sentences.extend(
            TABLE.iter().map(|row| fill(template(row, words.token, now), |name| words.value(name))),
        );
    }
    sentences
}

fn template(row: &Row, token: &Token, now: Timestamp) -> &'static str {
    let absent = match row.key {
        3 => token.audience.is_none(),
        301 => token.parent.is_none(),
        304 => token.quota.is_none(),
        306 => token.delegation.is_none(),
        307 => token.max_staleness.is_none(),
        308 => token.quota_entries.is_none(),
        _ => false,
    };
    match row.otherwise {
        Some((Otherwise::Absent, other)) if absent => other,
        Some((Otherwise::Past, other)) if token.expires_at() <= now => other,
        Some((Otherwise::Future, other)) if Timestamp::from_seconds(token.not_before) > now => {
            other
        }
        _ => row.sentence,
    }
}

/// Values and how they read in the sentences: the claim, what it holds, its words. For SPEC.md.
#[must_use]
pub fn words() -> Vec<(&'static str, String, String)> {
    let row = |claim, value: &dyn Display, words: String| (claim, value.to_string(), words);
    let operations = Operation::ALL.iter().map(|o| (o.code(), o.in_words()));
    let purposes = Purpose::ALL.iter().map(|p| (p.code(), p.in_words()));
    let mut rows: Vec<_> = operations
        .map(|(code, words)| row("operations", &format_args!("[{code}]"), words.to_owned()))
        .collect();
    let several = [Operation::Read, Operation::Write, Operation::Keep];
    let several = list(several.iter().map(|operation| operation.in_words()));
    rows.push(row("operations", &"[1, 2, 3]", several));
    rows.extend(purposes.map(|(code, words)| row("purpose", &code, words.to_owned())));
    rows.extend([1, 2, 3].map(|depth| row("depth", &depth, times(depth))));
    let ages = [0, 1, 60, 90, 3600, 5400, 86_400, 604_800];
    rows.extend(ages.map(|seconds| row("max_staleness", &seconds, duration(seconds))));
    let dates = [1_795_251_600, 253_402_300_799, 253_402_300_800, u64::MAX];
    rows.extend(dates.map(|at| row("exp, nbf, iat", &at, Timestamp::from_seconds(at).utc_text())));
    for (entries, compartments) in [(1, 0), (3, 0), (0, 1), (0, 3), (2, 1)] {
        let ids = |first, n| (first..first + n).map(move |byte| [byte; 16]);
        let entry_ids = Set::new(ids(1, entries).map(EntryId));
        let compartment_ids = Set::new(ids(7, compartments).map(CompartmentId));
        let value = counts(entries, "entry", "entries").into_iter().chain(counts(
            compartments,
            "compartment",
            "compartments",
        ));
        let words = Scope::new(entry_ids, compartment_ids).map_or(String::new(), |s| scope(&s));
        rows.push(row("scope", &list(value), words));
    }
    let parties = ["Alder", "Birch", "Cedar"];
    rows.extend((1..=3).map(|n| row("aud, institutions", &n, list(parties[..n].iter()))));
    rows
}

/// "1 entry", "2 entries"; nothing of none.
fn counts(n: u8, one: &str, many: &str) -> Option<String> {
    (n > 0).then(|| format!("{n} {}", if n == 1 { one } else { many }))
}

struct Words<'a> {
    token: &'a Token,
    names: &'a dyn Fn(PartyId) -> Option<String>,
}

impl Words<'_> {
    fn value(&self, name: &str) -> String {
        let token = self.token;
        let date = |seconds| Timestamp::from_seconds(seconds).utc_text();
        match name {
            "iss" => self.party(token.issuer),
            "sub" => self.party(token.subject),
            "aud" => self.parties(token.audience.as_ref()),
            "exp" => date(token.expires),
            "nbf" => date(token.not_before),
            "iat" => date(token.issued),
            "cti" => token.id.to_string(),
            "cnf" => self.party(token.grantee()),
            "key" => token.key.to_string(),
            "parent" => token.parent.map(|parent| parent.short()).unwrap_or_default(),
            "operations" => list(token.operations.iter().map(Operation::in_words)),
            "scope" => scope(&token.scope),
            "quota" => token.quota.unwrap_or_default().to_string(),
            "quota_entries" => token.quota_entries.unwrap_or_default().to_string(),
            "purpose" => token.purpose.in_words().to_owned(),
            "depth" => times(token.delegation.as_ref().map_or(0, |delegation| delegation.depth)),
            "institutions" => {
                self.parties(token.delegation.as_ref().map(|delegation| &delegation.institutions))
            }
            "max_staleness" => duration(token.max_staleness.unwrap_or_default()),
            other => unreachable!("the table names no {other}"),
        }
    }

    /// A name as its bearer chose it, kept from looking like a sentence of ours.
    fn party(&self, party: PartyId) -> String {
        let name: String = (self.names)(party)
            .unwrap_or_default()
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(limits::NAME_SHOWN_CHARS_MAX)
            .collect();
        if name.trim().is_empty() { format!("party {}", party.short()) } else { name }
    }

    fn parties(&self, parties: Option<&super::Parties>) -> String {
        list(parties.iter().flat_map(|set| set.as_slice()).map(|&party| self.party(party)))
    }
}

/// "a", "a and b", "a, b and c".
fn list(items: impl Iterator<Item = impl Display>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    match items.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

fn scope(scope: &Scope) -> String {
    let entries = scope.entries().iter().map(|id| id.short());
    let compartments = scope.compartments().iter().map(|id| id.short());
    let whole = counted(compartments, "all of the compartment", "compartments, all of each:");
    let parts = [
        counted(entries, "the entry", "entries"),
        whole.map(|whole| whole + ", with what is added to it later"),
    ];
    list(parts.into_iter().flatten())
}

/// "the entry 01020304", "2 entries 01020304 and 05060708".
fn counted(ids: impl ExactSizeIterator<Item = String>, one: &str, many: &str) -> Option<String> {
    match ids.len() {
        0 => None,
        1 => Some(format!("{one} {}", list(ids))),
        n => Some(format!("{n} {many} {}", list(ids))),
    }
}

fn times(depth: u16) -> String {
    match depth {
        1 => "once".to_owned(),
        2 => "twice in a row".to_owned(),
        n => format!("{n} times in a row"),
    }
}

/// In the largest unit that divides it.
fn duration(seconds: u64) -> String {
    let (count, unit) = [(86_400, "day"), (3600, "hour"), (60, "minute")]
        .into_iter()
        .find(|(size, _)| seconds >= *size && seconds.is_multiple_of(*size))
        .map_or((seconds, "second"), |(size, unit)| (seconds / size, unit));
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_in_their_largest_whole_unit() {
        let read = [0, 1, 60, 90, 3600, 172_800].map(duration);
        assert_eq!(read, ["0 seconds", "1 second", "1 minute", "90 seconds", "1 hour", "2 days"]);
    }

    #[test]
    fn lists_read_as_people_write_them() {
        assert_eq!(list(["a"].iter()), "a");
        assert_eq!(list(["a", "b"].iter()), "a and b");
        assert_eq!(list(["a", "b", "c"].iter()), "a, b and c");
    }
}
