//! What a front door can ask to be done, by feature.

use crate::turn::{Act, Answer, Described, Shown};
use crate::{access_log, backup, consent, custody, enrolment, federation, record};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is asked to be done: an act, which says what it is answered with; or any command, where only whoever asked
/// knows which it is.
pub trait Asked: Into<Command> {
    /// What it is answered with.
    type Answer;

    /// The answer to it.
    fn read(answer: Answer) -> Self::Answer;
}

impl Asked for Command {
    type Answer = Answer;

    fn read(answer: Answer) -> Answer {
        answer
    }
}

impl<A: Act<Answer: Shown>> Asked for A
where
    Command: From<A::Feature>,
{
    type Answer = <A as Act>::Answer;

    fn read(answer: Answer) -> <A as Act>::Answer {
        answer.of()
    }
}

impl<A: Act> From<A> for Command
where
    Self: From<A::Feature>,
{
    fn from(act: A) -> Self {
        Self::from(act.into())
    }
}

macro_rules! features {
    ($($(#[$doc:meta])* $variant:ident($command:ty)),* $(,)?) => {
        /// What a front door can ask to be done.
        #[derive(Debug, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        pub enum Command {
            $($(#[$doc])* $variant($command),)*
        }

        $(impl From<$command> for Command {
            fn from(command: $command) -> Self {
                Self::$variant(command)
            }
        })*
    };
}

features! {
    /// Who belongs to the region.
    Federation(federation::Command),
    /// A patient and an institution get to know each other.
    Enrolment(enrolment::Command),
    /// The patient's keys.
    Custody(custody::Command),
    /// Entries of a record.
    Record(record::Command),
    /// The patient decides.
    Consent(consent::Command),
    /// Sealed objects are kept and given back.
    Backup(backup::Command),
    /// Who saw what.
    AccessLog(access_log::Command),
}

/// Whoever wants each command, one after another: a front door with a route for each.
pub trait EachCommand {
    /// A command, by its feature's name and its own in [`Command`].
    fn one<A>(&mut self, feature: &'static str, name: &'static str)
    where
        A: Act<Answer: Serialize + DeserializeOwned + Described>;
}

macro_rules! each {
    ($($feature:literal: $in:ident { $($name:literal: $act:ident),* $(,)? })*) => {
        impl Command {
            /// Shows each command that other programs may give; the rest are the node's own.
            pub fn each(to: &mut impl EachCommand) {
                $($(to.one::<$in::command::$act>($feature, $name);)*)*
            }
        }
    };
}

each! {
    "federation": federation {
        "create": Create, "join": Join, "admit": Admit, "expel": Expel, "leave": Leave, "invite": Invite,
    }
    "enrolment": enrolment { "code": Code, "enrol": Enrol }
    "custody": custody { "refresh": Refresh }
    "record": record { "new-chart": NewChart }
    "consent": consent {
        "download": Download, "referral": Referral, "approve": Approve, "deny": Deny, "defer": Defer,
        "pass-on": PassOn, "fetch": Fetch, "upload": Upload, "revoke": Revoke, "obtain": Obtain,
    }
    "backup": backup { "keep": Keep, "restore": Restore, "delete": Delete }
    "access-log": access_log { "collect": Collect }
}
