//! Checks of `drain`: the handling of the RUNNING runs of a version that is taken out of service.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::drain::{DRAIN_WORDS, Drain, DrainMode, is_space};
use super::super::masking::printable;
use super::super::node::{Field, List, Text};
use super::super::overlay::{DrainLayers, FIRST_DEFAULT, Layered, default_drain};
use super::super::position::Mark;
use super::super::problem::Code;
use super::super::raw::{RawDrain, RawDrainKeys};
use super::super::vars::{Builtins, Reported};
use super::context::{Context, Outcome};

/// The maximum number of spaces: each is a part of the address of every list of runs.
const MAX_SPACES: usize = 50;

impl Context<'_> {
    /// Checks the handling of runs that these layers declare together: each key has the value of
    /// the most specific layer.
    pub(super) fn check_drain(
        &mut self,
        layers: DrainLayers<'_>,
        known: Builtins<'_>,
    ) -> Outcome<Arc<Drain>> {
        let mut mode = Ok(None);
        for (_, field) in layers.into_iter().flatten() {
            mode = self.check_mode(field, known);
            if !matches!(mode, Ok(None)) {
                break;
            }
        }
        let timeout = key_of(layers, |keys| keys.timeout.as_ref());
        let limit = self.check_duration(timeout.map(|(_, field)| field), false);
        let spaces = key_of(layers, |keys| keys.spaces.as_ref());
        let names = self.check_spaces(spaces.map(|(_, field)| field), known);
        let (mode, limit, names) = (mode?, limit?, names?);
        let mode = mode.and_then(|(mode, at)| Some((mode?, at)));
        let why = match mode {
            None => "runs are ignored",
            Some((DrainMode::Fail, _)) => "`drain` is `fail`",
            Some((DrainMode::Wait, _)) => "",
        };
        // A default has its effect on other solutions.
        let is_own = |layer: usize| layer < FIRST_DEFAULT && !why.is_empty();
        if let Some((_, field)) = timeout.filter(|(layer, _)| is_own(*layer)) {
            self.unused(field.key, "`timeout`", why);
        }
        let Some((mode, at)) = mode else {
            if let Some((_, field)) = spaces.filter(|(layer, _)| is_own(*layer)) {
                self.unused(field.key, "`spaces`", why);
            }
            return Ok(None);
        };
        if names.is_empty() {
            // Lists of runs show no others (docs/platform.md, "Runs").
            let message = format!("`{mode}` sees only runs in the spaces of the token's user");
            self.problems.report(Code::DrainSpaces, message, at);
        }
        let limit = limit.filter(|_| mode == DrainMode::Wait);
        Ok(Some(Arc::new(Drain {
            mode,
            timeout_ms: limit.map(|limit| u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)),
            spaces: names,
        })))
    }

    /// Checks the handling of runs for names that are not declared: only defaults apply to them.
    pub(super) fn check_default_drain(&mut self) -> Outcome<Arc<Drain>> {
        let layers = default_drain(self.raw, self.environment);
        self.check_drain(layers, Builtins::default())
    }

    /// Returns the mode that a layer declares, and its position.
    fn check_mode(
        &mut self,
        field: &Field<Box<RawDrain>>,
        known: Builtins<'_>,
    ) -> Outcome<(Option<DrainMode>, Mark)> {
        let node = &field.node;
        let value = match &**field.value().ok_or(Reported)? {
            RawDrain::Mode(text) => self.value(&node.with(text.clone()), known)?.into_owned(),
            RawDrain::Keys(keys) => match self.text_with(keys.mode.as_ref(), known)? {
                Some(value) => value,
                None => return Ok(None),
            },
        };
        let at = value.at;
        let mode = self.word_of(&value, &DRAIN_WORDS)?;
        Ok(Some((mode, at)))
    }

    fn check_spaces(
        &mut self,
        field: Option<&Field<List<Text>>>,
        known: Builtins<'_>,
    ) -> Result<BTreeSet<String>, Reported> {
        let mut spaces = BTreeSet::new();
        let Some(field) = field else {
            return Ok(spaces);
        };
        let items = &field.value().ok_or(Reported)?.0;
        if items.len() > MAX_SPACES {
            let message = format!("the list has more than {MAX_SPACES} spaces");
            return Err(self.problems.report(Code::BadDrain, message, field.key));
        }
        let mut outcome = Ok(());
        for node in items {
            match self.value(node, known) {
                Ok(value) if is_space(&value.text) => {
                    spaces.insert(value.text.into_owned());
                }
                Ok(value) => {
                    let message = format!("`{}` is not a space", printable(&value.text));
                    outcome = Err(self.problems.report(Code::BadDrain, message, value.at));
                }
                Err(reported) => outcome = Err(reported),
            }
        }
        outcome.map(|()| spaces)
    }
}

/// Returns the most specific value of a key.
fn key_of<'a, T>(
    layers: DrainLayers<'a>,
    key: impl Fn(&'a RawDrainKeys) -> Option<&'a Field<T>>,
) -> Option<Layered<'a, T>> {
    layers
        .into_iter()
        .flatten()
        .find_map(|(layer, field)| match &**field.value()? {
            RawDrain::Mode(_) => None,
            RawDrain::Keys(keys) => Some((layer, key(keys)?)),
        })
}

#[cfg(test)]
mod tests {
    use crate::manifest::{Checked, Drain, Manifest, Selection, SourceFile, read};

