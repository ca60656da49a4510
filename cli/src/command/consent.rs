//! The patient decides: at the relay, about what institutions ask.

use bytesize::ByteSize;
use chartmesh_protocol::consent::command::{Approve, Defer, Deny, Revoke};
use chartmesh_protocol::consent::view::{GrantView, RequestView};
use chartmesh_protocol::consent::{self, Narrow};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::time::Timestamp;
use serde_json::{Value, json};

use super::request;
use super::wish::{WishArgs, kinds};
use crate::args::UserArg;
use crate::context::Context;
use crate::exit::Outcome;
use crate::node::{Node, id, name_of, said, short};
use crate::output::{self, Cell, Output, Style, row, time};
use crate::resolve::{Candidate, pick};
use crate::when::{Span, moment, span};

/// See what is asked of a patient, permit, refuse, take back
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Args {
    /// List requests: a patient's at the relay, one's own at a hospital
    #[command(after_help = "Example:\n  chartmesh consent requests --patient \"Sato Aiko\"")]
    Requests {
        /// Only this patient's
        #[arg(long)]
        patient: Option<String>,
        /// Show one in full
        #[arg(value_name = "REQUEST")]
        request: Option<String>,
    },
    /// Permit what a request asks, whole or narrowed; nothing here can widen what is seen
    #[command(
        after_help = "Examples:\n  chartmesh consent approve 91c0aa3e --kind imaging --since 2025-06-01 \\\n    --days 14 --read-only\n  chartmesh consent approve 91c0aa3e --once\n  chartmesh consent approve 91c0aa3e --may-pass-on \"Birch Clinic\"\n  chartmesh consent approve 91c0aa3e --quota 40GiB --quota-entries 5000"
    )]
    Approve {
        /// The request
        request: String,
        #[command(flatten)]
        narrow: NarrowArgs,
    },
    /// Refuse a request
    #[command(
        after_help = "Example:\n  chartmesh consent deny 91c0aa3e --reason \"Please ask Dr Mori\""
    )]
    Deny {
        /// The request
        request: String,
        /// A word to whoever asked
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Decide later
    #[command(after_help = "Example:\n  chartmesh consent defer 91c0aa3e --until 2026-12-01")]
    Defer {
        /// The request
        request: String,
        /// When to look again (UTC)
        #[arg(long, value_name = "DATE", value_parser = moment)]
        until: Timestamp,
    },
    /// Take permissions back; what was already obtained stays where it is
    #[command(after_help = "Example:\n  chartmesh consent revoke 3f2a91c0 --patient \"Sato Aiko\"")]
    Revoke {
        /// The permissions
        #[arg(required = true, value_name = "TOKEN")]
        tokens: Vec<String>,
        /// The patient
        #[arg(long)]
        patient: String,
    },
    /// At a hospital: pass on, narrowed, a permission of which the patient said that it may be
    ///
    /// The other hospital can then fetch by itself; holders and the patient see who passed it on.
    #[command(
        visible_alias = "delegate",
        after_help = "Example:\n  chartmesh consent grants\n  chartmesh consent pass-on 3f2a91c0 --to \"Birch Clinic\" \\\n    --kind laboratory --days 7"
    )]
    PassOn {
        /// The permissions, as received here
        #[arg(required = true, value_name = "GRANT")]
        grants: Vec<String>,
        /// The institution that gets them
        #[arg(long, value_name = "INSTITUTION")]
        to: String,
        /// Only this entry. Can be repeated [default: all that is covered]
        #[arg(long, value_name = "ENTRY")]
        entry: Vec<String>,
        /// Only records of this kind. Can be repeated [default: all that are covered]
        #[arg(long, value_name = "KIND", value_parser = kinds())]
        kind: Vec<Kind>,
        /// Days that it holds, never longer than what was received [default: as long]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=90))]
        days: Option<u64>,
        /// An institution that may get it from there, if the patient said twice in a row. Can be repeated
        #[arg(long, value_name = "INSTITUTION")]
        may_pass_on: Vec<String>,
        #[command(flatten)]
        user: UserArg,
    },
    /// List permissions: given by a patient at the relay, received at an institution
    #[command(after_help = "Example:\n  chartmesh consent grants --json")]
    Grants {
        /// Only this patient's
        #[arg(long)]
        patient: Option<String>,
        /// Say what each permits, sentence by sentence
        #[arg(long)]
        explain: bool,
    },
}

