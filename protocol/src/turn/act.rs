//! What a front door asks to be done.

use super::{Context, Shown};
use crate::refusal::Handled;

/// What a front door asks to be done, which says what it is answered with once that is durable.
pub trait Act: Into<<Self as Act>::Feature> {
    /// The commands of its feature, one of which it is.
    type Feature;

    /// What it is answered with.
    type Answer: Shown;
}

/// How an act is carried out.
pub(crate) trait CarryOut: Act {
    /// Does it, within the transaction.
    fn carry_out(self, ctx: &mut Context<'_>) -> Handled<Self::Answer>;
}

/// Declares a feature's commands: each is a type of its own, with its answer. Behind the semicolon are those that
/// say nothing but their name.
macro_rules! commands {
    ($(#[$meta:meta])* pub enum $enum:ident {
        $($(#[$doc:meta])* $act:ident => $answer:ty),* $(,)?
        $(; $($(#[$unit_doc:meta])* $unit:ident => $unit_answer:ty),* $(,)?)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
        #[serde(rename_all = "kebab-case")]
        pub enum $enum {
            $($(#[$doc])* $act($act),)*
            $($($(#[$unit_doc])* $unit,)*)?
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

        impl $enum {
            /// Carries it out, and answers the front door.
            fn carry_out(
                self,
                ctx: &mut $crate::turn::Context<'_>,
                request: $crate::turn::RequestId,
            ) -> $crate::refusal::Handled<()> {
                use $crate::turn::CarryOut as _;
                match self {
                    $(Self::$act(act) => {
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
        }
    };
}

pub(crate) use commands;
