//! What a front door is answered.

use core::any::{Any, type_name};
use core::fmt::Debug;

/// A type that front doors are answered with: it can be told as JSON, and taken down to what it is.
pub trait Shown: Any + Debug + Send + erased_serde::Serialize {
    /// The answer itself, for taking it down to its type.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<T: Any + Debug + Send + erased_serde::Serialize> Shown for T {
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

/// An answer of some type: whoever asked knows which.
#[derive(Debug)]
pub struct Answer(Box<dyn Shown>);

impl Answer {
    /// An answer.
    pub fn new(shown: impl Shown) -> Self {
        Self(Box::new(shown))
    }

    /// The answer as a `T`, if it is one.
    #[must_use]
    pub fn get<T: Shown>(&self) -> Option<&T> {
        (&*self.0 as &dyn Any).downcast_ref()
    }

    /// The answer to what is answered with a `T`.
    ///
    /// # Panics
    /// When it is another: a feature did not keep its word, which is our own bug.
    #[must_use]
    #[track_caller]
    pub fn of<T: Shown>(self) -> T {
        let Self(shown) = self;
        let told = format!("{shown:?}");
        match shown.into_any().downcast() {
            Ok(answer) => *answer,
            Err(_) => panic!("answered with {told:.200} and not with {}", type_name::<T>()),
        }
    }
}

impl serde::Serialize for Answer {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        erased_serde::serialize(&*self.0, serializer)
    }
}

/// A type whose JSON is described by a schema, in the build that writes the document of the local API; in others
/// any type.
#[cfg(feature = "schema")]
pub trait Described: schemars::JsonSchema {}
#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> Described for T {}

/// A type whose JSON is described by a schema, in the build that writes the document of the local API; in others
/// any type.
#[cfg(not(feature = "schema"))]
pub trait Described {}
#[cfg(not(feature = "schema"))]
impl<T> Described for T {}

/// Done, nothing to tell.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Done {
    /// Always true.
    pub done: bool,
}
