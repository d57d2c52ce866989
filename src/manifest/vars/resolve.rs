//! The replacement of `${..}` by values.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::super::node::{Field, Node, Table, Text};
use super::super::position::Mark;
use super::super::problem::{MAX_GUESSES, Problem, Reported, keep};
use super::super::source::SourceFile;
use super::builtin::{Builtin, BuiltinValue, Builtins};
use super::explain;
use super::interpolation::{Piece, is_name, split};
use super::order::order;

/// The longest value, in bytes, before and after its variables are replaced: longer than any path.
const MAX_VALUE: usize = 4096;

/// The maximum length of all replaced values of an environment together, in bytes.
const MAX_TOTAL: usize = 256 * 1024 * 1024;

/// A variable: invalid, or its parts in order.
#[derive(Debug)]
enum Variable<'a> {
    Broken,
    Ready(Vec<Part<'a>>),
}

/// A part of a variable after the variables in it were replaced.
#[derive(Debug, Clone, Copy)]
enum Part<'a> {
    Text(&'a str),
    Builtin(Builtin),
    Env { name: &'a str, at: Mark },
}

/// The variables of an environment, with everything else that `${..}` can refer to.
pub(in crate::manifest) struct Variables<'a> {
    source: &'a SourceFile,
    environment: &'a str,
    env: &'a dyn Fn(&str) -> Option<String>,
    /// The environment variables that hold a token, of all environments in the file.
    tokens: &'a HashSet<&'a str>,
    table: HashMap<&'a str, Variable<'a>>,
    /// All names that can be used, sorted, for suggestions.
    names: Vec<&'a str>,
    /// The length of all replaced values so far, in bytes.
    spent: usize,
}

