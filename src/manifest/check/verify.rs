//! Checks of `verify`: the runs of a new version.

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value as Json};

use super::super::masking::printable;
use super::super::node::{Field, List, Node, Shape, Text};
use super::super::overlay::Solution;
use super::super::position::Mark;
use super::super::problem::Code;
use super::super::raw::{RawExpect, RawJson, RawOutput, RawVerifyRun};
use super::super::vars::{Builtins, Reported};
use super::super::verification::{ExpectedOutput, Verification, VerifyRun};
use super::context::{Context, Outcome};
use super::entry::FLAG;
use crate::ident::Digest;
use crate::manifest::OnVerifyFailure;

/// The maximum number of runs of one solution, and of the files that a run must write.
const MAX_ENTRIES: usize = 20;

/// The maximum number of attempts of a run.
const MAX_ATTEMPTS: u32 = 10;

/// The states that a run may be declared to end with.
const RUN_ENDS: [(&str, &str); 4] = [
    ("COMPLETE", "COMPLETE"),
    ("FAILED", "FAILED"),
    ("STOPPED_AT_CHECKPOINT", "STOPPED_AT_CHECKPOINT"),
    ("PAUSED", "PAUSED"),
];

impl Context<'_> {
    /// Checks the runs that a version must pass. An empty list is no verification: it takes that of
    /// a less specific layer away.
    pub(super) fn check_verification(
        &mut self,
        solution: &Solution<'_>,
        known: Builtins<'_>,
    ) -> Outcome<Box<Verification>> {
        let on_failure = solution.on_verify_failure().map(|(_, field)| field);
        let on_failure = self.word(on_failure, known, &OnVerifyFailure::WORDS);
        let runs = match solution.verify() {
            Some((_, field)) => self.check_runs(field, known)?,
            None => Vec::new(),
        };
        let on_failure = on_failure?.unwrap_or_default();
        Ok((!runs.is_empty()).then(|| Box::new(Verification { runs, on_failure })))
    }

    fn check_runs(
        &mut self,
        field: &Field<List<Box<RawVerifyRun>>>,
        known: Builtins<'_>,
    ) -> Result<Vec<VerifyRun>, Reported> {
        let list = field.value().ok_or(Reported)?;
        self.check_length(list.0.len(), field.key)?;
        let mut names = BTreeSet::new();
        let mut runs = Ok(Vec::new());
        for node in &list.0 {
            let run = self.check_run(node, known).and_then(|run| {
                if names.insert(run.name.clone()) {
                    return Ok(run);
                }
                let message = format!("two runs of `verify` are named `{}`", printable(&run.name));
                Err(self.problems.report(Code::BadVerify, message, node.used))
            });
            runs = match (runs, run) {
                (Ok(mut runs), Ok(run)) => {
                    runs.push(run);
                    Ok(runs)
                }
                (Err(reported), _) | (_, Err(reported)) => Err(reported),
            };
        }
        runs
    }

    fn check_length(&mut self, length: usize, at: Mark) -> Result<(), Reported> {
        if length <= MAX_ENTRIES {
            return Ok(());
        }
        let message = format!("the list has more than {MAX_ENTRIES} entries");
        Err(self.problems.report(Code::BadVerify, message, at))
    }

    fn check_run(
        &mut self,
        node: &Node<Box<RawVerifyRun>>,
        known: Builtins<'_>,
    ) -> Result<VerifyRun, Reported> {
        let (raw, code) = (node.value.as_deref().ok_or(Reported)?, Code::BadVerify);
        let name = self.needed(raw.name.as_ref(), known, "name", node.used, raw, code);
        let input_dir = self.needed(
            raw.input_dir.as_ref(),
            known,
            "input_dir",
            node.used,
            raw,
            code,
        );
        let settings = self.check_settings(raw.settings.as_ref(), known);
        let timeout = self.check_duration(raw.timeout.as_ref(), false);
        let parse_attempts = |text: &str| {
            let count: u32 = text.parse().ok()?;
            (1..=MAX_ATTEMPTS).contains(&count).then_some(count)
        };
        let attempts = self.parsed(
            raw.attempts.as_ref(),
            parse_attempts,
            Code::BadVerify,
            "number of attempts from 1 to 10",
        );
        let required = self.word(raw.required.as_ref(), known, &FLAG);
        let (state, outputs) = match raw.expect.as_ref() {
            Some(field) => match field.value() {
                Some(expect) => self.check_expected(expect, known),
                None => (Err(Reported), Err(Reported)),
            },
            None => (Ok(None), Ok(Vec::new())),
        };
        let timeout = timeout?.map(|timeout| u64::try_from(timeout.as_millis()));
        Ok(VerifyRun {
            name: name?,
            input_dir: input_dir?,
            settings: settings?,
            timeout_ms: timeout.map(|timeout| timeout.unwrap_or(u64::MAX)),
            attempts: attempts?.unwrap_or(1),
            required: required?.unwrap_or(true),
            state: state?.unwrap_or_else(|| "COMPLETE".to_owned()),
            outputs: outputs?,
        })
    }

    /// Returns the text of a field that an entry must have.
    pub(super) fn needed(
        &mut self,
        field: Option<&Field<Text>>,
        known: Builtins<'_>,
        key: &str,
        at: Mark,
        entry: &impl Shape,
        code: Code,
    ) -> Result<String, Reported> {
        if let Some(value) = self.text_with(field, known)? {
            return Ok(value.text.into_owned());
        }
        if entry.misspells(key) {
            return Err(Reported);
        }
        let message = format!("the entry has no `{key}`");
        Err(self.problems.report(code, message, at))
    }

    fn check_expected(
        &mut self,
        expect: &RawExpect,
        known: Builtins<'_>,
    ) -> (Outcome<String>, Result<Vec<ExpectedOutput>, Reported>) {
        let state = self.word(expect.state.as_ref(), known, &RUN_ENDS);
        let state = state.map(|word| word.map(str::to_owned));
        let Some(field) = expect.outputs.as_ref() else {
            return (state, Ok(Vec::new()));
        };
        let Some(list) = field.value() else {
            return (state, Err(Reported));
        };
        let mut outputs = self
            .check_length(list.0.len(), field.key)
            .map(|()| Vec::new());
        for node in &list.0 {
            let output = self.check_output(node, known);
            if let Ok(all) = &mut outputs {
                match output {
                    Ok(output) => all.push(output),
                    Err(reported) => outputs = Err(reported),
                }
            }
        }
        (state, outputs)
    }

    fn check_output(
        &mut self,
        node: &Node<Box<RawOutput>>,
        known: Builtins<'_>,
    ) -> Result<ExpectedOutput, Reported> {
        let (raw, code) = (node.value.as_deref().ok_or(Reported)?, Code::BadVerify);
        let path = self.needed(raw.path.as_ref(), known, "path", node.used, raw, code);
        let sha256 = self.text_with(raw.sha256.as_ref(), known);
        let path = path?;
        let is_outside = path.starts_with('/') || path.split('/').any(|part| part == "..");
        if is_outside {
            let message = "the path of an output leads out of the output folder";
            return Err(self.problems.report(Code::BadVerify, message, node.used));
        }
        let sha256 = sha256?.map(|value| {
            Digest::parse(&value.text).map_err(|error| {
                let message = error.to_string();
                self.problems.report(Code::BadVerify, message, value.at)
            })
        });
        Ok(ExpectedOutput {
            path,
            sha256: sha256.transpose()?,
        })
    }

    fn check_settings(
        &mut self,
        field: Option<&Field<RawJson>>,
        known: Builtins<'_>,
    ) -> Result<Map<String, Json>, Reported> {
        let Some(field) = field else {
            return Ok(Map::new());
        };
        match self.json(&field.node, known)? {
            Json::Object(settings) => Ok(settings),
            Json::Null => Ok(Map::new()),
            _ => {
                let message = "`settings` is not a mapping";
                let at = field.node.used;
                Err(self.problems.report(Code::BadVerify, message, at))
            }
        }
    }

    /// Returns a value as JSON, with the variables of its texts.
    fn json(&mut self, node: &Node<RawJson>, known: Builtins<'_>) -> Result<Json, Reported> {
        match node.value.as_ref().ok_or(Reported)? {
            RawJson::Null => Ok(Json::Null),
            RawJson::Scalar(text) => {
                let text = node.with(text.clone());
                let plain = match &text.value {
                    Some(Text::AsWritten) => text.text(self.problems.source),
                    // A text in quotes is never a number.
                    Some(Text::Decoded(_)) | None => None,
                };
                if let Some(scalar) = plain.and_then(json_scalar) {
                    return Ok(scalar);
                }
                let text = self.variables.resolve(&text, known, &mut self.problems)?;
                Ok(Json::String(text.into_owned()))
            }
            RawJson::List(list) => {
                let items = list.0.iter().map(|node| self.json(node, known));
                items
                    .collect::<Result<Vec<Json>, Reported>>()
                    .map(Json::Array)
            }
            RawJson::Mapping(table) => {
                let mut map = Map::new();
                for (key, field) in &table.entries {
                    map.insert(key.to_string(), self.json(&field.node, known)?);
                }
                Ok(Json::Object(map))
            }
        }
    }
}

