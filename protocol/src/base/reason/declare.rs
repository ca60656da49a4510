//! Declaring reasons.

/// Declares the reasons of a room as an enum, in this crate or one that stands around it:
///
/// ```text
/// reasons! {
///     /// Why nothing is baked.
///     pub(crate) enum Reason: 99 "bakery" {
///         1 => NoFlour { grams: u64 }: NotFound "{grams} grams of flour are missing; buy some",
///     }
/// }
/// ```
///
/// `use Oven(OvenError)` before the first number takes in the reasons of another room as they are. Numbers are
/// for ever: what is no longer said leaves a gap.
#[macro_export]
macro_rules! reasons {
    ($(#[$meta:meta])* $vis:vis enum $name:ident: $room:literal $noun:literal {
        $(use $within:ident($inner:ty),)*
        $(
            $(#[$vmeta:meta])*
            $number:literal => $variant:ident
                $({ $($arg:ident: $ty:ty),* $(,)? })?
                $(($($at:ident: $aty:ty),*))?
                : $class:ident $english:literal
        ),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[allow(unreachable_pub, reason = "some are used within one module only")]
        $vis enum $name {
            $(
                #[doc = concat!("A [`", stringify!($inner), "`].")]
                $within($inner),
            )*
            $(
                $(#[$vmeta])*
                #[doc = $english]
                $variant $({ $(
                    #[doc = concat!("`{", stringify!($arg), "}` of the words.")]
                    $arg: $ty,
                )* })? $(($($aty),*))?,
            )*
        }

        impl $crate::reason::Listed for $name {
            const TABLE: &'static [$crate::reason::Row] = &[$($crate::reason::Row {
                number: $room * 1000 + $number,
                room: $noun,
                variant: stringify!($variant),
                class: $crate::reason::RefusalCode::$class,
                args: &[
                    $($((stringify!($arg), <$ty as $crate::reason::Argument>::KIND),)*)?
                    $($((stringify!($at), <$aty as $crate::reason::Argument>::KIND),)*)?
                ],
                english: $english,
            }),*];

            fn row(&self) -> &'static $crate::reason::Row {
                let number = match self {
                    $(Self::$within(inner) => return inner.row(),)*
                    $(Self::$variant { .. } => $room * 1000 + $number,)*
                };
                Self::TABLE.iter().find(|row| row.number == number).expect("each variant has a row")
            }

            fn args(&self) -> Vec<$crate::reason::Arg> {
                match self {
                    $(Self::$within(inner) => inner.args(),)*
                    $(Self::$variant $({ $($arg),* })? $(($($at),*))? => vec![
                        $($($crate::reason::Argument::arg($arg),)*)?
                        $($($crate::reason::Argument::arg($at),)*)?
                    ],)*
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                use $crate::reason::{ENGLISH, Listed, in_words};
                f.write_str(&in_words(self.row(), &self.args(), &ENGLISH, &|_| None))
            }
        }

        impl core::error::Error for $name {}

        $(impl From<$inner> for $name {
            fn from(inner: $inner) -> Self {
                Self::$within(inner)
            }
        })*
    };
}

pub use reasons;
