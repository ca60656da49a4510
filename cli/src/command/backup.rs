//! Sealed records kept elsewhere, given back, deleted.

use chartmesh_protocol::backup::command::{Delete, Keep, Restore};
use chartmesh_protocol::backup::view::{DepositState, DepositStateView, DepositView};
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::time::Timestamp;
use serde_json::json;

use crate::args::WaitArgs;
use crate::check;
use crate::context::Context;
use crate::exit::{Exit, Failure, Outcome};
use crate::node::{Node, id, name_of, said};
use crate::output::{Style, bytes, counted, faint, row};
use crate::resolve::{Candidate, pick};
use crate::wait::{self, Look};
use crate::when::moment;

/// Have sealed records kept by a backup provider, get them back, have them deleted
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Args {
    /// At a hospital: have entries kept; all that this hospital made when none is named
    #[command(
        after_help = "Example:\n  chartmesh backup keep \"Cedar Backup\" \"Sato Aiko\" --wait"
    )]
    Keep {
        /// The backup provider
        holder: String,
        /// The patient or chart
        subject: String,
        /// The entries
        entry: Vec<String>,
        /// In the patient's name, under a permission that was received
        #[arg(long)]
        for_patient: bool,
        /// Not before this moment (UTC)
        #[arg(long, value_name = "DATE", value_parser = moment)]
        not_before: Option<Timestamp>,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// List what is kept here for others, and elsewhere for us
    #[command(after_help = "Example:\n  chartmesh backup list --json")]
    List {
        /// Only this patient's or chart's
        #[arg(long)]
        patient: Option<String>,
    },
    /// At a hospital: get back what a backup provider keeps for it
    #[command(
        visible_alias = "fetch",
        long_about = "Looks which objects are missing here, a whole store's or one file's, and gets back what a backup provider keeps for this hospital.",
        after_help = "Example:\n  chartmesh backup restore \"Cedar Backup\" \"Sato Aiko\" --wait"
    )]
    Restore {
        /// The backup provider
        holder: String,
        /// Only this patient's or chart's
        subject: Option<String>,
        /// Read all objects that are here first, to find damaged ones, too
        #[arg(long)]
        deep: bool,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Check that all objects kept here are there and unaltered; exit code 8 when one is not
    #[command(
        long_about = "Reads every object that is kept here, for others or for this institution, and compares it with its id. What is lost or damaged is neither served nor claimed any more. Exit code 8 when there is any.",
        after_help = "Example:\n  chartmesh backup verify"
    )]
    Verify {
        /// Look for the objects' files and measure them, but do not read them
        #[arg(long)]
        quick: bool,
    },
    /// Have a holder delete entries: an institution's own, or a patient's from the relay
    #[command(
        after_help = "Example:\n  chartmesh backup delete \"Cedar Backup\" 5be1c2d3 --patient \"Sato Aiko\""
    )]
    Delete {
        /// The backup provider
        holder: String,
        /// The entries
        #[arg(required = true)]
        entry: Vec<String>,
        /// In the name of this patient of the relay
        #[arg(long)]
        patient: Option<String>,
    },
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        match self {
            Self::Keep { holder, subject, entry, for_patient, not_before, wait } => {
                let holder = node.institution(&holder).await?;
                let subject = node.subject(&subject).await?;
                let entries = match entry.is_empty() {
                    true => Vec::new(),
                    false => node.entries_of(&subject, &entry).await?,
                };
                let keep: Keep = said(json!({
                    "holder": holder, "subject": subject, "entries": entries,
                    "for_patient": for_patient, "not_before": not_before,
                }))?;
                let view = node.command(keep, None).await?;
                if wait.wait {
                    kept(&node, &wait, &view).await?;
                }
                node.out.answer(&json!(view), |out| {
                    let done = if wait.wait { "kept" } else { "offered" };
                    let entry = if view.entries == 1 { "entry" } else { "entries" };
                    out.line(format!("{} {entry} {done}", view.entries));
                    if !wait.wait {
                        out.next(
                            "`chartmesh backup list` shows them once the provider has stored them",
                        );
                    }
                });
                Ok(())
            }
            Self::List { patient } => list(&node, patient).await,
            Self::Restore { holder, subject, deep, wait } => {
                restore(&node, &holder, subject.as_deref(), deep, &wait).await
            }
            Self::Verify { quick } => verify(&node, quick).await,
            Self::Delete { holder, entry, patient } => {
                delete(&node, &holder, &entry, patient).await
            }
        }
    }
}

