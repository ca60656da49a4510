//! Who belongs to the region.

use chartmesh_protocol::federation::command::{Admit, Create, Expel, Invite, Join, Leave};
use chartmesh_protocol::federation::view::{FederationView, MemberView};
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::limits::FIRST_MEMBERS_MAX;
use chartmesh_protocol::membership::Status;
use chartmesh_protocol::peer::{CodeView, ask};
use serde_json::json;

use crate::context::Context;
use crate::exit::{Exit, Outcome};
use crate::node::{Node, id, name_of};
use crate::output::{self, Cell, Output, Style, faint, row, time};
use crate::resolve::{Candidate, pick};
use crate::when::{Span, span};

/// Found a federation, join one, admit and expel members
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Args {
    /// Begin to found a federation; it stands once its first members are there
    #[command(
        after_help = "Examples:\n  chartmesh federation create \"River valley\" --threshold 2\n  chartmesh federation create \"Lake\" --threshold 3 --first-members 12"
    )]
    Create {
        /// The federation's name
        name: String,
        /// Sponsors that each later admission will need
        #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(2..=16))]
        threshold: u16,
        /// First members that the charter names, this institution among them [default: as many as sponsors]
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(2..=i64::from(FIRST_MEMBERS_MAX)))]
        first_members: Option<u16>,
    },
    /// Make an invite for an institution that is to join
    #[command(after_help = "Example:\n  chartmesh federation invite --valid 2d")]
    Invite {
        /// How long the invite holds [default: 7d]
        #[arg(long, value_name = "TIME", value_parser = span)]
        valid: Option<Span>,
    },
    /// Apply for membership with an invite
    #[command(after_help = "Example:\n  chartmesh federation join cm-i-AbCd...")]
    Join {
        /// The invite; white space in it does not matter
        #[arg(required = true, value_name = "CODE")]
        code: Vec<String>,
    },
    /// List the federation's members, applicants and proposals
    #[command(after_help = "Example:\n  chartmesh federation members --json")]
    Members,
    /// Sponsor an applicant; while founding, take it as a first member
    #[command(after_help = "Example:\n  chartmesh federation admit \"Birch Clinic\"")]
    Admit {
        /// Its name, or the beginning of its id
        party: String,
    },
    /// Propose to expel a member, or vote for a proposal that is there; expulsion is final
    #[command(
        after_help = "Example:\n  chartmesh federation expel \"Birch Clinic\" --reason \"its keys were stolen\""
    )]
    Expel {
        /// Its name, or the beginning of its id
        party: String,
        /// Why, for the other members
        #[arg(long, value_name = "TEXT", default_value = "")]
        reason: String,
    },
    /// Leave the federation
    #[command(after_help = "Example:\n  chartmesh federation leave")]
    Leave,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        match self {
            Self::Create { name, threshold, first_members } => {
                let first = first_members.unwrap_or(threshold);
                let create = Create { name: name.clone(), threshold, first_members };
                let answer = node.command(create, None).await?;
                node.out.answer(&json!(answer), |out| {
                    out.line(format!("founding `{name}`: {first} first members are needed, this node's institution among them"));
                    out.next("`chartmesh federation invite`, and give the code to the others; then `federation admit` each");
                });
            }
            Self::Invite { valid } => {
                let valid_ms = valid.map(|span| span.0);
                let code = node.command(Invite { valid_ms, addresses: Vec::new() }, None).await?;
                let whoever = "Whoever has it can apply: pass it on over a way you trust, and compare fingerprints before you admit.";
                show_code(&node.out, &code, whoever, "chartmesh federation join");
            }
            Self::Join { code } => {
                let answer = node.command(Join { code: code.concat() }, None).await?;
                node.out.answer(&json!(answer), |out| {
                    out.line("applied; the members were told");
                    out.next("members admit with `chartmesh federation admit`; `chartmesh status` says when you are in");
                });
            }
            Self::Members => {
                let view = node.query(ask::Members).await?;
                node.out.answer(&json!(view), |out| show(out, &view));
                if view.federation.is_none() && !view.founding && !node.out.json {
                    outside(&node).await?;
                }
            }
            Self::Admit { party } => {
                let party = applicant(&node, &party).await?;
                let answer = node.command(Admit { party: id(&party)? }, None).await?;
                after(&node, &answer, "sponsored");
            }
            Self::Expel { party, reason } => {
                let party = node.institution(&party).await?;
                let answer = node.command(Expel { party: id(&party)?, reason }, None).await?;
                after(&node, &answer, "voted to expel");
            }
            Self::Leave => {
                let answer = node.command(Leave, None).await?;
                node.out.answer(&json!(answer), |out| out.line("left the federation"));
            }
        }
        Ok(())
    }
}

/// The applicant that a word means. Names are chosen by their bearers: who merely bears an applicant's, and
/// did not apply, makes it no less clear.
async fn applicant(node: &Node, text: &str) -> Outcome<String> {
    let view = node.query(ask::Members).await?;
    match pick("applicant", text, &applicants(&view)) {
        // Why nobody else is admitted, the node says best.
        Err(failure) if failure.exit == Exit::NotFound => node.institution(text).await,
        found => Ok(found?.id),
    }
}

fn applicants(view: &FederationView) -> Vec<Candidate> {
    let waits = |party: &&MemberView| {
        !party.this_node && (party.applied || matches!(party.standing, Status::Candidate { .. }))
    };
    let waiting = view.parties.iter().filter(waits);
    waiting.map(|party| Candidate::new(party.party, &party.name)).collect()
}

/// Says what was done, and how the federation stands afterwards.
fn after(node: &Node, view: &FederationView, done: &str) {
    node.out.answer(&json!(view), |out| {
        out.note(done);
        show(out, view);
    });
}

