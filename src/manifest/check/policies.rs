//! Checks of the policies for superseded versions, and of `defaults`.

use std::borrow::Cow;

use super::super::duration::parse_count;
use super::super::model::{KeyPositions, Redeploy, Superseded, SupersededPolicy};
use super::super::node::{Field, Slot, Text};
use super::super::overlay::{Solution, value};
use super::super::position::Mark;
use super::super::problem::Code;
use super::super::raw::RawSource;
use super::super::vars::{Builtins, Reported};
use super::context::{Context, Outcome};
use super::entry::FLAG;
use crate::attribute::{State, Visibility};

impl<'a> Context<'a> {
    /// Checks the defaults even if no version uses them. Values with `${..}` are left out: they
    /// depend on the version.
    pub(super) fn check_defaults(&mut self) {
        let layers = [value(&self.environment.defaults), value(&self.raw.defaults)];
        let source = self.problems.source;
        let known = Builtins::default();
        for defaults in layers.into_iter().flatten() {
            let plain = |field: &'a Slot<Text>| {
                let field = field.as_ref()?;
                let text = field.node.text(source)?;
                (!text.contains("${")).then_some(field)
            };
            // Entries may find the same problem again; duplicates are removed later.
            let state = plain(&defaults.state);
            if let Ok(Some(State::Absent)) = self.word(state, known, &State::WORDS) {
                self.refuse_absent_by_default(state.map_or(self.key, |field| field.node.used));
            }
            let _ = self.word(plain(&defaults.visibility), known, &Visibility::WORDS);
            let _ = self.word(plain(&defaults.superseded), known, &SupersededPolicy::WORDS);
            let _ = self.check_owner(plain(&defaults.owner), known);
            let _ = self.check_retain(plain(&defaults.retain));
            let path = self.text(plain(&defaults.path));
            let _ = path.map(|path| path.map(|path| self.check_path(path)));
            // Another environment has no meaning without a version.
            if let Some(field) = defaults.source.as_ref()
                && let Some(RawSource::File(_)) = field.value()
                && !source.slice(field.node.defined).contains("${")
            {
                let _ = self.check_local(field, known);
            }
            let _ = self.word(plain(&defaults.overwrite), known, &FLAG);
            let _ = self.word(plain(&defaults.redeploy), known, &Redeploy::WORDS);
        }
    }

    pub(super) fn refuse_absent_by_default(&mut self, at: Mark) -> Reported {
        let message = "`ABSENT` cannot be a default";
        self.problems.report(Code::AbsentByDefault, message, at)
    }

    pub(super) fn check_superseded(
        &mut self,
        solution: &Solution<'_>,
    ) -> Result<Superseded, Reported> {
        let known = Builtins::of_solution(solution.name);
        let layered = solution.superseded();
        let policy = self.word(
            layered.map(|(_, field)| field),
            known,
            &SupersededPolicy::WORDS,
        );
        let retain = solution.retain();
        let count = self.check_retain(retain.map(|(_, field)| field));
        let policy = policy?.unwrap_or(SupersededPolicy::Deactivate);
        let count = count?;
        let retain = match (layered, retain) {
            // A more specific `keep` overrides a default `retain`; a more specific `retain` beside
            // a default `keep` is a mistake.
            (Some((policy_layer, policy_field)), Some((retain_layer, retain_field)))
                if policy == SupersededPolicy::Keep && policy_layer >= retain_layer =>
            {
                let message = "`retain` has no meaning if `superseded` is `keep`";
                let problems = &mut self.problems;
                let problem = problems
                    .problem(Code::RetainWithKeep, message, retain_field.key)
                    .related(policy_field.node.used, "keeps all");
                return Err(problems.add(problem));
            }
            _ if policy == SupersededPolicy::Keep => None,
            _ => count,
        };
        Ok(Superseded {
            policy,
            retain,
            keys: self.policy_keys(solution),
        })
    }

    /// Returns the positions of the policies of a solution.
    fn policy_keys(&self, solution: &Solution<'_>) -> KeyPositions {
        [
            ("superseded", solution.superseded()),
            ("retain", solution.retain()),
        ]
        .into_iter()
        .filter_map(|(name, layered)| {
            let (_, field) = layered?;
            Some((
                Cow::Borrowed(name),
                self.problems.source.position(field.key),
            ))
        })
        .collect()
    }

    fn check_retain(&mut self, field: Option<&Field<Text>>) -> Outcome<usize> {
        self.parsed(field, parse_count, Code::BadRetain, "count")
    }
}
