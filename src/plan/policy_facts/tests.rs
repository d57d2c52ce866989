use std::sync::Arc;

use jiff::tz::TimeZone;

use super::super::guard::{Refusal, approve, judge};
use super::super::options::Overrides;
use super::super::package::{Inspection, Inspections, PackageField, PackageInfo};
use super::super::testing::{declared, identity, live, scenario};
use super::super::verified::Verified;
use super::*;
use crate::attribute::Visibility;
use crate::expression::Expression;
use crate::manifest::{Enforcement, Limits, PlanPolicy, Position, Selection, SourceFile, read};

/// Friday, 27 November 2026, 16:30 UTC.
const FRIDAY_MS: u64 = 1_795_797_000_000;

fn policy(name: &str, enforcement: Enforcement, text: &str) -> PlanPolicy {
    PlanPolicy {
        name: name.to_owned(),
        enforcement,
        expression: Expression::parse(text).unwrap(),
        message: "not so".to_owned(),
        position: Position {
            file: Arc::new("solform.yaml".to_owned()),
            line: 7,
            column: 5,
            offset: 0,
            length: 1,
        },
    }
}

fn policies(enforcement: Enforcement, text: &str) -> PlanPolicies {
    PlanPolicies {
        list: vec![policy("p", enforcement, text)],
        timezone: TimeZone::UTC,
    }
}

fn inputs<'a>(history: &'a ApplyHistory, verified: &[Digest]) -> JudgementInputs<'a> {
    JudgementInputs {
        now_ms: FRIDAY_MS,
        verified: verified.iter().cloned().collect(),
        history,
    }
}

/// Returns a plan that replaces a version by a lower one, makes one PUBLIC, and deletes one.
fn plan() -> Plan {
    let scenario = scenario()
        .declare([
            declared("A@1"),
            declared("B@1").visible(Visibility::Public),
            declared("C@1").absent(),
            declared("D@1"),
        ])
        .live([live("A@2"), live("B@1"), live("C@1"), live("D@1")]);
    scenario.plan()
}

#[test]
fn a_plan_is_judged_by_its_changes() {
    let history = ApplyHistory::default();
    for (text, expected) in [
        ("changes.size() == 4", ""),
        ("changes.exists(c, c.before.name == 'D')", "false"),
        ("changes.exists(c, c.succession == 'downgrade')", "A@1"),
        ("changes.exists(c, c.after.visibility == 'PUBLIC')", "B@1"),
        (
            "changes.exists(c, c.before.visibility == 'PRIVATE' && c.after.name == null)",
            "C@1",
        ),
        (
            "changes.exists(c, c.after.state == 'INACTIVE' && c.after.visibility == 'PRIVATE')",
            "A@2",
        ),
        (
            "changes.exists(c, c.action == 'create' && c.before.version == null)",
            "A@1",
        ),
        (
            "environment == 'prod' && now.weekday == 'friday' && now.time == '16:30'",
            "",
        ),
    ] {
        let judged = plan().judged(&policies(Enforcement::Deny, text), &inputs(&history, &[]));
        let violations = &judged.judgement.violations;
        match expected {
            "false" => assert!(violations.is_empty(), "{text}"),
            _ => assert_eq!(violations[0].changes.join(" "), expected, "{text}"),
        }
    }
}

/// The zone decides about the hour and the day.
#[test]
fn the_time_is_in_the_declared_zone() {
    let history = ApplyHistory::default();
    for (zone, text) in [
        ("UTC", "now.hour == 16 && now.date == '2026-11-27'"),
        ("Europe/Berlin", "now.hour == 17"),
        ("Asia/Tokyo", "now.hour == 1 && now.weekday == 'saturday'"),
    ] {
        let policies = PlanPolicies {
            timezone: TimeZone::get(zone).unwrap(),
            ..policies(Enforcement::Deny, text)
        };
        let judged = plan().judged(&policies, &inputs(&history, &[]));
        assert_eq!(judged.judgement.violations.len(), 1, "{zone}");
    }
}

