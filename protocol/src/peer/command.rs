//! What a front door asks to be done, with the answer to it.

use super::features::Command;
use crate::turn::{Act, Answer, Shown};

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
