//! Checks of the policies that plans are judged by.

use std::collections::HashMap;
use std::ops::Range;

use jiff::tz::TimeZone;

use super::super::masking::printable;
use super::super::near::{list, nearest};
use super::super::node::{Field, List, Node, Shape, Text};
use super::super::overlay::entries;
use super::super::plan_policy::{Enforcement, MAX_POLICIES, PlanPolicies, PlanPolicy};
use super::super::position::Mark;
use super::super::problem::Code;
use super::super::raw::RawPolicy;
use super::super::vars::{Builtins, Reported, locate};
use super::context::Context;
use crate::expression::{Expression, ExpressionError};

type RawPolicies = Field<List<Box<RawPolicy>>>;

impl<'a> Context<'a> {
    /// Checks the policies of the manifest and those of the environment: together they judge its
    /// plans.
    pub(super) fn check_policies(&mut self) -> Result<PlanPolicies, Reported> {
        let zones = [
            self.environment.policy_timezone.as_ref(),
            self.raw.policy_timezone.as_ref(),
        ];
        let timezone = zones.into_iter().flatten().next();
        let timezone = self.parsed(
            timezone,
            |text| TimeZone::get(text).ok(),
            Code::BadTimezone,
            "time zone",
        );
        let layers = [
            self.raw.policies.as_ref(),
            self.environment.policies.as_ref(),
        ];
        let mut names = HashMap::new();
        let mut policies = Ok(Vec::new());
        for field in layers.into_iter().flatten() {
            let checked = self.check_policy_list(field, &mut names);
            policies = policies.and_then(|mut all: Vec<PlanPolicy>| {
                all.extend(checked?);
                Ok(all)
            });
        }
        Ok(PlanPolicies {
            list: policies?,
            timezone: timezone?.unwrap_or(TimeZone::UTC),
        })
    }

    fn check_policy_list(
        &mut self,
        field: &'a RawPolicies,
        names: &mut HashMap<String, Mark>,
    ) -> Result<Vec<PlanPolicy>, Reported> {
        let nodes = &field.value().ok_or(Reported)?.0;
        if nodes.len() + names.len() > MAX_POLICIES {
            let message = format!("the environment has more than {MAX_POLICIES} policies");
            return Err(self.problems.report(Code::BadPolicy, message, field.key));
        }
        let mut policies = Ok(Vec::with_capacity(nodes.len()));
        for node in nodes {
            let checked = self.check_policy(node, names);
            policies = policies.and_then(|mut all: Vec<PlanPolicy>| {
                all.push(checked?);
                Ok(all)
            });
        }
        policies
    }

    fn check_policy(
        &mut self,
        node: &'a Node<Box<RawPolicy>>,
        names: &mut HashMap<String, Mark>,
    ) -> Result<PlanPolicy, Reported> {
        let raw = node.value.as_deref().ok_or(Reported)?;
        let name = self.check_policy_name(node, raw, names);
        let known = Builtins::default();
        let code = Code::BadPolicy;
        let message = self.needed(raw.message.as_ref(), known, "message", node.used, raw, code);
        let condition = match (raw.deny.as_ref(), raw.warn.as_ref()) {
            (Some(field), None) => Ok((Enforcement::Deny, field)),
            (None, Some(field)) => Ok((Enforcement::Warn, field)),
            (Some(_), Some(warn)) => {
                let message = "the policy has both `deny` and `warn`";
                Err(self.problems.report(code, message, warn.key))
            }
            (None, None) if raw.misspells("deny") || raw.misspells("warn") => Err(Reported),
            (None, None) => {
                let message = "the policy has neither `deny` nor `warn`";
                Err(self.problems.report(code, message, node.used))
            }
        };
        let condition = condition.and_then(|(enforcement, field)| {
            let expression = self.check_expression(field)?;
            Ok((enforcement, expression, field.node.used))
        });
        let (enforcement, expression, at) = condition?;
        Ok(PlanPolicy {
            name: name?,
            enforcement,
            expression,
            message: message?,
            position: self.problems.source.position(at),
        })
    }

    fn check_policy_name(
        &mut self,
        node: &'a Node<Box<RawPolicy>>,
        raw: &'a RawPolicy,
        names: &mut HashMap<String, Mark>,
    ) -> Result<String, Reported> {
        let (field, known, code) = (raw.name.as_ref(), Builtins::default(), Code::BadPolicy);
        let name = self.needed(field, known, "name", node.used, raw, code)?;
        let at = field.map_or(node.used, |field| field.node.used);
        let Some(first) = names.insert(name.clone(), at) else {
            return Ok(name);
        };
        let message = format!("two policies are named `{}`", printable(&name));
        let problem = self.problems.problem(code, message, at);
        let problem = problem.label("here again").related(first, "first here");
        let help = "Give each policy its own name: those of an environment add to those of the \
                    manifest, and do not replace them.";
        Err(self.problems.add(problem.help(help)))
    }

    fn check_expression(&mut self, field: &'a Field<Text>) -> Result<Expression, Reported> {
        let source = self.problems.source;
        let written = field.node.text(source);
        // A variable would add code to the condition that was reviewed.
        if let Some(start) = written.and_then(|text| text.find("${")) {
            let text = written.unwrap_or_default();
            let at = locate(source, &field.node, text, &(start..start + 2));
            let message = "a condition cannot contain variables of the manifest";
            let problem = self.problems.problem(Code::BadExpression, message, at);
            let help = "Compare with `environment`, or write the policy in the environment.";
            return Err(self.problems.add(problem.help(help)));
        }
        let value = self.value(&field.node, Builtins::default())?;
        let at = |range: &Range<usize>| {
            written.map_or(value.at, |text| locate(source, &field.node, text, range))
        };
        let error = match Expression::parse(&value.text) {
            Ok(expression) => {
                for (name, range) in expression.environments() {
                    self.check_compared_environment(name, at(range));
                }
                for (known, range) in expression.miswritten() {
                    let message = format!("the known word is `{known}`");
                    self.problems.report(Code::PolicyWord, message, at(range));
                }
                return Ok(expression);
            }
            Err(error) => error,
        };
        let at = at(&error.range);
        let ExpressionError {
            message,
            help,
            unknown,
            ..
        } = error;
        let problem = self
            .problems
            .problem(Code::BadExpression, printable(&message), at);
        let help = help.or_else(|| {
            let (word, known) = unknown?;
            Some(suggestion(&word, &known, "known words"))
        });
        Err(self.problems.add(match help {
            Some(help) => problem.help(help),
            None => problem,
        }))
    }

    /// Warns about a comparison with the name of no environment. The same policies may be in the
    /// manifests of several teams, which declare other environments.
    fn check_compared_environment(&mut self, name: &str, at: Mark) {
        let names: Vec<&str> = entries(&self.raw.environments)
            .map(|(name, _)| name)
            .collect();
        if names.contains(&name) {
            return;
        }
        let message = format!("no environment is named `{}`", printable(name));
        let problem = self.problems.problem(Code::PolicyEnvironment, message, at);
        let help = suggestion(name, &names, "environments");
        self.problems.add(problem.help(help));
    }
}

/// Returns the fix for an unknown word, with the nearest known one.
fn suggestion(word: &str, known: &[&str], what: &str) -> String {
    let near = nearest(word, known.iter().copied());
    let near = near.map(|near| format!("Write `{near}` if that is what you mean. "));
    let known = list(known.iter().copied());
    format!("{}The {what} are {known}.", near.unwrap_or_default())
}
