//! Tests of every kind of finding, and properties of every review.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::select;

use super::{
    Field, Finding, Kind, PolicyEffect, Review, ReviewBase, ReviewSummary, Risk, Side, Whom,
    group_findings, review_environment,
};
use crate::attribute::{State, Visibility};
use crate::ident::Identity;
use crate::manifest::{
    Desired, Glob, Limit, Manifest, Selection, SourceFile, SupersededPolicy, Undeclared, read,
    widen,
};
use crate::plan::testing::{IB, declared, scenario};

/// Returns a manifest of one environment, from additional keys of its block and the rest of the
/// file.
fn manifest((block, rest): (&str, &str)) -> Manifest {
    let base = "url: https://ib.example.com, token: { env: TOKEN }";
    let own = ["url", "token"].map(|key| block.starts_with(key));
    let base = match own {
        [true, _] => "token: { env: TOKEN }",
        [_, true] => "url: https://ib.example.com",
        [false, false] => base,
    };
    let defaults = if rest.contains("defaults:") {
        ""
    } else {
        "defaults: { owner: svc, path: 'p/${name}-${version}.ibsolution' }\n"
    };
    let text =
        format!("solform: 1\nenvironments:\n  prod: {{ {base}, {block} }}\n{defaults}{rest}\n");
    let source = SourceFile::from_bytes("m.yaml", text.as_str()).unwrap();
    match read(&source, &Selection::default(), &|_| None) {
        Ok(checked) => checked.manifest,
        Err(problems) => panic!("{text}\n{:?}", problems.iter().collect::<Vec<_>>()),
    }
}

/// Returns a finding in one line: subject, kind, values, effect, risks.
fn line(finding: &Finding) -> String {
    let subject = finding
        .address
        .as_ref()
        .map(crate::ident::Address::as_str)
        .or(finding.field.map(Field::as_str))
        .unwrap_or("prod");
    let mut parts = vec![format!("{subject} {}", finding.kind.as_str())];
    if finding.before.is_some() || finding.after.is_some() {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
        parts.push(format!(
            "{}>{}",
            text(&finding.before),
            text(&finding.after)
        ));
    }
    if let Some(effect) = &finding.effect {
        let whom = match &effect.whom {
            Whom::Version(address) => address.to_string(),
            Whom::OtherVersions => "others".to_owned(),
            Whom::UndeclaredNames => "undeclared".to_owned(),
            Whom::WholeEnvironment => "all".to_owned(),
        };
        parts.push(format!("| {whom} {}", effect.policy.as_str()));
        match effect.policy {
            PolicyEffect::LeftAlone(why) => parts.push(why.as_str().to_owned()),
            PolicyEffect::DeletedBeyond(newest) => parts.push(newest.to_string()),
            _ => {}
        }
    }
    parts.extend(
        finding
            .concerned
            .iter()
            .map(|address| format!("({address})")),
    );
    parts.extend(
        finding
            .risks
            .iter()
            .map(|risk| format!("!{}", risk.as_str())),
    );
    parts.join(" ")
}

fn findings(base: Option<&Manifest>, head: Option<&Manifest>) -> Vec<Finding> {
    let found = vec![("prod".to_owned(), review_environment(base, head))];
    group_findings(found).remove(0).findings
}

fn lines(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(line).collect()
}

type Sides = (&'static str, &'static str);

