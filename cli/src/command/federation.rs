//! Who belongs to the region.

use chartmesh_protocol::codes::Code;
use chartmesh_protocol::federation::command::{
    Admit, Choose, Expel, Follow, Found, Invite, Join, Leave, Recall, Rename, Threshold, Uninvite,
    Withdraw,
};
use chartmesh_protocol::federation::view::{FederationView, MemberView, OpenView, Status, Wanted};
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::identity::{Fingerprint, Role};
use chartmesh_protocol::naming::quoted;
use chartmesh_protocol::peer::{CodeView, InviteView, ask};
use serde_json::json;

use crate::context::Context;
use crate::exit::{Exit, Failure, Outcome};
use crate::node::{Node, id, name_of};
use crate::output::{self, Cell, Output, Style, faint, row};
use crate::resolve::{Candidate, pick};
use crate::when::{Span, span};

/// Found a federation, join one, admit and expel members
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Args {
    /// Found a federation, with this institution as its only member
    #[command(
        after_help = "Examples:\n  chartmesh federation found \"River valley\"\n  chartmesh federation found \"Lake\" --threshold 3"
    )]
    Found {
        /// The federation's name
        name: String,
        /// Sponsors that an admission needs, once there are as many members
        #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(2..=16))]
        threshold: u16,
        /// Leave the federation of those who are gone for good, where too few are left to decide
        #[arg(long)]
        anew: bool,
    },
    /// Make an invite for an institution that is to join
    #[command(after_help = "Example:\n  chartmesh federation invite --valid 2d")]
    Invite {
        /// How long the invite holds [default: 7d]
        #[arg(long, value_name = "TIME", value_parser = span)]
        valid: Option<Span>,
    },
    /// Take an invite back that nobody has used, or that is in two hands
    #[command(
        long_about = "Takes an invite back: nobody applies with it any more. If two institutions have proven it, somebody has seen it; whoever applied with it is no applicant any more. Compare fingerprints by telephone before you invite one of them anew.",
        after_help = "Example:\n  chartmesh federation uninvite 3f9a"
    )]
    Uninvite {
        /// The invite, as `members` lists it, of which the beginning is enough; or the code itself
        invite: String,
    },
    /// Apply for membership with an invite
    #[command(after_help = "Example:\n  chartmesh federation join cm-i-AbCd...")]
    Join {
        /// The invite; white space in it does not matter
        #[arg(required = true, value_name = "CODE")]
        code: Vec<String>,
    },
    /// List the federation's members, applicants, and what is being decided
    #[command(after_help = "Example:\n  chartmesh federation members --json")]
    Members,
    /// Sponsor an applicant, or a member's new name
    #[command(
        alias = "sponsor",
        after_help = "Example:\n  chartmesh federation admit \"Birch Clinic\""
    )]
    Admit {
        /// Its name, or the beginning of its id
        party: String,
        /// Although its name looks like a member's
        #[arg(long)]
        although_alike: bool,
    },
    /// At a relay: go with a hospital of its patients to the federation in which that is now
    #[command(
        long_about = "At a relay: goes with a hospital of its patients to the federation in which that is now. A relay does so by itself when the hospital founded anew or joined another, and no other hospital of its patients stays behind.",
        after_help = "Example:\n  chartmesh federation follow \"Kita Hospital\""
    )]
    Follow {
        /// Its name, or the beginning of its id
        hospital: String,
    },
    /// Vote to expel a member; expulsion is final
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
    /// Take back a sponsorship or a vote that has not decided anything yet; or this institution's own application
    #[command(
        after_help = "Examples:\n  chartmesh federation withdraw \"Birch Clinic\"\n  chartmesh federation withdraw    # at an applicant: its own application"
    )]
    Withdraw {
        /// About whom: its name, or the beginning of its id; nobody: this institution's own application, or its wish for
        /// another name
        party: Option<String>,
    },
    /// Want another number of sponsors for admissions
    #[command(after_help = "Example:\n  chartmesh federation threshold 3")]
    Threshold {
        /// How many
        #[arg(value_parser = clap::value_parser!(u16).range(2..=16))]
        sponsors: u16,
    },
    /// Ask the members to call this institution by another name
    #[command(after_help = "Example:\n  chartmesh federation rename \"Alder Hospital\"")]
    Rename {
        /// The name
        name: String,
    },
    /// Show the code of the members' list, to be compared with another hospital by telephone
    #[command(after_help = "Example:\n  chartmesh federation compare")]
    Compare,
    /// After a fork: stand where the others stand, once you have compared with them by telephone
    #[command(after_help = "Example:\n  chartmesh federation choose 4f3a...")]
    Choose {
        /// The successor, as `members` lists it, or its beginning as another hospital's `compare` shows it; white space does not matter
        #[arg(required = true, value_name = "VIEW")]
        view: Vec<String>,
    },
    /// Leave the federation
    #[command(after_help = "Example:\n  chartmesh federation leave")]
    Leave,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        match self {
            Self::Found { name, threshold, anew } => {
                let found = Found { name: name.clone(), threshold, anew };
                let answer = node.command(found, None).await?;
                node.out.answer(&json!(answer), |out| {
                    out.line(format!("founded `{name}`; this institution is its one member"));
                    out.next("`chartmesh federation invite`, and give the code to another; then `federation admit` it");
                });
            }
            Self::Invite { valid } => {
                let valid_ms = valid.map(|span| span.0);
                let code = node.command(Invite { valid_ms, addresses: Vec::new() }, None).await?;
                let whoever = "Whoever has it can apply: pass it on over a way you trust, and compare fingerprints before you admit.";
                show_code(&node.out, &code, whoever, "chartmesh federation join");
            }
            Self::Uninvite { invite } => {
                let view = node.query(ask::Members).await?;
                let invite = Code::parse(&invite, 'i').map_or(invite, |code| code.id().to_string());
                let beginning = |known: &&InviteView| known.invite.to_string().starts_with(&invite);
                let mut found = view.invites.iter().filter(beginning);
                let (Some(one), None) = (found.next(), found.next()) else {
                    let why = format!(
                        "no invite, or more than one, begins with {invite}; `chartmesh federation members` lists them"
                    );
                    return Err(Failure::new(Exit::NotFound, why));
                };
                let answer = node.command(Uninvite { invite: one.invite }, None).await?;
                after(&node, &answer, "taken back");
            }
            Self::Join { code } => {
                let answer = node.command(Join { code: code.concat() }, None).await?;
                node.out.answer(&json!(answer), |out| {
                    out.line("the application is on its way");
                    out.next("`chartmesh federation members` says if it was refused, and until then waits; members admit with `chartmesh federation admit`, and `chartmesh status` says when you are in");
                });
            }
            Self::Members => {
                let view = node.query(ask::Members).await?;
                node.out.answer(&json!(view), |out| show(out, &view));
                if view.federation.is_none() && !node.out.json {
                    outside(&node, view.refused.is_some()).await?;
                }
            }
            Self::Admit { party, although_alike } => {
                let party = id(&applicant(&node, &party).await?)?;
                let answer = node.command(Admit { party, although_alike }, None).await?;
                after(&node, &answer, "sponsored");
            }
            Self::Follow { hospital } => {
                let party = id(&node.institution(&hospital).await?)?;
                let answer = node.command(Follow { party }, None).await?;
                node.out.answer(&json!(answer), |out| {
                    out.note("the hospital is asked where it stands; `chartmesh federation members` says when this relay is there, too");
                });
            }
            Self::Expel { party, reason } => {
                let party = node.institution(&party).await?;
                let answer = node.command(Expel { party: id(&party)?, reason }, None).await?;
                after(&node, &answer, "voted to expel");
            }
            Self::Withdraw { party: None } => {
                let answer = node.command(Recall, None).await?;
                node.out.answer(&json!(answer), |out| {
                    out.line("taken back; the members are told, and forget it unless they have sealed it already");
                });
            }
            Self::Withdraw { party: Some(party) } => {
                let party = node.institution(&party).await?;
                let answer = node.command(Withdraw { party: id(&party)? }, None).await?;
                after(&node, &answer, "taken back");
            }
            Self::Threshold { sponsors } => {
                let answer = node.command(Threshold { sponsors }, None).await?;
                after(&node, &answer, unless_alone(&answer, "voted for another threshold"));
            }
            Self::Rename { name } => {
                let answer = node.command(Rename { name }, None).await?;
                let asked = "asked for; the members sponsor it like an admission";
                after(&node, &answer, unless_alone(&answer, asked));
            }
            Self::Compare => {
                let view = node.query(ask::Members).await?;
                let Some(id) = view.view else {
                    return Err(Failure::new(Exit::State, "this node is in no federation"));
                };
                node.out.answer(&json!(view), |out| {
                    out.line(format!("view {}: {}", view.number, spoken(&id.to_string())));
                    out.note("the same number and code at two hospitals: the same members");
                });
            }
            Self::Choose { view } => {
                let view = view.concat();
                let members = node.query(ask::Members).await?;
                let forks = members.forks.iter().map(|fork| fork.other);
                let others: Vec<_> =
                    forks.filter(|other| other.to_string().starts_with(&view)).collect();
                let successor = match others[..] {
                    [one] => one.to_string(),
                    _ => view,
                };
                let answer = node.command(Choose { successor: id(&successor)? }, None).await?;
                after(&node, &answer, "stands there now");
            }
            Self::Leave => {
                let answer = node.command(Leave, None).await?;
                after(
                    &node,
                    &answer,
                    match answer.federation {
                        Some(_) => "leaving; the others seal it",
                        None => "left; it was the one member",
                    },
                );
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
    let renamed = |party: &MemberView| {
        view.open.iter().any(|open| {
            open.party == Some(party.party) && matches!(open.wanted, Wanted::Renaming { .. })
        })
    };
    let waits = |party: &&MemberView| party.status == Status::Applicant || renamed(party);
    let waiting = view.parties.iter().filter(waits);
    waiting.map(|party| Candidate::new(party.party, party.called())).collect()
}

/// Says what was done, and how the federation stands afterwards.
fn after(node: &Node, view: &FederationView, done: &str) {
    node.out.answer(&json!(view), |out| {
        out.note(done);
        show(out, view);
    });
}

/// What is said of something that the members are to decide: the only one has done so.
fn unless_alone(view: &FederationView, asked: &'static str) -> &'static str {
    if members_of(view) == 1 { "done" } else { asked }
}

/// Says what a node that is in no federation is to do.
async fn outside(node: &Node, refused: bool) -> Outcome {
    let status = node.status().await?;
    if status.role == Role::Patient {
        node.out
            .note("a relay belongs to no federation: its patients' hospitals do, and vouch for it");
        return Ok(());
    }
    if refused {
        // Nobody can admit it: what there was to decide has ended.
        node.out.note("not admitted, and nobody is asked to admit it any more");
        node.out.next("mend what it was refused for, have a member make another invite, and `chartmesh federation join CODE` again");
        return Ok(());
    }
    let known: Vec<String> = node.peers().await?.into_iter().map(|peer| peer.name).collect();
    if known.is_empty() {
        node.out.note("this node is in no federation");
        node.out.next("`chartmesh federation found NAME` founds one; `chartmesh federation join CODE` joins with a member's invite");
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
    if let Some(id) = &view.federation {
        out.facts(&[
            ("federation", Cell::new(&view.name, Style::Strong)),
            ("id", faint(id.to_string())),
            ("sponsors needed", view.threshold.to_string().into()),
            ("view", view_of(view).into()),
        ]);
    }
    let names: Vec<Candidate> =
        view.parties.iter().map(|party| Candidate::new(party.party, party.called())).collect();
    let rows: Vec<_> = view.parties.iter().map(|party| row_of(party, view)).collect();
    if !rows.is_empty() {
        out.table(&["NAME", "ROLE", "STANDS", "KEY", "ID"], &rows, "");
    }
    for applicant in view.parties.iter().filter(|party| party.status == Status::Applicant) {
        out.line(format!(
            "applicant {}: fingerprint {}",
            applicant.called(),
            Fingerprint::of(applicant.party).words()
        ));
        for like in &applicant.looks_like {
            let careful = format!("  its name looks like that of the member {like}");
            out.styled(careful, Style::Bad);
        }
    }
    if let Some(refused) = &view.refused {
        let line = format!("the application was refused by {}: {}", refused.name, refused.why);
        out.styled(line, Style::Bad);
    }
    for invite in &view.invites {
        show_invite(out, invite, &|party| name_of(&names, party));
    }
    if members_of(view) == 1 && view.federation.is_some() {
        out.note("one member so far: what it wants is sealed at once, and the next institution that applies is admitted by it alone");
    } else if (2..WITHSTANDS_ONE).contains(&members_of(view)) {
        out.note("up to three members withstand nobody dishonest among them; of two, either alone can put the other out");
    }
    let names_of = |parties: &[_]| {
        parties.iter().map(|party| name_of(&names, *party)).collect::<Vec<_>>().join(", ")
    };
    for open in &view.open {
        out.line(format!(
            "{}: {} of {} ({})",
            wanted(open),
            open.by.len(),
            open.needed,
            names_of(&open.by)
        ));
    }
    if let Some(sealing) = &view.sealing {
        let waits = names_of(&sealing.waiting_for);
        out.line(format!("sealing: {} of {}, waiting for {waits}", sealing.have, sealing.needed));
        if sealing.put_back {
            out.line("this node's store was put back from a copy: it signs nothing until the others told it how far they are");
        }
    }
    if view.stuck {
        let (silent, all) = (view.silent.len(), members_of(view));
        out.line(format!(
            "members cannot change: {silent} of {all} out of reach, {} needed",
            view.quorum
        ));
    } else if !view.silent.is_empty() {
        out.line(format!("nothing was heard for a day of {}", names_of(&view.silent)));
    }
    for fork in &view.forks {
        out.line(format!(
            "view {} has two successors: {} signed both. Compare codes with another hospital by telephone; to stand at the other: chartmesh federation choose {}",
            fork.number,
            fork.names.join(", "),
            fork.other
        ));
    }
}

fn show_invite(out: &Output, view: &InviteView, name: &dyn Fn(PartyId) -> String) {
    let short: String = view.invite.to_string().chars().take(8).collect();
    let Some(other) = view.contested_by else {
        let until = view.expires.utc_text();
        return out.note(format!("invite {short} can be used until {until}, once"));
    };
    let first = view.by.map_or_else(|| "somebody".to_owned(), name);
    let line = format!(
        "invite {short} is in two hands, {first}'s and {}'s: chartmesh federation uninvite {short}",
        name(other)
    );
    out.styled(line, Style::Bad);
}

/// So many members withstand one of them that is dishonest.
const WITHSTANDS_ONE: usize = 4;

fn members_of(view: &FederationView) -> usize {
    view.parties.iter().filter(|party| party.status == Status::Member).count()
}

fn view_of(view: &FederationView) -> String {
    let code = view.view.map_or_else(String::new, |id| spoken(&id.to_string()));
    format!("{}, code {code}", view.number)
}

/// As much of an id as two people compare, in groups.
fn spoken(id: &str) -> String {
    let digits: Vec<char> = id.chars().take(24).collect();
    digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn wanted(open: &OpenView) -> String {
    match &open.wanted {
        Wanted::Admission => format!("admission of {}", quoted(&open.name)),
        Wanted::Renaming { name } => format!("another name, {}", quoted(name)),
        Wanted::Expulsion { reasons } if reasons.is_empty() => {
            format!("expulsion of {}", open.name)
        }
        Wanted::Expulsion { reasons } => {
            let reasons: Vec<_> = reasons.iter().map(|reason| quoted(reason)).collect();
            format!("expulsion of {} ({})", open.name, reasons.join("; "))
        }
        Wanted::Threshold { sponsors } => format!("{sponsors} sponsors for an admission"),
        Wanted::Leaving => format!("{} leaves", open.name),
    }
}

fn row_of(party: &MemberView, view: &FederationView) -> Vec<Cell> {
    let stands = match party.status {
        Status::Applicant => Cell::new("applicant", Style::Waiting),
        Status::Member if view.silent.contains(&party.party) => {
            Cell::new("member, silent", Style::Waiting)
        }
        Status::Member => Cell::new("member", Style::Good),
        Status::Expelled => Cell::new("expelled", Style::Bad),
        Status::Left => faint("left"),
    };
    let name = party.called();
    let name = if party.this_node { format!("{name} (this node)") } else { name };
    row![
        name,
        party.role.map_or("", |role| role.name()),
        stands,
        key_of(party),
        output::id(party.party),
    ]
}

/// The number of a member's key: how often it has rotated, and whether this view knows of it.
fn key_of(party: &MemberView) -> Cell {
    match (party.key, party.newest_key) {
        (Some(listed), Some(newest)) if newest > listed => {
            Cell::new(format!("{newest}, being sealed"), Style::Waiting)
        }
        (Some(listed), _) => listed.to_string().into(),
        (None, _) => faint(""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::peer::Command;

    #[test]
    fn the_protocol_understands_each_command() {
        let party = "ab".repeat(32);
        for command in [
            json!({"found": {"name": "Valley", "threshold": 2}}),
            json!({"found": {"name": "Valley", "threshold": 2, "anew": true}}),
            json!({"withdraw": {"party": party}}),
            json!({"threshold": {"sponsors": 3}}),
            json!({"rename": {"name": "Alder"}}),
            json!({"choose": {"successor": party}}),
            json!({"invite": {"valid_ms": null}}),
            json!({"invite": {"valid_ms": 5}}),
            json!({"uninvite": {"invite": "ab".repeat(16)}}),
            json!({"join": {"code": "cm-i-x"}}),
            json!({"admit": {"party": party}}),
            json!({"expel": {"party": party, "reason": ""}}),
            json!({"follow": {"party": party}}),
            json!("leave"),
            json!("recall"),
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
