//! The form of reported problems.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};
use solform::manifest::{Problems, SourceFile, read_all};

use super::{env, found, read_for, read_text};

/// Renders a problem without colour, 100 columns wide.
pub(super) fn render(problem: &dyn Diagnostic) -> String {
    let mut out = String::new();
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor())
        .with_width(100)
        .render_report(&mut out, problem)
        .unwrap();
    // Editors remove trailing white space from the snapshots.
    out.lines()
        .flat_map(|line| [line.trim_end(), "\n"])
        .collect()
}

/// Renders all problems of a text, one after the other.
fn report(text: &str) -> String {
    let problems = found(read_text(text.trim_start()));
    problems.iter().map(|problem| render(problem)).collect()
}

#[test]
fn several_problems_are_shown_at_once() {
    let text = r"
solform: 1
environments:
  prod:
    url: https://instabase.example.com
    token: { env: IB_PROD_TOKEN }
    timeouts: { deploy: 15min }
solutions:
  Form W-2:
    verison: 0.0.2
    owner: svc-release
    visibility: public
    path: ${drvie}/W-2.zip
";
    insta::assert_snapshot!(report(text), @r"
    bad-duration

      × `15min` is not a duration
       ╭─[solform.yaml:6:25]
     5 │     token: { env: IB_PROD_TOKEN }
     6 │     timeouts: { deploy: 15min }
       ·                         ──┬──
       ·                           ╰── not a duration
     7 │ solutions:
       ╰────
      help: Write a whole number and a unit, like `1500ms`, `60s`, `15m` or `2h`, up to one year.
    unknown-field

      × unknown field `verison` in a solution
        ╭─[solform.yaml:9:5]
      8 │   Form W-2:
      9 │     verison: 0.0.2
        ·     ───┬───
        ·        ╰── not known here
     10 │     owner: svc-release
        ╰────
      help: Write `version` if that is what you mean.
    unknown-word

      × unknown word `public`
        ╭─[solform.yaml:11:17]
     10 │     owner: svc-release
     11 │     visibility: public
        ·                 ───┬──
        ·                    ╰── not known here
     12 │     path: ${drvie}/W-2.zip
        ╰────
      help: Write `PUBLIC`; the known words are `PUBLIC`, `PRIVATE`, `PENDING_REVIEW`.
    unknown-variable

      × unknown variable `drvie`
        ╭─[solform.yaml:12:11]
     11 │     visibility: public
     12 │     path: ${drvie}/W-2.zip
        ·           ────┬───
        ·               ╰── not declared
        ╰────
      help: Declare it under `vars`; known here: `environment`, `name`, `owner`, `version`.
    ");
}

#[test]
fn a_token_in_the_manifest_is_not_shown() {
    let text = r#"
solform: 1
environments:
  prod:
    url: https://instabase.example.com
    token: live-0a1b2c3d4e5f
    store: ""
"#;
    insta::assert_snapshot!(report(text), @r#"
    empty-manifest

      ⚠ the environment `prod` declares no solution
       ╭─[solform.yaml:3:3]
     2 │ environments:
     3 │   prod:
       ·   ──┬─
       ·     ╰── nothing to deploy here
     4 │     url: https://instabase.example.com
       ╰────
      help: Declare solutions under `solutions`.
    token-literal

      × the token is written into the manifest
       ╭─[solform.yaml:5:5]
     4 │     url: https://instabase.example.com
     5 │     token: *****************
       ·     ──┬──
       ·       ╰── expected the source of a token
     6 │     store: ""
       ╰────
      help: Never write a token into a manifest: revoke this one if it is real, and name the source of
            a new one, like `token: { env: NAME }`.
    empty-value

      × the value is empty
       ╭─[solform.yaml:6:12]
     5 │     token: *****************
     6 │     store: ""
       ·            ─┬
       ·             ╰── empty
       ╰────
      help: Write a value, or remove the key.
    "#);
}

#[test]
fn a_token_behind_an_alias_is_not_shown() {
    let text = r#"
solform: 1
vars: { mine: &mine live-0a1b2c3d4e5f, "1bad": x }
environments:
  prod: { url: https://instabase.example.com, token: *mine }
"#;
    insta::assert_snapshot!(report(text), @r#"
    bad-variable-name

      × `1bad` is not a valid variable name
       ╭─[solform.yaml:2:40]
     1 │ solform: 1
     2 │ vars: { mine: &mine *****************, "1bad": x }
       ·                                        ───┬──
       ·                                           ╰── not usable as a variable
     3 │ environments:
       ╰────
      help: Choose another name of letters, digits, `_`, `-` and `.` that begins with a letter;
            `name`, `version`, `owner`, `environment` are built in.
    empty-manifest

      ⚠ the environment `prod` declares no solution
       ╭─[solform.yaml:4:3]
     3 │ environments:
     4 │   prod: { url: https://instabase.example.com, token: *******
       ·   ──┬─
       ·     ╰── nothing to deploy here
       ╰────
      help: Declare solutions under `solutions`.
    token-literal

      × the token is written into the manifest
       ╭─[solform.yaml:4:47]
     3 │ environments:
     4 │   prod: { url: https://instabase.example.com, token: *******
       ·                                               ──┬──
       ·                                                 ╰── expected the source of a token
       ╰────
      help: Never write a token into a manifest: revoke this one if it is real, and name the source of
            a new one, like `token: { env: NAME }`.
    "#);
}

#[test]
fn a_token_as_the_name_of_a_variable_is_not_shown() {
    let text = r"
solform: 1
environments:
  prod: { url: https://instabase.example.com, token: { env: live-0a1b2c3d4e5f } }
";
    insta::assert_snapshot!(report(text), @r"
    empty-manifest

      ⚠ the environment `prod` declares no solution
       ╭─[solform.yaml:3:3]
     2 │ environments:
     3 │   prod: { url: https://instabase.example.com, token: { env: ***************** } }
       ·   ──┬─
       ·     ╰── nothing to deploy here
       ╰────
      help: Declare solutions under `solutions`.
    bad-token

      × `env` does not hold the name of an environment variable
       ╭─[solform.yaml:3:61]
     2 │ environments:
     3 │   prod: { url: https://instabase.example.com, token: { env: ***************** } }
       ·                                                             ────────┬────────
       ·                                                                     ╰── not a name
       ╰────
      help: Write the name of the variable that holds the token, never the token.
    ");
}

#[test]
fn a_token_beside_broken_yaml_is_not_shown() {
    let text = r#"
solform: 1
environments:
  prod:
    token: "live-0a1b2c3d4e5f
    url: https://instabase.example.com
"#;
    insta::assert_snapshot!(report(text), @r"
    yaml-syntax

      × invalid YAML: unclosed quote
       ╭─[solform.yaml:4:12]
     3 │   prod:
     4 │     token: ******************
       ·            ┬
       ·            ╰── here
     5 │     url: https://instabase.example.com
       ╰────
      help: Check indentation, quotes and brackets here and in the lines above.
    ");
}

#[test]
fn a_password_in_a_url_is_not_shown() {
    let text = r#"
solform: 1
environments:
  prod: { url: "https://me:hunter2@instabase.example.com", token: { env: T } }
"#;
    insta::assert_snapshot!(report(text), @r#"
    empty-manifest

      ⚠ the environment `prod` declares no solution
       ╭─[solform.yaml:3:3]
     2 │ environments:
     3 │   prod: { url: "https://**********@instabase.example.com", token: { env: T } }
       ·   ──┬─
       ·     ╰── nothing to deploy here
       ╰────
      help: Declare solutions under `solutions`.
    url-credentials

      × the URL holds a user name or a password
       ╭─[solform.yaml:3:16]
     2 │ environments:
     3 │   prod: { url: "https://**********@instabase.example.com", token: { env: T } }
       ·                ─────────────────────┬────────────────────
       ·                                     ╰── this URL
       ╰────
      help: Remove everything up to the `@` from the URL, and name the source of a token under
            `token`.
    "#);
}

#[test]
fn both_positions_of_a_duplicate_are_shown() {
    let text = r#"
solform: 1
environments: { local: { url: "emulator:" } }
solutions:
  Paystub: { version: 1.0.0, owner: svc-release }
  Form W-2: { version: 1.0.0, owner: svc-release }
  Paystub: { version: 2.0.0, owner: svc-release }
"#;
    insta::assert_snapshot!(report(text), @r"
    duplicate-key

      × duplicate key `Paystub`
       ╭─[solform.yaml:6:3]
     3 │ solutions:
     4 │   Paystub: { version: 1.0.0, owner: svc-release }
       ·   ───┬───
       ·      ╰── first here
     5 │   Form W-2: { version: 1.0.0, owner: svc-release }
     6 │   Paystub: { version: 2.0.0, owner: svc-release }
       ·   ───┬───
       ·      ╰── here again
       ╰────
      help: Merge the two, or remove one.
    ");
}

#[test]
fn keys_of_a_solution_are_unknown_in_a_version() {
    let text = r#"
solform: 1
environments: { local: { url: "emulator:" } }
solutions:
  Paystub:
    owner: svc-release
    versions:
      1.0.0: { verify: git, retain: 2 }
"#;
    insta::assert_snapshot!(report(text), @r"
    unknown-field

      × unknown field `verify` in a version
       ╭─[solform.yaml:7:16]
     6 │     versions:
     7 │       1.0.0: { verify: git, retain: 2 }
       ·                ───┬──
       ·                   ╰── not known here
       ╰────
      help: Use one of `path`, `source`, `sha256`, `overwrite`, `redeploy`, `owner`, `state`,
            `visibility`.
    unknown-field

      × unknown field `retain` in a version
       ╭─[solform.yaml:7:29]
     6 │     versions:
     7 │       1.0.0: { verify: git, retain: 2 }
       ·                             ───┬──
       ·                                ╰── not known here
       ╰────
      help: Use one of `path`, `source`, `sha256`, `overwrite`, `redeploy`, `owner`, `state`,
            `visibility`.
    ");
}

#[test]
fn a_cycle_names_its_variables() {
    let text = r#"
solform: 1
environments: { local: { url: "emulator:", vars: { root: "${drive}/..", other: x } } }
vars:
  drive: ${base}/fs
  base: ${root}
"#;
    insta::assert_snapshot!(report(text), @r#"
    empty-manifest

      ⚠ the environment `local` declares no solution
       ╭─[solform.yaml:2:17]
     1 │ solform: 1
     2 │ environments: { local: { url: "emulator:", vars: { root: "${drive}/..", other: x } } }
       ·                 ──┬──
       ·                   ╰── nothing to deploy here
     3 │ vars:
       ╰────
      help: Declare solutions under `solutions`.
    variable-cycle

      × variables use each other: `root` -> `drive` -> `base` -> `root`
       ╭─[solform.yaml:2:58]
     1 │ solform: 1
     2 │ environments: { local: { url: "emulator:", vars: { root: "${drive}/..", other: x } } }
       ·                                                          ──────┬──────
       ·                                                                ╰── the cycle begins here
     3 │ vars:
     4 │   drive: ${base}/fs
       ·          ─────┬────
       ·               ╰── continues here
     5 │   base: ${root}
       ·         ───┬───
       ·            ╰── continues here
       ╰────
      help: Give one of them a value that does not use the others.
    "#);
}

#[test]
fn a_version_out_of_scope_names_the_rule() {
    let text = r#"
solform: 1
environments: { local: { url: "emulator:" } }
manage:
  owners: [IB_DEPLOYED]
solutions:
  Paystub: { version: 1.10, owner: svc-release }
"#;
    insta::assert_snapshot!(report(text), @r"
    out-of-scope

      × `Paystub@1.10` is declared, but its owner is not under `manage`
       ╭─[solform.yaml:6:23]
     3 │ manage:
     4 │   owners: [IB_DEPLOYED]
       ·   ───┬──
       ·      ╰── does not list its owner
     5 │ solutions:
     6 │   Paystub: { version: 1.10, owner: svc-release }
       ·                       ──┬─
       ·                         ╰── out of scope
       ╰────
      help: Write `user: svc-release` in the environment if the token is that user's: the owners `svc-
            release` and `IB_DEPLOYED` then count as one. Otherwise add the owner to `manage.owners`,
            or remove the entry.
    ");
}

#[test]
fn settings_that_conflict_are_warnings() {
    let text = r#"
solform: 1
environments: { local: { url: "emulator:", token: { env: IB_PROD_TOKEN } } }
defaults: { owner: svc-release, path: acme/fs/W-2.ibsolution }
solutions:
  Form W-2:
    visibility: PUBLIC
    versions: { 1.0: { state: INACTIVE }, 1.0.0: }
"#;
    insta::assert_snapshot!(report(text), @r#"
    unused-setting

      ⚠ `token` has no effect: the embedded emulator needs none
       ╭─[solform.yaml:2:44]
     1 │ solform: 1
     2 │ environments: { local: { url: "emulator:", token: { env: IB_PROD_TOKEN } } }
       ·                                            ──┬──
       ·                                              ╰── has no effect
     3 │ defaults: { owner: svc-release, path: acme/fs/W-2.ibsolution }
       ╰────
      help: Remove it.
    shared-path

      ⚠ several versions have one package: `Form W-2@1.0`, `Form W-2@1.0.0`
       ╭─[solform.yaml:3:39]
     2 │ environments: { local: { url: "emulator:", token: { env: IB_PROD_TOKEN } } }
     3 │ defaults: { owner: svc-release, path: acme/fs/W-2.ibsolution }
       ·                                       ───────────┬──────────
       ·                                                  ╰── this path
     4 │ solutions:
       ╰────
       ╭─[solform.yaml:7:17]
     6 │     visibility: PUBLIC
     7 │     versions: { 1.0: { state: INACTIVE }, 1.0.0: }
       ·                 ─┬─                       ──┬──
       ·                  │                          ╰── uses this path
       ·                  ╰── uses this path
       ╰────
      help: Use `${name}` and `${version}` in the path, or write a path for each version.
    owner-visibility

      ⚠ `Form W-2@1.0`, `Form W-2@1.0.0`: `PUBLIC` with the owner `svc-release`
       ╭─[solform.yaml:6:17]
     5 │   Form W-2:
     6 │     visibility: PUBLIC
       ·                 ───┬──
       ·                    ╰── does not match the owner
     7 │     versions: { 1.0: { state: INACTIVE }, 1.0.0: }
       ·                 ─┬─                       ──┬──
       ·                  │                          ╰── this version
       ·                  ╰── this version
       ╰────
      help: Set `owner` to `IB_DEPLOYED`, under which the platform keeps public solutions, or name the
            token's user as `user: svc-release` in the environment.
    similar-versions

      ⚠ the versions `1.0` and `1.0.0` of `Form W-2` differ only in notation
       ╭─[solform.yaml:7:43]
     6 │     visibility: PUBLIC
     7 │     versions: { 1.0: { state: INACTIVE }, 1.0.0: }
       ·                 ─┬─                       ──┬──
       ·                  │                          ╰── looks the same as the other
       ·                  ╰── the other
       ╰────
      help: Keep the one that the package has; the platform treats them as different versions.
    "#);
}

#[test]
fn multi_line_values_are_marked_at_the_first_line() {
    let text = r#"
solform: 1
environments: { local: { url: "emulator:" } }
solutions:
  Form W-2:
    version: 1.0.0
    owner: svc-release
    path: >-
      acme/fs/releases
      /W-2.zip
"#;
    insta::assert_snapshot!(report(text), @r"
    bad-path

      × the path does not end with `.ibsolution`
       ╭─[solform.yaml:8:7]
     7 │     path: >-
     8 │       acme/fs/releases
       ·       ────────┬───────
       ·               ╰── not the path of a package
     9 │       /W-2.zip
       ╰────
      help: Write the whole path of the `.ibsolution` file on the platform, like `acme/prod/fs/
            Instabase Drive/W-2.ibsolution`.
    ");
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let text = r#"
solform: 1
environments: { local: { url: "emulator:" } }
solutions:
  "Form\e[31m W-2\u202e": { version: 1.0.0, owner: "svcRLOrelease", stat: "RLOABSENT" }
"#;
    insta::assert_snapshot!(report(&text.replace("RLO", "\u{202e}")), @r#"
    bad-identity

      × a solution name must not contain control characters
       ╭─[solform.yaml:4:3]
     3 │ solutions:
     4 │   "Form\e[31m W-2\u202e": { version: 1.0.0, owner: "svc\u{202e}release", stat: "\u{202e}ABSENT" }
       ·   ───────────┬──────────
       ·              ╰── not usable as a name or version
       ╰────
      help: Write names and versions as the platform shows them.
    invisible-character

      ⚠ invisible character: U+202E
       ╭─[solform.yaml:4:56]
     3 │ solutions:
     4 │   "Form\e[31m W-2\u202e": { version: 1.0.0, owner: "svc\u{202e}release", stat: "\u{202e}ABSENT" }
       ·                                                        ────┬───
       ·                                                            ╰── invisible here
       ╰────
      help: Remove it, or write it as an escape such as `"\u00A0"` where it is needed.
    unknown-field

      × unknown field `stat` in a solution
       ╭─[solform.yaml:4:67]
     3 │ solutions:
     4 │   "Form\e[31m W-2\u202e": { version: 1.0.0, owner: "svc\u{202e}release", stat: "\u{202e}ABSENT" }
       ·                                                                          ──┬─
       ·                                                                            ╰── not known here
       ╰────
      help: Write `state` if that is what you mean.
    "#);
}

#[test]
fn broken_yaml_is_one_problem() {
    let text = r#"
solform: 1
environments: { local: { url: "emulator:" }
solutions:
  Form W-2: { version: 1.0.0 }
"#;
    insta::assert_snapshot!(report(text), @r#"
    yaml-syntax

      × invalid YAML: while parsing a flow mapping, did not find expected `,` or `}`
       ╭─[solform.yaml:3:1]
     2 │ environments: { local: { url: "emulator:" }
     3 │ solutions:
       · ┬
       · ╰── here
     4 │   Form W-2: { version: 1.0.0 }
       ╰────
      help: Check indentation, quotes and brackets here and in the lines above.
    "#);
}

const THREE: &str = r#"
solform: 1
environments:
  local: { url: "emulator:" }
  test: { url: https://test.example.com, token: { env: T } }
  prod: { url: https://prod.example.com, token: { env: P }, vars: { drive: "${env:PROD_DRIVE}" } }
vars: { drive: acme/fs }
defaults: { owner: svc-release, path: "${drive}/${name}-${version}.ibsolution" }
solutions:
  Form W-2: { version: 1.0.0 }
"#;

#[test]
fn an_environment_must_be_named() {
    let problems = found(read_for(THREE.trim_start(), None));
    let report: String = problems.iter().map(|problem| render(problem)).collect();
    insta::assert_snapshot!(report, @r#"
    environment-needed

      × the manifest declares several environments: `local`, `test`, `prod`
       ╭─[solform.yaml:2:1]
     1 │ solform: 1
     2 │ environments:
       · ──────┬─────
       ·       ╰── declared here
     3 │   local: { url: "emulator:" }
       ╰────
      help: Name one with `--environment`, or set `SOLFORM_ENVIRONMENT`.
    "#);
}

#[test]
fn a_similar_environment_is_suggested() {
    let problems = found(read_for(THREE.trim_start(), Some("pord")));
    let report: String = problems.iter().map(|problem| render(problem)).collect();
    insta::assert_snapshot!(report, @r#"
    unknown-environment

      × unknown environment `pord`
       ╭─[solform.yaml:2:1]
     1 │ solform: 1
     2 │ environments:
       · ──────┬─────
       ·       ╰── not declared here
     3 │   local: { url: "emulator:" }
       ╰────
      help: Name `prod` if that is what you mean. The environments are `local`, `test`, `prod`.
    "#);
}

#[test]
fn a_problem_of_one_environment_names_it() {
    let source = SourceFile::from_bytes("solform.yaml", THREE.trim_start()).unwrap();
    let problems: Problems = read_all(&source, &env).unwrap_err();
    insta::assert_snapshot!(render(&problems), @r#"
      × the manifest has 1 error

    Error: missing-env-variable

      × the environment variable `PROD_DRIVE` is not set (in environment `prod`)
       ╭─[solform.yaml:5:77]
     4 │   test: { url: https://test.example.com, token: { env: T } }
     5 │   prod: { url: https://prod.example.com, token: { env: P }, vars: { drive: "${env:PROD_DRIVE}" } }
       ·                                                                             ────────┬────────
       ·                                                                                     ╰── used here
     6 │ vars: { drive: acme/fs }
       ╰────
      help: Set it, or write the value under `vars`.
    "#);
}
