//! The early read of a big manifest's environment, before the rest of the file is read.
//!
//! Most of a big manifest is its solutions. If they come last, everything that an environment needs
//! is above them. The environment that is found here is a guess, because a later part of the file
//! may change it: results count only if the whole file has the same environment. Problems are not
//! reported here.

use super::super::model::Environment;
use super::super::problem::Problems;
use super::super::source::SourceFile;
use super::file::{File, Selection};

/// Returns the selected environment of a big manifest, read from the part above `solutions`. `None`
/// if that part alone does not determine it.
pub fn read_ahead(
    source: &SourceFile,
    selection: &Selection<'_>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Option<Environment> {
    let head = source.above_solutions()?;
    let mut file = File::open(&head).ok()?;
    let name = file.choose(selection)?;
    let tokens = file.tokens();
    let mut context = file.context(&name, env, &tokens)?;
    let environment = context.check_environment().ok()?;
    let mut problems = context.problems.problems;
    drop(tokens);
    problems.append(&mut file.problems);
    Problems::or_warnings(problems).ok()?;
    Some(environment)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::super::source::{BIG, SHARE};
    use super::super::file::read;
    use super::*;

    const TOP: &str = "solform: 1\n";
    const ONE: &str =
        "environments:\n  prod:\n    url: https://ib.example.com/\n    token: { env: T }\n";

    /// A manifest with enough solutions to be read early.
    fn big(head: &str, key: &str, tail: &str) -> SourceFile {
        let mut text = format!("{head}{key}\n");
        for number in 0.. {
            if text.len() > BIG {
                break;
            }
            let _ = writeln!(
                text,
                "  Solution {number}: {{ version: 1.0.0, path: a/b.ibsolution, owner: me }}"
            );
        }
        source(&format!("{text}{tail}"))
    }

    fn source(text: &str) -> SourceFile {
        SourceFile::from_bytes("solform.yaml", text).unwrap()
    }

    fn env(name: &str) -> Option<String> {
        (name == "HOST").then(|| "ib.example.org".to_owned())
    }

    #[test]
    fn early_environment_is_the_one_of_the_whole_file() {
        let two = format!("{ONE}  test:\n    url: http://localhost:1\n    token: {{ file: t }}\n");
        let rich = "vars: { host: \"${env:HOST}\" }\nprotect: [\"*@1\"]\nenvironments:\n  a: \
            &a\n    url: https://${host}/ib\n    \
                    token: { command: [vault, read] }\n    limits: { max_destroy: 5 }\n    \
                    context: org\n    user: me\n    \
                    timeouts: { deploy: 5m }\n    vars: { x: y }\n    protect: [\"N@*\"]\n    \
                    manage: { names: [\"S*\"] }\n    \
                    solutions: { Solution 1: ~ }\n  b: { <<: *a, url: \"emulator:\" }\ndefaults: { \
                    owner: me }\n";
        for (head, wanted) in [
            (format!("{TOP}{ONE}"), None),
            (format!("# Äß.\r\n---\n{TOP}\n{ONE}\n\n# More.\n"), None),
            (format!("{TOP}{two}"), Some("test")),
            (format!("{TOP}{two}"), Some("prod")),
            (format!("{TOP}{rich}"), Some("a")),
        ] {
            let selection = Selection {
                environment: wanted,
            };
            let source = big(&head, "solutions: # These.", "");
            let whole = read(&source, &selection, &env);
            let whole = whole.unwrap_or_else(|problems| panic!("{problems:?}"));
            assert_eq!(
                read_ahead(&source, &selection, &env),
                Some(whole.manifest.environment),
                "{head}"
            );
        }
    }

    #[test]
    fn unclear_heads_have_no_early_environment() {
        let padding = format!("# {}\n", "x".repeat(BIG / SHARE));
        let two = format!("{ONE}  test: {{ url: \"emulator:\" }}\n");
        let small = source(&format!("{TOP}{ONE}solutions: {{ a: {{ version: 1 }} }}\n"));
        let unselected = Selection::default();
        assert_eq!(read_ahead(&small, &unselected, &env), None);
        for (why, head, key, tail) in [
            ("environments come later", TOP.to_owned(), "solutions:", ONE),
            ("solutions come first", String::new(), "solutions:", ONE),
            ("a quoted key", format!("{TOP}{ONE}"), "\"solutions\":", ""),
            ("two environments", format!("{TOP}{two}"), "solutions:", ""),
            ("no format version", ONE.to_owned(), "solutions:", TOP),
            (
                "an unknown key",
                format!("{TOP}{ONE}other: 1\n"),
                "solutions:",
                "",
            ),
            (
                "a missing alias",
                format!("{TOP}{ONE}defaults: *d\n"),
                "solutions:",
                "",
            ),
            (
                "an unset variable",
                format!("{TOP}{ONE}").replace("https://ib", "https://${env:NO}"),
                "solutions:",
                "",
            ),
            (
                "variables come later",
                format!("{TOP}{ONE}").replace("https://ib", "https://${ib}"),
                "solutions:",
                "vars: { ib: ib }\n",
            ),
            (
                "a literal token",
                format!("{TOP}{ONE}").replace("{ env: T }", "abc"),
                "solutions:",
                "",
            ),
            ("no YAML", format!("{TOP}{ONE}a: [\n"), "solutions:", ""),
            ("a flow mapping", format!("{{\n{TOP}"), "solutions:", ""),
            (
                "a long head",
                format!("{padding}{TOP}{ONE}"),
                "solutions:",
                "",
            ),
        ] {
            let source = big(&head, key, tail);
            assert_eq!(read_ahead(&source, &unselected, &env), None, "{why}");
        }
        let unknown = Selection {
            environment: Some("dev"),
        };
        let source = big(&format!("{TOP}{ONE}"), "solutions:", "");
        assert_eq!(read_ahead(&source, &unknown, &env), None);
    }

    #[test]
    fn later_keys_can_change_the_environment() {
        let unselected = Selection::default();
        let protects = big(&format!("{TOP}{ONE}"), "solutions:", "protect: [\"*@1\"]\n");
        let ahead = read_ahead(&protects, &unselected, &env).unwrap();
        let whole = read(&protects, &unselected, &env).unwrap();
        assert_ne!(ahead, whole.manifest.environment);
        // A second `environments` makes the whole file an error, but not its head.
        let twice = big(&format!("{TOP}{ONE}"), "solutions:", ONE);
        assert!(read_ahead(&twice, &unselected, &env).is_some());
        assert!(read(&twice, &unselected, &env).is_err());
    }
}