/// How a patient narrows a request.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct NarrowArgs {
    #[command(flatten)]
    wish: WishArgs,
    /// Days that the permission holds, 90 at most [default: 30]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=90))]
    days: Option<u64>,
    /// How long the permission holds, instead of days
    #[arg(long, value_name = "TIME", value_parser = span, conflicts_with = "days")]
    valid: Option<Span>,
    /// Only at this holder. Can be repeated [default: all that hold the entries]
    #[arg(long = "at", value_name = "HOLDER")]
    at: Vec<String>,
    /// A holder must refuse when its news of revocations is older; if not given: 7 days, and for whoever treats the patient no end
    #[arg(long, value_name = "TIME", value_parser = span)]
    max_staleness: Option<Span>,
    /// Only to read, even if adding is asked for
    #[arg(long)]
    read_only: bool,
    /// Only what there is now, even if a standing permission is asked for
    #[arg(long)]
    once: bool,
    /// An institution that the permission may be passed on to. Can be repeated [default: none]
    #[arg(long, value_name = "INSTITUTION")]
    may_pass_on: Vec<String>,
    /// How many times in a row it may be passed on: 1 or 2 [default: 1]
    #[arg(long, value_name = "N", requires = "may_pass_on",
        value_parser = clap::value_parser!(u16).range(1..=2))]
    depth: Option<u16>,
    /// Bytes that may be added at each holder, if adding is asked for, such as 20GiB [default: 10GiB]. More than that is
    /// also more than the institution's part of the patient's room there
    #[arg(long, value_name = "SIZE")]
    quota: Option<ByteSize>,
    /// Entries that may be added at each holder, likewise [default: 1000]
    #[arg(long, value_name = "N")]
    quota_entries: Option<u64>,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        match self {
            Self::Requests { request: Some(request), .. } => {
                let view = node.request(&request).await?;
                node.out.answer(&json!(view), |out| request::show(out, &view));
                Ok(())
            }
            Self::Requests { patient, request: None } => requests(&node, patient).await,
            Self::Approve { request, narrow } => approve(&node, &request, &narrow).await,
            Self::Deny { request, reason } => {
                let request = node.request(&request).await?.request;
                let answer = node.command(Deny { request, reason }, None).await?;
                node.out.answer(&json!(answer), |out| out.line("refused; whoever asked is told"));
                Ok(())
            }
            Self::Defer { request, until } => {
                let request = node.request(&request).await?.request;
                let answer = node.command(Defer { request, until }, None).await?;
                node.out.answer(&json!(answer), |out| {
                    out.line(format!("deferred until {}; whoever asked is told", until.utc_text()));
                });
                Ok(())
            }
            Self::Revoke { tokens, patient } => revoke(&node, &patient, &tokens).await,
            Self::PassOn { grants, to, entry, kind, days, may_pass_on, user } => {
                let asked = PassOn {
                    grants: &grants,
                    to: &to,
                    entries: &entry,
                    kinds: &kind,
                    days,
                    may_pass_on: &may_pass_on,
                    user: &user,
                };
                pass_on(&node, asked).await
            }
            Self::Grants { patient, explain } => grants(&node, patient, explain).await,
        }
    }
}

async fn requests(node: &Node, patient: Option<String>) -> Outcome {
    let patient = match patient {
        Some(patient) => Some(id(&node.subject(&patient).await?)?),
        None => None,
    };
    let mut views = node.all(ask::Requests::of(patient)).await?;
    RequestView::sort_by_time(&mut views);
    node.out.answer(&json!(views), |out| request::list(out, &views));
    Ok(())
}