impl<'a> Variables<'a> {
    /// Resolves the variables of the given layers, the most specific one first.
    pub(in crate::manifest) fn new(
        source: &'a SourceFile,
        environment: &'a str,
        env: &'a dyn Fn(&str) -> Option<String>,
        tokens: &'a HashSet<&'a str>,
        layers: [Option<&'a Table<Text>>; 2],
        problems: &mut Vec<Problem>,
    ) -> Self {
        let mut declared: Vec<(&'a str, &'a Field<Text>)> = Vec::new();
        let mut index: HashMap<&'a str, usize> = HashMap::new();
        for (name, field) in layers
            .into_iter()
            .flatten()
            .flat_map(|table| &table.entries)
        {
            let is_builtin = Builtin::parse(name).is_some();
            if is_builtin {
                let why = "is built in and cannot be declared";
                keep(problems, explain::name(source, name, why, field.key));
            } else if !is_name(name) {
                let why = "is not a valid variable name";
                keep(problems, explain::name(source, name, why, field.key));
            }
            if !is_builtin && !index.contains_key(&**name) {
                index.insert(&**name, declared.len());
                declared.push((name, field));
            }
        }
        let mut names: Vec<&str> = Builtin::names().collect();
        names.extend(index.keys().copied());
        names.sort_unstable();
        let mut this = Self {
            source,
            environment,
            env,
            tokens,
            table: HashMap::with_capacity(declared.len()),
            names,
            spent: 0,
        };
        this.resolve_all(&declared, &index, problems);
        this
    }

    /// Resolves each variable after those that it uses.
    fn resolve_all(
        &mut self,
        declared: &[(&'a str, &'a Field<Text>)],
        index: &HashMap<&'a str, usize>,
        problems: &mut Vec<Problem>,
    ) {
        let mut pieces: Vec<Vec<Piece<'a>>> = Vec::with_capacity(declared.len());
        let mut used: Vec<Vec<usize>> = Vec::with_capacity(declared.len());
        for (_, field) in declared {
            let text = field.node.text(self.source);
            let split = text.filter(|text| text.len() <= MAX_VALUE).map(split);
            let split = split.unwrap_or_default();
            let mut names: Vec<usize> = split
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Name { name, .. } => index.get(name).copied(),
                    Piece::Text(_) | Piece::Env { .. } | Piece::Bad { .. } => None,
                })
                .collect();
            names.sort_unstable();
            names.dedup();
            used.push(names);
            pieces.push(split);
        }
        let order = order(&used);
        for at in order.ready {
            let (name, field) = declared[at];
            let variable = self
                .resolve_one(field, &pieces[at], problems)
                .map_or(Variable::Broken, Variable::Ready);
            self.table.insert(name, variable);
        }
        for at in order.blocked {
            self.table.insert(declared[at].0, Variable::Broken);
        }
        for cycle in order.cycles {
            let cycle: Vec<_> = cycle.into_iter().map(|at| declared[at]).collect();
            keep(problems, explain::cycle(self.source, &cycle));
        }
    }

    /// Replaces the variables in a variable; those that it uses must be in the table already.
    fn resolve_one(
        &mut self,
        field: &'a Field<Text>,
        pieces: &[Piece<'a>],
        problems: &mut Vec<Problem>,
    ) -> Result<Vec<Part<'a>>, Reported> {
        let node = &field.node;
        let text = self.text(node, problems)?;
        let mut parts = Vec::new();
        let mut is_broken = false;
        for piece in pieces {
            match piece {
                Piece::Text(text) => parts.push(Part::Text(text)),
                Piece::Bad { why, range } => {
                    let at = locate(self.source, node, text, range);
                    keep(problems, explain::bad(self.source, why, at));
                    is_broken = true;
                }
                Piece::Env { name, range } => {
                    let at = locate(self.source, node, text, range);
                    is_broken |= self.check_env(name, at, problems).is_err();
                    parts.push(Part::Env { name, at });
                }
                Piece::Name { name, range } => match (Builtin::parse(name), self.table.get(name)) {
                    (Some(builtin), _) => parts.push(Part::Builtin(builtin)),
                    (None, Some(Variable::Ready(inner))) => parts.extend_from_slice(inner),
                    (None, Some(Variable::Broken)) => is_broken = true,
                    (None, None) => {
                        let at = locate(self.source, node, text, range);
                        keep(
                            problems,
                            explain::unknown(self.source, name, at, self.guesses(problems)),
                        );
                        is_broken = true;
                    }
                },
            }
            let length: usize = parts.iter().map(Part::least_length).sum();
            self.spent += std::mem::size_of_val(&*parts);
            if length > MAX_VALUE || parts.len() > MAX_VALUE || self.spent > MAX_TOTAL {
                keep(
                    problems,
                    explain::too_long(self.source, MAX_VALUE, node.used),
                );
                return Err(Reported);
            }
        }
        if is_broken { Err(Reported) } else { Ok(parts) }
    }

    /// Returns the text of a value before its variables are replaced.
    fn text(&self, node: &'a Node<Text>, problems: &mut Vec<Problem>) -> Result<&'a str, Reported> {
        // A value of the wrong kind was reported when the file was read.
        let text = node.text(self.source).ok_or(Reported)?;
        if text.len() > MAX_VALUE {
            keep(
                problems,
                explain::too_long(self.source, MAX_VALUE, node.used),
            );
            return Err(Reported);
        }
        Ok(text)
    }

    /// Returns a value with every `${..}` replaced.
    pub(in crate::manifest) fn resolve(
        &mut self,
        node: &'a Node<Text>,
        known: Builtins<'_>,
        problems: &mut Vec<Problem>,
    ) -> Result<Cow<'a, str>, Reported> {
        let text = self.text(node, problems)?;
        if !text.contains("${") {
            return Ok(Cow::Borrowed(text));
        }
        let mut out = String::with_capacity(2 * text.len());
        let mut is_broken = false;
        for piece in split(text) {
            let outcome = match piece {
                Piece::Text(text) => {
                    out.push_str(text);
                    Ok(())
                }
                Piece::Bad { why, range } => {
                    let at = locate(self.source, node, text, &range);
                    keep(problems, explain::bad(self.source, why, at));
                    Err(Reported)
                }
                Piece::Env { name, range } => {
                    let at = locate(self.source, node, text, &range);
                    self.check_env(name, at, problems)
                        .and_then(|()| self.push_env(name, at, &mut out, problems))
                }
                Piece::Name { name, range } => {
                    // The position is computed only for a problem.
                    let at = || locate(self.source, node, text, &range);
                    self.push_name(name, at, known, &mut out, problems)
                }
            };
            is_broken |= outcome.is_err();
            if out.len() > MAX_VALUE {
                break;
            }
        }
        self.spent += out.len();
        if out.len() > MAX_VALUE || self.spent > MAX_TOTAL {
            keep(
                problems,
                explain::too_long(self.source, MAX_VALUE, node.used),
            );
            return Err(Reported);
        }
        if is_broken {
            Err(Reported)
        } else {
            Ok(Cow::Owned(out))
        }
    }

    fn push_name(
        &self,
        name: &str,
        at: impl Fn() -> Mark,
        known: Builtins<'_>,
        out: &mut String,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Reported> {
        let whole = Builtin::parse(name).map(|builtin| [Part::Builtin(builtin)]);
        let (parts, variable) = match &whole {
            Some(whole) => (whole.as_slice(), None),
            None => match self.table.get(name) {
                Some(Variable::Ready(parts)) => (parts.as_slice(), Some(name)),
                Some(Variable::Broken) => return Err(Reported),
                None => {
                    keep(
                        problems,
                        explain::unknown(self.source, name, at(), self.guesses(problems)),
                    );
                    return Err(Reported);
                }
            },
        };
        let mut is_broken = false;
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Env { name, at } => {
                    is_broken |= self.push_env(name, *at, out, problems).is_err();
                }
                Part::Builtin(builtin) => match self.builtin(*builtin, known) {
                    BuiltinValue::Value(value) => out.push_str(value),
                    BuiltinValue::Broken => is_broken = true,
                    BuiltinValue::Nowhere => {
                        keep(
                            problems,
                            explain::not_here(self.source, *builtin, variable, at()),
                        );
                        is_broken = true;
                    }
                },
            }
        }
        if is_broken { Err(Reported) } else { Ok(()) }
    }

    fn builtin<'k>(&'k self, builtin: Builtin, known: Builtins<'k>) -> BuiltinValue<'k> {
        match builtin {
            Builtin::Name => known.name,
            Builtin::Version => known.version,
            Builtin::Owner => known.owner,
            Builtin::Environment => BuiltinValue::Value(self.environment),
        }
    }

    fn push_env(
        &self,
        name: &str,
        at: Mark,
        out: &mut String,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Reported> {
        let value = (self.env)(name).ok_or_else(|| {
            keep(problems, explain::missing_env(self.source, name, at));
            Reported
        })?;
        out.push_str(&value);
        Ok(())
    }

    /// Returns the names that can be suggested; none if there are many problems already.
    fn guesses(&self, problems: &[Problem]) -> &[&'a str] {
        if problems.len() < MAX_GUESSES {
            &self.names
        } else {
            &[]
        }
    }

    /// Refuses a token as a part of a value: values are shown, compared and stored.
    fn check_env(&self, name: &str, at: Mark, problems: &mut Vec<Problem>) -> Result<(), Reported> {
        if !self.tokens.contains(name) {
            return Ok(());
        }
        keep(problems, explain::token(self.source, name, at));
        Err(Reported)
    }
}

