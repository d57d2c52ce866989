//! A checked expression, and its evaluation.

use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::common::ast::{Expr, IdedExpr, operators};
use cel::{Env, ExecutionError, Program, Value};

use super::check::{self, References};
use super::error::ExpressionError;
use super::facts::Facts;

/// The stack of the thread that parses an expression: the parser takes up to 40 KiB for each
/// operator of a chain such as `1+1+1`, and an expression has at most [`check::MAX_LENGTH`] bytes.
const PARSER_STACK: usize = 128 * 1024 * 1024;

/// An expression that was checked: it returns true or false, unless it meets a `null` where it
/// needs a value.
#[derive(Clone)]
pub struct Expression {
    text: Arc<str>,
    program: Arc<Program>,
    references: Arc<References>,
}

/// Expressions with the same text are equal.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Expression {}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.text).finish()
    }
}

/// The result of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// True if the expression is true.
    pub holds: bool,
    /// The addresses of the changes because of which it is true, if it is
    /// `changes.exists(..)`.
    pub because_of: Vec<String>,
}

impl Expression {
    /// Parses and checks a text.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        check::check_length(text)?;
        // The parser is recursive, so it gets a stack of its own. A panic ends this thread only.
        let parsed = std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().stack_size(PARSER_STACK);
            let parsed = thread.spawn_scoped(scope, || Self::parse_here(text)).ok()?;
            parsed.join().ok()
        });
        parsed.unwrap_or_else(|| {
            let message = "the expression could not be parsed";
            Err(ExpressionError::new(0..text.len(), message).help("Write a simpler expression."))
        })
    }

    fn parse_here(text: &str) -> Result<Self, ExpressionError> {
        // The macros are checked as they are written, before they are expanded.
        let written = Env::default().with_optional_support(false).parser();
        let (tree, positions) = written
            .parse_with_source_info(text)
            .map_err(|errors| check::syntax_error(text, &errors))?;
        let references = check::check(text, &tree, &positions)?;
        let program =
            Program::compile(text).map_err(|errors| check::syntax_error(text, &errors))?;
        Ok(Self {
            text: Arc::from(text),
            program: Arc::new(program),
            references: Arc::new(references),
        })
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns whether the result depends on the packages that passed a verification.
    pub fn reads_verified(&self) -> bool {
        self.references.verified
    }

    /// Returns the names that `environment` is compared with, and their bytes in the text.
    pub fn environments(&self) -> &[(String, Range<usize>)] {
        &self.references.environments
    }

    /// Returns the known words of the server that are written in another case, and their bytes in
    /// the text.
    pub fn miswritten(&self) -> &[(&'static str, Range<usize>)] {
        &self.references.miswritten
    }

    /// Evaluates the expression. The error is a fragment for people.
    pub fn evaluate(&self, facts: &Facts) -> Result<Finding, String> {
        // The evaluation has no state that a panic could leave half done.
        let evaluated = catch_unwind(AssertUnwindSafe(|| self.evaluate_here(facts)));
        evaluated.unwrap_or_else(|_| Err("the evaluation was aborted".to_owned()))
    }

    fn evaluate_here(&self, facts: &Facts) -> Result<Finding, String> {
        let holds = match self.program.execute(&facts.context) {
            Ok(Value::Bool(holds)) => holds,
            Ok(_) => return Err("the result is neither true nor false".to_owned()),
            Err(error) => return Err(failure(&error)),
        };
        let because_of = if holds { self.found(facts) } else { Vec::new() };
        Ok(Finding { holds, because_of })
    }

    /// Returns the addresses of the changes for which the condition of `changes.exists(..)` is
    /// true.
    fn found(&self, facts: &Facts) -> Vec<String> {
        let Some((variable, condition)) = exists_in_changes(self.program.expression()) else {
            return Vec::new();
        };
        let mut scope = facts.context.new_inner_scope();
        let changes = facts.changes.iter();
        changes
            .filter(|(_, change)| {
                scope.add_variable_from_value(variable, change.clone());
                matches!(scope.resolve(condition), Ok(Value::Bool(true)))
            })
            .map(|(address, _)| address.clone())
            .collect()
    }
}

/// Returns the variable and the condition of an expression that is `changes.exists(..)`, as the
/// parser expands it: a loop over `changes` with the step `RESULT || CONDITION`.
fn exists_in_changes(expression: &IdedExpr) -> Option<(&str, &IdedExpr)> {
    let Expr::Comprehension(exists) = &expression.expr else {
        return None;
    };
    let is_changes = matches!(&exists.iter_range.expr, Expr::Ident(name) if name == "changes");
    match &exists.loop_step.expr {
        Expr::Call(step) if is_changes && step.func_name == operators::LOGICAL_OR => {
            Some((&exists.iter_var, step.args.get(1)?))
        }
        _ => None,
    }
}

/// Returns the reason of a failed evaluation. After the check, only a missing value or a number can
/// be the cause.
fn failure(error: &ExecutionError) -> String {
    let of_null = |function: &str| {
        let name = function.trim_matches('_');
        format!("`{name}` needs a value, and one is null; test it with `!= null` first")
    };
    match error {
        ExecutionError::NoSuchOverload(overload) => of_null(overload.function()),
        ExecutionError::UnexpectedType { .. } | ExecutionError::UnsupportedTargetType { .. } => {
            of_null("newer")
        }
        ExecutionError::FunctionError { function, .. } => of_null(function),
        ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
            "a number is divided by zero".to_owned()
        }
        ExecutionError::Overflow(..) => "a number is too big".to_owned(),
        ExecutionError::IndexOutOfBounds(_) => "a list has no item at this index".to_owned(),
        other => other.to_string().chars().take(200).collect(),
    }
}

#[cfg(test)]
mod tests;
