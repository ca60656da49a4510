//! Sealed records kept elsewhere, given back, deleted.

use chartmesh_protocol::backup::command::{Delete, Dismiss, Keep, Restore};
use chartmesh_protocol::backup::view::{DepositState, DepositStateView, DepositView, RestoreView};
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
    #[command(
        after_help = "Examples:\n  chartmesh backup list --json\n  chartmesh backup list --unkept"
    )]
    List {
        /// Only this patient's or chart's
        #[arg(long, conflicts_with = "unkept")]
        patient: Option<String>,
        /// Instead, what was to be kept elsewhere and is not, with the provider's reason
        #[arg(long)]
        unkept: bool,
    },
    /// At a hospital: show no more what a backup provider did not keep, once it was seen
    #[command(after_help = "Example:\n  chartmesh backup dismiss \"Cedar Backup\"")]
    Dismiss {
        /// The backup provider
        holder: String,
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
                    return kept(&node, &wait, &view).await;
                }
                node.out.answer(&json!(view), |out| {
                    out.line(counted(view.entries, "entry offered", "entries offered"));
                    out.next(
                        "`chartmesh backup list` shows them once the provider has stored them, `chartmesh backup list --unkept` what it did not take",
                    );
                });
                Ok(())
            }
            Self::List { unkept: true, .. } => unkept(&node).await,
            Self::List { patient, unkept: false } => list(&node, patient).await,
            Self::Dismiss { holder } => dismiss(&node, &holder).await,
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
    let begun = node.command(restore, None).await?;
    if !wait.wait {
        node.out.answer(&json!(begun), |out| out.line("the provider was asked"));
        return Ok(());
    }
    let ended = restored(node, wait, begun).await?;
    if let Some(why) = &ended.refusal {
        let spoilt = usize::try_from(ended.spoilt).unwrap_or(usize::MAX);
        let spoilt = counted(spoilt, "entry or object was", "entries or objects were");
        let text = format!("{spoilt} not restored: {why}");
        return Err(Failure::new(Exit::Failed, text)
            .next("what else came is here; ask again, or another provider"));
    }
    let left = check::check(node, subject.as_deref(), false).await?.lost.len();
    node.out.answer(&json!(ended), |out| {
        out.line("what the provider keeps for this hospital is here");
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

async fn unkept(node: &Node) -> Outcome {
    let views = node.all(ask::Unkept::default()).await?;
    node.out.answer(&json!(views), |out| {
        let rows: Vec<_> = views
            .iter()
            .map(|view| {
                row![
                    view.at.utc_text(),
                    view.holder_name.as_str(),
                    faint(view.subject.short()),
                    faint(view.entry.short()),
                    view.refusal.to_string(),
                ]
            })
            .collect();
        let heads = ["SINCE", "NOT KEPT AT", "SUBJECT", "ENTRY", "WHY"];
        out.table(&heads, &rows, "all that was to be kept is, or is on its way");
    });
    Ok(())
}

async fn dismiss(node: &Node, holder: &str) -> Outcome {
    let holder: PartyId = id(&node.institution(holder).await?)?;
    let mut entries = 0;
    loop {
        let dismissed = node.command(Dismiss { holder }, None).await?;
        entries += dismissed.entries;
        if dismissed.entries == 0 {
            break;
        }
    }
    node.out.answer(&json!({ "entries": entries }), |out| {
        out.line(counted(entries, "entry is not shown any more", "entries are not shown any more"));
    });
    Ok(())
}

/// Waits until all of what was offered has ended: stored, with a receipt that was checked, or not kept.
async fn kept(node: &Node, wait: &WaitArgs, offered: &DepositView) -> Outcome {
    let views = wait::until(node, wait, "the deposit", async || {
        let views = node.query(ask::Deposits { deposits: offered.deposits.clone() }).await?;
        Ok(ended(&views).then_some(views).into())
    })
    .await?;
    let entries = stored(&views)?;
    node.out.answer(&json!(views), |out| out.line(counted(entries, "entry kept", "entries kept")));
    Ok(())
}

/// Whether nothing of these deposits is under way.
fn ended(views: &[DepositStateView]) -> bool {
    let ended = |view: &DepositStateView| {
        matches!(view.state, DepositState::Stored | DepositState::Refused)
    };
    views.iter().all(ended)
}

/// How many entries are kept; an error where not all of them are.
fn stored(views: &[DepositStateView]) -> Outcome<usize> {
    let kept = views.iter().filter(|view| view.state == DepositState::Stored);
    let kept = kept.map(|view| view.entries).sum();
    let except: Vec<_> = views.iter().flat_map(|view| &view.except).collect();
    let Some(first) = except.first() else { return Ok(kept) };
    let of = counted(kept + except.len(), "entry", "entries");
    let text =
        format!("{} of {of} not kept; the provider refused: {}", except.len(), first.refusal);
    Err(Failure::new(Exit::Failed, text)
        .next("`chartmesh backup list --unkept` lists them with each one's reason"))
}

/// Waits until nothing more of a restore is to come.
async fn restored(node: &Node, wait: &WaitArgs, begun: RestoreView) -> Outcome<RestoreView> {
    let arrivals = wait::Arrivals::of(node, begun.holder);
    wait::until(node, wait, "the end of the restore", async || {
        let moving = arrivals.look(node).await?;
        let view = node.query(ask::Restored { restore: begun.restore.clone() }).await?;
        Ok(match moving {
            _ if view.ended => Look::Found(view),
            Look::Moving => Look::Moving,
            Look::Found(()) | Look::NotYet => Look::NotYet,
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::backup::view::ExceptView;
    use chartmesh_protocol::id::EntryId;
    use chartmesh_protocol::peer::Command;
    use chartmesh_protocol::refusal::{Refusal, RefusalCode};

    #[test]
    fn what_was_refused_or_is_under_way_is_not_kept() {
        let except = |count: usize| {
            let refusal = Refusal::unlisted(RefusalCode::LimitReached);
            vec![ExceptView { entry: EntryId([7; 16]), refusal }; count]
        };
        let view = |state, entries, refused| DepositStateView {
            deposit: "ab".repeat(16),
            entries,
            state,
            refusal: None,
            except: except(refused),
        };
        let (whole, filling) =
            (view(DepositState::Stored, 2, 0), view(DepositState::Filling, 2, 0));
        let (part, refused) = (view(DepositState::Stored, 1, 1), view(DepositState::Refused, 0, 2));
        assert!(ended(&[whole.clone(), part.clone(), refused.clone()]));
        assert!(!ended(&[whole.clone(), filling]));
        assert_eq!(stored(&[whole.clone(), whole.clone()]), Ok(4));
        let why = Refusal::unlisted(RefusalCode::LimitReached);
        let failure = stored(&[whole.clone(), part]).unwrap_err();
        let text = format!("1 of 4 entries not kept; the provider refused: {why}");
        assert_eq!(failure.text, text);
        let failure = stored(&[whole, refused]).unwrap_err();
        assert!(failure.text.starts_with("2 of 4 entries not kept"), "{}", failure.text);
    }

    #[test]
    fn the_protocol_understands_each_command() {
        let (id, party) = ("ab".repeat(16), "cd".repeat(32));
        for command in [
            json!({"keep": {"holder": party, "subject": party, "entries": [id], "for_patient": true,
                "not_before": null}}),
            json!({"restore": {"holder": party, "subject": null}}),
            json!({"dismiss": {"holder": party}}),
            json!({"delete": {"patient": null, "holder": party, "entries": [id]}}),
        ] {
            serde_json::from_value::<Command>(json!({ "backup": command })).unwrap();
        }
    }
}
