//! The check of an expression before it is used: names, kinds of values, and work.
//!
//! The bound of the work is static, and does not depend on the plan: loops over the changes are
//! not nested, lists are not joined, and there are no lists of lists. So no value is bigger than
//! the plan, and the steps for each change are counted here.

use std::ops::Range;

use cel::ParseErrors;
use cel::common::ast::{CallExpr, Expr, IdedExpr, ListExpr, LiteralValue, SourceInfo, operators};
use cel::parser::ParseError;

use super::error::ExpressionError;
use super::kind::{Field, Form, Kind, Size, Type, VARIABLES, VERIFIED};
use crate::ident::Version;

/// The maximum length of an expression, in bytes.
pub const MAX_LENGTH: usize = 2000;

/// The maximum nesting of an expression: its evaluation is recursive.
const MAX_DEPTH: usize = 40;

/// The maximum number of steps for each change, and of those that do not depend on the changes.
const MAX_STEPS: u64 = 1000;

/// The steps of the copy of an item at the start of each round of a loop.
const COPY: u64 = 10;

/// The loops, with the names that CEL gives them.
const LOOPS: [&str; 6] = ["exists", "all", "exists_one", "existsOne", "filter", "map"];

/// The start of the parser's messages about a text.
const SYNTAX: &str = "Syntax error: ";

/// The kind of the items of [`VERIFIED`].
const PACKAGE: Kind = Kind::Form(Form::Package);

type Checked<T> = Result<T, ExpressionError>;

pub(super) fn check_length(text: &str) -> Checked<()> {
    if text.len() <= MAX_LENGTH {
        return Ok(());
    }
    let message = format!("the expression is longer than {MAX_LENGTH} bytes");
    Err(ExpressionError::new(0..text.len(), message).help("Split it into several policies."))
}

/// Returns the first error of the parser. Its lists of all possible tokens are left out.
pub(super) fn syntax_error(text: &str, errors: &ParseErrors) -> ExpressionError {
    // The others are about the parser's own tree.
    let is_of_text = |error: &&ParseError| error.msg.starts_with(SYNTAX);
    let of_text = errors.errors.iter().find(is_of_text);
    let Some(error) = of_text.or(errors.errors.first()) else {
        return ExpressionError::new(0..text.len(), "the expression is not valid");
    };
    if error.msg.contains("Recursion limit") {
        return too_deep(0..text.len());
    }
    let found = error.msg.trim_start_matches(SYNTAX);
    let found = found.split(" expecting ").next().unwrap_or(found);
    let start = offset_of(text, error.pos);
    let message = if start >= text.trim_end().len() {
        "the expression ends too early".to_owned()
    } else {
        let unexpected = [
            "token recognition error at: ",
            "extraneous input ",
            "mismatched input ",
            "no viable alternative at input ",
        ];
        let mut stripped = unexpected.iter().filter_map(|it| found.strip_prefix(it));
        let message = stripped.next().map(|token| format!("unexpected {token}"));
        let is_internal = found.contains("Context");
        let found = if is_internal {
            "the expression is not complete"
        } else {
            found
        };
        let message = message.unwrap_or_else(|| found.to_owned());
        message.replace('`', "'")
    };
    let start = start.min(text.trim_end().len().saturating_sub(1));
    let start = (0..=start).rev().find(|at| text.is_char_boundary(*at));
    let start = start.unwrap_or_default();
    let length = text[start..].chars().next().map_or(0, char::len_utf8);
    ExpressionError::new(start..start + length, message)
        .help("Write a condition in CEL, such as `changes.exists(c, c.action == \"delete\")`.")
}

