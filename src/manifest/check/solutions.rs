//! Checks of the declared solutions and their versions.

use std::sync::Arc;

use super::super::digest::digest;
use super::super::masking::printable;
use super::super::model::{Desired, KeyPositions, Manifest};
use super::super::overlay::{Declared, Solution, merge};
use super::super::position::Mark;
use super::super::problem::Code;
use super::super::vars::{Builtins, Reported};
use super::context::Context;
use super::entry::{Declaration, Entry};
use crate::ident::{IdentError, OwnerPair, SolutionName, Version};

impl<'a> Context<'a> {
    /// Checks everything; returns the manifest if there is no error.
    pub(super) fn manifest(&mut self) -> Result<Manifest, Reported> {
        let environment = self.check_environment();
        self.check_defaults();
        let (mut entries, is_complete) = self.check_solutions();
        // Identities are unique: names are keys of one mapping, and so are the versions of a name.
        entries.sort_unstable_by(|left, right| left.desired.identity.cmp(&right.desired.identity));
        let pair = environment
            .as_ref()
            .ok()
            .and_then(|environment| OwnerPair::of(environment.user.as_ref()?));
        let policies = self.check_policies();
        let scope = self.check_scope(&entries, is_complete, pair);
        self.warn(&entries, is_complete && scope.is_ok(), pair);
        let (environment, scope, policies) = (environment?, scope?, policies?);
        if !is_complete {
            return Err(Reported);
        }
        let desired: Vec<Desired> = entries.into_iter().map(|entry| entry.desired).collect();
        let source_environments = self.source_environments();
        let digest = digest(&environment, &scope, &policies, &desired);
        Ok(Manifest {
            environment,
            scope,
            policies,
            desired,
            source_environments,
            digest,
        })
    }

    fn check_solutions(&mut self) -> (Vec<Entry>, bool) {
        let mut merged = merge(self.raw, self.environment);
        let mut entries = Vec::with_capacity(merged.solutions.len());
        let mut is_complete = true;
        let mut policy_keys = Arc::default();
        for solution in &merged.solutions {
            let keys = self.policy_keys(solution);
            if keys != *policy_keys {
                policy_keys = Arc::new(keys);
            }
            let removed_nothing = &mut merged.removed_nothing;
            let checked =
                self.check_solution(solution, &policy_keys, removed_nothing, &mut entries);
            is_complete &= checked.is_ok();
        }
        for at in merged.removed_nothing {
            let message = "`~` removes nothing: no other layer declares this key";
            self.problems.report(Code::NothingRemoved, message, at);
        }
        (entries, is_complete)
    }

    fn check_solution(
        &mut self,
        solution: &Solution<'a>,
        policy_keys: &Arc<KeyPositions>,
        removed_nothing: &mut Vec<Mark>,
        entries: &mut Vec<Entry>,
    ) -> Result<(), Reported> {
        let name = SolutionName::parse(solution.name)
            .map_err(|error| self.refuse_key(&error, solution.key));
        let superseded = self.check_superseded(solution);
        let drain = self.check_drain(solution.drain(), Builtins::of_solution(solution.name));
        let mut outcome = self.check_pin(solution);
        for declaration in self.declarations(solution, removed_nothing) {
            match self.check_entry(
                solution,
                declaration,
                &name,
                superseded,
                &drain,
                policy_keys,
            ) {
                Ok(entry) => entries.push(entry),
                Err(reported) => outcome = Err(reported),
            }
        }
        outcome
    }

    /// Returns the versions that the layers declare. If there are none, reports it and returns one
    /// with an invalid version, so that the rest of the entry is still checked.
    pub(super) fn declarations(
        &mut self,
        solution: &Solution<'a>,
        removed_nothing: &mut Vec<Mark>,
    ) -> Vec<Declaration<'a>> {
        let known = Builtins::of_solution(solution.name);
        let name = || printable(solution.name);
        let no_version = |this: &mut Self, label: &str, missing: &str| {
            let message = format!("`{}` declares no version", name());
            let problem = this
                .problems
                .problem(Code::NoVersion, message, solution.key);
            this.problems.add(problem.label(label).help(format!(
                "Add {missing}, or write `~` for the entry in an environment that does not have it."
            )))
        };
        let reported = match solution.declared(removed_nothing) {
            Declared::One(field) => {
                let version = self
                    .value(&field.node, known)
                    .and_then(|value| self.check_version(&value.text, value.at));
                return vec![Declaration {
                    version,
                    at: field.node.used,
                    layers: [None, None],
                }];
            }
            Declared::Several(versions) if !versions.is_empty() => {
                return versions
                    .into_iter()
                    .map(|entry| Declaration {
                        version: self.check_version(entry.name, entry.key),
                        at: entry.key,
                        layers: entry.layers,
                    })
                    .collect();
            }
            Declared::Several(_) => no_version(self, "`versions` is empty", "a version"),
            Declared::Broken => Reported,
            Declared::Nothing
                if solution.misspells([None, None], "version")
                    || solution.misspells([None, None], "versions") =>
            {
                Reported
            }
            Declared::Nothing => {
                let label = "neither `version` nor `versions`";
                no_version(self, label, "`version` or `versions`")
            }
            Declared::Both { version, versions } => {
                let message = format!("`{}` has both `version` and `versions`", name());
                let problem = self
                    .problems
                    .problem(Code::VersionAndVersions, message, versions)
                    .related(version, "`version` is here");
                self.problems.add(problem)
            }
        };
        vec![Declaration {
            version: Err(reported),
            at: solution.key,
            layers: [None, None],
        }]
    }

    fn check_version(&mut self, text: &str, at: Mark) -> Result<Version, Reported> {
        // Many solutions have the same version.
        if let Some(known) = self.versions.get(text) {
            return Ok(known.clone());
        }
        let version = Version::parse(text).map_err(|error| self.refuse_key(&error, at))?;
        if !text.contains('@') {
            self.versions.insert(version.clone());
            return Ok(version);
        }
        // An address is split at its last `@`, so a version cannot have one.
        let problem = self
            .problems
            .problem(Code::BadIdentity, "a version must not contain `@`", at)
            .label("not usable as a version")
            .help("Write the version as it is in the package.");
        Err(self.problems.add(problem))
    }

    fn refuse_key(&mut self, error: &IdentError, at: Mark) -> Reported {
        self.problems
            .report(Code::BadIdentity, error.to_string(), at)
    }
}