/// Returns a text without quotes as a number or a boolean. Forms of numbers that JSON does not have
/// are texts.
fn json_scalar(plain: &str) -> Option<Json> {
    match plain {
        "true" | "True" | "TRUE" => Some(Json::Bool(true)),
        "false" | "False" | "FALSE" => Some(Json::Bool(false)),
        number => serde_json::from_str::<Number>(number)
            .ok()
            .map(Json::Number),
    }
}

#[cfg(test)]
mod tests {
    use crate::manifest::{Selection, SourceFile, Verification, read};

    /// Returns the verification of the only version, or the problems.
    fn checked(verify: &str) -> Result<Option<Verification>, Vec<String>> {
        let text = format!(
            "solform: 1\nenvironments: {{ e: {{ url: 'emulator:' }} }}\nvars: {{ drive: d }}\n\
             defaults: {{ owner: me, path: a.ibsolution }}\nsolutions: {{ A: {{ version: 1.10, \
             {verify} }} }}\n"
        );
        let source = SourceFile::from_bytes("m.yaml", text).unwrap();
        let selection = Selection { environment: None };
        match read(&source, &selection, &|_| None) {
            Ok(checked) => {
                let entry = checked.manifest.desired.into_iter().next().unwrap();
                Ok(entry.verification.map(|boxed| *boxed))
            }
            Err(problems) => Err(problems.iter().map(ToString::to_string).collect()),
        }
    }