/// Without a declared visibility, that of the package decides.
#[test]
fn the_package_of_a_deploy_is_judged() {
    let scenario = scenario().declare([declared("A@1")]);
    let info = PackageInfo {
        name: PackageField::Text("A".to_owned()),
        version: PackageField::Text("1".to_owned()),
        owner: PackageField::Text("svc".to_owned()),
        solution_type: PackageField::Text("ibflowbin".to_owned()),
        visibility: Some("PUBLIC".to_owned()),
        fingerprint: Digest::of(b"package"),
    };
    let packages = [(
        "releases/A-1.ibsolution".to_owned(),
        Inspection::Inspected(info),
    )];
    let inspections = Inspections {
        packages: packages.into_iter().collect(),
        sources: std::collections::BTreeMap::new(),
    };
    let plan = scenario
        .plan()
        .with_inspections(&scenario.manifest, &inspections);
    let text =
        "changes.exists(c, c.after.visibility == 'PUBLIC' && !(c.after.package in verified))";
    let policies = policies(Enforcement::Deny, text);
    let history = ApplyHistory::default();
    for (verified, violations) in [(&[][..], 1), (&[Digest::of(b"package")], 0)] {
        let judged = plan.clone().judged(&policies, &inputs(&history, verified));
        assert_eq!(judged.judgement.violations.len(), violations);
    }
}

/// The newest verification of a package counts, and names the package of a live version.
#[test]
fn verification_records_name_packages() {
    let found = |package: &[u8], verdict| VerificationRecord {
        identity: identity("B@1"),
        apply: "a".to_owned(),
        verified: Verified {
            record: live("B@1").id,
            package: Some(Digest::of(package)),
            check: Digest::of(b"check"),
            verdict,
            runs: Vec::new(),
        },
    };
    let history = ApplyHistory {
        verifications: vec![
            found(b"one", Verdict::Passed),
            found(b"two", Verdict::Passed),
            found(b"one", Verdict::Failed),
            found(b"two", Verdict::Passed),
        ],
        ..ApplyHistory::default()
    };
    let verified: Vec<Digest> = history.verified_packages().into_iter().collect();
    assert_eq!(verified, [Digest::of(b"two")]);
    let text =
        "changes.exists(c, c.after.visibility == 'PUBLIC' && !(c.after.package in verified))";
    let policies = policies(Enforcement::Deny, text);
    let judged = plan().judged(&policies, &inputs(&history, &verified));
    assert!(judged.judgement.is_silent());
    let judged = plan().judged(&policies, &inputs(&ApplyHistory::default(), &verified));
    assert!(!judged.judgement.is_silent());
}

#[test]
fn only_deny_blocks_the_plan() {
    use Enforcement::{Deny, Warn};
    let history = ApplyHistory::default();
    let overrides = Overrides::default();
    for (enforcement, text, code, sentence) in [
        (
            Deny,
            "changes.exists(c, true)",
            Some("policy-denied"),
            "policy `p` denies the plan: not so (`A@1`, `A@2`, `B@1` and 1 more)",
        ),
        (Warn, "size(changes) > 3", None, "policy `p` warns: not so"),
        (
            Deny,
            "changes.exists(c, newer(c.before.version, '9'))",
            Some("policy-denied"),
            "policy `p` denies the plan, because it could not be judged: `newer` needs a value, \
             and one is null; test it with `!= null` first",
        ),
        (
            Warn,
            "changes.exists(c, newer(c.before.version, '9'))",
            None,
            "policy `p` warns, because it could not be judged: `newer` needs a value, and one is \
             null; test it with `!= null` first",
        ),
    ] {
        let judged = plan().judged(&policies(enforcement, text), &inputs(&history, &[]));
        assert_eq!(judged.judgement.violations[0].to_string(), sentence);
        let refusals = judge(&judged, &Limits::default(), &overrides);
        let codes: Vec<&str> = refusals.iter().map(Refusal::code).collect();
        assert_eq!(codes, code.into_iter().collect::<Vec<_>>());
        let approved = approve(judged, &Limits::default(), &overrides);
        assert_eq!(approved.is_ok(), enforcement == Warn);
    }
}

