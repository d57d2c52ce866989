//! The checks of manifests, as tables: a part of a manifest, and the codes of its problems.

use solform::manifest::{
    Code, Endpoint, Limit, Manifest, Selection, SourceFile, TokenSource, environments, read_all,
};
use solform::store_location::StoreLocation;

use super::{complete, env, found, read_for, read_text};

/// Returns the codes of the problems in a part of a manifest, without `empty-manifest`.
fn codes(part: &str) -> String {
    let found = found(read_text(&complete(part)));
    let codes = found.iter().map(|problem| problem.code);
    let codes = codes.filter(|code| *code != Code::EmptyManifest);
    codes.map(Code::as_str).collect::<Vec<_>>().join(" ")
}

fn check(cases: &[(&str, &str)]) {
    for (part, expected) in cases {
        assert_eq!(codes(part), *expected, "{part}");
    }
}

fn check_environments(cases: &[(&str, &str)]) {
    for (inside, expected) in cases {
        let part = format!("environments: {{ e: {{ {inside} }} }}\n");
        assert_eq!(codes(&part), *expected, "{inside}");
    }
}

fn manifest(part: &str) -> Manifest {
    let result = read_text(&complete(part));
    result
        .unwrap_or_else(|problems| panic!("{part}: {problems:#?}"))
        .manifest
}

#[test]
fn urls_and_tokens() {
    check_environments(&[
        ("url: https://x.example, token: { env: T }", ""),
        (
            "url: https://x.example:8443/base/, token: { file: a/b }",
            "",
        ),
        ("url: HTTPS://X.example, token: { command: [a, 1] }", ""),
        ("url: 'emulator:'", ""),
        ("url: emulator", "bad-url"),
        ("url: 'emulator://x'", "bad-url"),
        ("url: 'ftp://x.example', token: { env: T }", "bad-url"),
        ("url: 'localhost:8080', token: { env: T }", "bad-url"),
        ("url: 'https://', token: { env: T }", "bad-url"),
        (
            "url: 'https://x.example/?a=b', token: { env: T }",
            "bad-url",
        ),
        ("url: 'https://x.example/#a', token: { env: T }", "bad-url"),
        (
            "url: 'https://me@x.example', token: { env: T }",
            "url-credentials",
        ),
        (
            "url: 'https://:pw@x.example', token: { env: T }",
            "url-credentials",
        ),
        ("url: http://x.example, token: { env: T }", "insecure-url"),
        (
            "url: http://localhost.x.example, token: { env: T }",
            "insecure-url",
        ),
        ("url: 'http://10.0.0.1', token: { env: T }", "insecure-url"),
        ("url: 'http://localhost:1', token: { env: T }", ""),
        ("url: 'http://127.8.9.1:1', token: { env: T }", ""),
        ("url: 'http://[::1]:1', token: { env: T }", ""),
        ("url: 'http://[::ffff:127.0.0.1]:1', token: { env: T }", ""),
        ("url: 'http://a.localhost:1', token: { env: T }", ""),
        ("url: [x]", "wrong-type"),
        ("url:", "wrong-type"),
        ("url: ' '", "empty-value"),
        ("token: { env: T }", "missing-field"),
        ("ulr: https://x.example", "unknown-field"),
        ("url: https://x.example, tokne: { env: T }", "unknown-field"),
        ("url: https://x.example, token: ~", "bad-token"),
        ("url: https://x.example, token: {}", "bad-token"),
        ("url: https://x.example, token: 12345", "token-literal"),
        ("url: https://x.example, token: [a]", "wrong-type"),
        (
            "url: https://x.example, token: { env: T, command: [a] }",
            "bad-token",
        ),
        ("url: https://x.example, token: { env: 'a b' }", "bad-token"),
        ("url: https://x.example, token: { env: '' }", "empty-value"),
        ("url: https://x.example, token: { file: '' }", "empty-value"),
        (
            "url: https://x.example, token: { file: '${HOME}/t' }",
            "bad-token",
        ),
        (
            "url: https://x.example, token: { command: [] }",
            "bad-token",
        ),
        (
            "url: https://x.example, token: { command: [sh, '${x}'] }",
            "bad-token",
        ),
        ("url: 'emulator:', token: abc", "token-literal"),
    ]);
}

