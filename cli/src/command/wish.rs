//! What part of a record is meant: shared by requests and decisions.

use chartmesh_protocol::capability::Purpose;
use chartmesh_protocol::record::Kind;
use chartmesh_protocol::time::Timestamp;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Value, json};

use crate::exit::Outcome;
use crate::node::Node;
use crate::when::moment;

/// Kinds, entries and dates; all given limits hold together.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct WishArgs {
    /// Only records of this kind. Can be repeated [default: all kinds]
    #[arg(long, value_name = "KIND", value_parser = kinds())]
    kind: Vec<Kind>,
    /// Only this entry. Can be repeated [default: all entries]
    #[arg(long, value_name = "ENTRY")]
    entry: Vec<String>,
    /// Only what happened from DATE on (UTC)
    #[arg(long, value_name = "DATE", value_parser = moment)]
    since: Option<Timestamp>,
    /// Only what happened before DATE (UTC)
    #[arg(long, value_name = "DATE", value_parser = moment)]
    until: Option<Timestamp>,
}

impl WishArgs {
    /// The wish for `subject`'s record, as the API takes it.
    pub(super) async fn resolve(
        &self,
        node: &Node,
        subject: &str,
        write: Option<bool>,
    ) -> Outcome<Value> {
        let entries = match self.entry.is_empty() {
            true => Vec::new(),
            false => node.entries_of(subject, &self.entry).await?,
        };
        Ok(json!({
            "kinds": self.kind,
            "entries": entries,
            "since": self.since,
            "until": self.until,
            "write": write,
        }))
    }
}

/// The kinds of record, for the parser, the help and completions.
pub(super) fn kinds() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.iter().map(|kind| kind.name()))
        .map(|name| name.parse().expect("only names of kinds pass"))
}

/// Purposes of use.
pub(super) fn purposes() -> impl TypedValueParser<Value = Purpose> {
    PossibleValuesParser::new(Purpose::ALL.iter().map(|purpose| purpose_name(*purpose))).map(
        |name| serde_json::from_value(Value::String(name)).expect("only names of purposes pass"),
    )
}

/// The purpose's name, as the API has it.
pub(super) fn purpose_name(purpose: Purpose) -> String {
    match json!(purpose) {
        Value::String(name) => name,
        other => other.to_string(),
    }
}
