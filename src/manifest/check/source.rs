//! Checks of `source`: a file on this machine, or the package of another environment.
//!
//! The path of another environment's package is what that environment declares for the same
//! version, with its own layers and variables. The sources of that environment are not looked at.

use super::super::glob::Glob;
use super::super::masking::printable;
use super::super::model::{Environment, Redeploy, Source, SourceOrigin};
use super::super::near::{head, list, nearest};
use super::super::node::{Field, Shape as _, Text};
use super::super::overlay::{FIRST_DEFAULT, Layers, Solution, entries, value};
use super::super::position::Mark;
use super::super::problem::{Code, Diagnostics};
use super::super::raw::{RawSource, RawSourceEnvironment, RawVersion};
use super::super::vars::{BuiltinValue, Builtins, Reported};
use super::context::{Context, DeclaredPackage, Outcome, SourceEnvironment, Value};
use super::entry::{EXTENSION, FLAG};
use crate::attribute::State;
use crate::ident::{Digest, Owner, Version};

/// The maximum number of environments whose packages one environment gets: each is read again for
/// it.
const MAX_ENVIRONMENTS: usize = 32;

/// The reason why a package cannot be a source.
struct NoPackage {
    message: String,
    help: String,
}

impl<'a> Context<'a> {
    pub(super) fn check_source(
        &mut self,
        solution: &Solution<'_>,
        layers: Layers<'_, RawVersion>,
        version: &Result<Version, Reported>,
        known: Builtins<'_>,
    ) -> Outcome<Source> {
        let source = solution.source(layers).map(|(_, field)| field);
        let redeploy = solution.redeploy(layers);
        let is_replaced = version.as_ref().is_ok_and(|version| {
            solution.replaces(|field| self.is_version(field, solution, version))
        });
        let fields = [
            solution.sha256(layers, is_replaced),
            solution.overwrite(layers),
            redeploy,
        ];
        if source.is_none() && fields.iter().all(Option::is_none) {
            return Ok(None);
        }
        let redeploy_layer = redeploy.map(|(layer, _)| layer);
        let [sha256, overwrite, redeploy] = fields.map(|found| found.map(|(_, field)| field));
        let origin = source.map(|source| self.check_origin(source, solution, version, known));
        let digest = self.text_with(sha256, known).and_then(|value| {
            let parse = |value: Value<'_>| {
                Digest::parse(&value.text).map_err(|error| {
                    let message = error.to_string();
                    self.problems.report(Code::BadSource, message, value.at)
                })
            };
            value.map(parse).transpose()
        });
        let overwrite = self.word(overwrite, known, &FLAG);
        let policy = self.word(redeploy, known, &Redeploy::WORDS);
        let (origin, digest, overwrite) = (origin.transpose()?, digest?, overwrite?);
        let policy = policy?.unwrap_or_default();
        // A default has no effect on a version without a source.
        let has_effect = origin.is_some() || redeploy_layer < Some(FIRST_DEFAULT);
        if let Some(field) = redeploy.filter(|_| has_effect)
            && policy == Redeploy::OnChange
            && sha256.is_none()
        {
            let message = "`redeploy: on_change` needs `source` and `sha256`";
            let at = field.node.used;
            return Err(self.problems.report(Code::BadRedeploy, message, at));
        }
        let Some((origin, at)) = origin else {
            if let Some(field) = sha256 {
                let message = "`sha256` needs `source`, whose bytes it pins";
                let at = field.node.used;
                return Err(self.problems.report(Code::BadSource, message, at));
            }
            return Ok(None);
        };
        Ok(Some(Source {
            position: self.problems.source.position(at),
            origin,
            sha256: digest,
            overwrite: overwrite.unwrap_or(false),
            redeploy: policy,
        }))
    }

    /// Returns whether a `version` that another layer replaces is the declared version. Its
    /// problems are not reported, because it is not used.
    fn is_version(
        &mut self,
        field: &Field<Text>,
        solution: &Solution<'_>,
        version: &Version,
    ) -> bool {
        let mut ignored = Diagnostics {
            source: self.problems.source,
            problems: Vec::new(),
        };
        let known = Builtins::of_solution(solution.name);
        let text = self.variables.resolve(&field.node, known, &mut ignored);
        text.is_ok_and(|text| text == version.as_str())
    }

    /// Refuses the `sha256` of an entry with several `versions`, whose packages have different
    /// bytes.
    pub(super) fn check_pin(&mut self, solution: &Solution<'_>) -> Result<(), Reported> {
        let Some(field) = solution.ambiguous_sha256() else {
            return Ok(());
        };
        let name = printable(solution.name);
        let message = format!("`sha256` pins the bytes of one version, and `{name}` has several");
        let at = field.node.used;
        let problem = self.problems.problem(Code::BadSource, message, at);
        let problem = problem.help("Write `sha256` in the entries of `versions`.");
        Err(self.problems.add(problem))
    }

    fn check_origin(
        &mut self,
        field: &Field<RawSource>,
        solution: &Solution<'_>,
        version: &Result<Version, Reported>,
        known: Builtins<'_>,
    ) -> Result<(SourceOrigin, Mark), Reported> {
        let raw = match field.value().ok_or(Reported)? {
            RawSource::File(_) => {
                let path = self.check_local(field, known)?;
                return Ok((SourceOrigin::File(path.text.into_owned()), path.at));
            }
            RawSource::Environment(raw) => raw,
        };
        let Some(name) = self.text_with(raw.environment.as_ref(), known)? else {
            return Err(self.refuse_nameless(raw, field.key));
        };
        let version = version.as_ref().map_err(|reported| *reported)?;
        match self.path_in(&name.text, solution, version) {
            Ok(path) => {
                let name_text = name.text.into_owned();
                let origin = SourceOrigin::Environment {
                    name: name_text,
                    path,
                };
                Ok((origin, name.at))
            }
            Err(NoPackage { message, help }) => {
                let problems = &mut self.problems;
                let problem = problems.problem(Code::SourceEnvironment, message, name.at);
                Err(problems.add(problem.help(help)))
            }
        }
    }

    fn refuse_nameless(&mut self, raw: &RawSourceEnvironment, at: Mark) -> Reported {
        if raw.misspells("environment") {
            return Reported;
        }
        let message = "`source` names no environment";
        self.problems.report(Code::BadSource, message, at)
    }

    /// Checks the path of a file on this machine, in which each segment may be a pattern.
    pub(super) fn check_local(
        &mut self,
        field: &Field<RawSource>,
        known: Builtins<'_>,
    ) -> Result<Value<'static>, Reported> {
        let Some(RawSource::File(text)) = field.value() else {
            return Err(Reported);
        };
        let node = field.node.with(text.clone());
        let path = self.value(&node, known)?;
        let text = &*path.text;
        let why = if !text.ends_with(EXTENSION) {
            "the source does not end with `.ibsolution`".to_owned()
        } else if text.chars().any(char::is_control) {
            "the source contains control characters".to_owned()
        } else if let Some(error) = text
            .split('/')
            .filter(|segment| !segment.is_empty())
            .find_map(|segment| Glob::parse(segment).err())
        {
            error.to_string()
        } else {
            return Ok(Value {
                text: path.text.into_owned().into(),
                at: path.at,
            });
        };
        Err(self.problems.report(Code::BadSource, why, path.at))
    }

    /// Returns the path of a version's package in another environment.
    fn path_in(
        &mut self,
        environment: &str,
        solution: &Solution<'_>,
        version: &Version,
    ) -> Result<String, NoPackage> {
        let quoted = printable(environment);
        let address = format!("{}@{version}", printable(solution.name));
        let error = |message: String, help: &str| NoPackage {
            message,
            help: help.to_owned(),
        };
        if environment == self.name {
            let message = format!("`{quoted}` cannot be the source of its own packages");
            let help = "Write it only for other environments, under `environments.NAME.solutions`.";
            return Err(error(message, help));
        }
        let other = self.source_environment(environment)?;
        if other.environment.is_err() {
            let message =
                format!("the environment `{quoted}` has problems, and cannot be a source");
            let help = format!("Correct them; {} shows them.", validation_of(environment));
            return Err(error(message, &help));
        }
        let declared = other.declared(solution);
        let Some(found) = declared.iter().find(|entry| entry.version == *version) else {
            let message = format!("the environment `{quoted}` does not declare `{address}`");
            let versions = head(declared, 10, |entry| format!("`{}`", entry.version));
            let help = if declared.is_empty() {
                "Declare the version with a `path` there too, or name another environment."
                    .to_owned()
            } else {
                format!(
                    "Declare the version with a `path` there too, or name another environment; it \
                     declares {versions}."
                )
            };
            return Err(error(message, &help));
        };
        let help = "Name an environment that has the package.";
        match (&found.state, &found.path) {
            (Ok(State::Absent), _) => Err(error(
                format!("the environment `{quoted}` declares `{address}` as `ABSENT`"),
                help,
            )),
            (Ok(_), Ok(Some(path))) => Ok(path.clone()),
            (Ok(_), Ok(None)) => Err(error(
                format!("the environment `{quoted}` declares no `path` for `{address}`"),
                "Write the `path` there too, or name another environment.",
            )),
            (Err(_), _) | (_, Err(_)) => Err(error(
                format!("the `path` of `{address}` in the environment `{quoted}` is not known"),
                &format!(
                    "Correct the entry; {} shows its problems.",
                    validation_of(environment)
                ),
            )),
        }
    }

    /// Returns another environment of the manifest.
    fn source_environment(&mut self, name: &str) -> Result<&mut SourceEnvironment<'a>, NoPackage> {
        let known = value(&self.raw.environments)
            .and_then(|table| table.entries.get_key_value(name))
            .map(|(name, _)| &**name);
        let Some(name) = known else {
            let names = || entries(&self.raw.environments).map(|(name, _)| name);
            let near = nearest(name, names());
            let guess = near.map(|near| format!("Name `{near}` if that is what you mean. "));
            return Err(NoPackage {
                message: format!("unknown environment `{}`", printable(name)),
                help: format!(
                    "{}The environments are {}.",
                    guess.unwrap_or_default(),
                    list(names())
                ),
            });
        };
        if self.sources.len() >= MAX_ENVIRONMENTS && !self.sources.contains_key(name) {
            return Err(NoPackage {
                message: format!("more than {MAX_ENVIRONMENTS} environments are sources"),
                help: "Use fewer environments as sources.".to_owned(),
            });
        }
        if !self.sources.contains_key(name)
            && let Some(mut context) = self.beside(name)
        {
            let environment = context.check_environment();
            let other = SourceEnvironment {
                context,
                environment,
                last: None,
            };
            self.sources.insert(name, other);
        }
        self.sources.get_mut(name).ok_or_else(|| NoPackage {
            message: format!("the environment `{}` is not a mapping", printable(name)),
            help: "Correct the environment.".to_owned(),
        })
    }

    /// Returns the environments whose packages are sources, ordered by name.
    pub(super) fn source_environments(&mut self) -> Vec<Environment> {
        let sources = std::mem::take(&mut self.sources).into_values();
        let environments = sources.filter_map(|source| source.environment.ok());
        environments.collect()
    }
}