#[test]
fn settings_of_environments() {
    check_environments(&[
        (
            "url: 'emulator:', protect: ['a@*', '*', 'a?1', 'a\\@1']",
            "",
        ),
        (
            "url: 'emulator:', protect: ['a', 'b\\*', '']",
            "bad-protect bad-protect empty-value",
        ),
        ("url: 'emulator:', protect: ['a@\\']", "bad-glob"),
        (
            "url: 'emulator:', limits: { max_destroy: -1, max_change: 1.5 }",
            "bad-limit bad-limit",
        ),
        (
            "url: 'emulator:', timeouts: { propagation: 0s, run: 0m }",
            "zero-timeout",
        ),
        ("url: 'emulator:', timeouts: { setle: 1s }", "unknown-field"),
        ("url: 'emulator:', timeouts: 5m", "wrong-type"),
        ("url: 'emulator:', context: 'a b'", ""),
        ("url: 'emulator:', context: \"a\\nb\"", "bad-context"),
        ("url: 'emulator:', user: ' me'", "bad-identity"),
        ("url: 'emulator:', ca_bundle: a.pem", "unused-setting"),
        (
            "url: 'emulator:', client_key: a.pem",
            "incomplete-client-certificate",
        ),
        (
            "url: 'http://localhost', token: { env: T }, client_key: a, client_cert: b",
            "unused-setting unused-setting",
        ),
        (
            "url: https://x.example, token: { env: T }, emulator: { seed: a }",
            "unused-setting",
        ),
        ("url: 'emulator:', vars: { a: { b: c } }", "wrong-type"),
        (
            "url: 'emulator:', vars: , limits: , defaults: , solutions: ",
            "",
        ),
    ]);
}

#[test]
fn solutions_and_defaults() {
    check(&[
        ("solutions: { S: { version: 1, owner: me } }", ""),
        (
            "solutions: { '': { version: 1, owner: me } }",
            "bad-identity",
        ),
        (
            "solutions: { S: { version: 1@2, owner: me } }",
            "bad-identity",
        ),
        (
            "solutions: { S: { versions: { 1@2: , 1: }, owner: me } }",
            "bad-identity",
        ),
        (
            "solutions: { S: { version: '', owner: me } }",
            "empty-value",
        ),
        (
            "solutions: { S: { versions: {}, owner: me } }",
            "no-version",
        ),
        ("solutions: { S: }", "no-version missing-owner"),
        (
            "solutions: { S: { verison: 1, ownr: me } }",
            "unknown-field unknown-field",
        ),
        (
            "solutions: { S: { version: 1, owner: me, path: x.ibsolution.zip } }",
            "bad-path",
        ),
        (
            "solutions: { S: { version: 1, owner: me, path: a/.ibsolution } }",
            "bad-path",
        ),
        (
            "solutions: { S: { version: 1, owner: me, path: a/../b.ibsolution } }",
            "bad-path",
        ),
        (
            "solutions: { S: { version: 1, owner: me, path: ' b.ibsolution' } }",
            "bad-path",
        ),
        (
            "solutions: { S: { version: 1, owner: me, state: ABSENT, path: x } }",
            "bad-path",
        ),
        // An invalid value does not hide the problems of the others.
        (
            "solutions: { S: { version: 1@, owner: ' x', state: on, path: '${version}${owner}' } }",
            "bad-identity bad-identity unknown-word",
        ),
        ("solutions: { S: 1.0.0 }", "wrong-type"),
        ("solutions: [S]", "wrong-type"),
        (
            "defaults: { state: ABSENT, visibility: ALL, superseded: drop, retain: -1, owner: '', \
             path: x, source: y, overwrite: maybe }",
            "absent-by-default unknown-word unknown-word bad-retain empty-value bad-path \
             bad-source unknown-word",
        ),
        (
            "defaults: { state: '${s}', owner: me }\nvars: { s: ABSENT }\nsolutions: { S: { \
             version: 1 } }",
            "absent-by-default",
        ),
        (
            "defaults: { superseded: keep, retain: 1, owner: me }\nsolutions: { S: { version: 1 } \
             }",
            "retain-with-keep",
        ),
        (
            "defaults: { superseded: keep, owner: me }\nsolutions: { S: { version: 1, retain: 1 } \
             }",
            "retain-with-keep",
        ),
        (
            "defaults: { retain: 1, owner: me }\nsolutions: { S: { version: 1, superseded: keep } \
             }",
            "",
        ),
        (
            "solutions: { S: { owner: me, versions: { 1: { retain: 1 } } } }",
            "unknown-field",
        ),
        (
            "solutions: { S: { owner: me, version: 1, versions: { 2: } } }",
            "version-and-versions",
        ),
    ]);
}

