//! Room for answers: how many bytes are kept for whoever reads slowly, or not at all. Pure.
//!
//! Nobody knows how long an answer is before it is there. So a request is handed to the driver only when there is room for
//! the longest answer, on its connection and of its institution; what the answer does not need is given back once it is
//! known, and the rest when it is on the wire. Other requests wait in line meanwhile: those of the slow, and nobody else's.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use chartmesh_protocol::limits::RESPONSE_BYTES_MAX;

use super::limits::{ANSWERS_OF_CONNECTION_MAX, ANSWERS_OF_INSTITUTION_MAX};

/// Whose an answer is: its connection, and its institution.
pub(super) type Side<C, W> = (C, W);

/// What is kept for answers, and the requests that wait until there is room for theirs.
#[derive(Debug)]
pub(super) struct Answers<K, C, W, R> {
    kept: HashMap<K, (Side<C, W>, usize)>,
    of_connection: HashMap<C, usize>,
    of_institution: HashMap<W, usize>,
    line: VecDeque<(K, Side<C, W>, R)>,
}

impl<K: Copy + Eq + Hash, C: Copy + Eq + Hash, W: Copy + Eq + Hash, R> Answers<K, C, W, R> {
    pub(super) fn new() -> Self {
        Self {
            kept: HashMap::new(),
            of_connection: HashMap::new(),
            of_institution: HashMap::new(),
            line: VecDeque::new(),
        }
    }

    /// A request has come. [`Answers::next`] gives it back when there is room for its answer.
    pub(super) fn wait(&mut self, key: K, side: Side<C, W>, request: R) {
        self.line.push_back((key, side, request));
    }

    /// The next request for whose answer there is room, which is kept for it from now on.
    pub(super) fn next(&mut self) -> Option<R> {
        let at = self.line.iter().position(|(_, side, _)| self.has_room(*side))?;
        let (key, side, request) = self.line.remove(at)?;
        self.set(key, side, RESPONSE_BYTES_MAX);
        Some(request)
    }

    /// An answer is there: it needs so much.
    pub(super) fn needs(&mut self, key: K, bytes: usize) {
        if let Some((side, _)) = self.kept.get(&key).copied() {
            self.set(key, side, bytes.min(RESPONSE_BYTES_MAX));
        }
    }

    /// An answer is on the wire, or will never be. Gives the request if it still waited.
    pub(super) fn gone(&mut self, key: K) -> Option<R> {
        if let Some((side, _)) = self.kept.get(&key).copied() {
            self.set(key, side, 0);
            self.kept.remove(&key);
        }
        let at = self.line.iter().position(|(waiting, ..)| *waiting == key)?;
        self.line.remove(at).map(|(_, _, request)| request)
    }

    fn has_room(&self, (connection, whose): Side<C, W>) -> bool {
        let of = |kept: Option<&usize>| kept.copied().unwrap_or(0) + RESPONSE_BYTES_MAX;
        of(self.of_connection.get(&connection)) <= ANSWERS_OF_CONNECTION_MAX
            && of(self.of_institution.get(&whose)) <= ANSWERS_OF_INSTITUTION_MAX
    }

    fn set(&mut self, key: K, side: Side<C, W>, bytes: usize) {
        let (_, before) = self.kept.insert(key, (side, bytes)).unwrap_or((side, 0));
        change(&mut self.of_connection, side.0, before, bytes);
        change(&mut self.of_institution, side.1, before, bytes);
    }
}

fn change<T: Eq + Hash>(kept: &mut HashMap<T, usize>, of: T, before: usize, bytes: usize) {
    let all = kept.get(&of).copied().unwrap_or(0) - before + bytes;
    match all {
        0 => kept.remove(&of),
        all => kept.insert(of, all),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    type Tried = Answers<u32, u32, char, u32>;

    fn ask(answers: &mut Tried, numbers: std::ops::Range<u32>, connection: u32, whose: char) {
        numbers.for_each(|number| answers.wait(number, (connection, whose), number));
    }

    fn taken(answers: &mut Tried) -> Vec<u32> {
        std::iter::from_fn(|| answers.next()).collect()
    }

    #[test]
    fn what_is_not_read_holds_back_its_connection_then_its_institution_and_nobody_else() {
        let mut answers = Tried::new();
        ask(&mut answers, 0..10, 1, 'a');
        assert_eq!(taken(&mut answers), [0, 1]);
        ask(&mut answers, 10..20, 2, 'a');
        assert_eq!(taken(&mut answers), [10, 11], "another connection");
        ask(&mut answers, 20..30, 3, 'a');
        assert!(taken(&mut answers).is_empty(), "the institution has its share");
        ask(&mut answers, 30..31, 4, 'b');
        assert_eq!(taken(&mut answers), [30]);
        // Short answers need no room to speak of, though nobody reads them.
        answers.needs(10, 100);
        assert!(taken(&mut answers).is_empty(), "there is no room for another of the longest");
        answers.needs(11, 100);
        assert_eq!(taken(&mut answers), [12], "whoever came first");
        assert_eq!(answers.gone(0), None);
        assert_eq!(taken(&mut answers), [2]);
    }

    #[test]
    fn what_is_gone_leaves_nothing_behind_whether_it_waited_or_not() {
        let mut answers = Tried::new();
        ask(&mut answers, 0..5, 1, 'a');
        assert_eq!(taken(&mut answers), [0, 1]);
        answers.needs(0, 7);
        assert!(taken(&mut answers).is_empty());
        assert_eq!(answers.gone(3), Some(3));
        assert_eq!(answers.gone(0), None);
        assert_eq!(answers.gone(0), None, "told twice");
        assert_eq!(taken(&mut answers), [2]);
        for number in [1, 2] {
            answers.gone(number);
        }
        assert_eq!(taken(&mut answers), [4]);
        answers.gone(4);
        assert!(answers.kept.is_empty() && answers.line.is_empty());
        assert!(answers.of_connection.is_empty() && answers.of_institution.is_empty());
    }
}