/// Returns the command that checks an environment. The other options of the current command are
/// added when it is printed.
fn validation_of(environment: &str) -> String {
    let option = format!("-e={environment}");
    let option = shlex::try_quote(&option).unwrap_or_default();
    format!("`solform validate {option}`")
}

impl SourceEnvironment<'_> {
    /// Returns the versions that the environment declares of a solution.
    fn declared(&mut self, solution: &Solution<'_>) -> &[DeclaredPackage] {
        let name = solution.name;
        if self.last.as_ref().is_none_or(|(last, _)| *last != name) {
            let context = &mut self.context;
            let layers = solution.beside(context.raw, context.environment);
            self.last = layers.map(|layers| (name.to_owned(), context.packages(&layers)));
        }
        let last = self.last.as_ref();
        last.map_or(&[], |(_, declared)| declared)
    }
}

impl Context<'_> {
    /// Returns the versions of a solution with their packages.
    fn packages(&mut self, solution: &Solution<'_>) -> Vec<DeclaredPackage> {
        let declarations = self.declarations(solution, &mut Vec::new());
        let mut declared = Vec::with_capacity(declarations.len());
        for declaration in declarations {
            let layers = declaration.layers;
            let known = Builtins {
                version: BuiltinValue::checked(&declaration.version, Version::as_str),
                ..Builtins::of_solution(solution.name)
            };
            let owner = self.check_declared_owner(solution, layers, known);
            let known = Builtins {
                owner: BuiltinValue::checked(&owner, Owner::as_str),
                ..known
            };
            let state = self.check_state(solution.state(layers), known);
            let path = self.check_declared_path(solution, layers, known);
            let path = path.map(|path| path.map(|path| path.text.into_owned()));
            if let Ok(version) = declaration.version {
                declared.push(DeclaredPackage {
                    version,
                    state,
                    path,
                });
            }
        }
        declared
    }
}