async fn approve(node: &Node, text: &str, narrow: &NarrowArgs) -> Outcome {
    let view = node.request(text).await?;
    let patient = view.patient.to_string();
    let narrow: Narrow = said(json!({
        "wish": narrow.wish.resolve(node, &patient, None).await?,
        "days": narrow.days,
        "valid_ms": narrow.valid.map(|span| span.0),
        "audience": node.institutions_of(&narrow.at).await?,
        "max_staleness": narrow.max_staleness.map(|span| span.0 / 1000),
        "read_only": narrow.read_only,
        "once": narrow.once,
        "may_pass_on": node.institutions_of(&narrow.may_pass_on).await?,
        "depth": narrow.depth,
        "quota": narrow.quota.map(|size| size.as_u64()),
        "quota_entries": narrow.quota_entries,
    }))?;
    let approve = Approve { request: view.request, narrow };
    let approved = node.command(approve, Some(&patient)).await?;
    node.out.answer(&json!(approved), |out| request::show(out, &approved));
    if !node.out.json {
        let given = node.grants(Some(view.patient)).await?;
        for grant in given.iter().filter(|grant| grant.request == view.request) {
            node.out.line(&grant.in_words);
        }
        node.out.next(format!("chartmesh consent grants --patient {} --explain", short(&patient)));
    }
    Ok(())
}

async fn revoke(node: &Node, patient: &str, tokens: &[String]) -> Outcome {
    let patient = node.patient(patient).await?;
    let known: Vec<Candidate> = node
        .grants(Some(id(&patient)?))
        .await?
        .iter()
        .map(|grant| Candidate::new(grant.token, &grant.grantee_name))
        .collect();
    let mut chosen = Vec::new();
    for text in tokens {
        chosen.push(pick("permission", text, &known)?.id);
    }
    let revoke: Revoke = said(json!({"patient": patient, "tokens": chosen}))?;
    let answer = node.command(revoke, Some(&patient)).await?;
    node.out.answer(&json!(answer), |out| {
        out.line(format!("revoked {}; the holders are told as they are reached", chosen.len()));
        out.note("what was obtained under them before stays where it is");
    });
    Ok(())
}

/// What is passed on, as a person names it.
struct PassOn<'a> {
    grants: &'a [String],
    to: &'a str,
    entries: &'a [String],
    kinds: &'a [Kind],
    days: Option<u64>,
    may_pass_on: &'a [String],
    user: &'a UserArg,
}

async fn pass_on(node: &Node, asked: PassOn<'_>) -> Outcome {
    node.require(Role::Hospital, "hospitals pass permissions on").await?;
    let (mut tokens, mut patient) = (Vec::new(), String::new());
    for text in asked.grants {
        let (token, whose) = node.received(text).await?;
        tokens.push(token);
        patient = if patient.is_empty() { whose } else { patient };
    }
    let entries = match asked.entries.is_empty() {
        true => Vec::new(),
        false => node.entries_of(&patient, asked.entries).await?,
    };
    let pass_on: consent::command::PassOn = said(json!({
        "grants": tokens,
        "to": node.institution(asked.to).await?,
        "entries": entries,
        "kinds": asked.kinds,
        "days": asked.days,
        "may_pass_on": node.institutions_of(asked.may_pass_on).await?,
        "user": asked.user.name(),
    }))?;
    let view = node.command(pass_on, None).await?;
    node.out.answer(&json!(view), |out| {
        out.line("passed on; the other institution and the patient's relay are told");
        out.next(format!("there: chartmesh request fetch {}", view.request.short()));
    });
    Ok(())
}

async fn grants(node: &Node, patient: Option<String>, explain: bool) -> Outcome {
    let patient = match patient {
        Some(patient) => Some(id(&node.subject(&patient).await?)?),
        None => None,
    };
    let views = node.grants(patient).await?;
    let known = if node.out.json { Vec::new() } else { node.institutions().await? };
    node.out.answer(&json!(views), |out| show_grants(out, &views, &known, explain));
    Ok(())
}