#[test]
fn sources() {
    check(&[
        (
            "solutions: { S: { version: 1, owner: me, path: a.ibsolution, source: 'dist/*-\
             ${version}.ibsolution', overwrite: true } }",
            "",
        ),
        (
            "solutions: { S: { version: 1, owner: me, source: dist/x.zip } }",
            "bad-source",
        ),
        (
            r"solutions: { S: { version: 1, owner: me, source: 'a\/x.ibsolution' } }",
            "bad-source",
        ),
        (
            "solutions: { S: { version: 1, owner: me, source: x.ibsolution, sha256: 12, overwrite: \
             yes } }",
            "bad-source unknown-word",
        ),
        (
            "solutions: { S: { version: 1, owner: me, sha256: \
             9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 } }",
            "bad-source",
        ),
    ]);
}

/// A digest pins the bytes of one version.
#[test]
fn a_digest_of_several_versions_is_refused() {
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    for (keys, expected) in [
        ("versions: { 1: , 2: }, sha256: D", "bad-source"),
        ("versions: { 1: { sha256: D }, 2: }", ""),
        ("versions: { 1: }, sha256: D", ""),
    ] {
        let keys = keys.replace('D', digest);
        let solution = format!("S: {{ owner: me, source: x.ibsolution, {keys} }}");
        check(&[(&format!("solutions: {{ {solution} }}"), expected)]);
    }
}

#[test]
fn redeploy_needs_pinned_bytes() {
    let pinned = "source: x.ibsolution, sha256: \
                  9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    let cases = [
        (format!("{pinned}, redeploy: on_change"), ""),
        ("redeploy: never".to_owned(), ""),
        ("source: x.ibsolution, redeploy: never".to_owned(), ""),
        ("redeploy: on_change".to_owned(), "bad-redeploy"),
        (
            "source: x.ibsolution, redeploy: on_change".to_owned(),
            "bad-redeploy",
        ),
        (format!("{pinned}, redeploy: always"), "unknown-word"),
    ];
    for (keys, expected) in cases {
        let text = format!("solutions: {{ S: {{ version: 1, owner: me, {keys} }} }}");
        check(&[(&text, expected)]);
    }
    // As a default, it has no effect on a solution without a source.
    let of_default = |keys: &str| {
        format!(
            "defaults: {{ redeploy: on_change }}\nsolutions: {{ S: {{ version: 1, owner: me{keys} \
             }} }}"
        )
    };
    check(&[(&of_default(""), "")]);
    check(&[(&of_default(&format!(", {pinned}")), "")]);
    check(&[(&of_default(", source: x.ibsolution"), "bad-redeploy")]);
}