/// Returns the offset of a line and column of the parser, both in characters and from 1.
fn offset_of(text: &str, (line, column): (isize, isize)) -> usize {
    let number = |number: isize| usize::try_from(number).unwrap_or(1).saturating_sub(1);
    let lines = text.split_inclusive('\n');
    let before: usize = lines.clone().take(number(line)).map(str::len).sum();
    let line = lines.clone().nth(number(line)).unwrap_or_default();
    let within = line.char_indices().nth(number(column));
    before + within.map_or(line.len(), |(offset, _)| offset)
}

fn too_deep(range: Range<usize>) -> ExpressionError {
    ExpressionError::new(range, "the expression is nested too deeply")
        .help("Split it into several policies.")
}

/// What an expression refers to besides the plan.
pub(super) struct References {
    /// True if it reads the verified packages.
    pub(super) verified: bool,
    /// The names that `environment` is compared with, and their bytes in the text.
    pub(super) environments: Vec<(String, Range<usize>)>,
    /// The known words of the server that the expression writes in another case, and the bytes.
    pub(super) miswritten: Vec<(&'static str, Range<usize>)>,
}

/// Checks an expression as it is written.
pub(super) fn check(text: &str, tree: &IdedExpr, positions: &SourceInfo) -> Checked<References> {
    let mut check = Check {
        text,
        positions,
        variables: Vec::new(),
        depth: 0,
        references: References {
            verified: false,
            environments: Vec::new(),
            miswritten: Vec::new(),
        },
    };
    let value = check.value(tree)?;
    check.expect(value.is, Kind::Bool, tree, "a policy is")?;
    if value.work.fixed.max(value.work.of_each) > MAX_STEPS {
        let message = format!("the expression needs more than {MAX_STEPS} steps for each change");
        let help = "Split it into several policies, or use shorter lists.";
        return Err(ExpressionError::new(0..text.len(), message).help(help));
    }
    Ok(check.references)
}

/// The number of steps of an evaluation.
#[derive(Debug, Clone, Copy)]
struct Work {
    /// The steps that do not depend on the plan.
    fixed: u64,
    /// The steps for each change or package.
    of_each: u64,
}

impl Work {
    const STEP: Self = Self {
        fixed: 1,
        of_each: 0,
    };

    /// The steps of looking at each item of a list.
    fn of_items(size: Size) -> Self {
        match size {
            Size::Fixed(items) => Self {
                fixed: items,
                of_each: 0,
            },
            Size::OfPlan => Self {
                fixed: 0,
                of_each: 1,
            },
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            fixed: self.fixed.saturating_add(other.fixed),
            of_each: self.of_each.saturating_add(other.of_each),
        }
    }
}

/// A part of an expression that was checked.
#[derive(Clone, Copy)]
struct Part {
    is: Type,
    work: Work,
}

struct Check<'a> {
    text: &'a str,
    positions: &'a SourceInfo,
    /// The variables of the loops around the current part.
    variables: Vec<(&'a str, Kind)>,
    depth: usize,
    references: References,
}

impl<'a> Check<'a> {
    fn value(&mut self, part: &'a IdedExpr) -> Checked<Part> {
        if self.depth >= MAX_DEPTH {
            return Err(too_deep(self.range(part)));
        }
        self.depth += 1;
        let value = self.value_here(part);
        self.depth -= 1;
        value
    }

