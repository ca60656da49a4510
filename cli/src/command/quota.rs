//! What others make the node keep, and may.

use bytesize::ByteSize;
use chartmesh_protocol::id::PartyId;
use chartmesh_protocol::peer::ask;
use chartmesh_protocol::quota::command::{Each, Set, SetDefault, Unset};
use chartmesh_protocol::quota::view::{DefaultsView, QuotaView};
use chartmesh_protocol::quota::{Limit, Owner};
use serde_json::json;

use crate::context::Context;
use crate::exit::Outcome;
use crate::node::{Node, id};
use crate::output::{Cell, Style, bytes, faint, id as id_cell, row};
use crate::resolve::{Candidate, pick};

/// Show what others make this node keep, and set how much they may
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    long_about = "Shows what each institution makes this node keep, what is kept for each patient, each institution's share of that, and how much it may be. What would be more is refused before it is sent; what is kept stays, whatever the limit.",
    after_help = "Examples:\n  chartmesh quota\n  chartmesh quota set \"Birch Clinic\" --bytes 20GiB\n  chartmesh quota set --default patient --bytes 2GiB --entries 20000"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Set how much an institution, a patient, or each of a sort may have kept here
    #[command(
        after_help = "Examples:\n  chartmesh quota set \"Birch Clinic\" --bytes 20GiB --entries 100000\n  chartmesh quota set 5be1c2d3 --bytes 2GiB\n  chartmesh quota set --default patient --bytes 2GiB"
    )]
    Set {
        #[command(flatten)]
        who: Who,
        /// Bytes, such as 20GiB
        #[arg(long, value_name = "SIZE", required_unless_present = "entries")]
        bytes: Option<ByteSize>,
        /// Things: entries, requests, permissions, parties that become known
        #[arg(long, value_name = "N")]
        entries: Option<u64>,
    },
    /// Let what counts for all count again
    #[command(
        after_help = "Examples:\n  chartmesh quota unset \"Birch Clinic\"\n  chartmesh quota unset --default patient"
    )]
    Unset {
        #[command(flatten)]
        who: Who,
    },
}

/// Of whom something is said.
#[derive(Debug, clap::Args)]
struct Who {
    /// The institution or the patient
    #[arg(required_unless_present = "default")]
    name: Option<String>,
    /// Of all relays together that this institution certified, and that come in by that alone
    #[arg(long, requires = "name")]
    relays: bool,
    /// Instead, each of whom nothing else is said
    #[arg(long, value_name = "SORT", conflicts_with = "name")]
    default: Option<Sort>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Sort {
    /// Each institution
    Institution,
    /// Each patient
    Patient,
    /// All relays together that one member certified
    Relays,
}

impl From<Sort> for Each {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Institution => Self::Institution,
            Sort::Patient => Self::Patient,
            Sort::Relays => Self::RelaysOf,
        }
    }
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        match self.command {
            None => list(&node).await,
            Some(Command::Set { who, bytes, entries }) => {
                let bytes = bytes.map(|bytes| bytes.as_u64());
                if let Some(sort) = who.default {
                    let set = SetDefault { each: sort.into(), entries, bytes };
                    return defaults(&node, &node.command(set, None).await?);
                }
                let owner = who.owner(&node).await?;
                one(&node, &node.command(Set { owner, entries, bytes }, None).await?)
            }
            Some(Command::Unset { who }) => {
                if let Some(sort) = who.default {
                    let set = SetDefault { each: sort.into(), entries: None, bytes: None };
                    return defaults(&node, &node.command(set, None).await?);
                }
                let owner = who.owner(&node).await?;
                one(&node, &node.command(Unset { owner }, None).await?)
            }
        }
    }
}

impl Who {
    /// Whoever is meant: an institution, or a patient for whom something is kept here.
    async fn owner(&self, node: &Node) -> Outcome<Owner> {
        let institutions = node.institutions().await?;
        let mut known = institutions.clone();
        if !self.relays {
            let quotas = node.all(ask::Quotas::default()).await?.into_iter();
            let patients = quotas.filter(|quota| matches!(quota.owner, Owner::Patient(_)));
            known.extend(patients.map(|quota| Candidate::new(quota.owner.party(), quota.name)));
        }
        let text = self.name.as_deref().unwrap_or_default();
        let found = pick("institution, or patient for whom something is kept,", text, &known)?;
        let party: PartyId = id(&found.id)?;
        Ok(match institutions.iter().any(|institution| institution.id == found.id) {
            true if self.relays => Owner::RelaysOf(party),
            true => Owner::Institution(party),
            false => Owner::Patient(party),
        })
    }
}

async fn list(node: &Node) -> Outcome {
    let quotas = node.all(ask::Quotas::default()).await?;
    let usual = node.query(ask::QuotaDefaults).await?;
    node.out.answer(&json!({"quotas": quotas, "defaults": usual}), |out| {
        let rows: Vec<_> = quotas.iter().map(row_of).collect();
        out.table(&HEADS, &rows, "nobody makes this node keep anything");
        out.note(each(&usual));
        if quotas.iter().any(|quota| matches!(quota.owner, Owner::Share { .. })) {
            out.note(SHARES);
        }
    });
    Ok(())
}

/// What bounds shares.
const SHARES: &str = "of a patient's room an institution may take a quarter of what the others leave, and more where the patient says so by a\npermission with a larger quota; a patient's own relay may take the whole";

const HEADS: [&str; 8] = ["WHOSE", "SORT", "BYTES", "OF", "ENTRIES", "OF", "SET", "ID"];

fn row_of(quota: &QuotaView) -> Vec<Cell> {
    let sort = match quota.owner {
        Owner::Institution(_) => "institution",
        Owner::Patient(_) => "patient",
        Owner::RelaysOf(_) => "its relays",
        Owner::Share { .. } => "share",
    };
    let QuotaView { taken, most, .. } = quota;
    let near = |taken: u64, most: u64| match taken >= most - most / 10 {
        true => Style::Bad,
        false => Style::Plain,
    };
    row![
        quota.name.as_str(),
        sort,
        Cell::new(bytes(taken.bytes), near(taken.bytes, most.bytes)),
        bytes(most.bytes),
        Cell::new(taken.entries.to_string(), near(taken.entries, most.entries)),
        most.entries.to_string(),
        match (quota.own, quota.owner) {
            (true, _) => "here".into(),
            (false, Owner::Share { .. }) => faint("follows"),
            (false, _) => faint("default"),
        },
        id_cell(quota.owner.party()),
    ]
}

fn each(usual: &DefaultsView) -> String {
    let of = |limit: &Limit| format!("{} in {} entries", bytes(limit.bytes), limit.entries);
    format!(
        "where nothing is set: {} for each institution, {} for each patient, {} for all relays of one member",
        of(&usual.institution),
        of(&usual.patient),
        of(&usual.relays_of)
    )
}

fn one(node: &Node, quota: &QuotaView) -> Outcome {
    node.out.answer(&json!(quota), |out| out.table(&HEADS, &[row_of(quota)], ""));
    Ok(())
}

fn defaults(node: &Node, usual: &DefaultsView) -> Outcome {
    node.out.answer(&json!(usual), |out| out.line(each(usual)));
    Ok(())
}
