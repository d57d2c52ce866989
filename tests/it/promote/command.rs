//! The command, between two emulators with tokens of their own.

use super::{ARGUMENTS, OTHER, usual, world};
use crate::support::worlds::{TOKEN, Version};

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_is_one_change_of_the_manifest() {
    let world = usual().await;
    let before = world.text();
    let check = [&ARGUMENTS[..], &["--check", "--detailed-exitcode"]].concat();
    let shown = world.env.solform_beside(&check).await.exits_with(2);
    assert_eq!(world.text(), before);
    let arguments = [&ARGUMENTS[..], &["--detailed-exitcode"]].concat();
    let output = world.env.solform_beside(&arguments).await.exits_with(2);
    assert_eq!(output.stdout, shown.stdout);
    assert_eq!(
        output.stdout,
        "Promotion from uat to prod in solform.yaml\n\n\
         NAME      IN SERVICE IN uat  IN SERVICE IN prod  DECLARED  NEW    RESULT\n\
         Form W-2  0.0.3              0.0.1               0.0.1     0.0.3  upgrade\n\
         Lone      -                  -                   1         -      not in service in the \
         source\n\
         Paystub   2.1.0              -                   2.1.0     -      already declared\n\n\
         Promotion: 1 to promote, 1 already declared, 1 left out.\n"
    );
    let output = output.warns(
        "Wrote `solform.yaml`. Review the change, commit it, then run `solform plan --file \
         solform.yaml -e prod`.",
    );
    let expected = before.replace("{ version: 0.0.1 } # one", "{ version: 0.0.3 } # one");
    assert_eq!(world.text(), expected);
    let all = format!("{output}");
    assert!(!all.contains(TOKEN) && !all.contains(OTHER), "{output}");
    world.assert_reads_only();
    assert!(!world.prod.requests().is_empty());
    // Now there is nothing left to promote.
    let _ = world
        .env
        .solform_beside(&arguments)
        .await
        .exits_with(0)
        .says("\nNothing to promote: 2 already declared, 1 left out.\n");
    assert_eq!(world.text(), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_live_writes_nothing() {
    let world = usual().await;
    let before = world.text();
    for name in ["Lone", "Nobody", "Foreign"] {
        let arguments = [&ARGUMENTS[..], &["Form W-2", name]].concat();
        let output = world.env.solform_beside(&arguments).await.exits_with(1);
        assert_eq!(output.stdout, "");
        let error = format!(
            "Error: no version of `{name}` that `uat` manages is in service there\n  help: Check \
             the name with `solform list --file solform.yaml -e uat`:"
        );
        let _ = output.warns(&error);
        assert_eq!(world.text(), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_solution_gets_an_overlay() {
    let uat = [Version::active("New: one", "1.10")];
    let world = world(&uat, &[], "", "  Other: { version: 1 }\n").await;
    let before = world.text();
    let _ = world
        .env
        .solform_beside(&ARGUMENTS)
        .await
        .exits_with(0)
        .says("Nothing to promote");
    let arguments = [&ARGUMENTS[..], &["New: one"]].concat();
    let _ = world.env.solform_beside(&arguments).await.exits_with(0);
    let token = "    token: { env: PROD_TOKEN }\n";
    let entry = "    solutions:\n      \"New: one\": { version: \"1.10\" }\n";
    assert_eq!(
        world.text(),
        before.replace(token, &format!("{token}{entry}"))
    );
    let _ = world.env.solform(&["validate", "-e", "prod"]).exits_with(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_versions_are_not_guessed() {
    let uat = [
        Version::active("A", "1"),
        Version::active("A", "2"),
        Version::active("B", "3"),
    ];
    let base = "  A: { version: 0 }\n  B: { versions: { 1: , 2: { state: INACTIVE } } }\n";
    let world = world(&uat, &[], "", base).await;
    let before = world.text();
    let _ = world
        .env
        .solform_beside(&ARGUMENTS)
        .await
        .exits_with(0)
        .says("Nothing to promote: 0 already declared, 2 left out.")
        .warns("Warning: `A` is left out: `uat` has several versions in service")
        .warns("Warning: `B` is left out: the manifest declares it for `prod` with `versions`");
    for (name, expected) in [
        (
            "A",
            "Error: `uat` has several versions of `A` in service: `2`, `1`",
        ),
        (
            "B",
            "several versions of `B` for `prod` with `versions`: `1`, `2`",
        ),
    ] {
        let arguments = [&ARGUMENTS[..], &[name]].concat();
        let _ = world
            .env
            .solform_beside(&arguments)
            .await
            .exits_with(1)
            .warns(expected);
    }
    assert_eq!(world.text(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_cannot_be_read_is_a_warning() {
    let mut world = usual().await;
    world.env.set("PROD_TOKEN", "wrong-token-of-prod");
    let _ = world
        .env
        .solform_beside(&ARGUMENTS)
        .await
        .exits_with(0)
        .says("Form W-2  0.0.3              unknown             0.0.1     0.0.3  upgrade")
        .warns("Warning: the live versions of `prod` are not shown: ");
    world.env.set("UAT_TOKEN", "wrong-token-of-uat");
    let before = world.text();
    let _ = world
        .env
        .solform_beside(&ARGUMENTS)
        .await
        .exits_with(1)
        .warns("failed to read the live state of environment `uat`");
    assert_eq!(world.text(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_refused() {
    let world = usual().await;
    let before = world.text();
    let from_stdin = [&ARGUMENTS[..], &["-f", "-"]].concat();
    let _ = world
        .env
        .solform_reading(&from_stdin, &before)
        .exits_with(1)
        .warns("Error: a manifest on standard input cannot be changed");
    let same = ["promote", "--from", "uat", "--to", "uat"];
    let _ = world
        .env
        .solform(&same)
        .exits_with(1)
        .warns("Error: `uat` cannot be promoted to itself");
    let unknown = ["promote", "--from", "uat", "--to", "pord"];
    let _ = world
        .env
        .solform(&unknown)
        .exits_with(1)
        .warns("[unknown-environment]");
    // An alias: the help shows the line to write.
    let alias = before.replace(
        "  uat:\n",
        "  uat:\n    solutions: &s { Form W-2: { version: 0.0.2 } }\n",
    );
    let (start, _) = alias.split_once("    solutions:\n      # kept").unwrap();
    let (_, rest) = alias.split_once("# one\n").unwrap();
    let alias = format!("{start}    solutions: *s\n{rest}");
    world.env.write("solform.yaml", &alias);
    let _ = world
        .env
        .solform_beside(&ARGUMENTS)
        .await
        .exits_with(1)
        .warns(
            "Error: the manifest cannot be edited: `environments.prod.solutions` is not a mapping \
             of its own",
        )
        .warns(
            "help: Edit it by hand, so that `environments.prod.solutions` has `Form W-2: { \
             version: 0.0.3 }`.",
        );
    assert_eq!(world.text(), alias);
}

#[tokio::test(flavor = "multi_thread")]
async fn restricted_hosts_are_not_asked() {
    let mut world = usual().await;
    let before = world.text();
    world
        .env
        .set("SOLFORM_ALLOWED_HOSTS", "elsewhere.example.com");
    world.env.set("SOLFORM_ALLOWED_ENV", "UAT_TOKEN,PROD_TOKEN");
    let _ = world.env.solform_beside(&ARGUMENTS).await.exits_with(1);
    assert_eq!(world.text(), before);
    assert!(world.uat.requests().is_empty() && world.prod.requests().is_empty());
}