    /// Returns the checked manifest of the environment `e`, with additional keys of its block, and
    /// these defaults and solutions; or the problems.
    fn checked(block: &str, defaults: &str, solutions: &str) -> Result<Checked, Vec<String>> {
        let text = format!(
            "solform: 1\nenvironments: {{ e: {{ url: 'emulator:', {block} }} }}\nvars: {{ s: a/b \
             }}\ndefaults: {{ owner: me, {defaults} }}\nsolutions: {{ {solutions} }}\n"
        );
        let source = SourceFile::from_bytes("m.yaml", text).unwrap();
        read(&source, &Selection::default(), &|_| None).map_err(|problems| {
            let problems = problems.iter();
            problems.map(ToString::to_string).collect()
        })
    }

    fn shown(drain: Option<&Drain>) -> String {
        let Some(drain) = drain else {
            return "ignore".to_owned();
        };
        let spaces: Vec<&str> = drain.spaces.iter().map(String::as_str).collect();
        format!("{} {:?} {}", drain.mode, drain.timeout_ms, spaces.join(" "))
    }

    fn of_first(manifest: &Manifest) -> String {
        shown(manifest.desired[0].drain.as_deref())
    }

    #[test]
    fn keys_of_layers_are_merged() {
        let spaces = "drain: { spaces: ['${s}', c/d] }";
        for (block, defaults, entry, expected, warnings) in [
            ("", "", "", "ignore", 0),
            ("", "", "drain: wait", "wait None ", 1),
            (
                "",
                "",
                "drain: { mode: fail, spaces: [a/b] }",
                "fail None a/b",
                0,
            ),
            ("", "drain: fail", spaces, "fail None a/b c/d", 0),
            (
                "defaults: { drain: { timeout: 5m } }",
                "drain: { mode: wait, timeout: 1h, spaces: ['${name}/x'] }",
                "",
                "wait Some(300000) A/x",
                0,
            ),
            (
                "solutions: { A: { drain: ignore } }",
                "drain: wait",
                "drain: fail",
                "ignore",
                0,
            ),
            // A default without effect is no mistake, but a key of the solution is.
            ("", "drain: { spaces: [a/b], timeout: 1m }", "", "ignore", 0),
            ("", "", "drain: { spaces: [a/b], timeout: 1m }", "ignore", 2),
            (
                "",
                "drain: { spaces: [a/b] }",
                "drain: { mode: fail, timeout: 1m }",
                "fail None a/b",
                1,
            ),
        ] {
            let found = checked(block, defaults, &format!("A: {{ version: 1, {entry} }}"));
            let found = found.unwrap_or_else(|problems| panic!("{problems:?}"));
            assert_eq!(of_first(&found.manifest), expected, "{defaults} {entry}");
            assert_eq!(found.warnings.len(), warnings, "{:?}", found.warnings);
        }
    }

    #[test]
    fn wrong_values_are_problems() {
        for (entry, expected) in [
            ("drain: drain", "unknown word `drain`"),
            (
                "drain: [wait]",
                "expected a text or a mapping, found a list",
            ),
            ("drain: { mode: wait, spaces: [a] }", "`a` is not a space"),
            (
                "drain: { mode: wait, spaces: [a/b/c] }",
                "`a/b/c` is not a space",
            ),
            ("drain: { mode: wait, timeout: 0s }", "the timeout is zero"),
            (
                "drain: { mode: wait, until: 1m }",
                "unknown field `until` in `drain`",
            ),
        ] {
            let problems = checked("", "", &format!("A: {{ version: 1, {entry} }}"));
            let problems = problems.map(|_| ()).unwrap_err();
            assert!(
                problems.iter().any(|it| it.contains(expected)),
                "{problems:?}"
            );
        }
        let many: Vec<String> = (0..=super::MAX_SPACES)
            .map(|nth| format!("a/{nth}"))
            .collect();
        let entry = format!(
            "A: {{ version: 1, drain: {{ spaces: [{}] }} }}",
            many.join(", ")
        );
        assert!(checked("", "", &entry).is_err());
    }

    #[test]
    fn undeclared_names_have_the_defaults() {
        let entry = "A: { version: 1, drain: ignore }";
        let defaults = "drain: { mode: wait, spaces: [a/b] }";
        let manage = "manage: { undeclared: delete }";
        for (block, expected) in [("", "ignore"), (manage, "wait None a/b")] {
            let found = checked(block, defaults, entry).unwrap();
            assert_eq!(shown(found.manifest.scope.drain.as_deref()), expected);
            assert_eq!(of_first(&found.manifest), "ignore");
        }
        // A name has no value there.
        let by_name = "drain: { mode: wait, spaces: ['${name}/b'] }";
        assert!(checked("", by_name, entry).is_ok());
        assert!(checked(manage, by_name, entry).is_err());
    }

    #[test]
    fn the_digest_covers_the_handling_of_runs() {
        let digest = |drain: &str| {
            let entry = format!("A: {{ version: 1, {drain} }}");
            checked("", "", &entry).unwrap().manifest.digest
        };
        let fail = digest("drain: { mode: fail, spaces: [a/b, c/d] }");
        assert_eq!(fail, digest("drain: { spaces: [c/d, a/b], mode: fail }"));
        assert_ne!(fail, digest("drain: { mode: wait, spaces: [a/b, c/d] }"));
        assert_ne!(fail, digest("drain: { mode: fail, spaces: [a/b] }"));
        assert_ne!(fail, digest(""));
        assert_eq!(digest("drain: ignore"), digest(""));
    }
}