    fn value_here(&mut self, part: &'a IdedExpr) -> Checked<Part> {
        let one = |kind| Part {
            is: Type::One(kind),
            work: Work::STEP,
        };
        match &part.expr {
            Expr::Literal(literal) => match literal {
                LiteralValue::Boolean(_) => Ok(one(Kind::Bool)),
                LiteralValue::Int(_) => Ok(one(Kind::Int)),
                LiteralValue::String(_) => Ok(one(Kind::Text)),
                LiteralValue::Null => Ok(one(Kind::Null)),
                LiteralValue::Double(_) | LiteralValue::UInt(_) | LiteralValue::Bytes(_) => {
                    let message = "only texts, whole numbers, `true`, `false` and `null` are known";
                    Err(self.error(part, message))
                }
            },
            Expr::Ident(name) => self.variable(name, part),
            Expr::Select(select) => {
                let operand = self.value(&select.operand)?;
                let Type::One(Kind::Record(record)) = operand.is else {
                    let message = format!("{} has no fields", operand.is.phrase());
                    return Err(self.error(part, message));
                };
                let found = record.fields.iter().find(|it| it.name == select.field);
                let Some(Field { kind, .. }) = found else {
                    let message = format!("{} has no field `{}`", record.name, select.field);
                    let known = record.fields.iter().map(|field| field.name);
                    return Err(self.unknown(part, message, &select.field, known.collect()));
                };
                Ok(Part {
                    is: Type::One(*kind),
                    work: operand.work.and(Work::STEP),
                })
            }
            Expr::List(list) => self.list(list),
            Expr::Call(call) => self.call(call, part),
            Expr::Map(_) | Expr::Struct(_) => {
                let message = "mappings are not supported";
                Err(self
                    .error(part, message)
                    .help("Write a list, or several comparisons."))
            }
            Expr::Comprehension(_) | Expr::Unspecified => {
                Err(self.error(part, "the expression is not valid"))
            }
        }
    }

    fn variable(&mut self, name: &str, part: &IdedExpr) -> Checked<Part> {
        let of_loops = self.variables.iter().rev();
        let mut of_loops = of_loops.filter(|(known, _)| *known == name);
        let found = of_loops.next().map(|(_, kind)| Type::One(*kind));
        let global = VARIABLES.iter().find(|variable| variable.name == name);
        let Some(is) = found.or(global.map(|variable| variable.kind)) else {
            let message = format!("unknown variable `{name}`");
            let known = VARIABLES.iter().map(|variable| variable.name).collect();
            return Err(self.unknown(part, message, name, known));
        };
        self.references.verified |= name == VERIFIED;
        Ok(Part {
            is,
            work: Work::STEP,
        })
    }

    /// Checks a list that is written as one.
    fn list(&mut self, list: &'a ListExpr) -> Checked<Part> {
        let mut work = Work::STEP;
        let mut kind: Option<Kind> = None;
        for item in &list.elements {
            let value = self.value(item)?;
            let is_plain = |kind: &Kind| !matches!(kind, Kind::Record(_));
            let Some(found) = value.is.one().filter(is_plain) else {
                let message = format!("{} cannot be in a list", value.is.phrase());
                return Err(self.error(item, message));
            };
            let before = kind.unwrap_or(found);
            if !before.is_comparable(found) {
                let message = format!("the list has {} beside {}", found.phrase(), before.phrase());
                return Err(self.error(item, message));
            }
            kind = Some(before.either(found));
            work = work.and(value.work);
        }
        let size = Size::Fixed(u64::try_from(list.elements.len()).unwrap_or(u64::MAX));
        Ok(Part {
            is: Type::List(kind.unwrap_or(Kind::Null), size),
            work,
        })
    }