#[test]
fn scope() {
    let solution = "solutions: { Form A: { version: 1, owner: me } }";
    let cases = [
        ("manage: { owners: [me], names: ['Form *'] }", ""),
        ("manage: { owners: ['m?'], names: ['Form A', other] }", ""),
        ("manage: { owners: [] }", "out-of-scope"),
        ("manage: { owners: [you], names: [B] }", "out-of-scope"),
        ("manage: { names: [B] }", "out-of-scope"),
        ("manage: { undeclared: delete }", ""),
        (
            "manage: { undeclared: delete, owners: [me, IB_DEPLOYED], names: ['Form *'] }",
            "",
        ),
        (
            "manage: { undeclared: delete, owners: [me, IB_DEPLOYED] }",
            "undeclared-too-wide",
        ),
        (
            "manage: { undeclared: deactivate, owners: ['*'], names: ['**', x] }",
            "undeclared-too-wide",
        ),
        ("manage: { undeclared: drop }", "unknown-word"),
        ("manage: { names: 'Form *' }", "wrong-type"),
    ];
    for (manage, expected) in cases {
        assert_eq!(
            codes(&format!("{manage}\n{solution}")),
            expected,
            "{manage}"
        );
    }
    let public =
        "manage: { undeclared: delete }\nsolutions: { A: { version: 1, owner: IB_DEPLOYED } }";
    assert_eq!(codes(public), "undeclared-too-wide");
}

/// An environment that keeps no version must not delete or deactivate everything else.
#[test]
fn nothing_declared() {
    for (solutions, policy, expected) in [
        ("", "delete", "nothing-declared"),
        ("", "deactivate", "nothing-declared"),
        ("", "ignore", ""),
        ("solutions: {}", "delete", "nothing-declared"),
        (
            "solutions: { A: { version: 1, owner: me, state: ABSENT } }",
            "delete",
            "nothing-declared",
        ),
        (
            "solutions: { A: { owner: me, versions: { 1: { state: ABSENT }, 2: { state: INACTIVE } \
             } } }",
            "delete",
            "",
        ),
        // The entry with a problem could be the one that stays.
        (
            "solutions: { A: { version: 1 } }",
            "delete",
            "missing-owner",
        ),
    ] {
        let text = format!("manage: {{ owners: [me], undeclared: {policy} }}\n{solutions}");
        assert_eq!(codes(&text), expected, "{text}");
    }
}

/// If the list has the user of an owner pair, both owners are in scope, with each visibility.
#[test]
fn owners_of_the_pair() {
    let codes_of = |user: &str, listed: &str, owner: &str, visibility: &str| {
        codes(&format!(
            "environments: {{ e: {{ url: 'emulator:'{user} }} }}\nmanage: {{ owners: [{listed}], \
             undeclared: delete }}\n\
             solutions: {{ A: {{ version: 1, owner: {owner}, visibility: {visibility} }} }}"
        ))
    };
    for (user, listed, owner, visibility, expected) in [
        (", user: svc", "svc", "svc", "PUBLIC", ""),
        (", user: svc", "svc", "IB_DEPLOYED", "PUBLIC", ""),
        (", user: svc", "svc", "IB_DEPLOYED", "PRIVATE", ""),
        ("", "svc", "svc", "PUBLIC", "owner-visibility"),
        ("", "svc", "IB_DEPLOYED", "PUBLIC", "out-of-scope"),
        (", user: bob", "svc", "svc", "PUBLIC", "owner-visibility"),
        (
            ", user: bob",
            "svc",
            "IB_DEPLOYED",
            "PUBLIC",
            "out-of-scope",
        ),
        (
            ", user: svc",
            "IB_DEPLOYED",
            "svc",
            "PUBLIC",
            "undeclared-too-wide",
        ),
    ] {
        let found = codes_of(user, listed, owner, visibility);
        assert_eq!(found, expected, "{user} {listed} {owner} {visibility}");
    }
}

/// A missing `user` is a possible cause if the list has the other owner of that user's pair.
#[test]
fn the_help_for_an_owner_out_of_scope_names_user() {
    let help_of = |user: &str, listed: &str, owner: &str| {
        let found = found(read_text(&format!(
            "solform: 1\nenvironments: {{ e: {{ url: 'emulator:'{user} }} }}\n\
             manage: {{ owners: [{listed}] }}\n\
             solutions: {{ A: {{ version: 1, owner: {owner}, path: x.ibsolution }} }}"
        )));
        let mut problems = found.iter();
        let problem = problems.find(|problem| problem.code == Code::OutOfScope);
        problem.unwrap().help.clone().unwrap_or_default()
    };
    for (user, listed, owner, expected) in [
        ("", "IB_DEPLOYED", "svc", true),
        ("", "svc", "IB_DEPLOYED", true),
        ("", "svc", "bob", false),
        (", user: bob", "svc", "IB_DEPLOYED", false),
    ] {
        let help = help_of(user, listed, owner);
        assert_eq!(help.contains("Write `user: svc`"), expected, "{help}");
        assert!(help.contains("dd the owner to `manage.owners`"), "{help}");
    }
}