/// Says what a node that is in no federation is to do.
async fn outside(node: &Node) -> Outcome {
    let status = node.status().await?;
    if status.role == Role::Patient {
        node.out
            .note("a relay belongs to no federation: its patients' hospitals do, and vouch for it");
        return Ok(());
    }
    let known: Vec<String> = node.peers().await?.into_iter().map(|peer| peer.name).collect();
    if known.is_empty() {
        node.out.note("this node is in no federation");
        node.out.next("`chartmesh federation create NAME` founds one; `chartmesh federation join CODE` joins with a member's invite");
    } else {
        // Whoever invited it is known from the moment it applied.
        node.out.note(format!(
            "not admitted yet; this node applied to, or knows, {}",
            known.join(", ")
        ));
        let name = &status.name;
        node.out.next(format!("members sponsor it with `chartmesh federation admit \"{name}\"`; `chartmesh status` says when it is in"));
    }
    Ok(())
}

/// A code to pass on: whole, so that it can be copied, and in groups, so that it can be read out.
pub(super) fn show_code(out: &Output, view: &CodeView, whoever: &str, command: &str) {
    out.answer(&json!(view), |out| {
        out.line(&view.code);
        out.note(format!("\nIt can be used until {}, once. {whoever}", view.expires.utc_text()));
        out.note(format!("The same in groups, spaces do not matter:\n{}", groups(&view.code)));
        out.next(format!("on the other node: {command} CODE"));
    });
}

/// In groups of six, eight a line.
fn groups(code: &str) -> String {
    let chars: Vec<char> = code.chars().collect();
    let groups: Vec<String> = chars.chunks(6).map(|group| group.iter().collect()).collect();
    let lines: Vec<String> = groups.chunks(8).map(|line| format!("  {}", line.join(" "))).collect();
    lines.join("\n")
}

fn show(out: &Output, view: &FederationView) {
    if let Some(expelled) = &view.expelled {
        out.line(format!("this institution was {}", expelled.sentence()));
    }
    match (&view.federation, view.founding) {
        (Some(id), _) => out.facts(&[
            ("federation", Cell::new(&view.name, Style::Strong)),
            ("id", faint(id.to_string())),
            ("sponsors needed", view.threshold.to_string().into()),
        ]),
        (None, true) => out.line(format!(
            "`{}` is being founded: it stands once {} first members are there",
            view.name,
            view.first_members.unwrap_or(view.threshold)
        )),
        (None, false) => {}
    }
    let names: Vec<Candidate> =
        view.parties.iter().map(|party| Candidate::new(party.party, &party.name)).collect();
    let rows: Vec<_> = view.parties.iter().map(|party| row_of(party, &names, view)).collect();
    if !rows.is_empty() {
        out.table(&["NAME", "ROLE", "STANDS", "SINCE (UTC)", "ID", "BY"], &rows, "");
    }
    for proposal in &view.proposals {
        let state = if proposal.carried { "carried" } else { "open" };
        let reason = if proposal.reason.is_empty() {
            String::new()
        } else {
            format!(": {}", proposal.reason)
        };
        out.line(format!(
            "proposal to expel {}, by {} on {}{reason}; {} of {} votes, {state}",
            name_of(&names, proposal.subject),
            name_of(&names, proposal.author),
            proposal.at.utc_text(),
            proposal.votes.len(),
            proposal.electorate,
        ));
    }
}

fn row_of(party: &MemberView, names: &[Candidate], view: &FederationView) -> Vec<Cell> {
    let by = |parties: &std::collections::BTreeSet<_>| {
        parties.iter().map(|party| name_of(names, *party)).collect::<Vec<_>>().join(", ")
    };
    let (stands, since, sponsors) = match &party.standing {
        Status::Stranger if party.applied => {
            (Cell::new("applicant", Style::Waiting), faint(""), String::new())
        }
        Status::Stranger => (faint("no member"), faint(""), String::new()),
        Status::Candidate { sponsors } => {
            (Cell::new("candidate", Style::Waiting), faint(""), by(sponsors))
        }
        Status::Member { since, sponsors } => {
            (Cell::new("member", Style::Good), time(*since), by(sponsors))
        }
        Status::Expelled { votes, proposal } => {
            let proposal = view.proposals.iter().find(|one| one.proposal == *proposal);
            let since = proposal.map_or_else(|| faint(""), |proposal| time(proposal.at));
            (Cell::new("expelled", Style::Bad), since, by(votes))
        }
        Status::Left => (faint("left"), faint(""), String::new()),
    };
    let name =
        if party.this_node { format!("{} (this node)", party.name) } else { party.name.clone() };
    row![
        name,
        party.role.map_or("", |role| role.name()),
        stands,
        since,
        output::id(party.party),
        sponsors,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::peer::Command;

    #[test]
    fn the_protocol_understands_each_command() {
        let party = "ab".repeat(32);
        for command in [
            json!({"create": {"name": "Valley", "threshold": 2}}),
            json!({"create": {"name": "Valley", "threshold": 2, "first_members": 12}}),
            json!({"invite": {"valid_ms": null}}),
            json!({"invite": {"valid_ms": 5}}),
            json!({"join": {"code": "cm-i-x"}}),
            json!({"admit": {"party": party}}),
            json!({"expel": {"party": party, "reason": ""}}),
            json!("leave"),
        ] {
            let whole = json!({"federation": command});
            assert!(serde_json::from_value::<Command>(whole.clone()).is_ok(), "{whole}");
        }
    }

    #[test]
    fn groups_hold_the_whole_code() {
        let code = format!("cm-i-{}", "A".repeat(100));
        let shown = groups(&code);
        assert_eq!(shown.split_whitespace().collect::<String>(), code);
        assert!(shown.lines().all(|line| line.len() <= 60));
    }
}
