//! The one table of the features: what is made of it takes each of them in.

use crate::access_log;
use crate::codec::{Bytes, wire_enum};
use crate::features::{backup, consent, custody, enrolment, federation, record};
use crate::id::PartyId;
use crate::quota;
use crate::reason::{Listed as _, Row};
use crate::refusal::{Handled, Refusal};
use crate::store::{ReadTxn, StoreError};
use crate::time::Timestamp;
use crate::turn::{
    About, Commands as _, Context, EachCommand, EachQuestion, Feature as _, Questions as _,
    RequestId, Said, Sender, Sort,
};

pub(super) use crate::record::{unannounced, untaken};

/// Takes in features, each by its number in a message's body, its name and its room; then what front doors alone deal
/// with, by its name and its room.
macro_rules! features {
    ($($(#[$doc:meta])* $number:literal => $name:ident: $room:ident),* $(,)?;
     $($(#[$own_doc:meta])* $own:ident: $own_room:ident),* $(,)?) => {
        wire_enum! {
            /// The body of a message, by feature.
            #[derive(Debug, Clone, PartialEq, Eq)]
            pub enum Body {
                $($(#[$doc])* $number => $name($room::Message),)*
            }
        }

        $(impl Said for $room::Message {
            const FEATURE: u64 = $number;
        })*

        impl Body {
            /// The feature and the message's name, such as `consent.ask`: for measures and traces.
            #[must_use]
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(message) => message.name(),)*
                }
            }

            /// How it is dealt with, whatever it says.
            pub(super) const fn sort(&self) -> Sort {
                match self {
                    $(Self::$name(message) => message.sort(),)*
                }
            }

            /// What it is about, for whoever follows messages: measures, traces, a log.
            pub(super) fn about(&self) -> &dyn About {
                match self {
                    $(Self::$name(message) => message,)*
                }
            }
        }

        /// What a front door can ask to be done, by feature.
        #[derive(Debug, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        pub enum Command {
            $($(#[$doc])* $name($room::Command),)*
            $($(#[$own_doc])* $own($own_room::Command),)*
        }

        $(impl From<$room::Command> for Command {
            fn from(command: $room::Command) -> Self {
                Self::$name(command)
            }
        })*
        $(impl From<$own_room::Command> for Command {
            fn from(command: $own_room::Command) -> Self {
                Self::$own(command)
            }
        })*

        impl Command {
            /// Shows each command that other programs may give; the rest are the node's own.
            pub fn each(to: &mut impl EachCommand) {
                $($room::Command::each(to);)*
                $($own_room::Command::each(to);)*
            }
        }

        /// What front doors can ask of features to see.
        pub(super) mod ask {
            $(pub use crate::$room::query::*;)*
            $(pub use crate::$own_room::query::*;)*
        }

        /// Shows each question to a feature.
        pub(super) fn each_question(to: &mut impl EachQuestion) {
            $($room::Machine::each(to);)*
            $($own_room::Machine::each(to);)*
        }

        /// Why features refuse.
        pub(super) const REASONS: &[&[Row]] = &[$($room::Reason::TABLE,)* $($own_room::Reason::TABLE),*];

        /// Gives a command to its feature.
        pub(super) fn command(
            ctx: &mut Context<'_>,
            request: RequestId,
            command: Command,
        ) -> Handled<()> {
            match command {
                $(Command::$name(command) => $room::Machine::command(ctx, request, command),)*
                $(Command::$own(command) => $own_room::Machine::command(ctx, request, command),)*
            }
        }

        /// Gives a message to its feature.
        pub(super) fn receive(
            ctx: &mut Context<'_>,
            sender: &Sender,
            body: Body,
        ) -> Handled<Bytes> {
            match body {
                $(Body::$name(message) => $room::Machine::receive(ctx, sender, message),)*
            }
        }

        /// Gives the outcome of one of our messages to its feature.
        pub(super) fn outcome(
            ctx: &mut Context<'_>,
            to: PartyId,
            body: Body,
            result: Result<Bytes, Refusal>,
        ) -> Handled<()> {
            match body {
                $(Body::$name(message) => $room::Machine::outcome(ctx, to, message, result),)*
            }
        }

        /// Tells each feature that time passed.
        pub(super) fn tick(ctx: &mut Context<'_>) -> Handled<()> {
            $($room::Machine::tick(ctx)?;)*
            Ok(())
        }

        /// When something is due next, by feature.
        pub(super) fn next_due(txn: &dyn ReadTxn) -> Result<Vec<Timestamp>, StoreError> {
            let next = [$($room::Machine::next_due(txn)?),*];
            Ok(next.into_iter().flatten().collect())
        }
    };
}

features! {
    /// Who belongs to the region.
    1 => Federation: federation,
    /// A patient and an institution get to know each other.
    2 => Enrolment: enrolment,
    /// Entries of a record.
    3 => Record: record,
    /// The patient decides.
    4 => Consent: consent,
    /// Sealed objects are kept and given back.
    5 => Backup: backup,
    /// The patient's keys.
    6 => Custody: custody,
    /// Who saw what.
    7 => AccessLog: access_log,
    ;
    /// What others make this node keep.
    Quota: quota,
}
