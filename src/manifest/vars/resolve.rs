//! The replacement of `${..}` by values.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use indexmap::IndexMap;

use super::super::node::{Field, Node, Table, Text};
use super::super::position::Mark;
use super::super::problem::{Code, Diagnostics, Reported};
use super::super::source::SourceFile;
use super::builtin::{Builtin, BuiltinValue, Builtins};
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
        environment: &'a str,
        env: &'a dyn Fn(&str) -> Option<String>,
        tokens: &'a HashSet<&'a str>,
        layers: [Option<&'a Table<Text>>; 2],
        problems: &mut Diagnostics<'a>,
    ) -> Self {
        let mut declared: IndexMap<&'a str, &'a Field<Text>> = IndexMap::new();
        for (name, field) in layers
            .into_iter()
            .flatten()
            .flat_map(|table| &table.entries)
        {
            if Builtin::of_word(name).is_some() {
                problems.bad_name(name, "is built in and cannot be declared", field.key);
                continue;
            }
            if !is_name(name) {
                problems.bad_name(name, "is not a valid variable name", field.key);
            }
            declared.entry(name).or_insert(field);
        }
        let mut names: Vec<&str> = Builtin::names().collect();
        names.extend(declared.keys().copied());
        names.sort_unstable();
        let mut this = Self {
            environment,
            env,
            tokens,
            table: HashMap::with_capacity(declared.len()),
            names,
            spent: 0,
        };
        this.resolve_all(&declared, problems);
        this
    }

    /// Resolves each variable after those that it uses.
    fn resolve_all(
        &mut self,
        declared: &IndexMap<&'a str, &'a Field<Text>>,
        problems: &mut Diagnostics<'a>,
    ) {
        let mut pieces: Vec<Vec<Piece<'a>>> = Vec::with_capacity(declared.len());
        let mut used: Vec<Vec<usize>> = Vec::with_capacity(declared.len());
        for field in declared.values() {
            let text = field.node.text(problems.source);
            let split = text.filter(|text| text.len() <= MAX_VALUE).map(split);
            let split = split.unwrap_or_default();
            let mut names: Vec<usize> = split
                .iter()
                .filter_map(|piece| match piece {
                    Piece::Name { name, .. } => declared.get_index_of(name),
                    Piece::Text(_) | Piece::Env { .. } | Piece::Bad { .. } => None,
                })
                .collect();
            names.sort_unstable();
            names.dedup();
            used.push(names);
            pieces.push(split);
        }
        let declared: Vec<_> = declared
            .iter()
            .map(|(name, field)| (*name, *field))
            .collect();
        let order = order(&used);
        for at in order.ready {
            let (name, field) = declared[at];
            let variable = self
                .resolve_one(&field.node, &pieces[at], problems)
                .map_or(Variable::Broken, Variable::Ready);
            self.table.insert(name, variable);
        }
        for at in order.blocked {
            self.table.insert(declared[at].0, Variable::Broken);
        }
        for cycle in order.cycles {
            let cycle: Vec<_> = cycle.into_iter().map(|at| declared[at]).collect();
            problems.cycle(&cycle);
        }
    }

    /// Replaces the variables in a variable; those that it uses must be in the table already.
    fn resolve_one(
        &mut self,
        node: &'a Node<Text>,
        pieces: &[Piece<'a>],
        problems: &mut Diagnostics<'a>,
    ) -> Result<Vec<Part<'a>>, Reported> {
        let text = text_of(node, problems)?;
        let mut parts = Vec::new();
        let mut outcome = Ok(());
        for piece in pieces {
            match piece {
                Piece::Text(text) => parts.push(Part::Text(text)),
                Piece::Bad { why, range } => {
                    let at = locate(problems.source, node, text, range);
                    outcome = Err(problems.report(Code::BadInterpolation, *why, at));
                }
                Piece::Env { name, range } => {
                    let at = locate(problems.source, node, text, range);
                    outcome = outcome.and(self.check_env(name, at, problems));
                    parts.push(Part::Env { name, at });
                }
                Piece::Name { name, range } => match (Builtin::of_word(name), self.table.get(name))
                {
                    (Some(builtin), _) => parts.push(Part::Builtin(builtin)),
                    (None, Some(Variable::Ready(inner))) => parts.extend_from_slice(inner),
                    (None, Some(Variable::Broken)) => outcome = Err(Reported),
                    (None, None) => {
                        let at = locate(problems.source, node, text, range);
                        outcome = Err(self.unknown(name, at, problems));
                    }
                },
            }
            let lengths = parts.iter().map(|part| match part {
                Part::Text(text) => text.len(),
                Part::Builtin(_) | Part::Env { .. } => 0,
            });
            let length: usize = lengths.sum();
            self.spent += std::mem::size_of_val(&*parts);
            if length > MAX_VALUE || parts.len() > MAX_VALUE || self.spent > MAX_TOTAL {
                return Err(too_long(node, problems));
            }
        }
        outcome.map(|()| parts)
    }

    /// Returns a value with every `${..}` replaced.
    pub(in crate::manifest) fn resolve<'n>(
        &mut self,
        node: &'n Node<Text>,
        known: Builtins<'_>,
        problems: &mut Diagnostics<'a>,
    ) -> Result<Cow<'n, str>, Reported>
    where
        'a: 'n,
    {
        let text = text_of(node, problems)?;
        if !text.contains("${") {
            return Ok(Cow::Borrowed(text));
        }
        let mut out = String::with_capacity(2 * text.len());
        let mut outcome = Ok(());
        for piece in split(text) {
            let source = problems.source;
            // The position is computed only if it is needed.
            let at = |range| locate(source, node, text, range);
            let pushed = match piece {
                Piece::Text(text) => {
                    out.push_str(text);
                    Ok(())
                }
                Piece::Bad { why, range } => {
                    Err(problems.report(Code::BadInterpolation, why, at(&range)))
                }
                Piece::Env { name, range } => {
                    let at = at(&range);
                    self.check_env(name, at, problems)
                        .and_then(|()| self.push_env(name, at, &mut out, problems))
                }
                Piece::Name { name, range } => {
                    self.push_name(name, || at(&range), known, &mut out, problems)
                }
            };
            outcome = outcome.and(pushed);
            if out.len() > MAX_VALUE {
                break;
            }
        }
        self.spent += out.len();
        if out.len() > MAX_VALUE || self.spent > MAX_TOTAL {
            return Err(too_long(node, problems));
        }
        outcome.map(|()| Cow::Owned(out))
    }

    fn push_name(
        &self,
        name: &str,
        at: impl Fn() -> Mark,
        known: Builtins<'_>,
        out: &mut String,
        problems: &mut Diagnostics<'_>,
    ) -> Result<(), Reported> {
        let whole = Builtin::of_word(name).map(|builtin| [Part::Builtin(builtin)]);
        let (parts, variable) = match (&whole, self.table.get(name)) {
            (Some(whole), _) => (whole.as_slice(), None),
            (None, Some(Variable::Ready(parts))) => (parts.as_slice(), Some(name)),
            (None, Some(Variable::Broken)) => return Err(Reported),
            (None, None) => return Err(self.unknown(name, at(), problems)),
        };
        let mut outcome = Ok(());
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Env { name, at } => {
                    outcome = outcome.and(self.push_env(name, *at, out, problems));
                }
                Part::Builtin(builtin) => match self.builtin(*builtin, known) {
                    BuiltinValue::Value(value) => out.push_str(value),
                    BuiltinValue::Broken => outcome = Err(Reported),
                    BuiltinValue::Nowhere => {
                        outcome = Err(problems.not_here(*builtin, variable, at()));
                    }
                },
            }
        }
        outcome
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
        problems: &mut Diagnostics<'_>,
    ) -> Result<(), Reported> {
        let value = (self.env)(name).ok_or_else(|| problems.missing_env(name, at))?;
        out.push_str(&value);
        Ok(())
    }

    /// Reports an unknown variable; names are suggested unless there are many problems already.
    fn unknown(&self, name: &str, at: Mark, problems: &mut Diagnostics<'_>) -> Reported {
        let known: &[&str] = if problems.guesses() { &self.names } else { &[] };
        problems.unknown(name, at, known)
    }

    /// Refuses a token as a part of a value: values are shown, compared and stored.
    fn check_env(
        &self,
        name: &str,
        at: Mark,
        problems: &mut Diagnostics<'_>,
    ) -> Result<(), Reported> {
        if self.tokens.contains(name) {
            return Err(problems.token(name, at));
        }
        Ok(())
    }
}

/// Returns the text of a value before its variables are replaced.
fn text_of<'a: 'n, 'n>(
    node: &'n Node<Text>,
    problems: &mut Diagnostics<'a>,
) -> Result<&'n str, Reported> {
    // A value of the wrong kind was reported when the file was read.
    let text = node.text(problems.source).ok_or(Reported)?;
    if text.len() > MAX_VALUE {
        return Err(too_long(node, problems));
    }
    Ok(text)
}

fn too_long(node: &Node<Text>, problems: &mut Diagnostics<'_>) -> Reported {
    let message =
        format!("a value has more than {MAX_VALUE} bytes, or all values together have too many");
    problems.report(Code::ValueTooLong, message, node.used)
}

/// Returns the position of a piece inside of a value; that of the whole value if quotes or line
/// folding hide the piece.
pub(in crate::manifest) fn locate(
    source: &SourceFile,
    node: &Node<Text>,
    text: &str,
    range: &Range<usize>,
) -> Mark {
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
                .to_string(),
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
