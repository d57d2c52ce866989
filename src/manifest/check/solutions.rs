//! Checks of the declared solutions and their versions.

use std::collections::HashSet;
use std::sync::Arc;

use super::super::digest::digest;
use super::super::masking::printable;
use super::super::model::{Desired, Manifest, Superseded};
use super::super::node::Field;
use super::super::overlay::{Declared, NoEntry, Solution, entries, merge_solution};
use super::super::position::Mark;
use super::super::problem::Code;
use super::super::raw::RawSolution;
use super::super::vars::{Builtins, Reported};
use super::super::yaml::Solutions;
use super::context::Context;
use super::entry::{Declaration, Entry};
use crate::ident::{IdentError, OwnerPair, SolutionName, Version};

/// The solutions that are checked so far.
#[derive(Default)]
struct CheckedSolutions {
    entries: Vec<Entry>,
    /// True if a solution has a problem.
    is_incomplete: bool,
    /// The keys of `Name: ~` and `1.0: ~` that remove nothing.
    removed_nothing: Vec<Mark>,
    /// The policy of the last solution: mostly that of the defaults.
    superseded: Option<Arc<Superseded>>,
}

impl CheckedSolutions {
    /// Returns a policy, shared with the last solution if it is equal.
    fn share(&mut self, superseded: Superseded) -> Arc<Superseded> {
        let last = self.superseded.take();
        let shared = last.filter(|last| **last == superseded);
        let shared = shared.unwrap_or_else(|| Arc::new(superseded));
        Arc::clone(self.superseded.insert(shared))
    }
}

impl Context<'_> {
    /// Checks everything; returns the manifest if there is no error. `unread` are the solutions of
    /// the manifest itself, if they are not in memory.
    pub(super) fn manifest(&mut self, unread: Option<Solutions<'_>>) -> Result<Manifest, Reported> {
        let environment = self.check_environment();
        self.check_defaults();
        let (mut entries, is_complete) = self.check_solutions(unread);
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
        let mut desired: Vec<Desired> = entries.into_iter().map(|entry| entry.desired).collect();
        // The entries were larger.
        desired.shrink_to_fit();
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

    /// Checks the solutions of the environment, in the order of the file. Unread ones are dropped
    /// as soon as they are checked.
    fn check_solutions(&mut self, unread: Option<Solutions<'_>>) -> (Vec<Entry>, bool) {
        let mut checked = CheckedSolutions::default();
        let own = || entries(&self.environment.solutions).map(|(name, _)| name);
        let mut added: HashSet<&str> = own().collect();
        let mut check = |this: &mut Self, name: &str, shared: &Field<Box<RawSolution>>| {
            added.remove(name);
            this.check_solution(name, Some(shared), &mut checked);
        };
        let is_read = match unread {
            None => {
                for (name, field) in entries(&self.raw.solutions) {
                    check(self, name, field);
                }
                true
            }
            Some(mut solutions) => loop {
                match solutions.read() {
                    Ok(Some((name, field))) => check(self, &name, &field),
                    Ok(None) => break true,
                    Err(_) => break false,
                }
            },
        };
        for name in own().filter(|name| added.contains(name)) {
            self.check_solution(name, None, &mut checked);
        }
        for at in checked.removed_nothing {
            let message = "`~` removes nothing: no other layer declares this key";
            self.problems.report(Code::NothingRemoved, message, at);
        }
        (checked.entries, is_read && !checked.is_incomplete)
    }

    fn check_solution(
        &mut self,
        name: &str,
        shared: Option<&Field<Box<RawSolution>>>,
        checked: &mut CheckedSolutions,
    ) {
        match merge_solution(self.raw, self.environment, name, shared) {
            Ok(solution) => {
                checked.is_incomplete |= self.check_versions(&solution, checked).is_err();
            }
            Err(NoEntry::RemovesNothing(key)) => checked.removed_nothing.push(key),
            Err(NoEntry::Removed | NoEntry::Broken) => {}
        }
    }

    fn check_versions(
        &mut self,
        solution: &Solution<'_>,
        checked: &mut CheckedSolutions,
    ) -> Result<(), Reported> {
        let name = SolutionName::parse(solution.name)
            .map_err(|error| self.refuse_key(&error, solution.key));
        let superseded = self.check_superseded(solution);
        let superseded = superseded.map(|superseded| checked.share(superseded));
        let drain = self.check_drain(solution.drain(), Builtins::of_solution(solution.name));
        let mut outcome = self.check_pin(solution);
        for declaration in self.declarations(solution, &mut checked.removed_nothing) {
            match self.check_entry(solution, declaration, &name, &superseded, &drain) {
                Ok(entry) => checked.entries.push(entry),
                Err(reported) => outcome = Err(reported),
            }
        }
        outcome
    }

    /// Returns the versions that the layers declare. If there are none, reports it and returns one
    /// with an invalid version, so that the rest of the entry is still checked.
    pub(super) fn declarations<'n>(
        &mut self,
        solution: &Solution<'n>,
        removed_nothing: &mut Vec<Mark>,
    ) -> Vec<Declaration<'n>> {
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