impl Part<'_> {
    /// Returns the minimum length that the part adds to a value.
    fn least_length(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Builtin(_) | Self::Env { .. } => 0,
        }
    }
}

/// Returns the position of a piece inside of a value; that of the whole value if quotes or line
/// folding hide the piece.
fn locate(source: &SourceFile, node: &Node<Text>, text: &str, range: &Range<usize>) -> Mark {
    let (before, piece) = (&text[..range.start], &text[range.clone()]);
    let earlier = before.matches(piece).count();
    source
        .slice(node.defined)
        .match_indices(piece)
        .nth(earlier)
        .map_or(node.used, |(found, _)| {
            source.mark_within(node.defined, found..found + piece.len())
        })
}

#[cfg(test)]
mod tests {
    use crate::manifest::{Code, Selection, SourceFile, read};

    /// Returns the path of the declared version, or the problems as `code line:column+length`.
    fn path(vars: &str, path: &str) -> String {
        let text = format!(
            "solform: 1\nenvironments:\n  e:\n    url: \"emulator:\"\n    vars: {{ {vars} }}\n  \
             p:\n    url: https://x.example\n    token: {{ env: TOKEN }}\nsolutions:\n  Form \
             W-2:\n    version: 0.0.2\n    owner: me\n    path: {path}\n"
        );
        let source = SourceFile::from_bytes("m.yaml", text).unwrap();
        let selection = Selection {
            environment: Some("e"),
        };
        let env = |name: &str| match name {
            "HOME" => Some("home".to_owned()),
            "TOKEN" => Some("secret".to_owned()),
            _ => None,
        };
        match read(&source, &selection, &env) {
            Ok(checked) => checked.manifest.desired[0]
                .path
                .as_ref()
                .unwrap()
                .text
                .clone(),
            Err(problems) => {
                let lines = problems.iter().map(|problem| {
                    let at = &problem.primary.as_ref().unwrap().position;
                    format!("{} {}:{}+{}", problem.code, at.line, at.column, at.length)
                });
                lines.collect::<Vec<_>>().join(", ")
            }
        }
    }