async fn restore(
    node: &Node,
    holder: &str,
    subject: Option<&str>,
    deep: bool,
    wait: &WaitArgs,
) -> Outcome {
    let holder = node.institution(holder).await?;
    let subject = match subject {
        Some(subject) => Some(node.subject(subject).await?),
        None => None,
    };
    // What the disk lost is fetched again only once the node has noticed.
    let before = check::check(node, subject.as_deref(), deep).await?.lost.len();
    if before > 0 {
        let missing =
            counted(before, "object that ought to be here is", "objects that ought to be here are");
        node.out.note(format!("{missing} not"));
    }
    let restore: Restore = said(json!({"holder": holder, "subject": subject}))?;
    let answer = node.command(restore, None).await?;
    let mut left = 0;
    if wait.wait {
        transfers(node, wait, id(&holder)?).await?;
        left = check::check(node, subject.as_deref(), false).await?.lost.len();
    }
    node.out.answer(&json!(answer), |out| {
        out.line(if wait.wait {
            "what the provider keeps for this hospital is here"
        } else {
            "the provider was asked"
        });
    });
    if left == 0 {
        return Ok(());
    }
    let left = counted(left, "object is", "objects are");
    Err(Failure::new(Exit::NotFound, format!("{left} still missing")).next(
        "`chartmesh record verify` names their entries; another provider may have them, and what a patient had deposited comes by `chartmesh request download`",
    ))
}

async fn verify(node: &Node, quick: bool) -> Outcome {
    let checked = check::check(node, None, !quick).await?;
    node.out.answer(&json!(checked), |out| {
        let good = checked.objects.saturating_sub(checked.lost.len() as u64);
        let good = if good == 1 { "1 object is".to_owned() } else { format!("{good} objects are") };
        out.line(format!("{good} here, of {} in all", bytes(checked.bytes)));
        for lost in &checked.lost {
            let entries: Vec<_> = lost.entries.iter().map(|entry| entry.short()).collect();
            let line =
                format!("object {} {} (entry {})", lost.object, lost.what, entries.join(", "));
            out.styled(line, Style::Bad);
        }
    });
    if checked.lost.is_empty() {
        return Ok(());
    }
    let bad = counted(checked.lost.len(), "object is", "objects are");
    Err(Failure::new(Exit::NotAuthentic, format!("{bad} lost or damaged")).next(
        "at a hospital `chartmesh backup restore` gets them back; at a provider, have the depositor keep them again with `chartmesh backup keep`",
    ))
}

async fn list(node: &Node, patient: Option<String>) -> Outcome {
    let patient = match patient {
        Some(patient) => Some(id(&node.subject(&patient).await?)?),
        None => None,
    };
    let views = node.all(ask::Kept::of(patient)).await?;
    let known = if node.out.json { Vec::new() } else { node.institutions().await? };
    node.out.answer(&json!(views), |out| {
        let rows: Vec<_> = views
            .iter()
            .map(|view| {
                let owner = if view.owner_name.is_empty() {
                    view.owner.short()
                } else {
                    view.owner_name.clone()
                };
                row![
                    view.since.utc_text(),
                    view.holder_name.as_str(),
                    owner,
                    name_of(&known, view.depositor),
                    bytes(view.sealed_bytes),
                    faint(view.subject.short()),
                    faint(view.entry.short()),
                ]
            })
            .collect();
        let heads = ["SINCE", "KEPT AT", "FOR", "BROUGHT BY", "SIZE", "SUBJECT", "ENTRY"];
        out.table(&heads, &rows, "nothing is kept");
    });
    Ok(())
}