#[cfg(test)]
mod tests {
    use crate::manifest::{Selection, SourceFile, SourceOrigin, read};

    /// Returns the source of the only version in `prod`, or its problems.
    fn checked(uat: &str, source: &str) -> String {
        let text = format!(
            "solform: 1\nenvironments:\n  uat: {{ url: 'emulator:', vars: {{ drive: u }}, \
             solutions: {{ {uat} }} }}\n  bad: {{ url: 'ftp://x' }}\n  prod:\n    url: \
             'emulator:'\n    vars: {{ drive: p, from: uat }}\n    solutions: {{ A: {{ source: \
             {source} }} }}\ndefaults: {{ owner: me, path: \
             '${{drive}}/${{name}}-${{version}}-${{owner}}.ibsolution' }}\nsolutions: {{ A: {{ \
             version: 2 }} }}\n"
        );
        let source = SourceFile::from_bytes("m.yaml", text).unwrap();
        let selection = Selection {
            environment: Some("prod"),
        };
        match read(&source, &selection, &|_| None) {
            Ok(checked) => {
                let manifest = checked.manifest;
                let names = manifest.source_environments.iter().map(|it| &*it.name);
                let names: Vec<&str> = names.collect();
                match &manifest.desired[0].source.as_ref().unwrap().origin {
                    SourceOrigin::Environment { name, path } => format!("{name} {path} {names:?}"),
                    SourceOrigin::File(path) => format!("{path} {names:?}"),
                }
            }
            Err(problems) => {
                let texts = problems.iter().map(|problem| {
                    let line = problem.primary.as_ref().unwrap().position.line;
                    format!("{line}: {problem} [{}]", problem.code)
                });
                texts.collect::<Vec<_>>().join("; ")
            }
        }
    }

