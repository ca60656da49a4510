//! What a front door asks to be done.

use super::{Context, Described, RequestId, Shown};
use crate::refusal::Handled;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a front door asks to be done, which says what it is answered with once that is durable.
pub trait Act: Into<<Self as Act>::Feature> {
    /// The commands of its feature, one of which it is.
    type Feature;

    /// What it is answered with.
    type Answer: Shown;
}

/// How an act is carried out.
pub(crate) trait CarryOut: Act {
    /// Whether it makes this node keep more, and is refused while the disk is almost full.
    const GROWS: bool = false;

    /// Does it, within the transaction.
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<Self::Answer>;
}

/// Whoever wants each command, one after another: a front door with a route for each.
pub trait EachCommand {
    /// A command, by its feature's name and its own, as [`crate::peer::Command`] has them.
    fn one<A>(&mut self, feature: &'static str, name: &'static str)
    where
        A: Act<Answer: Serialize + DeserializeOwned + Described>;
}

/// The commands of a feature.
pub(crate) trait Commands {
    /// Carries it out, and answers the front door.
    fn carry_out(self, ctx: &mut Context<'_>, request: RequestId) -> Handled<()>;

    /// Shows each that other programs may give.
    fn each(to: &mut impl EachCommand);
}

/// Declares a feature's commands: each is a type of its own, with its answer. Behind the semicolon are those that
/// say nothing but their name. Other programs may give those that have a name, `"approve" Approve => RequestView`;
/// the rest are the node's own.
macro_rules! commands {
    ($(#[$meta:meta])* pub enum $enum:ident: $feature:literal {
        $($(#[$doc:meta])* $($name:literal)? $act:ident => $answer:ty),* $(,)?
        $(; $($(#[$unit_doc:meta])* $($unit_name:literal)? $unit:ident => $unit_answer:ty),* $(,)?)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        pub enum $enum {
            $($(#[$doc])* $(#[serde(rename = $name)])? $act($act),)*
            $($($(#[$unit_doc])* $(#[serde(rename = $unit_name)])? $unit,)*)?
        }

        $(impl $crate::turn::Act for $act {
            type Feature = $enum;
            type Answer = $answer;
        }

        impl From<$act> for $enum {
            fn from(act: $act) -> Self {
                Self::$act(act)
            }
        })*

        $($(impl $crate::turn::Act for $unit {
            type Feature = $enum;
            type Answer = $unit_answer;
        }

        impl From<$unit> for $enum {
            fn from(_: $unit) -> Self {
                Self::$unit
            }
        })*)?

        impl $crate::turn::Commands for $enum {
            fn carry_out(
                self,
                ctx: &mut $crate::turn::Context<'_>,
                request: $crate::turn::RequestId,
            ) -> $crate::refusal::Handled<()> {
                use $crate::turn::CarryOut as _;
                match self {
                    $(Self::$act(act) => {
                        if <$act as $crate::turn::CarryOut>::GROWS {
                            ctx.own.require_room()?;
                        }
                        let answer = act.carry_out(ctx)?;
                        ctx.answer(request, answer);
                    })*
                    $($(Self::$unit => {
                        let answer = $unit.carry_out(ctx)?;
                        ctx.answer(request, answer);
                    })*)?
                }
                Ok(())
            }

            fn each(to: &mut impl $crate::turn::EachCommand) {
                $($(to.one::<$act>($feature, $name);)?)*
                $($($(to.one::<$unit>($feature, $unit_name);)?)*)?
            }
        }
    };
}

pub(crate) use commands;
