//! Asking: a hospital asks a patient to see, or that another may see; a patient asks a hospital to
//! deposit.

use bytesize::ByteSize;
use chartmesh_protocol::capability::Purpose;
use chartmesh_protocol::consent::command::{Download, Fetch, Referral, Upload};
use chartmesh_protocol::consent::view::{AboutView, HeldBackView, RequestView};
use chartmesh_protocol::consent::{AskCommand, RequestKind, RequestState};
use chartmesh_protocol::identity::{Fingerprint, Role};
use chartmesh_protocol::naming::quoted;
use chartmesh_protocol::time::{DAY_MS, Timestamp};
use serde_json::json;

use super::record::{entries, shorts};
use super::wish::{WishArgs, purposes};
use crate::args::{UserArg, WaitArgs};
use crate::context::Context;
use crate::exit::Outcome;
use crate::node::{Node, said, short};
use crate::output::{self, Cell, Output, Style, row, time};
use crate::wait;
use crate::when::{self, Span, moment, span};

/// Ask a patient to see records, refer a patient, have records deposited
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Args {
    /// At a hospital: ask a patient to see records that others hold
    #[command(
        after_help = "Examples:\n  chartmesh request download --patient \"Sato Aiko\" --kind imaging \\\n    --since 2025-01-01 --message \"For your visit\"\n  chartmesh request download --patient \"Sato Aiko\" --kind laboratory \\\n    --standing --days 60"
    )]
    Download {
        #[command(flatten)]
        ask: AskArgs,
    },
    /// At a hospital: ask a patient that another hospital may see records
    #[command(
        after_help = "Example:\n  chartmesh request refer --patient \"Sato Aiko\" --to \"Birch Clinic\" \\\n    --kind imaging --kind reports --write"
    )]
    Refer {
        /// The hospital that is to see
        #[arg(long, value_name = "HOSPITAL")]
        to: String,
        #[command(flatten)]
        ask: AskArgs,
    },
    /// At a relay: ask a hospital to deposit a patient's records with a backup provider
    #[command(
        after_help = "Example:\n  chartmesh request upload --patient \"Sato Aiko\" --hospital \"Alder Hospital\" \\\n    --to \"Cedar Backup\" --wait"
    )]
    Upload {
        /// The patient
        #[arg(long)]
        patient: String,
        /// The hospital that holds the records
        #[arg(long)]
        hospital: String,
        /// The depositary
        #[arg(long, value_name = "HOLDER")]
        to: String,
        #[command(flatten)]
        wish: WishArgs,
        /// Not before this moment (UTC)
        #[arg(long, value_name = "DATE", value_parser = moment)]
        not_before: Option<Timestamp>,
        /// Days that the permission to deposit holds
        #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=90))]
        days: Option<u64>,
        /// Bytes that may be kept under it at the depositary, such as 40GiB; more than 10GiB is also more than the hospital's
        /// part of the patient's room there [default: that part]
        #[arg(long, value_name = "SIZE")]
        quota: Option<ByteSize>,
        /// Entries, likewise; more than 1000
        #[arg(long, value_name = "N")]
        quota_entries: Option<u64>,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// At a hospital: fetch what a request was permitted to see
    ///
    /// Under a standing permission it can be fetched again, and brings what was added.
    #[command(
        after_help = "Example:\n  chartmesh request fetch 91c0aa3e --from \"Cedar Backup\" --wait"
    )]
    Fetch {
        /// The request
        request: String,
        /// The holder to ask [default: one that is known to hold it]
        #[arg(long, value_name = "HOLDER")]
        from: Option<String>,
        #[command(flatten)]
        user: UserArg,
        #[command(flatten)]
        wait: WaitArgs,
    },
}

/// What a hospital asks.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct AskArgs {
    /// The patient
    #[arg(long)]
    patient: String,
    #[command(flatten)]
    wish: WishArgs,
    /// Ask to add to the record, too
    #[arg(long)]
    write: bool,
    /// Ask for a standing permission: what is added later, too; over whole kinds, without dates
    #[arg(long, conflicts_with_all = ["since", "until", "entry"])]
    standing: bool,
    /// Days that a standing permission is asked for, 90 at most
    #[arg(long, value_name = "N", requires = "standing", default_value_t = 30,
        value_parser = clap::value_parser!(u64).range(1..=90))]
    days: u64,
    /// What for
    #[arg(long, value_parser = purposes(), default_value = "treatment")]
    purpose: Purpose,
    /// A word to the patient
    #[arg(long, value_name = "TEXT", default_value = "")]
    message: String,
    /// How long the patient may take to decide
    #[arg(long, value_name = "TIME", value_parser = span)]
    valid: Option<Span>,
    #[command(flatten)]
    user: UserArg,
    #[command(flatten)]
    wait: WaitArgs,
}