    #[test]
    fn settings_become_json() {
        let settings = "{ a: '1', b: 1, c: 1.5, d: true, e: ~, f: [x, { g: '${version}' }], h: \
                        '${drive}', i: 0x10 }";
        let run =
            format!("verify: [{{ name: s, input_dir: '${{drive}}/in', settings: {settings} }}]");
        let verification = checked(&run).unwrap().unwrap();
        let run = &verification.runs[0];
        assert_eq!(run.input_dir, "d/in");
        assert_eq!(
            (run.attempts, run.required, run.state.as_str()),
            (1, true, "COMPLETE")
        );
        let expected = serde_json::json!({
            "a": "1", "b": 1, "c": 1.5, "d": true, "e": null, "f": ["x", { "g": "1.10" }],
            "h": "d", "i": "0x10",
        });
        assert_eq!(serde_json::Value::Object(run.settings.clone()), expected);
    }

    #[test]
    fn bad_runs_are_problems() {
        for (verify, expected) in [
            ("verify: []", Ok(false)),
            ("verify: [], state: INACTIVE", Ok(false)),
            (
                "verify: [{ name: s, input_dir: i, timeout: 5m, attempts: 10 }]",
                Ok(true),
            ),
            ("verify: [{ input_dir: i }]", Err("the entry has no `name`")),
            ("verify: [{ name: s }]", Err("the entry has no `input_dir`")),
            (
                "verify: [{ name: s, input_dir: i }, { name: s, input_dir: j }]",
                Err("two runs of `verify` are named `s`"),
            ),
            (
                "verify: [{ name: s, input_dir: i, settings: [1] }]",
                Err("`settings` is not a mapping"),
            ),
            (
                "verify: [{ name: s, input_dir: i, attempts: 0 }]",
                Err("`0` is not a number of attempts from 1 to 10"),
            ),
            (
                "verify: [{ name: s, input_dir: i, timeout: 0s }]",
                Err("the timeout is zero"),
            ),
            (
                "verify: [{ name: s, input_dir: i, expect: { outputs: [{ path: ../x }] } }]",
                Err("the path of an output leads out of the output folder"),
            ),
            (
                "verify: [{ name: s, input_dir: i, expect: { outputs: [{}] } }]",
                Err("the entry has no `path`"),
            ),
            ("on_verify_failure: keep", Err("unknown word `keep`")),
        ] {
            let found = checked(verify);
            let found = found.as_ref().map(Option::is_some);
            match expected {
                Ok(expected) => assert_eq!(found, Ok(expected), "{verify}"),
                Err(expected) => {
                    let problems = found.unwrap_err();
                    assert_eq!(problems, &[expected.to_owned()], "{verify}");
                }
            }
        }
    }
}
