//! Reading ahead: the environment of a big manifest, before the rest of it is read.
//!
//! Most of a big manifest is its solutions, and where they come last, all that an environment is
//! made of stands above them. What is found here is a guess at what the whole says: it counts only
//! once the whole was read and says the same. So nothing that is wrong is told here.

use super::super::model::Environment;
use super::super::problem::Problems;
use super::super::source::SourceFile;
use super::file::{File, Selection};

/// In manifests of fewer bytes there is nothing to be gained.
const BIG: usize = 200 * 1024;

/// The part above the solutions is read twice, and so must be a small one: one in so many bytes.
const SHARE: usize = 10;

/// The environment that a big manifest chooses, from the part of it that stands above `solutions`.
/// `None` wherever that part does not tell.
pub fn read_ahead(
    source: &SourceFile,
    selection: &Selection<'_>,
    env: &dyn Fn(&str) -> Option<String>,
) -> Option<Environment> {
    let head = source.above("solutions:").filter(|head| {
        let (head, whole) = (head.text().len(), source.text().len());
        whole >= BIG && head <= whole / SHARE
    })?;
    let mut file = File::open(&head).ok()?;
    let name = file.choose(selection)?;
    let tokens = file.tokens();
    let mut context = file.context(&name, env, &tokens)?;
    let environment = context.check_environment().ok()?;
    let mut problems = context.problems;
    drop(tokens);
    problems.append(&mut file.problems);
    Problems::or_warnings(problems).ok()?;
    Some(environment)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::file::read;
    use super::*;

    const TOP: &str = "solform: 1\n";
    const ONE: &str =
        "environments:\n  prod:\n    url: https://ib.example.com/\n    token: { env: T }\n";

    /// So many solutions that the manifest is a big one.
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
    fn what_is_read_ahead_is_what_the_whole_says() {
        let two = format!("{ONE}  test:\n    url: http://localhost:1\n    token: {{ file: t }}\n");
        let rich = "vars: { host: \"${env:HOST}\" }\nprotect: [\"*@1\"]\nenvironments:\n  a: &a\n    url: https://${host}/ib\n    \
                    token: { command: [vault, read] }\n    limits: { max_destroy: 5 }\n    context: org\n    user: me\n    \
                    timeouts: { deploy: 5m }\n    vars: { x: y }\n    protect: [\"N@*\"]\n    manage: { names: [\"S*\"] }\n    \
                    solutions: { Solution 1: ~ }\n  b: { <<: *a, url: \"emulator:\" }\ndefaults: { owner: me }\n";
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
    fn where_the_head_does_not_tell_nothing_is_read_ahead() {
        let padding = format!("# {}\n", "x".repeat(BIG / SHARE));
        let two = format!("{ONE}  test: {{ url: \"emulator:\" }}\n");
        let small = source(&format!("{TOP}{ONE}solutions: {{ a: {{ version: 1 }} }}\n"));
        let nobody = Selection::default();
        assert_eq!(read_ahead(&small, &nobody, &env), None);
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
            assert_eq!(read_ahead(&source, &nobody, &env), None, "{why}");
        }
        let unknown = Selection {
            environment: Some("dev"),
        };
        let source = big(&format!("{TOP}{ONE}"), "solutions:", "");
        assert_eq!(read_ahead(&source, &unknown, &env), None);
    }

    #[test]
    fn what_comes_later_can_make_another_environment() {
        let nobody = Selection::default();
        let protects = big(&format!("{TOP}{ONE}"), "solutions:", "protect: [\"*@1\"]\n");
        let ahead = read_ahead(&protects, &nobody, &env).unwrap();
        let whole = read(&protects, &nobody, &env).unwrap();
        assert_ne!(ahead, whole.manifest.environment);
        // Named twice: the whole is an error, whatever was read ahead.
        let twice = big(&format!("{TOP}{ONE}"), "solutions:", ONE);
        assert!(read_ahead(&twice, &nobody, &env).is_some());
        assert!(read(&twice, &nobody, &env).is_err());
    }
}