impl Args {
    pub(crate) async fn run(self, context: &Context) -> Outcome {
        let node = context.node()?;
        match self {
            Self::Download { ask } => ask_patient(&node, &ask, None).await,
            Self::Refer { to, ask } => ask_patient(&node, &ask, Some(&to)).await,
            Self::Upload {
                patient,
                hospital,
                to,
                wish,
                not_before,
                days,
                quota,
                quota_entries,
                wait,
            } => {
                node.require(Role::Patient, "a patient relay orders deposits").await?;
                let patient = node.patient(&patient).await?;
                let order: Upload = said(json!({
                    "patient": patient,
                    "hospital": node.institution(&hospital).await?,
                    "depositary": node.institution(&to).await?,
                    "wish": wish.resolve(&node, &patient, None).await?,
                    "not_before": not_before,
                    "days": days,
                    "quota": quota.map(|size| size.as_u64()),
                    "quota_entries": quota_entries,
                }))?;
                let views = node.command(order, Some(&patient)).await?;
                finish(&node, views, true, &wait, is_done, "the hospital was asked").await
            }
            Self::Fetch { request, from, user, wait } => {
                let request = node.request(&request).await?.request;
                let holder = match &from {
                    Some(holder) => Some(node.institution(holder).await?),
                    None => None,
                };
                let fetch: Fetch =
                    said(json!({"request": request, "holder": holder, "user": user.name()}))?;
                let view = node.command(fetch, None).await?;
                finish(&node, vec![view], false, &wait, is_done, "the holder was asked").await
            }
        }
    }
}

async fn ask_patient(node: &Node, ask: &AskArgs, to: Option<&str>) -> Outcome {
    node.require(Role::Hospital, "hospitals ask patients").await?;
    let patient = node.subject(&ask.patient).await?;
    let to = match to {
        Some(to) => Some(node.institution(to).await?),
        None => None,
    };
    let mut wish = ask.wish.resolve(node, &patient, Some(ask.write)).await?;
    if ask.standing {
        wish["standing"] = json!(when::now().plus_ms(ask.days * DAY_MS));
    }
    let asks: AskCommand = said(json!({
        "patient": patient,
        "to": to,
        "wish": wish,
        "purpose": ask.purpose,
        "user": ask.user.name(),
        "message": ask.message,
        "valid_ms": ask.valid.map(|span| span.0),
    }))?;
    let view = match asks.to {
        Some(_) => node.command(Referral(asks), None).await?,
        None => node.command(Download(asks), None).await?,
    };
    finish(node, vec![view], false, &ask.wait, is_decided, "the patient was asked").await
}

fn is_decided(state: RequestState) -> bool {
    matches!(state, RequestState::Approved | RequestState::Ready | RequestState::Done)
}

fn is_done(state: RequestState) -> bool {
    state == RequestState::Done
}

/// Shows what was asked, at once or when it is over. A large order is several requests, and a list for programs.
async fn finish(
    node: &Node,
    mut views: Vec<RequestView>,
    several: bool,
    wait: &WaitArgs,
    enough: impl Fn(RequestState) -> bool,
    asked: &str,
) -> Outcome {
    if wait.wait {
        for view in &mut views {
            *view = wait::for_request(node, wait, &view.request.to_string(), &enough).await?;
        }
    }
    let shown = match (&views[..], several) {
        ([one], false) => json!(one),
        (all, _) => json!(all),
    };
    node.out.answer(&shown, |out| {
        if !wait.wait {
            out.note(asked);
        }
        match &views[..] {
            [one] => show(out, one),
            all => list(out, all),
        }
    });
    Ok(())
}

/// Requests, a line each.
pub(super) fn list(out: &Output, views: &[RequestView]) {
    let rows: Vec<_> = views
        .iter()
        .map(|view| {
            row![
                output::id(view.request),
                time(view.asked),
                state(view.state),
                time(view.expires),
                view.in_words.as_str(),
            ]
        })
        .collect();
    let heads = ["REQUEST", "ASKED (UTC)", "STANDS", "UNTIL (UTC)", "WHAT"];
    out.table(&heads, &rows, "no requests");
}

/// What a patient should know of an institution before deciding.
pub(super) fn about(view: &AboutView) -> Vec<(&'static str, Cell)> {
    let mut facts = vec![
        ("institution", view.name.as_str().into()),
        ("", about_in_words(view).into()),
        ("fingerprint", Fingerprint::of(view.institution).words().into()),
    ];
    for like in &view.looks_like {
        let warning = format!("its name looks like that of {like}, which is another institution");
        facts.push(("careful", Cell::new(warning, Style::Bad)));
    }
    facts
}

