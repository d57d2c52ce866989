//! Random input gives a manifest or problems, never a panic, and always the same result.

use proptest::prelude::*;
use solform::manifest::{Problems, Selection, SourceFile, read, read_all};
use solform::review::review_environment;

use super::env;

/// Generates pieces of texts that look like manifests.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "solform: 1\n",
        "environments:\n",
        "  prod:\n",
        "    url: ",
        "https://x.example",
        "\"emulator:\"",
        "\n",
        "    token: ",
        "{ env: T }",
        "secret",
        "solutions:\n",
        "  Form W-2:\n",
        "    version: ",
        "1.10",
        "    versions: { ",
        "1: ~, ",
        "2: { state: ABSENT }",
        " }",
        "    owner: me\n",
        "    path: ",
        "${drive}/x.ibsolution\n",
        "${",
        "}",
        "$${",
        "defaults: ",
        "{ owner: me, retain: 2, superseded: keep }\n",
        "vars: { a: \"${b}\", b: \"${a}\" }\n",
        "manage: { names: [\"a*\", '\\\\'] }\n",
        "protect: [x]\n",
        "    solutions: { Form W-2: ~ }\n",
        "  ",
        "- ",
        "&a ",
        "*a",
        "<<: *a\n",
        ": ",
        "\"",
        "'",
        "#",
        "|\n",
        ">-\n",
        "~",
        "[",
        "]",
        "{",
        ",",
        "?",
        "!x ",
        "\t",
        "\u{0}",
        "\u{feff}",
        "ü",
        "\u{202e}",
        "\r\n",
        "\\",
        "---\n",
        "    timeouts: { run: 0s }\n",
        "    limits: { max_change: 101% }\n",
        "    client_key: x\n",
    ]);
    prop_oneof![8 => known.prop_map(str::to_owned), 1 => any::<String>()]
}

fn check(bytes: Vec<u8>) -> Result<(), TestCaseError> {
    let Ok(source) = SourceFile::from_bytes("m.yaml", bytes) else {
        return Ok(());
    };
    for environment in [None, Some("prod")] {
        let selection = Selection { environment };
        let first = read(&source, &selection, &env);
        prop_assert_eq!(&first, &read(&source, &selection, &env));
        if let Err(problems) = first {
            show(&problems)?;
        }
    }
    match read_all(&source, &env) {
        Err(problems) => show(&problems)?,
        Ok(checked) => {
            for manifest in &checked.manifests {
                let found = review_environment(Some(manifest), Some(manifest));
                prop_assert_eq!(found, vec![]);
            }
        }
    }
    Ok(())
}

fn show(problems: &Problems) -> Result<(), TestCaseError> {
    prop_assert!(problems.errors() > 0);
    for problem in problems {
        prop_assert!(!super::problems::render(problem).is_empty());
        prop_assert!(
            problem
                .primary
                .as_ref()
                .is_none_or(|label| label.position.line > 0)
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn texts_like_manifests_never_panic(pieces in prop::collection::vec(piece(), 0..60)) {
        check(pieces.concat().into_bytes())?;
    }

    #[test]
    fn any_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(bytes)?;
    }

    /// A valid manifest in which one range is replaced.
    #[test]
    fn damaged_manifests_never_panic(
        at in any::<prop::sample::Index>(),
        piece in piece(),
        cut in 0_usize..40,
    ) {
        let text = include_str!("../../fixtures/manifests/good/full.yaml");
        let start = text.floor_char_boundary(at.index(text.len()));
        let end = text.floor_char_boundary((start + cut).min(text.len()));
        check(format!("{}{piece}{}", &text[..start], &text[end..]).into_bytes())?;
    }
}
