//! A patient's contents: brought to the relay from who holds them, when they are wanted.

use chartmesh_node::client::By;
use chartmesh_protocol::consent::RequestState;
use chartmesh_protocol::consent::command::Obtain;
use chartmesh_protocol::consent::view::RequestView;
use chartmesh_protocol::identity::Role;
use chartmesh_protocol::record::view::EntryView;
use serde_json::json;

use super::keys::Keys;
use crate::args::WaitArgs;
use crate::exit::{Exit, Failure, Outcome};
use crate::node::{Node, id, said};
use crate::wait;
use crate::when::Span;

/// Where a patient's contents come from when they are not at the relay.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct OwnArgs {
    /// At a relay: fetch contents from this holder [default: who is known to hold them]
    #[arg(long, value_name = "HOLDER")]
    from: Option<String>,
    /// At a relay: fetch nothing, use what is here
    #[arg(long, conflicts_with = "from")]
    offline: bool,
    /// At a relay: how long to wait for contents at most
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = crate::when::span)]
    timeout: Span,
}

/// `record fetch`.
pub(super) async fn fetch(
    node: &Node,
    subject: &str,
    entries: &[String],
    from: Option<&str>,
    user: &str,
    wait: &WaitArgs,
) -> Outcome {
    node.require(
        Role::Patient,
        "a hospital gets contents with `chartmesh request fetch` or `chartmesh backup restore`",
    )
    .await?;
    let subject = node.patient(subject).await?;
    let entries =
        if entries.is_empty() { Vec::new() } else { node.entries_of(&subject, entries).await? };
    let here = match entries.is_empty() {
        true => node.entries(&subject).await?,
        false => {
            let only = entries.iter().map(|entry| id(entry)).collect::<Outcome<Vec<_>>>()?;
            node.entries_only(&subject, &only).await?
        }
    };
    if here.iter().all(|view| view.whole) {
        node.out.answer(&json!({"done": true}), |out| out.line("the contents are all here"));
        return Ok(());
    }
    let keys = Keys::default();
    let asked = ask(node, &keys, &subject, &entries, from, user).await;
    keys.lock_again(node, &subject).await;
    let mut view = asked?;
    if wait.wait {
        view = wait::for_request(node, wait, &view.request.to_string(), is_done).await?;
    }
    node.out.answer(&json!(view), |out| {
        if view.state == RequestState::Done {
            out.line(&view.reason);
            return;
        }
        out.line(&view.in_words);
        out.next(
            "`chartmesh transfers` shows what is on its way, `chartmesh record list` what is here",
        );
    });
    Ok(())
}

/// Brings the contents that are missing of `wanted`, where this is the patient's relay. At other
/// nodes, and with --offline, nothing is done.
pub(super) async fn bring(
    node: &Node,
    keys: &Keys,
    subject: &str,
    wanted: &[EntryView],
    user: &str,
    own: &OwnArgs,
) -> Outcome {
    let missing: Vec<String> =
        wanted.iter().filter(|view| !view.whole).map(|view| view.entry.to_string()).collect();
    if own.offline || missing.is_empty() || node.status().await?.role != Role::Patient {
        return Ok(());
    }
    let entries =
        if missing.len() == wanted.len() && missing.len() > 1 { &[][..] } else { &missing };
    let view = ask(node, keys, subject, entries, own.from.as_deref(), user).await?;
    node.out.note(format!("{} Holders log it", view.in_words));
    let wait = WaitArgs { wait: true, timeout: own.timeout };
    match wait::for_request(node, &wait, &view.request.to_string(), is_done).await {
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.next(
            "name another holder with --from, or use what is here with --offline; `chartmesh record list --json` names holders",
        )),
    }
}

async fn ask(
    node: &Node,
    keys: &Keys,
    subject: &str,
    entries: &[String],
    from: Option<&str>,
    user: &str,
) -> Outcome<RequestView> {
    let holder = match from {
        Some(holder) => Some(node.institution(holder).await?),
        None => None,
    };
    let obtain: Obtain = said(json!({
        "patient": subject, "entries": entries, "holder": holder, "user": user,
    }))?;
    let by = By { patient: Some(id(subject)?), ..By::default() };
    keys.unlocking(node, subject, async || node.client.command(obtain.clone(), by).await).await
}

fn is_done(state: RequestState) -> bool {
    state == RequestState::Done
}

/// The role of a node that opens records; one that cannot open any says so at once.
pub(super) async fn role_that_opens(node: &Node) -> Outcome<Role> {
    let status = node.status().await?;
    if status.role != Role::Backup {
        return Ok(status.role);
    }
    let text =
        format!("`{}` is a backup node; it keeps sealed records and opens none", status.name);
    Err(Failure::new(Exit::State, text)
        .next("ask the hospital's node or the patient's relay (--dir names which)"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::peer::Command;

    #[test]
    fn the_protocol_understands_the_command() {
        let command = json!({"consent": {"obtain": {
            "patient": "cd".repeat(32), "entries": ["ab".repeat(16)], "holder": null, "user": "Aiko",
        }}});
        serde_json::from_value::<Command>(command).unwrap();
    }
}
