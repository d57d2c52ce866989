//! The patterns by which other programs read Terraform's text, over ours (field-features 4.4 and 4.5).

use regex::Regex;

use crate::support::CommandOutput;
use crate::support::worlds::{Version, env_with, manifest_with, seed, start};

const SOLUTIONS: &str = "
  Up: { version: 2, path: '${drive}/${name}-${version}.ibsolution' }
  Again: { version: 1, path: '${drive}/${name}-${version}.ibsolution' }
  Old: { version: 1, state: ABSENT }
  Safe: { version: 1, state: ABSENT }
  Same: { version: 1 }
";

fn found<'a>(pattern: &str, text: &'a str) -> Vec<&'a str> {
    let pattern = Regex::new(pattern).unwrap();
    text.lines()
        .filter_map(|line| pattern.captures(line))
        .filter_map(|captures| captures.get(1))
        .map(|group| group.as_str())
        .collect()
}

/// What a commenter on pull requests reads: a line each for the kinds of changes, the phrase at its end.
fn items(text: &str) -> [Vec<&str>; 4] {
    [
        found(r"^\s*# (.*) will be created$", text),
        found(r"^\s*# (.*) will be updated in-place$", text),
        found(r"^\s*# (.*) will be destroyed$", text),
        found(r"^\s*# (.*) must be replaced$", text),
    ]
}

/// What a server for pull requests reads: the numbers of the one line.
fn numbers(text: &str) -> Option<[usize; 3]> {
    let line = r"(?m)^Plan: (?:\d+ to import, )?(\d+) to add, (\d+) to change, (\d+) to destroy(?:, \d+ to forget)?\.";
    let captures = Regex::new(line).unwrap().captures(text)?;
    Some([1, 2, 3].map(|group| captures[group].parse().unwrap()))
}

async fn outputs() -> [CommandOutput; 4] {
    let live = ["Up", "Again", "Old", "Same"].map(|name| Version::active(name, "1"));
    let packages = [Version::active("Up", "2"), Version::active("Again", "1")];
    let emulator = start(seed(&live, &packages), &[]).await;
    let env = env_with(&manifest_with(&emulator.url(), "", "", SOLUTIONS));
    let plan = env.solform_beside(&["plan", "--replace", "Again@1"]).await;
    let arguments = ["apply", "--auto-approve", "--replace", "Again@1"];
    let apply = env.solform_beside(&arguments).await;
    let again = env.solform_beside(&["plan"]).await;
    let refused = env.solform_beside(&["plan", "--target", "Nobody"]).await;
    [plan, apply, again, refused]
}

#[tokio::test(flavor = "multi_thread")]
async fn literals_are_found_by_the_patterns_of_others() {
    let [plan, apply, again, refused] = outputs().await;
    let plan = plan.exits_with(0).stdout;
    assert_eq!(
        items(&plan),
        [vec!["Up@2"], vec!["Up@1"], vec!["Old@1"], vec!["Again@1"]],
        "{plan}"
    );
    assert_eq!(numbers(&plan), Some([2, 1, 2]), "{plan}");
    assert_eq!(found(r"(\d+) to destroy\.", &plan), ["2"]);
    assert_eq!(found(r"^(Plan: \d|No changes\.)", &plan).len(), 1);

    let apply = apply.exits_with(0).stdout;
    assert_eq!(
        found(
            r"^(Apply complete! Resources: \d+ added, \d+ changed, \d+ destroyed\.)$",
            &apply
        ),
        ["Apply complete! Resources: 2 added, 1 changed, 2 destroyed."],
        "{apply}"
    );
    assert!(found(r"^(Error: )", &apply).is_empty());

    let again = again.exits_with(0).stdout;
    assert_eq!(numbers(&again), None);
    assert!(
        again.starts_with("No changes. Your infrastructure matches the configuration."),
        "{again}"
    );

    let refused = refused.exits_with(1);
    assert_eq!(found(r"^(Error: )", &refused.stderr).len(), 1, "{refused}");
    assert!(found(r"^(Apply complete!|Plan: \d)", &refused.stdout).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn literals_of_what_is_blocked_count_it_and_promise_nothing() {
    let emulator = start(seed(&[Version::active("Safe", "1")], &[]), &[]).await;
    let env = env_with(&manifest_with(
        &emulator.url(),
        "    protect: [\"Safe@*\"]\n",
        "",
        "  Safe: { version: 1, state: ABSENT }\n",
    ));
    let plan = env.solform_beside(&["plan"]).await.exits_with(1);
    assert_eq!(numbers(&plan.stdout), Some([0, 0, 1]), "{plan}");
    assert_eq!(items(&plan.stdout)[2], ["Safe@1"]);
    assert_eq!(found(r"^(Error: )", &plan.stderr).len(), 1, "{plan}");
    let apply = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(1);
    assert!(!apply.stdout.contains("Apply complete!"), "{apply}");
}
