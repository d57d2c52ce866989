//! The expected duration of a plan, from the journals of earlier applies.

use solform_emulator::Emulator;

use super::resume::journals;
use crate::support::TestEnv;
use crate::support::worlds::{Version, env_with, manifest, seed, start};

/// Deploys A@1, and lets its journal say that the deploy took a number of seconds.
async fn deployed(seconds: u64) -> (Emulator, TestEnv) {
    let packages = [Version::active("A", "1"), Version::active("A", "2")];
    let emulator = start(seed(&[], &packages), &[]).await;
    let text = |version: &str| {
        let entry = format!(
            "  A: {{ version: {version}, path: '${{drive}}/${{name}}-${{version}}.ibsolution' }}\n"
        );
        manifest(&emulator.url(), &entry)
    };
    let env = env_with(&text("1"));
    let _ = env
        .solform_beside(&["apply", "--auto-approve"])
        .await
        .exits_with(0);
    let journal = journals(&env).pop().unwrap();
    let whole = std::fs::read_to_string(&journal).unwrap();
    let mut began_at_ms = None;
    let lines = whole.lines().map(|line| {
        let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
        let is_outcome = line["entry"]["kind"] == "outcome";
        let later = if is_outcome { seconds * 1000 } else { 0 };
        // The real duration, which a busy machine prolongs, does not count.
        let began = *began_at_ms.get_or_insert(line["at_ms"].as_u64().unwrap());
        line["at_ms"] = (began + later).into();
        format!("{line}\n")
    });
    std::fs::write(&journal, lines.collect::<String>()).unwrap();
    env.write("solform.yaml", &text("2"));
    (emulator, env)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_says_how_long_it_probably_takes() {
    let (_emulator, env) = deployed(120).await;
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(0)
        .says("; takes about 2m00s)")
        .says("\nExpected duration: about 2m00s; the duration of 1 change is not known.\n");
    for (format, text) in [
        ("markdown", "\nExpected duration: about 2m00s; the duration"),
        ("html", "Expected duration: about 2m00s; the duration"),
    ] {
        let _ = env
            .solform_beside(&["plan", "--format", format])
            .await
            .exits_with(0)
            .says(text);
    }
    let json = env.solform_beside(&["plan", "--format", "json"]).await;
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    let expected = &json["x_solution"]["expected"];
    assert_eq!(expected["path"], serde_json::json!(["A@2"]));
    assert_eq!(expected["unknown"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_that_is_too_short_is_a_warning() {
    // Far above a timeout that is extended for a slow machine (`support::pace`).
    let (_emulator, env) = deployed(3_000).await;
    let _ = env
        .solform_beside(&["plan"])
        .await
        .exits_with(0)
        .warns("`A@2` probably takes longer than `timeouts.deploy`");
    let (_emulator, env) = deployed(10).await;
    let output = env.solform_beside(&["plan"]).await.exits_with(0);
    assert!(!output.stderr.contains("probably"), "{output}");
}
