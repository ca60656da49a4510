//! Models of how a federation's membership changes, searched exhaustively within their bounds.
//!
//! Each drives what nodes run, not a copy of it: [`sealing`] the promises that decide what a member signs, [`chain`] the
//! views and their numbers. Each runs once with the rules as they are, where everything claimed must hold, and once for
//! each rule without it, where a claim must fail: a rule whose absence nothing notices would be no rule.
//!
//! What they leave out, the simulator has: clocks, thresholds that change, several members put back from copies.

pub mod chain;
pub mod counts;
pub mod sealing;