async fn delete(node: &Node, holder: &str, entries: &[String], patient: Option<String>) -> Outcome {
    let holder = node.institution(holder).await?;
    let patient = match patient {
        Some(patient) => Some(node.patient(&patient).await?),
        None => None,
    };
    let owner: Option<PartyId> = patient.as_deref().map(id).transpose()?;
    let kept = node.all(ask::Kept::of(owner)).await?;
    let mut candidates: Vec<Candidate> =
        kept.iter().map(|view| Candidate::new(view.entry, "")).collect();
    if let Some(subject) = owner {
        // A relay has no listing of what others keep, but knows the patient's entries.
        let entries = node.all(ask::Entries::of(subject)).await?;
        candidates.extend(entries.iter().map(|view| Candidate::new(view.entry, "")));
    }
    let mut chosen = Vec::new();
    for text in entries {
        // A whole id needs no listing.
        chosen.push(match text.len() {
            32 => text.to_lowercase(),
            _ => pick("kept entry", text, &candidates)?.id,
        });
    }
    let order: Delete = said(json!({"patient": patient, "holder": holder, "entries": chosen}))?;
    let answer = node.command(order, patient.as_deref()).await?;
    node.out.answer(&json!(answer), |out| {
        out.line(format!("the holder was told to delete what was named ({})", chosen.len()));
        out.next("`chartmesh backup list` no longer shows them once its receipt is here");
    });
    Ok(())
}

/// Waits until all of what was offered is stored; what the provider refuses never will be.
async fn kept(node: &Node, wait: &WaitArgs, offered: &DepositView) -> Outcome {
    wait::until(node, wait, "the deposit", async || {
        let views = node.query(ask::Deposits { deposits: offered.deposits.clone() }).await?;
        let stored = all_stored(&views)?;
        Ok(stored.then_some(()).into())
    })
    .await
}

/// Whether all deposits are stored. One that was refused is an error, once nothing else is under way.
fn all_stored(views: &[DepositStateView]) -> Outcome<bool> {
    let ended = |view: &DepositStateView| {
        matches!(view.state, DepositState::Stored | DepositState::Refused)
    };
    if !views.iter().all(ended) {
        return Ok(false);
    }
    let mut refused = views.iter().filter(|view| view.state == DepositState::Refused).peekable();
    let Some(first) = refused.peek() else { return Ok(true) };
    let why = first.refusal.as_ref().map_or("it did not say why".to_owned(), ToString::to_string);
    let entries = refused.map(|view| view.entries).sum();
    let entries = counted(entries, "entry is", "entries are");
    Err(Failure::new(Exit::Failed, format!("{entries} not kept; the provider refused: {why}")))
}

/// Waits until nothing of a holder's is on its way here any more, and nothing waits to be asked of it.
async fn transfers(node: &Node, wait: &WaitArgs, holder: PartyId) -> Outcome {
    let arrivals = wait::Arrivals::of(node, holder);
    wait::until(node, wait, "the end of the transfers", async || {
        let peers = node.peers().await?;
        let of_holder = peers.iter().filter(|peer| peer.institution == holder);
        let waiting: usize = of_holder.map(|peer| peer.waiting).sum();
        Ok(match arrivals.look(node).await? {
            Look::Found(()) if waiting > 0 => Look::NotYet,
            look => look,
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::peer::Command;
    use chartmesh_protocol::refusal::{Refusal, RefusalCode};

    #[test]
    fn what_was_refused_or_is_under_way_is_not_kept() {
        let view = |state, refusal| DepositStateView {
            deposit: "ab".repeat(16),
            entries: 2,
            state,
            refusal,
        };
        let (stored, filling) =
            (view(DepositState::Stored, None), view(DepositState::Filling, None));
        let refusal = Refusal::unlisted(RefusalCode::LimitReached);
        let why = refusal.to_string();
        let refused = view(DepositState::Refused, Some(refusal));
        assert_eq!(all_stored(&[stored.clone(), stored.clone()]), Ok(true));
        assert_eq!(all_stored(&[stored.clone(), filling.clone()]), Ok(false));
        assert_eq!(all_stored(&[refused.clone(), filling]), Ok(false));
        let failure = all_stored(&[stored, refused]).unwrap_err();
        let text = format!("2 entries are not kept; the provider refused: {why}");
        assert_eq!(failure.text, text);
    }

    #[test]
    fn the_protocol_understands_each_command() {
        let (id, party) = ("ab".repeat(16), "cd".repeat(32));
        for command in [
            json!({"keep": {"holder": party, "subject": party, "entries": [id], "for_patient": true,
                "not_before": null}}),
            json!({"restore": {"holder": party, "subject": null}}),
            json!({"delete": {"patient": null, "holder": party, "entries": [id]}}),
        ] {
            serde_json::from_value::<Command>(json!({ "backup": command })).unwrap();
        }
    }
}