    #[test]
    fn references_are_replaced() {
        let cases = [
            ("", "a.ibsolution", "a.ibsolution"),
            ("a: x", "${a}/b.ibsolution", "x/b.ibsolution"),
            (
                "a: '${b}/1', b: '${c}${c}', c: z",
                "${a}.ibsolution",
                "zz/1.ibsolution",
            ),
            (
                "",
                "${name}-${version}-${owner}-${environment}.ibsolution",
                "Form W-2-0.0.2-me-e.ibsolution",
            ),
            (
                "file: '${name}-${version}'",
                "${file}.ibsolution",
                "Form W-2-0.0.2.ibsolution",
            ),
            (
                "a: '${env:HOME}'",
                "${a}/${env:HOME}.ibsolution",
                "home/home.ibsolution",
            ),
            ("", "$${name}/$x/$.ibsolution", "${name}/$x/$.ibsolution"),
            ("a: '$${b}', b: x", "${a}.ibsolution", "${b}.ibsolution"),
            (
                "a: 1.10, b: true",
                "${a}${b}.ibsolution",
                "1.10true.ibsolution",
            ),
            // A variable that is not used may be missing.
            ("a: '${env:NOPE}'", "a.ibsolution", "a.ibsolution"),
        ];
        for (vars, text, expected) in cases {
            assert_eq!(path(vars, text), expected, "{vars} | {text}");
        }
    }

    #[test]
    fn problems_have_the_position_of_the_reference() {
        let cases = [
            ("", "${a}.ibsolution", "unknown-variable 13:11+4"),
            (
                "",
                "x${a}${a}.ibsolution",
                "unknown-variable 13:12+4, unknown-variable 13:16+4",
            ),
            ("", "'ü${a}.ibsolution'", "unknown-variable 13:13+4"),
            ("", "\"\\u0041${a}.ibsolution\"", "unknown-variable 13:18+4"),
            (
                "",
                "|-\n      x/\n      ${a}.ibsolution",
                "unknown-variable 15:7+4",
            ),
            ("a: '${b}'", "${a}.ibsolution", "unknown-variable 5:17+4"),
            (
                "a: '${b}', b: '${a}'",
                "${a}.ibsolution",
                "variable-cycle 5:16+6",
            ),
            (
                "a: '${a}', b: '${a}'",
                "${b}.ibsolution",
                "variable-cycle 5:16+6",
            ),
            ("", "${a.ibsolution", "bad-interpolation 13:11+14"),
            ("", "${ a }.ibsolution", "bad-interpolation 13:11+6"),
            (
                "",
                "${env:NOPE}.ibsolution",
                "missing-env-variable 13:11+11",
            ),
            (
                "a: 'x${env:NOPE}'",
                "${a}.ibsolution",
                "missing-env-variable 5:18+11",
            ),
            ("", "${env:TOKEN}.ibsolution", "token-in-variable 13:11+12"),
            (
                "a: '${env:TOKEN}'",
                "a.ibsolution",
                "token-in-variable 5:17+12",
            ),
            ("name: x", "a.ibsolution", "bad-variable-name 5:13+4"),
            ("1a: x", "a.ibsolution", "bad-variable-name 5:13+2"),
            ("a: [x]", "${a}.ibsolution", "wrong-type 5:16+1"),
        ];
        for (vars, text, expected) in cases {
            assert_eq!(path(vars, text), expected, "{vars} | {text}");
        }
    }

    #[test]
    fn built_in_names_have_no_value_elsewhere() {
        let text = "solform: 1\nenvironments: { e: { url: \"https://${name}\", token: { env: T }, \
            vars: { v: '${version}' }, context: \"${v}\" } }\nsolutions: { S: { version: \
            '${owner}', owner: '${owner}' } }\n";
        let source = SourceFile::from_bytes("m.yaml", text).unwrap();
        let problems = read(&source, &Selection::default(), &|_| None).unwrap_err();
        let codes: Vec<Code> = problems.iter().map(|problem| problem.code).collect();
        // An owner cannot use itself, nor a version the owner; outside of solutions there is
        // neither.
        assert_eq!(codes, [Code::UnknownVariable; 4]);
    }

    #[test]
    fn doubling_variables_end_early() {
        let vars: Vec<String> = (1..200)
            .map(|at| format!("v{at}: '${{v{}}}${{v{}}}'", at - 1, at - 1))
            .collect();
        let vars = format!("v0: x, {}", vars.join(", "));
        assert!(path(&vars, "${v199}.ibsolution").starts_with("value-too-long"));
        // Doubling an empty value must not take time either.
        let vars = vars.replace("v0: x", "v0: ''");
        assert!(
            path(&vars, "${v199}.ibsolution").contains("ibsolution")
                || path(&vars, "${v199}.ibsolution").starts_with("bad-path")
        );
    }
}
