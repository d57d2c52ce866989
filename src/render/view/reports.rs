//! The verdicts about an apply of several environments, shared by all formats.

use schemars::JsonSchema;
use serde::Serialize;

use super::report::ResultWord;
use crate::apply::Totals;
use crate::render::words;

/// The result of one of several environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::render) enum EnvironmentWord {
    /// All is as planned.
    Complete,
    /// Something is left.
    Incomplete,
    /// It was begun, and no change was started.
    NotApplied,
    /// It was not begun.
    NotBegun,
}

/// The results with their labels for people.
const LABELS: [(EnvironmentWord, &str); 4] = [
    (EnvironmentWord::Complete, "complete"),
    (EnvironmentWord::Incomplete, "not complete"),
    (EnvironmentWord::NotApplied, "not applied"),
    (EnvironmentWord::NotBegun, "not begun"),
];

/// The verdict about one of several environments.
pub(in crate::render) struct EnvironmentVerdict<'a> {
    pub(in crate::render) name: &'a str,
    pub(in crate::render) result: EnvironmentWord,
    /// The verdict as a sentence.
    pub(in crate::render) sentence: String,
    totals: Totals,
}

impl<'a> EnvironmentVerdict<'a> {
    /// Returns the verdict about an environment that was begun, with the verdict of its report.
    pub(in crate::render) fn begun(
        name: &'a str,
        result: ResultWord,
        totals: Totals,
        sentence: String,
    ) -> Self {
        let result = match result {
            ResultWord::Complete => EnvironmentWord::Complete,
            ResultWord::Incomplete => EnvironmentWord::Incomplete,
            ResultWord::NotApplied => EnvironmentWord::NotApplied,
        };
        Self {
            name,
            result,
            sentence,
            totals,
        }
    }

    /// Returns the verdict about an environment that was not begun, with the first error that
    /// prevents it.
    pub(in crate::render) fn not_begun(name: &'a str, error: Option<&str>) -> Self {
        let why = error.map(|error| format!(": {}", error.trim_end_matches('.')));
        Self {
            name,
            result: EnvironmentWord::NotBegun,
            sentence: format!("Not begun{}.", why.unwrap_or_default()),
            totals: Totals::default(),
        }
    }
}

/// The verdict about all environments.
pub(in crate::render) struct ReportsVerdict<'a> {
    /// The environments, in the order of the manifest.
    pub(in crate::render) environments: Vec<EnvironmentVerdict<'a>>,
    /// The next command; `None` if nothing is left.
    pub(in crate::render) next: Option<&'a str>,
}

impl ReportsVerdict<'_> {
    /// Returns the sums of the changes that are done.
    pub(in crate::render) fn totals(&self) -> Totals {
        let mut sums = Totals::default();
        for environment in &self.environments {
            let Totals {
                added,
                changed,
                destroyed,
            } = environment.totals;
            sums.added += added;
            sums.changed += changed;
            sums.destroyed += destroyed;
        }
        sums
    }

    fn count(&self, word: EnvironmentWord) -> usize {
        let results = self.environments.iter().map(|one| one.result);
        results.filter(|other| *other == word).count()
    }

    /// Returns the result of the whole apply.
    pub(in crate::render) fn result(&self) -> ResultWord {
        let complete = self.count(EnvironmentWord::Complete);
        let started = complete + self.count(EnvironmentWord::Incomplete);
        if started == 0 {
            ResultWord::NotApplied
        } else if complete == self.environments.len() {
            ResultWord::Complete
        } else {
            ResultWord::Incomplete
        }
    }

    /// Returns the verdict as a sentence.
    pub(in crate::render) fn sentence(&self) -> String {
        if self.result() == ResultWord::NotApplied {
            return "Not applied: nothing was changed.".to_owned();
        }
        let counts = LABELS.map(|(word, label)| (self.count(word), label));
        let counts = counts.into_iter();
        let counts: Vec<String> = counts
            .filter(|(count, _)| *count > 0)
            .map(|(count, label)| format!("{count} {label}"))
            .collect();
        let Totals {
            added,
            changed,
            destroyed,
        } = self.totals();
        format!(
            "{}: {}; {added} added, {changed} changed, {destroyed} destroyed.",
            words::count(self.environments.len(), "environment"),
            counts.join(", ")
        )
    }

    /// Returns the next command behind its purpose; `show` formats the command.
    pub(in crate::render) fn next_line(&self, show: impl Fn(&str) -> String) -> Option<String> {
        let command = show(self.next?);
        Some(match self.result() {
            // A check that an interrupt cut short is left.
            ResultWord::Complete => format!("To check, run: {command}"),
            ResultWord::Incomplete | ResultWord::NotApplied => format!("To go on, run: {command}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict<'a>(results: &[Option<ResultWord>], next: Option<&'a str>) -> ReportsVerdict<'a> {
        let totals = Totals {
            added: 1,
            changed: 2,
            destroyed: 0,
        };
        let environments = results.iter().map(|result| match result {
            Some(result) => EnvironmentVerdict::begun("dev", *result, totals, String::new()),
            None => EnvironmentVerdict::not_begun("prod", Some("it failed.")),
        });
        ReportsVerdict {
            environments: environments.collect(),
            next,
        }
    }

    #[test]
    fn the_next_command_has_its_purpose() {
        let (complete, left) = (Some(ResultWord::Complete), Some(ResultWord::Incomplete));
        for (results, sentence, next) in [
            (
                &[complete, complete][..],
                "2 environments: 2 complete; 2 added, 4 changed, 0 destroyed.",
                "To check, run: `x`",
            ),
            (
                &[complete, left, None],
                "3 environments: 1 complete, 1 not complete, 1 not begun; 2 added, 4 changed, 0 \
                 destroyed.",
                "To go on, run: `x`",
            ),
            (
                &[None],
                "Not applied: nothing was changed.",
                "To go on, run: `x`",
            ),
        ] {
            let all = verdict(results, Some("x"));
            assert_eq!(all.sentence(), sentence);
            let line = all.next_line(|command| format!("`{command}`"));
            assert_eq!(line.as_deref(), Some(next));
            assert_eq!(verdict(results, None).next_line(str::to_owned), None);
        }
        let none = verdict(&[None], None);
        assert_eq!(none.environments[0].sentence, "Not begun: it failed.");
    }
}