    #[test]
    fn sources_are_the_paths_of_other_environments() {
        let missing = "[source-environment]";
        for (uat, source, expected) in [
            (
                "",
                "{ environment: uat }",
                "uat u/A-2-me.ibsolution [\"uat\"]".to_owned(),
            ),
            (
                "",
                "{ environment: '${from}' }",
                "uat u/A-2-me.ibsolution [\"uat\"]".to_owned(),
            ),
            ("", "d/A.ibsolution", "d/A.ibsolution []".to_owned()),
            (
                "A: { owner: you, path: '${environment}/a.ibsolution' }",
                "{ environment: uat }",
                "uat uat/a.ibsolution [\"uat\"]".to_owned(),
            ),
            (
                "A: { versions: { 1: , 2: { path: two.ibsolution } } }",
                "{ environment: uat }",
                "uat two.ibsolution [\"uat\"]".to_owned(),
            ),
            (
                "A: { version: 1 }",
                "{ environment: uat }",
                format!("8: the environment `uat` does not declare `A@2` {missing}"),
            ),
            (
                "A: ~",
                "{ environment: uat }",
                format!("8: the environment `uat` does not declare `A@2` {missing}"),
            ),
            (
                "A: { state: ABSENT }",
                "{ environment: uat }",
                format!("8: the environment `uat` declares `A@2` as `ABSENT` {missing}"),
            ),
            (
                "A: { path: '${no}.ibsolution' }",
                "{ environment: uat }",
                format!("8: the `path` of `A@2` in the environment `uat` is not known {missing}"),
            ),
            (
                "",
                "{ environment: prod }",
                format!("8: `prod` cannot be the source of its own packages {missing}"),
            ),
            (
                "",
                "{ environment: uta }",
                format!("8: unknown environment `uta` {missing}"),
            ),
            (
                "",
                "{ environment: bad }",
                format!("8: the environment `bad` has problems, and cannot be a source {missing}"),
            ),
            (
                "",
                "{}",
                "8: `source` names no environment [bad-source]".to_owned(),
            ),
            (
                "",
                "{ environments: uat }",
                "8: unknown field `environments` in `source` [unknown-field]".to_owned(),
            ),
            (
                "",
                "[uat]",
                "8: expected a text or a mapping, found a list [wrong-type]".to_owned(),
            ),
            // The source of the other environment is not looked at: its path counts.
            (
                "A: { source: { environment: prod } }",
                "{ environment: uat }",
                "uat u/A-2-me.ibsolution [\"uat\"]".to_owned(),
            ),
        ] {
            assert_eq!(checked(uat, source), expected, "{uat} | {source}");
        }
    }
}
