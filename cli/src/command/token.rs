//! Permissions in plain words, and whether they hold.

mod checks;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use chartmesh_protocol::capability::{Chain, explain};
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::limits::TOKEN_CHAIN_BYTES_MAX;
use chartmesh_protocol::peer::{KeysView, ask};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use super::consent;
use crate::context::Context;
use crate::exit::{Exit, Failure, Outcome};
use crate::limits::TOKEN_FILE_BYTES_MAX;
use crate::node::{Node, id};
use crate::output::{Cell, Output, Style, row};
use crate::when;
use checks::{Check, Found, Known};

/// Explain and check permissions; no running node is needed for it
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Args {
    /// Say what a permission permits, one sentence per claim; nothing is checked
    #[command(
        after_help = "Example:\n  chartmesh consent grants --json | chartmesh token explain -"
    )]
    Explain {
        /// The permission's text, a file with it or with a listing of permissions, or - for
        /// standard input
        token: String,
    },
    /// Check a permission, reason by reason, with the keys in files or those that the node knows
    ///
    /// Who may use it, and where, shows only when it is presented; that is not checked here.
    #[command(after_help = "Example:\n  chartmesh token verify permission.txt --keys patient.json")]
    Verify {
        /// The permission's text, a file with it or with a listing of permissions, or - for
        /// standard input
        token: String,
        /// Keys as `token keys` prints them. Can be repeated [default: ask the node]
        #[arg(long, value_name = "FILE")]
        keys: Vec<PathBuf>,
    },
    /// Print a party's key log and, of a patient, the newest revocations, for checking elsewhere
    #[command(after_help = "Example:\n  chartmesh token keys \"Sato Aiko\" > patient.json")]
    Keys {
        /// An institution, a patient or a chart
        party: String,
    },
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        match self {
            Self::Explain { token } => {
                let chains = parse(&token)?;
                let names = names(context).await;
                explain_all(&context.out, &chains, &names);
                Ok(())
            }
            Self::Verify { token, keys } => {
                let chains = parse(&token)?;
                verify_all(context, &chains, &keys).await
            }
            Self::Keys { party } => {
                let node = context.node()?;
                let party = match node.institution(&party).await {
                    Err(failure) if failure.exit == Exit::NotFound => node.subject(&party).await?,
                    found => found?,
                };
                let keys = node.query(ask::Keys { party: id(&party)? }).await?;
                node.out.json(&json!(keys));
                Ok(())
            }
        }
    }
}

/// The permissions in a text, a file or standard input.
fn parse(token: &str) -> Outcome<Vec<Chain>> {
    let (bytes, is_text) = if token == "-" {
        let read = bounded(std::io::stdin().lock()).map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot read standard input: {error}"))
        })?;
        (read, false)
    } else if Path::new(token).is_file() {
        (read_file(Path::new(token))?, false)
    } else {
        (token.as_bytes().to_vec(), true)
    };
    let wrong = |why: String| {
        // Whoever means a file that is not there is not to look for the fault in its text.
        let why = if is_text { format!("{why} (nor is there a file of this name)") } else { why };
        Failure::usage(format!("this is no permission: {why}")).next(
            "give the `chain` of `chartmesh consent grants --json`, or that listing in a file",
        )
    };
    let chain = |text: &str| {
        let text: String = text.split_whitespace().collect();
        if text.len() > 2 * TOKEN_CHAIN_BYTES_MAX {
            return Err(wrong("it is too long".to_owned()));
        }
        let bytes = BASE64URL_NOPAD
            .decode(text.trim_end_matches('=').as_bytes())
            .map_err(|error| wrong(format!("it is not base64url ({error})")))?;
        Chain::parse(&bytes).map_err(|reason| wrong(reason.sentence().to_owned()))
    };
    match std::str::from_utf8(&bytes) {
        Ok(text) if text.trim_start().starts_with(['{', '[']) => {
            let value: Value =
                serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
            let chains = consent::chains(&value);
            if chains.is_empty() {
                return Err(wrong("the JSON holds no `chain`".to_owned()));
            }
            chains.iter().map(|text| chain(text)).collect()
        }
        Ok(text) => Ok(vec![chain(text)?]),
        Err(_) => match Chain::parse(&bytes) {
            Ok(chain) => Ok(vec![chain]),
            Err(reason) => Err(wrong(reason.sentence().to_owned())),
        },
    }
}

/// A file of permissions or keys.
pub(super) fn read_file(path: &Path) -> Outcome<Vec<u8>> {
    std::fs::File::open(path).and_then(bounded).map_err(|error| Failure::file("read", path, &error))
}

fn bounded(from: impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(TOKEN_FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > TOKEN_FILE_BYTES_MAX {
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, "too large"));
    }
    Ok(bytes)
}

