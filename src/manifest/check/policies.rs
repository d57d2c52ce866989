//! Checks of the policies for superseded versions, and of `defaults`.

use super::super::duration::parse_count;
use super::super::masking::printable;
use super::super::model::{KeyPositions, Superseded, SupersededPolicy};
use super::super::node::{Field, Text};
use super::super::overlay::{FIRST_DEFAULT, Layered, Solution, value};
use super::super::position::Mark;
use super::super::problem::Code;
use super::super::vars::{BuiltinValue, Builtins, Reported};
use super::context::{Context, Outcome};
use crate::attribute::{State, Visibility};

impl<'a> Context<'a> {
    /// Checks the defaults even if no version uses them. Values with `${..}` are left out: they
    /// depend on the version.
    pub(super) fn check_defaults(&mut self) {
        let layers = [
            value(self.environment.defaults.as_ref()),
            value(self.raw.defaults.as_ref()),
        ];
        let source = self.source;
        let known = Builtins::default();
        for defaults in layers.into_iter().flatten() {
            let plain = |field: &'a Option<Field<Text>>| {
                let text = field.as_ref()?.node.text(source)?;
                field.as_ref().filter(|_| !text.contains("${"))
            };
            // Entries may find the same problem again; duplicates are removed later.
            let state = plain(&defaults.state);
            if let Ok(Some(State::Absent)) = self.word(state, known, &State::WORDS) {
                self.refuse_absent_by_default(state.map_or(self.key, |field| field.node.used));
            }
            let _ = self.word(plain(&defaults.visibility), known, &Visibility::WORDS);
            let _ = self.word(plain(&defaults.superseded), known, &SupersededPolicy::WORDS);
            let _ = self.check_owner(plain(&defaults.owner), known);
            let _ = plain(&defaults.retain).map(|field| self.check_retain((FIRST_DEFAULT, field)));
            let path = self.text(plain(&defaults.path));
            let _ = path.map(|path| path.map(|path| self.check_path(path)));
        }
    }

    pub(super) fn refuse_absent_by_default(&mut self, at: Mark) -> Reported {
        let problem = self
            .problem(
                Code::AbsentByDefault,
                "`ABSENT` cannot be a default",
                at,
                "would delete every solution",
            )
            .help("Write `state: ABSENT` at each version to delete.");
        self.report(problem)
    }

    pub(super) fn check_superseded(
        &mut self,
        solution: &Solution<'a>,
    ) -> Result<Superseded, Reported> {
        let known = Builtins {
            name: BuiltinValue::Value(solution.name),
            ..Builtins::default()
        };
        let layered = solution.superseded();
        let policy = self.word(
            layered.map(|(_, field)| field),
            known,
            &SupersededPolicy::WORDS,
        );
        let retain = solution.retain();
        let count = retain.map(|retain| self.check_retain(retain)).transpose();
        let policy = policy?.unwrap_or(SupersededPolicy::Deactivate);
        let count = count?.flatten();
        let (Some((policy_layer, policy_field)), Some((retain_layer, retain_field))) =
            (layered, retain)
        else {
            return Ok(Superseded {
                policy,
                retain: count,
            });
        };
        if policy != SupersededPolicy::Keep {
            return Ok(Superseded {
                policy,
                retain: count,
            });
        }
        // A more specific `keep` overrides a default `retain`; a more specific `retain` beside a
        // default `keep` is a mistake.
        if policy_layer < retain_layer {
            return Ok(Superseded {
                policy,
                retain: None,
            });
        }
        let problem = self
            .problem(
                Code::RetainWithKeep,
                "`retain` has no meaning if `superseded` is `keep`",
                retain_field.key,
                "keeps some",
            )
            .related(self.source, policy_field.node.used, "keeps all")
            .help("Remove `retain`, or set `superseded` to `delete`.");
        Err(self.report(problem))
    }

    /// Returns the positions of the policies of a solution.
    pub(super) fn policy_keys(&self, solution: &Solution<'a>) -> KeyPositions {
        [
            ("superseded", solution.superseded()),
            ("retain", solution.retain()),
        ]
        .into_iter()
        .filter_map(|(name, layered)| {
            let (_, field) = layered?;
            Some((name, self.source.position(field.key)))
        })
        .collect()
    }

    fn check_retain(&mut self, (_, field): Layered<'a>) -> Outcome<usize> {
        let value = self.value(&field.node, Builtins::default())?;
        parse_count(&value.text).map(Some).ok_or_else(|| {
            let message = format!("`{}` is not a count", printable(&value.text));
            let problem = self
                .problem(Code::BadRetain, message, value.at, "not a count")
                .help("Write how many versions to retain, like `2`.");
            self.report(problem)
        })
    }
}