#[test]
fn warnings_name_a_few_of_many() {
    let versions: Vec<String> = (0..100).map(|at| format!("1.{at}:")).collect();
    let versions = versions.join(" , ");
    let part = format!(
        "solutions: {{ S: {{ owner: me, visibility: PUBLIC, path: x.ibsolution, versions: {{ \
         {versions} }} }} }}"
    );
    let found = found(read_text(&complete(&part)));
    let messages: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        messages,
        [
            "`S@1.0`, `S@1.1`, `S@1.10`, 97 more: `PUBLIC` with the owner `me`",
            "several versions have one package: `S@1.0`, `S@1.1`, `S@1.10`, 97 more",
        ]
    );
    assert!(found.iter().all(|problem| problem.related.len() == 3));
}

#[test]
fn values_of_an_environment() {
    let part = "environments: { e: { url: 'https://X.example/a/', token: { command: [a, 007] }, \
        vars: { t: 90m },\n\
        timeouts: { deploy: '${t}' }, limits: { max_change: 0%, max_destroy: 3 }, store: \
        's3://bkt/${environment}' } }";
    let environment = manifest(part).environment;
    assert_eq!(environment.url.as_str(), "https://x.example/a");
    let command = ["a", "007"].map(str::to_owned).to_vec();
    assert_eq!(environment.token, Some(TokenSource::Command(command)));
    assert_eq!(environment.timeouts.deploy.as_secs(), 5400);
    assert_eq!(environment.timeouts.run.as_secs(), 7200);
    assert_eq!(environment.limits.max_change, Some(Limit::Percent(0)));
    assert_eq!(environment.limits.max_destroy, Some(Limit::Count(3)));
    assert_eq!(environment.store, StoreLocation::parse("s3://bkt/e").ok());
    let local = manifest("environments: { e: { url: 'emulator:', token: { env: T } } }");
    assert_eq!(
        (local.environment.url, local.environment.token),
        (Endpoint::Emulator, None)
    );
}

#[test]
fn equal_manifests_have_equal_digests() {
    let digest = |part: &str| manifest(part).digest;
    let base = "defaults: { owner: me }\nsolutions: { A: { version: 1 }, B: { version: 2, state: \
        ABSENT } }";
    let same = [
        "# A comment.\nsolutions:\n  B: { state: ABSENT, owner: me, versions: { 2: } }\n  A: { \
         version: \"1\", owner: me }\n",
        "defaults: { owner: me, superseded: deactivate, state: ACTIVE }\nmanage: { owners: [me, \
         me], undeclared: ignore, names: ['*'] }\nsolutions: { A: { version: 1 }, B: { version: 2, \
         state: ABSENT, path: x.ibsolution } }",
        "environments: { x: { url: 'https://x.example', token: { env: T }, store: s, timeouts: { \
         run: 1h } } }\nvars: { me: me }\ndefaults: { owner: '${me}' }\nsolutions: { A: { version: \
         1 }, B: { version: 2, state: ABSENT } }",
    ];
    for part in same {
        assert_eq!(digest(part), digest(base), "{part}");
    }
    let other = [
        "defaults: { owner: you }\nsolutions: { A: { version: 1 }, B: { version: 2, state: ABSENT \
         } }",
        "defaults: { owner: me, retain: 1 }\nsolutions: { A: { version: 1 }, B: { version: 2, \
         state: ABSENT } }",
        "defaults: { owner: me }\nsolutions: { A: { version: 1.0 }, B: { version: 2, state: ABSENT \
         } }",
        "defaults: { owner: me }\nsolutions: { A: { version: 1, path: x.ibsolution }, B: { \
         version: 2, state: ABSENT } }",
        "defaults: { owner: me }\nprotect: ['A@*']\nsolutions: { A: { version: 1 }, B: { version: \
         2, state: ABSENT } }",
        "environments: { e: { url: 'emulator:', context: x } }\ndefaults: { owner: me \
         }\nsolutions: { A: { version: 1 }, B: { version: 2, state: ABSENT } }",
        "environments: { e: { url: 'emulator:', limits: { max_destroy: 0 } } }\ndefaults: { owner: \
         me }\nsolutions: { A: { version: 1 }, B: { version: 2, state: ABSENT } }",
    ];
    for part in other {
        assert_ne!(digest(part), digest(base), "{part}");
    }
}