/// The cases: the base, the head, and the expected findings.
const CASES: &[(Sides, Sides, &[&str])] = &[
    // Added versions.
    (
        ("", ""),
        (
            "",
            "solutions: { A: { version: 1 }, B: { version: 1, state: INACTIVE }, C: { version: 1, \
             visibility: PUBLIC, owner: IB_DEPLOYED } }",
        ),
        &[
            "C@1 added ->ACTIVE | C@1 deployed !becomes-public",
            "A@1 added ->ACTIVE | A@1 deployed",
            "B@1 added ->INACTIVE | B@1 deployed-inactive",
        ],
    ),
    (
        ("", "defaults: { owner: svc }"),
        (
            "",
            "defaults: { owner: svc }\nsolutions: { A: { version: 1 } }",
        ),
        &["A@1 added ->ACTIVE | A@1 expected"],
    ),
    (
        ("", ""),
        (
            "",
            "solutions: { A: { version: 1, superseded: delete, retain: 2 } }",
        ),
        &[
            "A@1 policy-loosened ->delete | others deleted-beyond-retained 2 !loosened !deleted \
             !irreversible",
            "A@1 added ->ACTIVE | A@1 deployed",
        ],
    ),
    // Removed versions, by the effect of the head's policy.
    (
        ("", "solutions: { A: { version: 1 }, Z: { version: 1 } }"),
        ("", "solutions: { Z: { version: 1 } }"),
        &["A@1 removed ACTIVE>- | A@1 left-alone ignored"],
    ),
    (
        (
            "",
            "manage: { undeclared: deactivate }\nsolutions: { A: { version: 1 }, Z: { version: 1 } \
             }",
        ),
        (
            "",
            "manage: { undeclared: deactivate }\nsolutions: { Z: { version: 1 } }",
        ),
        &["A@1 removed ACTIVE>- | A@1 taken-out-of-service !out-of-service"],
    ),
    (
        (
            "",
            "manage: { undeclared: delete }\nsolutions: { A: { version: 1, state: INACTIVE }, Z: { \
             version: 1 } }",
        ),
        (
            "",
            "manage: { undeclared: delete }\nsolutions: { Z: { version: 1 } }",
        ),
        &["A@1 removed INACTIVE>- | A@1 deleted !deleted !irreversible"],
    ),
    (
        (
            "protect: ['A@*']",
            "manage: { undeclared: delete }\nsolutions: { A: { version: 1 }, Z: { version: 1 } }",
        ),
        (
            "protect: ['A@*']",
            "manage: { undeclared: delete }\nsolutions: { Z: { version: 1 } }",
        ),
        &["A@1 removed ACTIVE>- | A@1 taken-out-of-service !out-of-service"],
    ),
    (
        (
            "",
            "manage: { undeclared: delete, owners: [svc, ann] }\nsolutions: { A: { version: 1, \
             owner: ann }, Z: { version: 1 } }",
        ),
        (
            "",
            "manage: { undeclared: delete, owners: [svc] }\nsolutions: { Z: { version: 1 } }",
        ),
        &[
            "manage.owners scope-narrowed svc, ann>svc",
            "A@1 removed ACTIVE>- | A@1 left-alone out-of-scope",
        ],
    ),
    (
        (
            "",
            "solutions: { A: { versions: { 1: {}, 2: {}, 3: {} }, superseded: delete, retain: 1 } \
             }",
        ),
        (
            "",
            "solutions: { A: { versions: { 2: {}, 3: {} }, superseded: delete, retain: 1 } }",
        ),
        &["A@1 removed ACTIVE>- | A@1 deleted-beyond-retained 1 !deleted !irreversible"],
    ),
    (
        (
            "",
            "solutions: { A: { versions: { 1: {}, 2: { state: INACTIVE } } } }",
        ),
        (
            "",
            "solutions: { A: { versions: { 2: { state: INACTIVE } } } }",
        ),
        &["A@1 removed ACTIVE>- | A@1 left-alone nothing-supersedes"],
    ),
    // Replaced versions.
    (
        ("", "solutions: { A: { version: 1.9 } }"),
        ("", "solutions: { A: { version: 1.10 } }"),
        &["A@1.10 upgraded 1.9>1.10 | A@1.9 taken-out-of-service"],
    ),
    (
        ("", "solutions: { A: { version: 1, superseded: delete } }"),
        ("", "solutions: { A: { version: 2, superseded: delete } }"),
        &["A@2 upgraded 1>2 | A@1 deleted !deleted !irreversible"],
    ),
    (
        ("", "solutions: { A: { version: 1, superseded: keep } }"),
        (
            "",
            "solutions: { A: { version: 2, superseded: keep, visibility: PUBLIC, owner: svc } }",
        ),
        &[
            "A@2 visibility-widened ->PUBLIC !becomes-public",
            "A@2 upgraded 1>2 | A@1 left-alone kept",
        ],
    ),
    (
        ("", "solutions: { A: { version: 2 } }"),
        ("", "solutions: { A: { version: 1 } }"),
        &["A@1 downgraded 2>1 | A@2 taken-out-of-service !version-goes-down"],
    ),
    (
        ("", "solutions: { A: { version: 1.0-rc } }"),
        ("", "solutions: { A: { version: '1.0' } }"),
        &["A@1.0 changed-incomparable 1.0-rc>1.0 | A@1.0-rc taken-out-of-service"],
    ),
    (
        (
            "",
            "solutions: { A: { versions: { 1: { state: INACTIVE }, 2: {} } } }",
        ),
        (
            "",
            "solutions: { A: { versions: { 1: {}, 2: { state: INACTIVE } } } }",
        ),
        &[
            "A@1 downgraded 2>1 !version-goes-down",
            "A@1 activated INACTIVE>ACTIVE | A@1 deployed",
            "A@2 deactivated ACTIVE>INACTIVE | A@2 taken-out-of-service",
        ],
    ),
    (
        ("", "solutions: { A: { version: 1, state: INACTIVE } }"),
        ("", "solutions: { A: { version: 2 } }"),
        &[
            "A@2 upgraded 1>2 | A@1 taken-out-of-service",
            "A@2 activated INACTIVE>ACTIVE | A@2 deployed",
        ],
    ),
    // The same version.
    (
        ("", "solutions: { A: { version: 1 } }"),
        ("", "solutions: { A: { version: 1, owner: ann } }"),
        &["A@1 owner-changed svc>ann | svc:A@1 left-alone out-of-scope"],
    ),
    // A tombstone deletes the record of its new owner.
    (
        ("", "solutions: { A: { version: 1, state: ABSENT } }"),
        (
            "",
            "solutions: { A: { version: 1, state: ABSENT, owner: IB_DEPLOYED } }",
        ),
        &["A@1 owner-changed svc>IB_DEPLOYED | IB_DEPLOYED:A@1 deleted !deleted !irreversible"],
    ),
    (
        (
            "user: svc, protect: ['svc:A@*']",
            "solutions: { A: { version: 1, state: ABSENT } }",
        ),
        (
            "user: svc, protect: ['svc:A@*']",
            "solutions: { A: { version: 1, state: ABSENT, owner: IB_DEPLOYED } }",
        ),
        &["A@1 owner-changed svc>IB_DEPLOYED | IB_DEPLOYED:A@1 blocked !blocked"],
    ),
    // Across the owner pair a delete depends on the store.
    (
        (
            "user: svc",
            "defaults: { owner: svc, path: 'p/${name}-${version}.ibsolution', superseded: delete \
             }\nsolutions: { A: { versions: { 1: {}, 2: { owner: IB_DEPLOYED } } } }",
        ),
        (
            "user: svc",
            "defaults: { owner: svc, path: 'p/${name}-${version}.ibsolution', superseded: delete \
             }\nsolutions: { A: { versions: { 2: { owner: IB_DEPLOYED } } } }",
        ),
        &["A@1 removed ACTIVE>- | A@1 perhaps-deleted !deleted !irreversible"],
    ),
    (
        (
            "user: svc",
            "manage: { owners: [svc, IB_DEPLOYED] }\nsolutions: { A: { version: 1 } }",
        ),
        (
            "user: svc",
            "manage: { owners: [svc, IB_DEPLOYED] }\nsolutions: { A: { version: 1, owner: \
             IB_DEPLOYED } }",
        ),
        &["A@1 owner-changed svc>IB_DEPLOYED | svc:A@1 left-alone followed"],
    ),
    (
        (
            "user: svc",
            "manage: { owners: [svc, IB_DEPLOYED] }\nsolutions: { A: { versions: { 1: {}, 2: { \
             owner: IB_DEPLOYED } } } }",
        ),
        (
            "user: svc",
            "manage: { owners: [svc, IB_DEPLOYED] }\nsolutions: { A: { versions: { 2: { owner: \
             IB_DEPLOYED } } } }",
        ),
        &["A@1 removed ACTIVE>- | A@1 perhaps-taken-out-of-service"],
    ),
    (
        ("", "solutions: { A: { version: 1 } }"),
        (
            "",
            "solutions: { A: { version: 1, path: other.ibsolution } }",
        ),
        &[
            "A@1 path-changed p/A-1.ibsolution>other.ibsolution | A@1 not-deployed-again \
             !same-version",
        ],
    ),
    (
        ("", "solutions: { A: { version: 1, source: a.ibsolution } }"),
        (
            "",
            "solutions: { A: { version: 1, source: b.ibsolution, overwrite: true } }",
        ),
        &[
            "A@1 source-changed a.ibsolution>b.ibsolution | A@1 not-deployed-again !same-version",
            "A@1 overwrite-allowed false>true !replaces-bytes",
        ],
    ),
    (
        (
            "",
            "solutions: { A: { version: 1, source: a.ibsolution, overwrite: true } }",
        ),
        ("", "solutions: { A: { version: 1, source: a.ibsolution } }"),
        &["A@1 overwrite-forbidden true>false"],
    ),
    // A source without the permission is no finding about it.
    (
        ("", "solutions: { A: { version: 1 } }"),
        ("", "solutions: { A: { version: 1, source: a.ibsolution } }"),
        &["A@1 source-changed ->a.ibsolution | A@1 not-deployed-again"],
    ),
    (
        ("", "solutions: { A: { version: 1, source: a.ibsolution } }"),
        (
            "",
            "solutions: { A: { version: 2, source: b.ibsolution, overwrite: true }, B: { version: \
             1, source: b.ibsolution, overwrite: true } }",
        ),
        &[
            "A@2 upgraded 1>2 | A@1 taken-out-of-service",
            "A@2 overwrite-allowed false>true !replaces-bytes",
            "B@1 added ->ACTIVE | B@1 deployed !replaces-bytes",
        ],
    ),
    (
        (
            "",
            "solutions: { A: { version: 1, source: a.ibsolution, sha256: \
             9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 } }",
        ),
        (
            "",
            "solutions: { A: { version: 1, source: a.ibsolution, redeploy: on_change, sha256: \
             9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 } }",
        ),
        &["A@1 policy-loosened never>on_change | A@1 replaced-on-change !deleted !irreversible"],
    ),
    (
        (
            "",
            "solutions: { A: { version: 1, verify: [{ name: s, input_dir: i }] } }",
        ),
        (
            "",
            "solutions: { A: { version: 1, verify: [{ name: s, input_dir: i, attempts: 2 }, { \
             name: t, input_dir: i }] } }",
        ),
        &["A@1 verification-changed s>s (2 attempts), t"],
    ),
    (
        (
            "",
            "solutions: { A: { version: 1, verify: [{ name: s, input_dir: i }] } }",
        ),
        ("", "solutions: { A: { version: 1 } }"),
        &["A@1 verification-removed s>-"],
    ),
    (
        ("", "solutions: { A: { version: 1, drain: wait } }"),
        (
            "",
            "solutions: { A: { version: 1, drain: { mode: wait, timeout: 5m, spaces: [a/b] } } }",
        ),
        &["A@1 drain-changed wait>wait (5m, a/b)"],
    ),
    (
        (
            "manage: { undeclared: delete }, defaults: { drain: fail }",
            "solutions: { A: { version: 1 } }",
        ),
        (
            "manage: { undeclared: delete }",
            "solutions: { A: { version: 1 } }",
        ),
        &[
            "drain drain-removed fail>- !loosened",
            "A@1 drain-removed fail>- !loosened",
        ],
    ),
    (
        ("", "solutions: { A: { version: 1, visibility: PRIVATE } }"),
        (
            "",
            "solutions: { A: { version: 1, visibility: PENDING_REVIEW } }",
        ),
        &["A@1 visibility-widened PRIVATE>PENDING_REVIEW"],
    ),
    (
        ("", "solutions: { A: { version: 1, visibility: PUBLIC } }"),
        ("", "solutions: { A: { version: 1, visibility: PRIVATE } }"),
        &["A@1 visibility-narrowed PUBLIC>PRIVATE"],
    ),
    (
        ("", "solutions: { A: { version: 1, visibility: PUBLIC } }"),
        ("", "solutions: { A: { version: 1 } }"),
        &["A@1 visibility-released PUBLIC>-"],
    ),
    (
        ("", "solutions: { A: { version: 1, state: INACTIVE } }"),
        ("", "solutions: { A: { version: 1 } }"),
        &["A@1 activated INACTIVE>ACTIVE | A@1 deployed"],
    ),
    (
        ("", "solutions: { A: { version: 1 } }"),
        ("", "solutions: { A: { version: 1, state: INACTIVE } }"),
        &["A@1 deactivated ACTIVE>INACTIVE | A@1 taken-out-of-service !out-of-service"],
    ),
    (
        ("", "solutions: { A: { version: 1 } }"),
        ("", "solutions: { A: { version: 1, state: ABSENT } }"),
        &["A@1 retired ACTIVE>ABSENT | A@1 deleted !deleted !irreversible !out-of-service"],
    ),
    (
        ("protect: ['svc:A@1']", "solutions: { A: { version: 1 } }"),
        (
            "protect: ['svc:A@1']",
            "solutions: { A: { version: 1, state: ABSENT } }",
        ),
        &["A@1 retired ACTIVE>ABSENT | A@1 blocked !blocked !out-of-service"],
    ),
    (
        ("", ""),
        ("", "solutions: { A: { version: 1, state: ABSENT } }"),
        &["A@1 retired ->ABSENT | A@1 deleted !deleted !irreversible"],
    ),
    (
        ("", "solutions: { A: { version: 1, state: ABSENT } }"),
        ("", "solutions: { A: { version: 1, state: INACTIVE } }"),
        &["A@1 revived ABSENT>INACTIVE | A@1 deployed-inactive"],
    ),
    // A changed state together with a wider scope.
    (
        ("", "solutions: { A: { version: 1 } }"),
        (
            "",
            "solutions: { A: { version: 1, state: INACTIVE } }\nmanage: { owners: ['*'] }",
        ),
        &[
            "manage.owners scope-widened svc>* !loosened",
            "A@1 deactivated ACTIVE>INACTIVE | A@1 taken-out-of-service !out-of-service",
        ],
    ),
    // Policies.
    (
        ("", "solutions: { A: { version: 1, superseded: keep } }"),
        (
            "",
            "solutions: { A: { version: 1, superseded: deactivate } }",
        ),
        &["A@1 policy-loosened keep>deactivate | others taken-out-of-service !loosened"],
    ),
    (
        (
            "",
            "solutions: { A: { version: 1, superseded: deactivate }, B: { version: 1 } }",
        ),
        (
            "",
            "solutions: { A: { version: 1, superseded: delete }, B: { version: 1, superseded: \
             delete } }",
        ),
        &[
            "superseded policy-loosened deactivate>delete | others deleted (A@1) (B@1) !loosened \
             !deleted !irreversible",
        ],
    ),
    // A protection turns a delete into a deactivation, if it covers all that the policy can meet.
    (
        (r#"protect: ["A@*"]"#, "solutions: { A: { version: 1 } }"),
        (
            r#"protect: ["A@*"]"#,
            "solutions: { A: { version: 1, superseded: delete } }",
        ),
        &["A@1 policy-loosened deactivate>delete | others taken-out-of-service !loosened"],
    ),
    (
        (r#"protect: ["A@1*"]"#, "solutions: { A: { version: 1 } }"),
        (
            r#"protect: ["A@1*"]"#,
            "solutions: { A: { version: 1, superseded: delete } }",
        ),
        &[
            "A@1 policy-loosened deactivate>delete | others deleted !loosened !deleted \
             !irreversible",
        ],
    ),
    (
        (
            r#"protect: ["*"]"#,
            "manage: { undeclared: ignore }\nsolutions: { Z: { version: 1 } }",
        ),
        (
            r#"protect: ["*"]"#,
            "manage: { undeclared: delete }\nsolutions: { Z: { version: 1 } }",
        ),
        &[
            "manage.undeclared policy-loosened ignore>delete | undeclared taken-out-of-service \
             !loosened !out-of-service",
        ],
    ),
    (
        ("", "solutions: { A: { version: 1, superseded: delete } }"),
        ("", "solutions: { A: { version: 1, superseded: keep } }"),
        &["A@1 policy-tightened delete>keep | others left-alone kept"],
    ),
    (
        (
            "",
            "solutions: { A: { version: 1, superseded: delete, retain: 3 } }",
        ),
        ("", "solutions: { A: { version: 1, superseded: delete } }"),
        &["A@1 policy-loosened 3>- | others deleted !loosened !deleted !irreversible"],
    ),
    (
        ("", "solutions: { A: { version: 1, retain: 3 } }"),
        ("", "solutions: { A: { version: 1, retain: 2 } }"),
        &["A@1 policy-loosened 3>2 | others taken-out-of-service"],
    ),
    (
        ("", "solutions: { A: { version: 1, superseded: delete } }"),
        (
            "",
            "solutions: { A: { version: 1, superseded: delete, retain: 0 } }",
        ),
        &[],
    ),
    (
        (
            "",
            "manage: { undeclared: ignore }\nsolutions: { Z: { version: 1 } }",
        ),
        (
            "",
            "manage: { undeclared: delete }\nsolutions: { Z: { version: 1 } }",
        ),
        &[
            "manage.undeclared policy-loosened ignore>delete | undeclared deleted !loosened \
             !deleted !irreversible !out-of-service",
        ],
    ),
    (
        (
            "",
            "manage: { undeclared: delete }\nsolutions: { Z: { version: 1 } }",
        ),
        (
            "",
            "manage: { undeclared: ignore }\nsolutions: { Z: { version: 1 } }",
        ),
        &["manage.undeclared policy-tightened delete>ignore"],
    ),
    (
        ("", "manage: { names: ['A*'] }"),
        ("", "manage: { names: ['A*', B] }"),
        &["manage.names scope-widened A*>A*, B !loosened"],
    ),
    (
        ("", "manage: { names: ['A*'] }"),
        ("", "manage: { names: ['B*'] }"),
        &["manage.names scope-changed A*>B* !perhaps-loosened"],
    ),
    (
        ("", "manage: { names: ['A*', A1] }"),
        ("", "manage: { names: ['A*'] }"),
        &[],
    ),
    (
        ("limits: { max_destroy: 2, max_change: 10% }", ""),
        ("limits: { max_destroy: 3, max_change: 5% }", ""),
        &[
            "limits.max_destroy limit-loosened 2>3 !loosened",
            "limits.max_change limit-tightened 10%>5%",
        ],
    ),
    (
        ("limits: { max_destroy: 2, max_change: 10% }", ""),
        ("limits: { max_destroy: 3% }", ""),
        &[
            "limits.max_destroy limit-changed 2>3% !perhaps-loosened",
            "limits.max_change limit-removed 10%>- !loosened",
        ],
    ),
    (
        ("", ""),
        ("limits: { max_destroy: 3, max_change: 1 }", ""),
        &[
            "limits.max_destroy limit-changed ->3 !perhaps-loosened",
            "limits.max_change limit-tightened ->1",
        ],
    ),
    // Protections.
    (
        (
            "protect: ['A@*', 'B@*']",
            "solutions: { A: { version: 1 } }",
        ),
        (
            "protect: ['B@*', 'C@*']",
            "solutions: { A: { version: 1 } }",
        ),
        &[
            "protect protection-removed A@*>- !protection-removed",
            "protect protection-added ->C@*",
        ],
    ),
    (
        (
            "protect: ['A@*', 'B@*']",
            "solutions: { A: { version: 1 }, B: { version: 1 }, Z: { version: 1 } }",
        ),
        (
            "",
            "solutions: { B: { version: 1, state: ABSENT }, Z: { version: 1 } }",
        ),
        &[
            "protect protection-removed-with-entry A@*>- (A@1) !protection-removed-with-entry",
            "protect protection-removed-with-entry B@*>- (B@1) !protection-removed-with-entry",
            "B@1 retired ACTIVE>ABSENT | B@1 deleted !deleted !irreversible !out-of-service",
            "A@1 removed ACTIVE>- | A@1 left-alone ignored",
        ],
    ),
    (
        // Another pattern still covers it.
        (
            "protect: ['A@*', 'svc:*@1']",
            "solutions: { A: { version: 1 }, Z: { version: 1 } }",
        ),
        ("protect: ['svc:*@1']", "solutions: { Z: { version: 1 } }"),
        &[
            "protect protection-removed A@*>- !protection-removed",
            "A@1 removed ACTIVE>- | A@1 left-alone ignored",
        ],
    ),
    // Settings.
    (
        ("url: https://a.example", ""),
        ("url: https://b.example", ""),
        &["url url-changed https://a.example>https://b.example !other-server"],
    ),
    (
        ("token: { env: TOKEN }", ""),
        ("token: { command: [pass, 'my token'] }", ""),
        &[
            r#"token token-source-changed env TOKEN>command ["pass", "my token"] !runs-command !other-token"#,
        ],
    ),
    (
        ("token: { command: [pass] }", ""),
        ("token: { file: token.txt }", ""),
        &[r#"token token-source-changed command ["pass"]>file token.txt !other-token"#],
    ),
    (
        ("user: ann, context: a, store: s3://abc/b", ""),
        ("user: bob, context: b", ""),
        &[
            "user user-changed ann>bob !other-account",
            "context context-changed a>b !other-account",
            "store store-changed s3://abc/b>- !other-store",
        ],
    ),
    (
        (
            "ca_bundle: a.pem, client_cert: c.pem, client_key: k.pem",
            "",
        ),
        ("ca_bundle: b.pem", ""),
        &[
            "ca_bundle tls-changed a.pem>b.pem !other-trust",
            "client_cert tls-changed c.pem>- !other-trust",
            "client_key tls-changed k.pem>- !other-trust",
        ],
    ),
    (
        ("timeouts: { deploy: 90s }", ""),
        (
            "timeouts: { deploy: 2m, delete: 1500ms, propagation: 0s, run: 1h, apply: 3h }",
            "",
        ),
        &[
            "timeouts.deploy timeout-changed 90s>2m",
            "timeouts.delete timeout-changed 15m>1500ms",
            "timeouts.propagation timeout-changed 5m>0ms",
            "timeouts.run timeout-changed 2h>1h",
            "timeouts.apply timeout-changed 2h>3h",
        ],
    ),
    (
        ("require_verified: true", ""),
        ("require_verified: false", ""),
        &["require_verified require-verified-changed true>- !protection-removed"],
    ),
    // Policies are compared by their names; a review judges none.
    (
        (
            "",
            "policies: [{ name: a, deny: 'true', message: m }, { name: b, deny: 'true', message: \
             m }]",
        ),
        (
            "policies: [{ name: b, warn: 'true', message: m }]",
            "policies: [{ name: c, deny: 'false', message: m }]",
        ),
        &[
            "policies plan-policy-removed a: deny true>- !protection-removed",
            "policies plan-policy-added ->c: deny false",
            "policies plan-policy-changed b: deny true>b: warn true !loosened",
        ],
    ),
    (
        ("", "policies: [{ name: a, deny: 'true', message: m }]"),
        (
            "policy_timezone: Europe/Berlin",
            "policies: [{ name: a, deny: 'false', message: n }]",
        ),
        &[
            "policies plan-policy-changed a: deny true>a: deny false !perhaps-loosened",
            "policy_timezone plan-policy-changed UTC>Europe/Berlin !perhaps-loosened",
        ],
    ),
    (
        ("url: 'emulator:', emulator: { seed: a.yaml }", ""),
        ("url: 'emulator:', emulator: { seed: b.yaml }", ""),
        &["emulator.seed emulator-changed a.yaml>b.yaml"],
    ),
    // Comments, order and lines are not compared.
    (
        (
            "user: ann",
            "solutions: { A: { version: 1 }, B: { version: '2' } }",
        ),
        (
            "user: ann",
            "# New.\n\nsolutions:\n  B: { version: 2 }\n  A: { versions: { 1: {} } }",
        ),
        &[],
    ),
];

#[test]
fn every_change_has_its_finding() {
    let mut seen = BTreeSet::new();
    for (base, head, expected) in CASES {
        let (before, after) = (manifest(*base), manifest(*head));
        let found = findings(Some(&before), Some(&after));
        assert_eq!(lines(&found), *expected, "{base:?}\n{head:?}");
        for finding in &found {
            seen.insert(finding.kind);
            let is_gone = matches!(
                finding.kind,
                Kind::Removed
                    | Kind::PlanPolicyRemoved
                    | Kind::ProtectionRemoved
                    | Kind::ProtectionRemovedWithEntry
            );
            let has_side = finding.place.side == Side::Base;
            assert_eq!(has_side, is_gone || lacks_key(finding, head), "{finding:?}");
            assert_eq!(&*finding.place.position.file, "m.yaml");
        }
        assert_eq!(findings(Some(&before), Some(&before)), []);
        assert_eq!(findings(Some(&after), Some(&after)), []);
    }
    seen.extend([Kind::EnvironmentAdded, Kind::EnvironmentRemoved]);
    let all: BTreeSet<Kind> = Kind::ALL.into_iter().collect();
    assert_eq!(seen, all);
    let words: BTreeSet<&str> = Kind::ALL.into_iter().map(Kind::as_str).collect();
    assert_eq!(words.len(), Kind::ALL.len());
}

/// Returns true if the head does not have the key that a finding is about.
fn lacks_key(finding: &Finding, (block, rest): &Sides) -> bool {
    finding.field.is_some_and(|field| {
        let key = field.as_str();
        let word = key.rsplit_once('.').map_or(key, |(_, word)| word);
        let has = |text: &str| text.contains(&format!("{word}:"));
        let is_placed = !matches!(
            field,
            Field::Version | Field::State | Field::Visibility | Field::Overwrite
        );
        is_placed && finding.before.is_some() && !has(block) && !has(rest)
    })
}

/// A removed key has a position only in the base.
#[test]
fn removed_keys_have_their_base_position() {
    const ENTRY: &str = "solutions:\n  A: { version: 1 }\n";
    const SETTINGS: [(Field, &str); 19] = [
        (Field::MaxDestroy, "limits: { max_destroy: 1 }"),
        (Field::MaxChange, "limits: { max_change: 1 }"),
        (Field::User, "user: ann"),
        (Field::Context, "context: acme"),
        (Field::Store, "store: s3://bucket/x"),
        (Field::RequireVerified, "require_verified: true"),
        (Field::CaBundle, "ca_bundle: ca.pem"),
        (Field::ClientCert, "client_cert: a.pem, client_key: b.pem"),
        (Field::ClientKey, "client_cert: a.pem, client_key: b.pem"),
        (Field::Undeclared, "manage: { undeclared: deactivate }"),
        (Field::Names, "manage: { names: ['A*'] }"),
        (Field::Owners, "manage: { owners: [svc, ann] }"),
        (Field::Superseded, "defaults: { superseded: delete }"),
        (Field::Retain, "defaults: { superseded: delete, retain: 2 }"),
        (Field::Protect, "protect: ['A@*']"),
        (Field::DeployTimeout, "timeouts: { deploy: 1m }"),
        (Field::DeleteTimeout, "timeouts: { delete: 1m }"),
        (Field::Propagation, "timeouts: { propagation: 1m }"),
        (Field::RunTimeout, "timeouts: { run: 1m }"),
    ];
    for (field, setting) in SETTINGS {
        let (before, after) = (manifest((setting, ENTRY)), manifest(("", ENTRY)));
        let word = field.as_str().rsplit('.').next().unwrap();
        let line =
            format!("  prod: {{ url: https://ib.example.com, token: {{ env: TOKEN }}, {setting}");
        let found = findings(Some(&before), Some(&after));
        let finding = found.iter().find(|finding| finding.field == Some(field));
        let place = &finding
            .unwrap_or_else(|| panic!("{setting}: {found:?}"))
            .place;
        let column = line.find(&format!("{word}:")).unwrap() + 1;
        let position = (place.position.line, widen(place.position.column));
        assert_eq!(
            (place.side, position),
            (Side::Base, (3, column)),
            "{setting}"
        );
        // The other way round the key is in the head.
        let found = findings(Some(&after), Some(&before));
        let finding = found.iter().find(|finding| finding.field == Some(field));
        let place = &finding.unwrap().place;
        let position = (place.position.line, widen(place.position.column));
        assert_eq!(
            (place.side, position),
            (Side::Head, (3, column)),
            "{setting}"
        );
    }
    // The keys of an entry.
    for (field, entry) in [
        (Field::Superseded, "A: { version: 1, superseded: delete }"),
        (
            Field::Retain,
            "A: { version: 1, superseded: delete, retain: 2 }",
        ),
    ] {
        let before = manifest(("", &format!("solutions:\n  {entry}\n")));
        let found = findings(Some(&before), Some(&manifest(("", ENTRY))));
        let finding = found.iter().find(|finding| finding.field == Some(field));
        let place = &finding.unwrap().place;
        let column = 3 + entry.find(field.as_str()).unwrap();
        let position = (place.position.line, widen(place.position.column));
        assert_eq!((place.side, position), (Side::Base, (6, column)), "{entry}");
    }
}

#[test]
fn environments_are_added_and_removed() {
    let solutions =
        "manage: { undeclared: delete }\nsolutions: { A: { version: 1, superseded: delete } }";
    let here = manifest(("token: { command: [pass] }, protect: ['A@*']", solutions));
    assert_eq!(
        lines(&findings(None, Some(&here))),
        [
            "prod environment-added ->https://ib.example.com !runs-command",
            "manage.undeclared policy-loosened ignore>delete | undeclared deleted !loosened \
             !deleted !irreversible !out-of-service",
            "A@1 added ->ACTIVE | A@1 deployed",
            "A@1 policy-loosened ->delete | others taken-out-of-service !loosened",
        ]
    );
    assert_eq!(
        lines(&findings(Some(&here), None)),
        ["prod environment-removed https://ib.example.com>- | all left-alone environment-removed"]
    );
    assert_eq!(findings(None, None), []);
}

#[test]
fn ambiguous_addresses_start_with_the_owner() {
    let mut both = scenario()
        .declare([declared("svc:A@1"), declared("ann:A@1")])
        .manifest;
    let before = both.clone();
    both.desired[0].state = State::Inactive;
    assert_eq!(
        lines(&findings(Some(&before), Some(&both))),
        ["ann:A@1 deactivated ACTIVE>INACTIVE | ann:A@1 taken-out-of-service"]
    );
}

#[test]
fn the_summary_counts_the_findings() {
    let before = manifest((
        "",
        "solutions: { A: { version: 1 }, B: { version: 2 }, C: { version: 1 }, D: { version: 1 } }",
    ));
    let after = manifest((
        "user: ann",
        "solutions: { A: { version: 2 }, B: { version: 1 }, D: { version: 1, state: ABSENT }, E: { \
         version: 1 } }",
    ));
    let review = Review {
        base: ReviewBase {
            name: "base".to_owned(),
            commit: None,
            is_present: true,
        },
        head: "head".to_owned(),
        only: Vec::new(),
        solutions: Vec::new(),
        environments: ["prod", "test", "uat"].map(str::to_owned).to_vec(),
        // A finding that two environments share is counted once.
        groups: group_findings(vec![
            (
                "prod".to_owned(),
                review_environment(Some(&before), Some(&after)),
            ),
            (
                "test".to_owned(),
                review_environment(Some(&after), Some(&after)),
            ),
            (
                "uat".to_owned(),
                review_environment(Some(&before), Some(&after)),
            ),
        ]),
    };
    let summary = ReviewSummary::of(&review);
    let risks: Vec<(Risk, usize)> = summary
        .risks
        .iter()
        .map(|(risk, count)| (*risk, *count))
        .collect();
    assert_eq!(
        risks,
        [
            (Risk::Deleted, 1),
            (Risk::GoesDown, 1),
            (Risk::Irreversible, 1),
            (Risk::OutOfService, 1),
            (Risk::OtherAccount, 1),
        ]
    );
    let expected = ReviewSummary {
        findings: 6,
        added: 1,
        removed: 1,
        retired: 1,
        upgraded: 1,
        downgraded: 1,
        other: 1,
        high_risk: 2,
        environments: 3,
        changed_environments: 2,
        risks: summary.risks.clone(),
    };
    assert_eq!(summary, expected);
    assert!(summary.has_changes());
}

fn any_entry() -> impl Strategy<Value = Desired> {
    let identity = (
        select(vec!["svc", "me", IB]),
        select(vec!["Form", "Paystub"]),
        select(vec!["1", "2", "10", "1.0"]),
    );
    let states = vec![State::Active, State::Active, State::Inactive, State::Absent];
    let policies = vec![
        SupersededPolicy::Keep,
        SupersededPolicy::Deactivate,
        SupersededPolicy::Delete,
    ];
    (
        identity,
        select(states),
        proptest::option::of(select(&Visibility::ALL[..])),
        select(policies),
        proptest::option::of(1_usize..3),
        any::<bool>(),
    )
        .prop_map(
            |((owner, name, version), state, visibility, policy, retain, has_path)| {
                let entry = declared(&format!("{owner}:{name}@{version}"));
                let entry = Desired {
                    visibility,
                    ..entry.state(state).superseding(policy, retain)
                };
                if has_path && state != State::Absent {
                    entry
                } else {
                    entry.pathless()
                }
            },
        )
}

fn any_manifest() -> impl Strategy<Value = Manifest> {
    let globs = select(vec!["*", "Form*", "Form@1", "svc:*"]);
    let undeclared = vec![
        Undeclared::Ignore,
        Undeclared::Deactivate,
        Undeclared::Delete,
    ];
    (
        prop::collection::vec(any_entry(), 0..6),
        prop::collection::vec(globs, 0..3),
        select(undeclared),
        proptest::option::of((0_usize..3).prop_map(Limit::Count)),
    )
        .prop_map(|(entries, protect, undeclared, max_destroy)| {
            let mut manifest = scenario().manifest;
            manifest.desired = entries;
            manifest
                .desired
                .sort_by(|left, right| left.identity.cmp(&right.identity));
            manifest
                .desired
                .dedup_by(|left, right| left.identity == right.identity);
            let parse = |text| Glob::parse(text).unwrap();
            manifest.environment.protect = protect.into_iter().map(parse).collect();
            manifest.environment.limits.max_destroy = max_destroy;
            manifest.scope.undeclared = undeclared;
            manifest
        })
}

/// Groups are in the order of the environments, also those without a change; what several
/// environments share comes first.
#[test]
fn groups_follow_the_environments() {
    let with = |rest| manifest(("", rest));
    let (old, new) = (
        with("solutions: { A: { version: 1 } }"),
        with("solutions: { A: { version: 2 }, B: { version: 1 } }"),
    );
    let most = with("solutions: { A: { version: 2 } }");
    let found = [("dev", &old), ("uat", &new), ("prod", &most), ("dr", &old)];
    let found = found.map(|(name, head)| {
        let findings = review_environment(Some(&old), Some(head));
        (name.to_owned(), findings)
    });
    let groups = group_findings(found.to_vec());
    let names: Vec<String> = groups.iter().map(|it| it.environments.join(" ")).collect();
    assert_eq!(names, ["dev dr", "uat prod", "uat"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn equal_manifests_have_no_findings(manifest in any_manifest()) {
        prop_assert_eq!(findings(Some(&manifest), Some(&manifest)), vec![]);
    }

    #[test]
    fn every_changed_version_has_a_finding(before in any_manifest(), after in any_manifest()) {
        let found = findings(Some(&before), Some(&after));
        // Each version that differs, or is on one side only, is in a finding.
        let is_reported = |identity: &Identity| {
            let means = |address: &crate::ident::Address| address.means(identity);
            found.iter().any(|finding| {
                let whom = match finding.effect.as_ref().map(|effect| &effect.whom) {
                    Some(Whom::Version(address)) => Some(address),
                    _ => None,
                };
                let of_before = finding.before.as_deref() == Some(identity.version.as_str());
                finding.address.iter().chain(whom).chain(&finding.concerned).any(means)
                    || finding.kind == Kind::OwnerChanged
                        && finding.before.as_deref() == Some(identity.owner.as_str())
                    || of_before
            })
        };
        for (side, other) in [(&before, &after), (&after, &before)] {
            for entry in &side.desired {
                let is_same = other.desired.contains(entry);
                let identity = &entry.identity;
                prop_assert!(is_same || is_reported(identity), "{}", identity.full_address());
            }
        }
        let differs = before.desired != after.desired
            || before.scope.undeclared != after.scope.undeclared
            || before.environment.limits != after.environment.limits;
        prop_assert!(!differs || !found.is_empty());
        // Unchanged versions have no findings: the two values of each finding differ.
        for finding in &found {
            prop_assert!(finding.before != finding.after, "{finding:?}");
        }
    }
}