/// Names that a running node knows; none without one, which is no failure.
async fn names(context: &Context) -> BTreeMap<PartyId, String> {
    let look = async || -> Outcome<Vec<(PartyId, String)>> {
        let node = context.node()?;
        let status = node.status().await?;
        let mut found = vec![(status.institution, status.name)];
        for known in node.institutions().await? {
            found.push((id(&known.id)?, known.name));
        }
        found.extend(
            node.all(ask::Patients::default())
                .await?
                .into_iter()
                .map(|view| (view.patient, view.name)),
        );
        found.extend(
            node.all(ask::Charts::default())
                .await?
                .into_iter()
                .map(|view| (view.subject, view.name)),
        );
        Ok(found)
    };
    look().await.unwrap_or_default().into_iter().collect()
}

fn explain_all(out: &Output, chains: &[Chain], names: &BTreeMap<PartyId, String>) {
    let name_of = |party| names.get(&party).cloned();
    let all: Vec<(String, Vec<String>)> = chains
        .iter()
        .map(|chain| {
            let sentences = explain::explain(chain, &name_of, when::now());
            (chain.leaf().claims().id.to_string(), sentences)
        })
        .collect();
    let value: Vec<Value> = all
        .iter()
        .map(|(token, explained)| json!({"token": token, "explained": explained}))
        .collect();
    out.answer(&Value::Array(value), |out| {
        for (token, sentences) in &all {
            if all.len() > 1 {
                out.styled(format!("Permission {token}"), Style::Strong);
            }
            sentences.iter().for_each(|sentence| out.line(sentence));
        }
        out.note("nothing was checked; `chartmesh token verify` does");
    });
}

async fn verify_all(context: &Context, chains: &[Chain], files: &[PathBuf]) -> Outcome {
    let node = if files.is_empty() { Some(context.node()?) } else { None };
    let mut known = Known::default();
    for file in files {
        let wrong = |error: &dyn std::fmt::Display| {
            Failure::usage(format!("{} holds no keys: {error}", file.display()))
                .next("make it with `chartmesh token keys PARTY`, on a node that knows the party")
        };
        let view: KeysView =
            serde_json::from_slice(&read_file(file)?).map_err(|error| wrong(&error))?;
        known.add(view, when::now()).map_err(|error| wrong(&error))?;
    }
    let mut all = Vec::new();
    for chain in chains {
        if let Some(node) = &node {
            for link in chain.links() {
                learn(node, &mut known, link.claims().issuer).await?;
            }
        }
        all.push((chain.leaf().claims().id.to_string(), checks::check(chain, &known, when::now())));
    }
    let value: Vec<Value> =
        all.iter().map(|(token, checks)| json!({"token": token, "checks": checks})).collect();
    context.out.answer(&Value::Array(value), |out| {
        for (token, checks) in &all {
            out.styled(format!("Permission {token}"), Style::Strong);
            show(out, checks);
        }
    });
    verdict(all.iter().flat_map(|(_, checks)| checks))
}

/// Asks the node for a party's keys; that it has none is not a failure yet.
async fn learn(node: &Node, known: &mut Known, party: PartyId) -> Outcome {
    if known.knows(party) {
        return Ok(());
    }
    match node.query(ask::Keys { party }).await {
        Ok(answer) => known.add(answer, when::now()).map_err(|error| {
            Failure::new(
                Exit::NotAuthentic,
                format!("the node's keys of {}: {error}", party.short()),
            )
        }),
        Err(failure) if failure.exit == Exit::NotFound => Ok(()),
        Err(failure) => Err(failure),
    }
}

fn show(out: &Output, checks: &[Check]) {
    let rows: Vec<_> = checks
        .iter()
        .map(|check| {
            let (word, style) = match check.found {
                Found::Holds => ("holds", Style::Good),
                Found::Fails => ("fails", Style::Bad),
                Found::Unknown => ("unknown", Style::Waiting),
            };
            row![Cell::new(word, style), check.what.as_str(), check.why.as_str()]
        })
        .collect();
    out.table(&["", "WHAT", "WHY"], &rows, "");
}

/// The exit code: a forgery is worse than an expiry, and not to know is no success.
fn verdict<'a>(checks: impl Iterator<Item = &'a Check>) -> Outcome {
    let mut worst: Option<(u8, Failure)> = None;
    for check in checks {
        let (rank, exit) = match check.found {
            Found::Holds => continue,
            Found::Fails if check.about_origin => (3, Exit::NotAuthentic),
            Found::Fails => (2, Exit::NotPermitted),
            Found::Unknown => (1, Exit::NotFound),
        };
        if worst.as_ref().is_none_or(|(known, _)| rank > *known) {
            let failure = Failure::new(exit, format!("{}: {}", check.what, check.why));
            worst = Some((rank, failure));
        }
    }
    worst.map_or(Ok(()), |(_, failure)| Err(failure))
}
