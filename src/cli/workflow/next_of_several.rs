//! The command that a report of several environments names, for the environments that are left.

use std::path::Path;

use super::next_command::{NextKind, NextStep, Repeated, with_options};
use crate::cli::invocation::Invocation;
use crate::plan::{Overrides, PlanOptions};

/// An environment that is left.
#[derive(Debug, Clone)]
pub(super) struct Remaining {
    name: String,
    /// The step after its report; none if nothing was done.
    step: Option<NextStep>,
}

impl Remaining {
    /// Returns an environment in which nothing was done.
    pub(super) fn untouched(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            step: None,
        }
    }

    /// Returns an environment in which something may be done.
    pub(super) fn begun(name: &str, step: NextStep) -> Self {
        Self {
            name: name.to_owned(),
            step: Some(step),
        }
    }

    fn kind(&self) -> NextKind {
        self.step.as_ref().map_or(NextKind::Again, |step| step.kind)
    }
}

/// The parts of the command that do not depend on the result.
pub(super) struct SeveralNext<'a> {
    pub(super) invocation: &'a Invocation,
    pub(super) manifest: &'a Path,
    /// The plan file; none if the manifest is planned.
    pub(super) path: Option<&'a Path>,
    /// The options that the plans were made with.
    pub(super) options: PlanOptions,
}

impl SeveralNext<'_> {
    /// Returns the command for the environments that are left; none if there are none. If they need
    /// different options, one command follows another: a shell then stops after a failure, as the
    /// apply does.
    pub(super) fn command(&self, remaining: &[Remaining]) -> Option<String> {
        let has = |kind| remaining.iter().any(|one| one.kind() == kind);
        let is_apply = has(NextKind::Again) && !has(NextKind::Plan);
        let (verb, path) = if is_apply {
            ("apply", self.path)
        } else {
            ("plan", None)
        };
        let repeated = |one: &Remaining| match (path, &one.step) {
            (Some(_), _) => Repeated::BesideSavedPlan,
            (None, None) => Repeated::All,
            (None, Some(_)) => Repeated::Selection,
        };
        // A saved plan contains the replaces that are not done.
        let replace = |one: &Remaining| {
            let step = one.step.as_ref().filter(|_| path.is_none());
            step.map(|step| step.replace.clone()).unwrap_or_default()
        };
        let options = &self.options;
        let has_others = !options.replace.is_empty() || options.allow != Overrides::default();
        let is_same = |one: &Remaining, other: &Remaining| {
            let are_repeated = repeated(one) == repeated(other) || !has_others;
            are_repeated && replace(one) == replace(other)
        };
        let commands = remaining.chunk_by(is_same).map(|group| {
            let names = group.iter().map(|one| one.name.as_str());
            let invocation = self.invocation.for_several(self.manifest, names);
            let command =
                with_options(invocation.command(verb), &self.options, repeated(&group[0]));
            let command = command.options("--replace", replace(&group[0]));
            let command = match path {
                Some(path) => command.file(path),
                None => command,
            };
            command.to_string()
        });
        let commands: Vec<String> = commands.collect();
        (!commands.is_empty()).then(|| commands.join(" && "))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::commands::Cli;
    use crate::ident::Address;

    fn begun(name: &str, kind: NextKind, replace: &[&str]) -> Remaining {
        let replace = replace
            .iter()
            .map(|address| Address::parse(address).unwrap());
        let replace: BTreeSet<Address> = replace.collect();
        Remaining::begun(name, NextStep { kind, replace })
    }

    #[test]
    fn one_command_serves_all_environments_left() {
        use NextKind::{Again, Check, Plan};
        let untouched = || Remaining::untouched("prod");
        let file = Some(Path::new("the.plan"));
        let definition = Cli::command();
        let matches = definition.clone().get_matches_from(["solform", "apply"]);
        let (_, matches) = matches.subcommand().unwrap();
        let invocation = Invocation::new(&definition, matches, None, Vec::new(), None);
        for (remaining, path, allow, expected) in [
            (vec![], None, None, None),
            (
                vec![begun("uat", Again, &[]), untouched()],
                None,
                None,
                Some("solform apply --file m.yaml -e uat -e prod"),
            ),
            // The number was allowed for a whole plan, of which nothing is done in `prod`.
            (
                vec![begun("uat", Again, &[]), untouched()],
                None,
                Some(3),
                Some(
                    "solform apply --file m.yaml -e uat && solform apply --file m.yaml -e prod \
                     --allow-destroy 3",
                ),
            ),
            (
                vec![begun("uat", Again, &["A@1"]), untouched()],
                None,
                None,
                Some(
                    "solform apply --file m.yaml -e uat --replace A@1 && solform apply --file \
                     m.yaml -e prod",
                ),
            ),
            (
                vec![begun("uat", Plan, &[]), untouched()],
                None,
                None,
                Some("solform plan --file m.yaml -e uat -e prod"),
            ),
            (
                vec![begun("uat", Check, &[])],
                file,
                None,
                Some("solform plan --file m.yaml -e uat"),
            ),
            (
                vec![begun("uat", Again, &[]), untouched()],
                file,
                Some(3),
                Some("solform apply --file m.yaml -e uat -e prod --allow-destroy 3 the.plan"),
            ),
            // What a saved plan approves is refused again.
            (
                vec![begun("uat", Plan, &[]), untouched()],
                file,
                None,
                Some("solform plan --file m.yaml -e uat -e prod"),
            ),
        ] {
            let next = SeveralNext {
                invocation: &invocation,
                manifest: Path::new("m.yaml"),
                path,
                options: PlanOptions {
                    allow: Overrides {
                        destroy: allow,
                        change: None,
                    },
                    ..PlanOptions::default()
                },
            };
            let command = next.command(&remaining);
            assert_eq!(command.as_deref(), expected, "{remaining:?}");
        }
    }
}
