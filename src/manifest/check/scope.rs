//! Checks of `manage`: the scope of the manifest, which all declared versions must be in.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::super::glob::Glob;
use super::super::masking::printable;
use super::super::model::{Scope, Undeclared};
use super::super::node::{Field, List, Text};
use super::super::overlay::value;
use super::super::problem::Code;
use super::super::raw::RawManage;
use super::super::vars::{Builtins, Reported};
use super::context::Context;
use super::entry::Entry;
use crate::attribute::State;
use crate::ident::{Owner, OwnerPair};

/// The maximum cost of matching patterns against declared names, for all environments: bytes of
/// patterns times bytes of names.
const MAX_COMPARED: usize = 5_000_000_000;

/// Returns another fix, as a sentence, for a text that is out of scope.
type Advice<'f> = dyn Fn(&str) -> Option<String> + 'f;

impl Context<'_> {
    /// Checks `manage`. Invalid versions are missing from the entries.
    pub(super) fn check_scope(
        &mut self,
        entries: &[Entry],
        is_complete: bool,
        pair: Option<OwnerPair<'_>>,
    ) -> Result<Scope, Reported> {
        let layers = [value(&self.environment.manage), value(&self.raw.manage)];
        let owners_field = first(layers, |manage| manage.owners.as_ref());
        let names_field = first(layers, |manage| manage.names.as_ref());
        let undeclared_field = first(layers, |manage| manage.undeclared.as_ref());
        let owners = self.globs(owners_field);
        let names = self.globs(names_field);
        let undeclared = self.word(undeclared_field, Builtins::default(), &Undeclared::WORDS);
        let (owners, names, undeclared) = (owners?, names?, undeclared?);
        let undeclared = undeclared.unwrap_or(Undeclared::Ignore);
        let drain = match undeclared {
            Undeclared::Ignore => None,
            Undeclared::Deactivate | Undeclared::Delete => self.check_default_drain()?,
        };
        let scope = Scope {
            owners: owners.unwrap_or_else(|| declared_owners(entries)),
            names: names.unwrap_or_else(everything),
            undeclared,
            drain,
        };
        if let Some(field) = owners_field {
            // It is enough if the list has one owner of the owner pair.
            let other = |owner: &str| {
                let owner = Owner::parse(owner).ok()?;
                pair?.other(&owner)
            };
            let is_listed = |owner: &str| other(owner).is_some_and(|other| scope.has_owner(&other));
            self.check_inside(
                &scope.owners,
                &is_listed,
                entries,
                field,
                ("owner", &|owner| match pair {
                    Some(_) => None,
                    None => advice(owner, &scope.owners),
                }),
                |entry| entry.desired.identity.owner.as_str(),
            )?;
        }
        if let Some(field) = names_field {
            self.check_inside(
                &scope.names,
                &|_| false,
                entries,
                field,
                ("name", &|_| None),
                |entry| entry.desired.identity.name.as_str(),
            )?;
        }
        if let Some(field) = undeclared_field
            && scope.undeclared != Undeclared::Ignore
        {
            self.check_width(&scope, field)?;
            if is_complete {
                self.check_anything_stays(&scope, field, entries)?;
            }
        }
        Ok(scope)
    }

    /// Reports every declared version that is out of scope. `advice` returns another fix for a
    /// text.
    fn check_inside<'e>(
        &mut self,
        globs: &[Glob],
        is_inside_too: &dyn Fn(&str) -> bool,
        entries: &'e [Entry],
        field: &Field<List<Text>>,
        (what, advice): (&str, &Advice<'_>),
        text: impl Fn(&'e Entry) -> &'e str,
    ) -> Result<(), Reported> {
        let literals: HashSet<String> = globs.iter().filter_map(Glob::as_literal).collect();
        let patterns: Vec<&Glob> = globs
            .iter()
            .filter(|glob| glob.as_literal().is_none())
            .collect();
        let pattern_size: usize = patterns.iter().map(|glob| glob.as_str().len()).sum();
        let text_size: usize = entries.iter().map(|entry| text(entry).len()).sum();
        let environments = value(&self.raw.environments);
        let environments = environments.map_or(1, |table| table.entries.len().max(1));
        if pattern_size.saturating_mul(text_size) > MAX_COMPARED / environments {
            let message = format!(
                "{} patterns are too many to compare with the {what}s of {} versions",
                patterns.len(),
                entries.len()
            );
            return Err(self
                .problems
                .report(Code::TooManyPatterns, message, field.key));
        }
        let mut known: HashMap<&str, bool> = HashMap::new();
        let mut outcome = Ok(());
        for entry in entries {
            let text = text(entry);
            let is_inside = *known.entry(text).or_insert_with(|| {
                literals.contains(text)
                    || patterns.iter().any(|glob| glob.matches(text))
                    || is_inside_too(text)
            });
            if is_inside {
                continue;
            }
            let address = entry.desired.identity.address();
            let address = printable(address.as_str());
            let message = format!("`{address}` is declared, but its {what} is not under `manage`");
            let start = advice(text).map_or("Add".to_owned(), |advice| advice + " Otherwise add");
            let help = format!("{start} the {what} to `manage.{what}s`, or remove the entry.");
            let problem = self
                .problems
                .problem(Code::OutOfScope, message, entry.at())
                .related(field.key, format!("does not list its {what}"))
                .help(help);
            outcome = Err(self.problems.add(problem));
        }
        outcome
    }

    /// Reports a policy for undeclared solutions without a declared version that stays: with it,
    /// one entry that is lost by mistake would remove everything.
    fn check_anything_stays(
        &mut self,
        scope: &Scope,
        field: &Field<Text>,
        entries: &[Entry],
    ) -> Result<(), Reported> {
        let stays = |entry: &Entry| entry.desired.state != State::Absent;
        if entries.iter().any(stays) {
            return Ok(());
        }
        let what = if entries.is_empty() {
            "no version"
        } else {
            "only ABSENT versions"
        };
        let word = scope.undeclared.as_str();
        let message = format!(
            "the environment `{}` declares {what}, and `undeclared` is `{word}`",
            self.name
        );
        let problem = self
            .problems
            .problem(Code::NothingDeclared, message, field.node.used)
            .related(self.key, "declares no version that stays");
        Err(self.problems.add(problem))
    }

    /// Reports a policy for all public solutions: they belong to one owner, even those of other
    /// users.
    fn check_width(&mut self, scope: &Scope, field: &Field<Text>) -> Result<(), Reported> {
        let has_public = scope
            .owners
            .iter()
            .any(|glob| glob.matches(Owner::IB_DEPLOYED));
        if !has_public || !scope.names.iter().any(Glob::matches_everything) {
            return Ok(());
        }
        let message = "the policy would cover every public solution of the instance";
        let problems = &mut self.problems;
        Err(problems.report(Code::UndeclaredTooWide, message, field.node.used))
    }
}

fn first<'a, T>(
    layers: [Option<&'a RawManage>; 2],
    field: impl Fn(&'a RawManage) -> Option<&'a Field<T>>,
) -> Option<&'a Field<T>> {
    layers.into_iter().flatten().find_map(field)
}

fn declared_owners(entries: &[Entry]) -> Vec<Glob> {
    let owners: BTreeSet<&str> = entries
        .iter()
        .map(|entry| entry.desired.identity.owner.as_str())
        .collect();
    owners.into_iter().map(Glob::literal).collect()
}

fn everything() -> Vec<Glob> {
    Glob::parse("*").into_iter().collect()
}

/// Returns the advice to name the user, if that user and one listed owner are a pair.
fn advice(owner: &str, listed: &[Glob]) -> Option<String> {
    let owner = Owner::parse(owner).ok()?;
    let literals = listed.iter().filter_map(Glob::as_literal);
    let mut others = literals.filter_map(|other| Owner::parse(&other).ok());
    others.find_map(|other| OwnerPair::advice(&owner, &other))
}