    fn call(&mut self, call: &'a CallExpr, part: &'a IdedExpr) -> Checked<Part> {
        if LOOPS.contains(&call.func_name.as_str())
            && let (Some(range), [variable, body]) = (&call.target, call.args.as_slice())
        {
            return self.repeated(&call.func_name, range, (variable, body), part);
        }
        // A method is a function whose first argument is its target.
        let target = call.target.as_deref();
        let arguments: Vec<&'a IdedExpr> = target.into_iter().chain(&call.args).collect();
        let is_method = target.is_some();
        match (call.func_name.as_str(), arguments.as_slice()) {
            (operators::CONDITIONAL, [condition, yes, no]) => self.conditional(condition, yes, no),
            (operators::LOGICAL_NOT, [_]) => {
                self.operation("!", &arguments, Kind::Bool, Kind::Bool)
            }
            (operators::LOGICAL_AND, [_, _]) => {
                self.operation("&&", &arguments, Kind::Bool, Kind::Bool)
            }
            (operators::LOGICAL_OR, [_, _]) => {
                self.operation("||", &arguments, Kind::Bool, Kind::Bool)
            }
            (operators::NEGATE, [_]) => self.operation("-", &arguments, Kind::Int, Kind::Int),
            (
                operators::ADD
                | operators::SUBSTRACT
                | operators::MULTIPLY
                | operators::DIVIDE
                | operators::MODULO,
                [_, _],
            ) => {
                let sign = call.func_name.trim_matches('_');
                self.operation(sign, &arguments, Kind::Int, Kind::Int)
            }
            (operators::EQUALS | operators::NOT_EQUALS, [left, right]) => {
                self.comparison(left, right, part)
            }
            (
                operators::LESS
                | operators::LESS_EQUALS
                | operators::GREATER
                | operators::GREATER_EQUALS,
                [left, right],
            ) => self.ordering(call.func_name.trim_matches('_'), left, right),
            (operators::IN, [item, list]) => self.membership(item, list),
            (operators::INDEX, [list, index]) => self.item(list, index, part),
            ("size", [of]) => {
                let value = self.value(of)?;
                let is_sized = value.is.one().is_none_or(Kind::is_text);
                if !is_sized {
                    let message = format!("{} has no size", value.is.phrase());
                    return Err(self.error(of, message));
                }
                Ok(Part {
                    is: Type::One(Kind::Int),
                    work: value.work.and(Work::STEP),
                })
            }
            (name @ ("contains" | "startsWith" | "endsWith"), [_, _]) if is_method => {
                self.operation(name, &arguments, Kind::Text, Kind::Bool)
            }
            ("newer", [_, _]) if !is_method => {
                for version in &arguments {
                    self.check_version(version)?;
                }
                self.operation("newer", &arguments, Kind::Text, Kind::Bool)
            }
            ("has", _) if !is_method => Err(self
                .error(part, "`has` is not needed: every field exists")
                .help("Write `!= null` to test for a value.")),
            (name, arguments) => {
                let known = ["size", "contains", "startsWith", "endsWith", "newer"];
                let known: Vec<&'static str> = known.into_iter().chain(LOOPS).collect();
                if known.contains(&name) {
                    let number = arguments.len() - usize::from(is_method);
                    let message =
                        format!("`{name}` is not used like this, with {number} arguments");
                    let help = "Write it as the reference of policies in docs/manifest.md shows.";
                    return Err(self.error(part, message).help(help));
                }
                let message = format!("unknown function `{name}`");
                Err(self.unknown(part, message, name, known))
            }
        }
    }

    fn conditional(
        &mut self,
        condition: &'a IdedExpr,
        yes: &'a IdedExpr,
        no: &'a IdedExpr,
    ) -> Checked<Part> {
        let condition_value = self.value(condition)?;
        self.expect(condition_value.is, Kind::Bool, condition, "`?` needs")?;
        let (yes, other) = (self.value(yes)?, self.value(no)?);
        let is = match (yes.is, other.is) {
            (Type::One(Kind::Null), is) | (is, Type::One(Kind::Null)) => is,
            (Type::One(one), Type::One(another)) if one.is_comparable(another) => {
                Type::One(one.either(another))
            }
            _ => {
                let message = "both sides of `:` must be of the same kind";
                return Err(self.error(no, message));
            }
        };
        let work = condition_value.work.and(yes.work).and(other.work);
        Ok(Part { is, work })
    }

    /// Checks the item of a list at an index.
    fn item(&mut self, list: &'a IdedExpr, index: &'a IdedExpr, part: &IdedExpr) -> Checked<Part> {
        let value = self.value(list)?;
        let Type::List(kind, _) = value.is else {
            let message = format!("{} has no index", value.is.phrase());
            let help = "Write a field as `.name`; only lists have an index.";
            return Err(self.error(part, message).help(help));
        };
        let at = self.value(index)?;
        self.expect(at.is, Kind::Int, index, "an index is")?;
        Ok(Part {
            is: Type::One(kind),
            work: value.work.and(at.work).and(Work::STEP),
        })
    }

