//! What a front door is answered.

use core::any::Any;
use core::fmt::Debug;

/// A type that front doors are answered with.
pub trait Shown: Any + Debug + Send {
    /// The answer itself, for taking it down to its type.
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<T: Any + Debug + Send> Shown for T {
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

    /// The answer as a `T`.
    ///
    /// # Errors
    /// The answer itself, when it is of another type.
    pub fn down<T: Shown>(self) -> Result<T, Self> {
        if (&*self.0 as &dyn Any).is::<T>() {
            return self.0.into_any().downcast().map(|answer| *answer).map_err(|_| unreachable!());
        }
        Err(self)
    }
}

/// Done, nothing to tell.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Done {
    /// Always true.
    pub done: bool,
}