fn about_in_words(about: &AboutView) -> String {
    let role = match about.role {
        Some(Role::Hospital) => "a hospital",
        Some(Role::Backup) => "a backup provider",
        Some(Role::Patient) => "a patient's relay",
        None => "unknown what it is",
    };
    let member = match (about.member, about.members_known) {
        (true, _) => "member of the federation",
        (false, true) => "NO member of the federation",
        (false, false) => {
            "whether it is a member of a federation is not known yet: the first hospital that is in one tells it, once the patient is enrolled there"
        }
    };
    let dealt = match about.dealt_with {
        true => "the patient has dealt with it before",
        false => "the patient has NEVER dealt with it before",
    };
    format!("{role}, {member}; {dealt}")
}

/// One request in full.
pub(super) fn show(out: &Output, view: &RequestView) {
    let request = view.request.to_string();
    // An order is the patient's own: there is nothing to decide.
    let ordered = matches!(view.kind, RequestKind::Upload | RequestKind::Own);
    let until = if ordered { "holds until" } else { "to be decided by" };
    let mut facts = vec![
        ("request", Cell::new(&request, Style::Strong)),
        ("says", view.in_words.as_str().into()),
        ("stands", state(view.state)),
        ("asked", view.asked.utc_text().into()),
        (until, view.expires.utc_text().into()),
    ];
    if !view.message.is_empty() {
        facts.push(("message", quoted(&view.message).into()));
    }
    if !view.reason.is_empty() {
        facts.push(("answer", view.answer().into()));
    }
    facts.extend(view.about.iter().flat_map(about));
    if let Some(until) = view.until {
        facts.push(("looked at again", until.utc_text().into()));
    }
    let tokens: Vec<String> = view.tokens.iter().map(|token| token.short()).collect();
    if !tokens.is_empty() {
        facts.push(("permissions", tokens.join(" ").into()));
    }
    out.facts(&facts);
    if let Some(held_back) = &view.held_back {
        show_held_back(out, &request, held_back);
    }
    if view.state == RequestState::Open && !ordered {
        let request = short(&request);
        out.next(format!("the patient's relay: chartmesh consent approve {request}"));
        if view.wish.standing.is_some() {
            out.note(format!(
                "or only what there is now: chartmesh consent approve {request} --once"
            ));
        }
    }
}

/// What the patient's catalogue lists and did not come. Nobody is accused: a holder may never have had it.
fn show_held_back(out: &Output, request: &str, view: &HeldBackView) {
    if view.missing > 0 {
        let of = view.issued.map(|at| format!(" of {}", at.utc_text())).unwrap_or_default();
        let text = format!(
            "held back: {} that the patient's catalogue{of} lists and {} did not send{}",
            entries(view.missing),
            view.asked.join(", "),
            shorts(&view.missing_entries, view.missing)
        );
        out.styled(text, Style::Waiting);
        out.next(format!(
            "another holder may have it: chartmesh request fetch {} --from HOLDER",
            short(request)
        ));
    }
    for other in &view.other_label {
        let text = format!(
            "not taken: entry {} as {} sent it, with another label than the patient's catalogue lists",
            other.entry.short(),
            other.holder
        );
        out.styled(text, Style::Bad);
    }
}

/// How a request stands, in its colour.
pub(super) fn state(state: RequestState) -> Cell {
    let name = json!(state).as_str().unwrap_or_default().to_owned();
    let style = match state {
        RequestState::Approved | RequestState::Done => Style::Good,
        RequestState::Open | RequestState::Deferred | RequestState::Ready => Style::Waiting,
        RequestState::Refused | RequestState::Expired | RequestState::Failed => Style::Bad,
    };
    Cell::new(name, style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chartmesh_protocol::peer::Command;

    #[test]
    fn the_protocol_understands_each_command() {
        let (id, party) = ("ab".repeat(16), "cd".repeat(32));
        let wish = json!({"kinds": ["imaging"], "entries": [id], "since": 1, "until": null, "write": true,
            "standing": 5});
        let ask = json!({"patient": party, "to": null, "wish": wish, "purpose": "treatment",
            "user": "Dr Mori", "message": "", "valid_ms": null});
        for command in [
            json!({"download": ask}),
            json!({"referral": ask}),
            json!({"upload": {"patient": party, "hospital": party, "depositary": party, "wish": wish,
                "not_before": null, "days": 7}}),
            json!({"fetch": {"request": id, "holder": null, "user": "Dr Mori"}}),
        ] {
            let whole = json!({"consent": command});
            serde_json::from_value::<Command>(whole).unwrap();
        }
    }
}
