//! The documents about manifests agree with the code: list of problems, schema, fixtures.

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use serde_json::Value;
use solform::manifest::{Code, SourceFile, environments, read_all, schema, template};

use super::{complete, env, found, read_for};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text_of(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A problem in `docs/problems.md`.
struct Entry {
    code: String,
    language: String,
    example: String,
    has_fix: bool,
}

fn documented() -> Vec<Entry> {
    let text = text_of("docs/problems.md");
    text.split("\n### `")
        .skip(1)
        .map(|section| {
            let (code, rest) = section.split_once("`\n").unwrap();
            let (_, fenced) = rest.split_once("```").unwrap();
            let (language, rest) = fenced.split_once('\n').unwrap();
            let (example, rest) = rest.split_once("```").unwrap();
            Entry {
                code: code.to_owned(),
                language: language.to_owned(),
                example: example.to_owned(),
                has_fix: rest.contains("**Fix:** "),
            }
        })
        .collect()
}

#[test]
fn every_code_is_documented_once_and_in_order() {
    let documented: Vec<String> = documented().into_iter().map(|entry| entry.code).collect();
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(documented, codes, "docs/problems.md and `Code::ALL` differ");
}

#[test]
fn documented_examples_have_only_their_problem() {
    for entry in documented() {
        assert!(entry.has_fix, "{} has no fix", entry.code);
        if entry.language != "yaml" {
            continue;
        }
        let bare = ["empty-file", "format-version"].contains(&entry.code.as_str());
        let text = if bare {
            entry.example.clone()
        } else {
            complete(&entry.example)
        };
        let environment = (entry.code == "unknown-environment").then_some("prdo");
        let mut codes: Vec<&str> = found(read_for(&text, environment))
            .iter()
            .map(|problem| problem.code.as_str())
            .filter(|code| *code != "empty-manifest" || entry.code == *code)
            .collect();
        codes.dedup();
        assert_eq!(codes, [entry.code.as_str()], "{text}");
    }
}

/// The catalog of `SchemaStore` takes entries with exactly these keys; its rules forbid the word
/// `schema` in names and descriptions, and patterns that match files of other programs.
#[test]
fn the_entry_of_the_catalog_fits() {
    let entry: Value = serde_json::from_str(&text_of("schema/catalog-entry.json")).unwrap();
    let keys: Vec<&String> = entry.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["description", "fileMatch", "name", "url"]);
    for key in ["name", "description"] {
        let text = entry[key].as_str().unwrap();
        assert!(!text.to_lowercase().contains("schema") && !text.ends_with('.'));
    }
    assert_eq!(
        entry["fileMatch"],
        serde_json::json!(["solform.yaml", "solform.yml"])
    );
    let url = entry["url"].as_str().unwrap();
    assert!(url.starts_with("https://www.schemastore.org/"), "{url}");
}

#[test]
fn the_committed_schema_is_up_to_date() {
    let path = root().join("schema/manifest.schema.json");
    let made = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var("SOLFORM_BLESS").is_ok_and(|value| value == "1") {
        std::fs::write(&path, &made).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        made == committed,
        "schema/manifest.schema.json is not that of the types; run the tests with SOLFORM_BLESS=1 \
         to write it"
    );
}

fn validator() -> Validator {
    jsonschema::validator_for(&schema()).unwrap()
}

fn yaml(text: &str) -> Value {
    serde_yaml::from_str(text).unwrap()
}

fn fixtures(folder: &str) -> Vec<(String, String)> {
    let folder = root().join("tests/fixtures/manifests").join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).unwrap();
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                text,
            )
        })
        .collect()
}

#[test]
fn good_manifests_pass_the_checks_and_the_schema() {
    let validator = validator();
    let mut all = fixtures("good");
    all.push(("template".to_owned(), template().to_owned()));
    for (name, text) in all {
        let source = SourceFile::from_bytes(&name, text.as_str()).unwrap();
        let checked = read_all(&source, &env).unwrap_or_else(|problems| {
            panic!(
                "{name}: {:#?}",
                problems.iter().map(ToString::to_string).collect::<Vec<_>>()
            )
        });
        assert!(
            checked.warnings.is_empty(),
            "{name}: {:#?}",
            checked.warnings
        );
        assert_eq!(
            checked.manifests.len(),
            environments(&source).unwrap().len()
        );
        let errors: Vec<String> = validator
            .iter_errors(&yaml(&text))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

/// The schema refuses each fixture that is marked with `also by the schema`; only a check of the
/// complete manifest can find the other problems.
#[test]
fn the_schema_refuses_what_the_checks_refuse() {
    let validator = validator();
    for (name, text) in fixtures("bad") {
        let (expected, schema_too) = text
            .lines()
            .next()
            .and_then(|line| line.strip_prefix("# "))
            .map(|line| {
                line.split_once(", also by the schema")
                    .map_or((line, false), |(code, _)| (code, true))
            })
            .unwrap();
        let codes: Vec<&str> = found(read_for(&text, None))
            .iter()
            .map(|problem| problem.code.as_str())
            .collect();
        assert_eq!(codes, expected.split(' ').collect::<Vec<_>>(), "{name}");
        assert_eq!(!validator.is_valid(&yaml(&text)), schema_too, "{name}");
    }
}

#[test]
fn the_template_has_a_valid_commented_environment() {
    let source = SourceFile::from_bytes("solform.yaml", template()).unwrap();
    assert_eq!(environments(&source).unwrap(), ["local"]);
    // With its commented lines enabled, it must be a valid manifest too.
    let uncommented: String = template()
        .lines()
        .map(|line| {
            let code = line
                .trim_start()
                .strip_prefix("# ")
                .filter(|rest| is_yaml(rest));
            let indent = &line[..line.len() - line.trim_start().len()];
            code.map_or_else(|| format!("{line}\n"), |rest| format!("{indent}{rest}\n"))
        })
        .collect();
    let source = SourceFile::from_bytes("solform.yaml", uncommented.as_str()).unwrap();
    let checked = read_all(&source, &env).unwrap_or_else(|problems| {
        panic!(
            "{uncommented}{:#?}",
            problems.iter().map(ToString::to_string).collect::<Vec<_>>()
        )
    });
    assert_eq!(checked.manifests.len(), 2);
}

/// Returns true if a comment of the template holds YAML: it begins with a key or is indented.
fn is_yaml(comment: &str) -> bool {
    comment.starts_with("  ")
        || comment
            .split_once(':')
            .is_some_and(|(key, _)| ["prod", "manage", "Paystub", "Old Form"].contains(&key))
}