    /// Checks a loop over a list.
    fn repeated(
        &mut self,
        name: &str,
        range: &'a IdedExpr,
        (variable, body): (&'a IdedExpr, &'a IdedExpr),
        part: &'a IdedExpr,
    ) -> Checked<Part> {
        let over = self.value(range)?;
        let (item, size) = match over.is {
            Type::List(item, size) => (item, size),
            Type::Set => (PACKAGE, Size::OfPlan),
            Type::One(kind) => {
                let message = format!("`{name}` needs a list, and this is {}", kind.phrase());
                return Err(self.error(range, message));
            }
        };
        let Expr::Ident(variable_name) = &variable.expr else {
            let message = format!("the first argument of `{name}` is the name of a variable");
            let help = "Write a new name, such as `c` in `changes.exists(c, ..)`.";
            return Err(self.error(variable, message).help(help));
        };
        let is_known = VARIABLES.iter().any(|known| known.name == variable_name);
        let is_outer = self
            .variables
            .iter()
            .any(|(known, _)| known == variable_name);
        if is_known || is_outer || variable_name.starts_with('.') {
            let message = format!("`{variable_name}` is a variable already");
            return Err(self.error(variable, message).help("Write another name."));
        }
        self.variables.push((variable_name, item));
        let each = self.value(body);
        self.variables.pop();
        let each = each?;
        let is = if name == "map" {
            let Some(kind) = each.is.one() else {
                let message = "`map` cannot make a list of lists";
                return Err(self.error(body, message));
            };
            Type::List(kind, size)
        } else {
            self.expect(each.is, Kind::Bool, body, &format!("`{name}` needs"))?;
            match name {
                "filter" => Type::List(item, size),
                _ => Type::One(Kind::Bool),
            }
        };
        let rounds = match size {
            Size::Fixed(items) => Work {
                fixed: items.saturating_mul(each.work.fixed.saturating_add(COPY)),
                of_each: items.saturating_mul(each.work.of_each),
            },
            Size::OfPlan if each.work.of_each > 0 => {
                let message = "a loop over all changes is inside another one";
                let help = "Write two conditions beside each other, or use a field of the change, \
                            such as `succession`: the work must not grow with the square of the \
                            plan.";
                return Err(self.error(part, message).help(help));
            }
            Size::OfPlan => Work {
                fixed: 0,
                of_each: each.work.fixed.saturating_add(COPY),
            },
        };
        Ok(Part {
            is,
            work: over.work.and(rounds),
        })
    }