fn show_grants(out: &Output, views: &[GrantView], known: &[Candidate], explain: bool) {
    if explain && !views.is_empty() {
        for view in views {
            out.styled(format!("{} {}", view.token.short(), view.state), Style::Strong);
            for sentence in &view.explained {
                out.line(format!("  {sentence}"));
            }
        }
        return;
    }
    let rows: Vec<_> = views
        .iter()
        .map(|view| {
            let holders: Vec<String> =
                view.holders.iter().map(|holder| name_of(known, *holder)).collect();
            let through: Vec<String> =
                view.through.iter().map(|party| name_of(known, *party)).collect();
            row![
                output::id(view.token),
                view.grantee_name.as_str(),
                state(&view.state),
                view.operations.join(" "),
                covers(view),
                time(view.expires),
                output::id(view.patient),
                holders.join(", "),
                through.join(", then "),
            ]
        })
        .collect();
    let heads = [
        "TOKEN",
        "GIVEN TO",
        "STATE",
        "TO",
        "COVERS",
        "UNTIL (UTC)",
        "PATIENT",
        "HELD BY",
        "PASSED ON BY",
    ];
    out.table(&heads, &rows, "no permissions");
    if views.iter().any(|view| view.state == "dropped") {
        out.note("what is dropped no holder takes any more: a key that signed it was replaced since, or who passed it on was expelled; ask for it, or have it passed on, anew");
    }
}

/// How much a permission covers, in a few words.
fn covers(view: &GrantView) -> String {
    let kinds = match &view.kinds[..] {
        [] => "whole kinds".to_owned(),
        kinds => kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" "),
    };
    match (view.entries.len(), view.standing) {
        (0, true) => format!("{kinds}, also later"),
        (0, false) => kinds,
        (1, _) => "1 entry".to_owned(),
        (n, _) => format!("{n} entries"),
    }
}

fn state(state: &str) -> Cell {
    let style = match state {
        "live" => Style::Good,
        "expired" => Style::Faint,
        _ => Style::Bad,
    };
    Cell::new(state, style)
}

/// What a listing of permissions as JSON needs to be read by `token explain`.
pub(super) fn chains(value: &Value) -> Vec<String> {
    let list = value.as_array().map_or_else(|| vec![value], |list| list.iter().collect());
    list.iter().filter_map(|grant| grant["chain"].as_str()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::peer::Command;

    #[test]
    fn the_protocol_understands_each_command() {
        let (id, party) = ("ab".repeat(16), "cd".repeat(32));
        let wish = json!({"kinds": [], "entries": [], "since": null, "until": null, "write": null});
        for command in [
            json!({"approve": {"request": id, "narrow": {"wish": wish, "days": 3, "valid_ms": null,
                "audience": [party], "max_staleness": 3600, "read_only": true, "once": true,
                "may_pass_on": [party], "depth": 2, "quota": 1024, "quota_entries": 10}}}),
            json!({"pass-on": {"grants": [id], "to": party, "entries": [id], "kinds": ["imaging"],
                "days": 7, "may_pass_on": [], "user": "Dr Mori"}}),
            json!({"deny": {"request": id, "reason": "no"}}),
            json!({"defer": {"request": id, "until": 5}}),
            json!({"revoke": {"patient": party, "tokens": [id]}}),
        ] {
            serde_json::from_value::<Command>(json!({ "consent": command })).unwrap();
        }
    }

    #[test]
    fn chains_are_found_in_a_listing_and_in_one_permission() {
        assert_eq!(chains(&json!([{"chain": "a"}, {"chain": "b"}])), ["a", "b"]);
        assert_eq!(chains(&json!({"chain": "a"})), ["a"]);
        assert!(chains(&json!("x")).is_empty());
    }
}