/// No plan of a manifest with policies is applied without their judgement.
#[test]
fn an_unjudged_plan_is_refused() {
    let mut scenario = scenario().declare([declared("A@1")]);
    scenario.manifest.policies = policies(Enforcement::Warn, "false");
    let codes = |plan: Plan| {
        let refused = approve(plan, &Limits::default(), &Overrides::default()).err();
        let refusals = refused.map(|refused| refused.refusals).unwrap_or_default();
        refusals.iter().map(Refusal::code).collect::<Vec<_>>()
    };
    assert_eq!(codes(scenario.plan()), ["not-judged"]);
    let history = ApplyHistory::default();
    let inputs = inputs(&history, &[]);
    let judged = scenario.plan().judged(&scenario.manifest.policies, &inputs);
    assert_eq!(codes(judged), [""; 0]);
    let narrowed = NarrowedPlan::from(scenario.plan());
    let narrowed = narrowed.judged(&scenario.manifest.policies, &inputs);
    assert!(approve(narrowed, &Limits::default(), &Overrides::default()).is_ok());
}

/// The plan that is applied is judged by the time of the apply, not by that of its approval.
#[test]
fn an_approved_plan_is_judged_by_the_time_of_its_apply() {
    let scenario = scenario().declare([declared("A@1")]);
    let policies = policies(
        Enforcement::Deny,
        "now.weekday == 'friday' && now.hour >= 16",
    );
    let history = ApplyHistory::default();
    let at = |now_ms| JudgementInputs {
        now_ms,
        ..inputs(&history, &[])
    };
    let (open_ms, closed_ms) = (FRIDAY_MS - 60 * 60 * 1000, FRIDAY_MS);
    for (planned_ms, applied_ms, is_allowed) in [
        (open_ms, open_ms, true),
        (open_ms, closed_ms, false),
        (closed_ms, open_ms, true),
    ] {
        let plan = scenario.plan().judged(&policies, &at(planned_ms));
        let narrowed = NarrowedPlan::from(plan).judged(&policies, &at(applied_ms));
        let approved = approve(narrowed, &Limits::default(), &Overrides::default());
        assert_eq!(approved.is_ok(), is_allowed, "{planned_ms} {applied_ms}");
    }
}

/// A policy with the time must not block a plan that does nothing.
#[test]
fn a_plan_without_changes_violates_nothing() {
    let scenario = scenario().declare([declared("A@1")]).live([live("A@1")]);
    let history = ApplyHistory::default();
    let policies = policies(Enforcement::Deny, "now.weekday == 'friday'");
    let judged = scenario.plan().judged(&policies, &inputs(&history, &[]));
    assert_eq!(judged.judgement, Judgement::default());
}

/// The examples of the documentation judge as they say.
#[test]
fn documented_policies_judge_as_they_say() {
    let page = include_str!("../../../docs/manifest.md");
    let (_, section) = page.split_once("\n## Policy\n").unwrap();
    let (_, example) = section.split_once("```yaml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let text = format!("solform: 1\nenvironments: {{ prod: {{ url: 'emulator:' }} }}\n{example}");
    let source = SourceFile::from_bytes("solform.yaml", text).unwrap();
    let manifest = read(&source, &Selection::default(), &|_| None)
        .unwrap()
        .manifest;
    let public = scenario().declare([declared("A@1").visible(Visibility::Public)]);
    let lower = scenario().declare([declared("A@1")]).live([live("A@2")]);
    let higher = scenario().declare([declared("A@3")]).live([live("A@2")]);
    let history = ApplyHistory::default();
    let hour_ms = 60 * 60 * 1000;
    for (scenario, hours_before, expected) in [
        (&public, 24, &["verified-before-public"][..]),
        (&lower, 24, &["no-downgrade"]),
        (&higher, 24, &[]),
        // It is 17:30 in Berlin, and 15:30.
        (&higher, 0, &["no-friday-evening"]),
        (&higher, 2, &[]),
    ] {
        let inputs = JudgementInputs {
            now_ms: FRIDAY_MS - hours_before * hour_ms,
            ..inputs(&history, &[])
        };
        let judged = scenario.plan().judged(&manifest.policies, &inputs);
        let violations = judged.judgement.violations.iter();
        let names: Vec<&str> = violations.map(|it| it.policy.as_str()).collect();
        assert_eq!(names, expected, "{hours_before}");
    }
}