    /// Checks an operator or a function whose arguments are all of one kind.
    fn operation(
        &mut self,
        name: &str,
        arguments: &[&'a IdedExpr],
        needs: Kind,
        makes: Kind,
    ) -> Checked<Part> {
        let mut work = Work::STEP;
        for argument in arguments {
            let value = self.value(argument)?;
            self.expect(value.is, needs, argument, &format!("`{name}` needs"))?;
            work = work.and(value.work);
        }
        Ok(Part {
            is: Type::One(makes),
            work,
        })
    }

    /// Checks an ordering of numbers, or of texts if the left side is one.
    fn ordering(&mut self, sign: &str, left: &'a IdedExpr, right: &'a IdedExpr) -> Checked<Part> {
        let one = self.value(left)?;
        let is_text = one.is.one().is_some_and(Kind::is_text);
        let kind = if is_text { Kind::Text } else { Kind::Int };
        let needs = format!("`{sign}` needs");
        self.expect(one.is, kind, left, &needs)?;
        let other = self.value(right)?;
        self.expect(other.is, kind, right, &needs)?;
        self.check_bound(one.is, right)?;
        self.check_bound(other.is, left)?;
        Ok(Part {
            is: Type::One(Kind::Bool),
            work: one.work.and(other.work).and(Work::STEP),
        })
    }

    fn comparison(
        &mut self,
        left: &'a IdedExpr,
        right: &'a IdedExpr,
        part: &IdedExpr,
    ) -> Checked<Part> {
        let (one, other) = (self.value(left)?, self.value(right)?);
        let kinds = one.is.one().zip(other.is.one());
        if !kinds.is_some_and(|(one, other)| one.is_comparable(other)) {
            let message = format!(
                "{} cannot be compared with {}",
                one.is.phrase(),
                other.is.phrase()
            );
            let has = |test: fn(Type) -> bool| test(one.is) || test(other.is);
            let error = self.error(part, message);
            return Err(if has(|is| matches!(is, Type::One(Kind::Record(_)))) {
                error.help("Compare one of its fields, such as `.version`, which may be null.")
            } else if has(|is| is.one().is_none()) {
                error.help("Compare the number of the items, such as `size(changes) > 0`.")
            } else {
                error
            });
        }
        self.check_literal(one.is, right)?;
        self.check_literal(other.is, left)?;
        Ok(Part {
            is: Type::One(Kind::Bool),
            work: one.work.and(other.work).and(Work::STEP),
        })
    }

    /// Checks that a value can be equal to a literal: otherwise the comparison would always have
    /// the same result, and a policy would never deny.
    fn check_literal(&mut self, is: Type, literal: &IdedExpr) -> Checked<()> {
        let Type::One(kind) = is else {
            return Ok(());
        };
        if let Some(number) = number_of(literal)
            && !kind.can_be_number(number)
        {
            let error = self.error(literal, format!("the value is never {number}"));
            return Err(error.help("Write an hour from 0 to 23."));
        }
        let Expr::Literal(LiteralValue::String(text)) = &literal.expr else {
            return Ok(());
        };
        let text = text.inner();
        if kind == Kind::Environment {
            let range = self.range(literal);
            self.references.environments.push((text.to_owned(), range));
        }
        if let Some(known) = kind.in_other_case(text) {
            let range = self.range(literal);
            self.references.miswritten.push((known, range));
        }
        if kind.can_be(text) {
            return Ok(());
        }
        let message = format!("the value is never \"{text}\"");
        if let Kind::Form(form) = kind {
            return Err(self.error(literal, message).help(form.help()));
        }
        let words = kind.words().unwrap_or_default();
        Err(self.unknown(literal, message, text, words.to_vec()))
    }

    /// Checks that the order of a value and a literal text is the order of what they mean.
    fn check_bound(&self, is: Type, literal: &IdedExpr) -> Checked<()> {
        match (is, &literal.expr) {
            (Type::One(Kind::Form(form)), Expr::Literal(LiteralValue::String(text)))
                if !form.is_bound(text.inner()) =>
            {
                let text = text.inner();
                let message = format!(
                    "\"{text}\" has another form than the value, and the order is that of texts"
                );
                Err(self.error(literal, message).help(form.help()))
            }
            _ => Ok(()),
        }
    }

    /// Checks that a literal version can be newer or older than another one.
    fn check_version(&self, literal: &IdedExpr) -> Checked<()> {
        match &literal.expr {
            Expr::Literal(LiteralValue::String(text)) if !has_numbers(text.inner()) => {
                let message = format!("no version is newer or older than \"{}\"", text.inner());
                let error = self.error(literal, message);
                Err(error.help("Write a version that begins with a number, like \"1.10\"."))
            }
            _ => Ok(()),
        }
    }

    fn membership(&mut self, item: &'a IdedExpr, list: &'a IdedExpr) -> Checked<Part> {
        let (value, among) = (self.value(item)?, self.value(list)?);
        let (kind, looks) = match among.is {
            Type::List(kind, size) => (kind, Work::of_items(size)),
            Type::Set => (PACKAGE, Work::STEP),
            Type::One(kind) => {
                let message = format!("`in` needs a list, and this is {}", kind.phrase());
                return Err(self.error(list, message));
            }
        };
        let found = value.is.one();
        if !found.is_some_and(|found| found.is_comparable(kind)) {
            let message = format!(
                "the list has {}, and {} is searched for",
                kind.phrase(),
                value.is.phrase()
            );
            return Err(self.error(item, message));
        }
        self.check_literal(Type::One(kind), item)?;
        if let Expr::List(list) = &list.expr {
            for literal in &list.elements {
                self.check_literal(value.is, literal)?;
            }
        }
        Ok(Part {
            is: Type::One(Kind::Bool),
            work: value.work.and(among.work).and(looks),
        })
    }

    fn expect(&self, is: Type, kind: Kind, part: &IdedExpr, needs: &str) -> Checked<()> {
        if is.one().is_some_and(|is| is.is_like(kind)) {
            return Ok(());
        }
        let message = format!("{needs} {}, and this is {}", kind.phrase(), is.phrase());
        Err(self.error(part, message))
    }

    fn error(&self, part: &IdedExpr, message: impl Into<String>) -> ExpressionError {
        ExpressionError::new(self.range(part), message)
    }

    fn unknown(
        &self,
        part: &IdedExpr,
        message: String,
        word: &str,
        known: Vec<&'static str>,
    ) -> ExpressionError {
        ExpressionError {
            unknown: Some((word.to_owned(), known)),
            ..self.error(part, message)
        }
    }

    /// Returns the bytes of a part: the name of a field or a function, or the operator.
    fn range(&self, part: &IdedExpr) -> Range<usize> {
        let Some((start, end)) = self.positions.offset_for(part.id) else {
            return 0..self.text.len();
        };
        // The parser counts bytes here, and the end is that of the last character's first byte.
        let byte = |index: u32| {
            let index = usize::try_from(index).unwrap_or(usize::MAX);
            let mut later = index..=self.text.len();
            later
                .find(|at| self.text.is_char_boundary(*at))
                .unwrap_or(self.text.len())
        };
        let (start, end) = (byte(start), byte(end.saturating_add(1)));
        let name = |at: usize, name: &str| at..at + name.len();
        match &part.expr {
            // The parser leaves the sign out.
            Expr::Literal(LiteralValue::Int(number)) if *number.inner() < 0 => {
                let before = self.text[..start].trim_end();
                if let Some(before) = before.strip_suffix('-') {
                    return before.len()..end.max(start);
                }
            }
            Expr::Select(select) => {
                let rest = &self.text[end..];
                let field = end + (rest.len() - rest.trim_start().len());
                if self.text[field..].starts_with(&select.field) {
                    return name(field, &select.field);
                }
            }
            Expr::Call(call) => {
                let before = self.text[..start].trim_end();
                if before.ends_with(&call.func_name) {
                    return name(before.len() - call.func_name.len(), &call.func_name);
                }
            }
            _ => {}
        }
        start..end.max(start)
    }
}

impl Type {
    /// Returns the kind of a single value.
    fn one(self) -> Option<Kind> {
        match self {
            Self::One(kind) => Some(kind),
            Self::List(..) | Self::Set => None,
        }
    }
}

/// Returns the number that is written as a literal.
fn number_of(part: &IdedExpr) -> Option<i64> {
    match &part.expr {
        Expr::Literal(LiteralValue::Int(number)) => Some(*number.inner()),
        Expr::Call(call) if call.func_name == operators::NEGATE => match call.args.as_slice() {
            [operand] => number_of(operand)?.checked_neg(),
            _ => None,
        },
        _ => None,
    }
}

fn has_numbers(version: &str) -> bool {
    Version::parse(version).is_ok_and(|version| version.has_numbers())
}
