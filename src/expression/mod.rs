//! The expressions of policies: CEL over the changes of a plan.
//!
//! ```text
//! text --Expression::parse--> Expression --evaluate(Facts)--> Finding
//! ```
//!
//! An expression is checked completely before it is used: its variables, fields and types, and the
//! work that it needs. So an expression that passes once does not fail because a plan is bigger,
//! and its evaluation ends soon: the work grows with the number of changes, never with its square.
//! No function reads a clock: the time is a fact, as everything else.

mod check;
mod compiled;
mod error;
mod facts;
mod kind;
mod reference;

pub use check::MAX_LENGTH;
pub use compiled::{Expression, Finding};
pub use error::ExpressionError;
pub use facts::{ChangeFacts, Facts, ImageFacts};
pub use reference::reference;
