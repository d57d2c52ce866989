//! The warnings of one of several environments, until all of them were read: the order of output is
//! that of the manifest, and not that of the answers.

use indexmap::IndexMap;

use crate::manifest::{self, Problem};
use crate::render::words;

/// A warning without a location: the message, and its causes.
type TextWarning = (String, Vec<String>);

/// The warnings of one environment.
pub(super) struct HeldWarnings {
    environment: String,
    pub(super) texts: Vec<TextWarning>,
    /// The warnings about the manifest.
    pub(super) problems: Vec<Problem>,
}

impl HeldWarnings {
    pub(super) fn new(environment: &str) -> Self {
        Self {
            environment: environment.to_owned(),
            texts: Vec::new(),
            problems: Vec::new(),
        }
    }

    pub(super) fn environment(&self) -> &str {
        &self.environment
    }

    /// Returns each warning with its environment.
    pub(super) fn keys(&self) -> impl Iterator<Item = (String, String)> {
        let texts = self.texts.iter().map(|(summary, _)| summary.clone());
        let problems = self.problems.iter().map(ToString::to_string);
        let all = texts.chain(problems);
        all.map(|text| (self.environment.clone(), text))
    }

    /// Returns the warnings of all environments, each of them once. Each names the environments
    /// that have it; a warning about the manifest that all of them have names none.
    pub(super) fn united(all: impl Iterator<Item = Self>) -> (Vec<TextWarning>, Vec<Problem>) {
        let mut texts: IndexMap<TextWarning, Vec<String>> = IndexMap::new();
        let mut problems = Vec::new();
        for held in all {
            let environment = held.environment;
            for text in held.texts {
                let names = texts.entry(text).or_default();
                if names.last() != Some(&environment) {
                    names.push(environment.clone());
                }
            }
            problems.push((environment, held.problems));
        }
        let named = |((summary, causes), names): (TextWarning, Vec<String>)| {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            (
                format!("{}: {summary}", words::environments(&names)),
                causes,
            )
        };
        let texts = texts.into_iter().map(named).collect();
        let found = problems
            .iter_mut()
            .map(|(name, problems)| (name.as_str(), std::mem::take(problems)));
        let problems = manifest::united(found.collect());
        (texts, problems)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Code, Position, SourceFile};

    #[test]
    fn warnings_name_their_environments() {
        let source = SourceFile::from_bytes("m.yaml", "solform: 1\n").unwrap();
        let problem = |message: &str| {
            let position = Position {
                file: std::sync::Arc::new("m.yaml".to_owned()),
                line: 1,
                column: 1,
                offset: 0,
                length: 1,
            };
            Problem::remote(&source, &position, Code::PackageUnreadable, message)
        };
        let of = |environment: &str, text: &str, problems: &[&str]| {
            let mut held = HeldWarnings::new(environment);
            held.texts.push((text.to_owned(), Vec::new()));
            held.problems = problems.iter().map(|message| problem(message)).collect();
            held
        };
        let all = [
            of("dev", "a", &["x", "y"]),
            of("uat", "a", &["y"]),
            of("prod", "b", &["y"]),
        ];
        let (texts, problems) = HeldWarnings::united(all.into_iter());
        let texts: Vec<String> = texts.into_iter().map(|(text, _)| text).collect();
        let expected = ["environments `dev`, `uat`: a", "environment `prod`: b"];
        assert_eq!(texts, expected);
        let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems, ["x (in environment `dev`)", "y"]);
    }
}