const TWO: &str = "solform: 1\nenvironments:\n  a: { url: 'emulator:', vars: { owner_name: me } \
    }\n  b: { url: 'emulator:', solutions: { T: ~ } }\nsolutions: { S: { version: 1, owner: \
    '${owner_name}' } }\n";

#[test]
fn only_the_chosen_environment_is_checked() {
    assert!(read_for(TWO, Some("a")).is_ok());
    let found = found(read_for(TWO, Some("b")));
    let found: Vec<Code> = found.iter().map(|problem| problem.code).collect();
    assert_eq!(found, [Code::NothingRemoved, Code::UnknownVariable]);
}

#[test]
fn all_environments_are_checked_together() {
    let source = SourceFile::from_bytes("m.yaml", TWO).unwrap();
    let problems = read_all(&source, &env).unwrap_err();
    let found: Vec<_> = problems
        .iter()
        .map(|problem| (problem.code, problem.environments.join(" ")))
        .collect();
    assert_eq!(
        found,
        [
            (Code::NothingRemoved, "b".to_owned()),
            (Code::UnknownVariable, "b".to_owned())
        ]
    );
    let fixed = TWO.replace("solutions: { T: ~ }", "vars: { owner_name: you }");
    let source = SourceFile::from_bytes("m.yaml", fixed.as_str()).unwrap();
    let checked = read_all(&source, &env).unwrap();
    let owners: Vec<&str> = checked
        .manifests
        .iter()
        .map(|manifest| manifest.desired[0].identity.owner.as_str())
        .collect();
    assert_eq!(owners, ["me", "you"]);
    // A problem of all environments is reported once, without an environment.
    let broken = fixed.replace("version: 1", "version: 1, state: on");
    let source = SourceFile::from_bytes("m.yaml", broken.as_str()).unwrap();
    let problems = read_all(&source, &env).unwrap_err();
    assert_eq!((problems.errors(), problems.warnings()), (1, 0));
    assert!(
        problems
            .iter()
            .all(|problem| problem.environments.is_empty())
    );
}

#[test]
fn environments_are_listed_despite_problems() {
    let source = SourceFile::from_bytes("m.yaml", "environments: { b: , a: 1 }\nx: y\n").unwrap();
    assert_eq!(environments(&source).unwrap(), ["b", "a"]);
    let none = solform::manifest::read(&source, &Selection::default(), &env).unwrap_err();
    assert_eq!(none.iter().next().unwrap().code, Code::FormatVersion);
}

#[test]
fn byte_order_marks_and_crlf_are_accepted() {
    let text =
        "\u{feff}solform: 1\r\nenvironments:\r\n  e: { url: 'emulator:', vars: { ü: 1 } }\r\n";
    let problems = read_text(text).unwrap_err();
    let problem = problems.iter().next().unwrap();
    let position = &problem.primary.as_ref().unwrap().position;
    assert_eq!(
        (problem.code, position.line, position.column),
        (Code::EmptyManifest, 3, 3)
    );
    let problem = problems.iter().nth(1).unwrap();
    let position = &problem.primary.as_ref().unwrap().position;
    assert_eq!(
        (problem.code, position.line, position.column),
        (Code::BadVariableName, 3, 34)
    );
    assert_eq!(&text[position.range()], "ü");
}
