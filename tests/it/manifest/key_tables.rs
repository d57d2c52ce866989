//! The tables of keys in `docs/manifest.md`, which are made from the JSON Schema of the manifest,
//! and the examples of that page.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;
use solform::manifest::{SourceFile, read_all, schema};

use super::{complete, env};

/// The start and the end of the line before a table; between them is the name of the mapping.
const START: (&str, &str) = ("<!-- keys of ", " -->");

/// The line after a table.
const END: &str = "<!-- end of keys -->";

/// The name of the whole manifest, which is the root of the schema.
const ROOT: &str = "Manifest";

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/manifest.md")
}

/// Returns the name of the definition that a schema refers to; an empty value may be allowed too.
fn reference(schema: &Value) -> Option<&str> {
    let target = schema["$ref"]
        .as_str()
        .or_else(|| schema["anyOf"][0]["$ref"].as_str())?;
    target.strip_prefix("#/$defs/")
}

/// Returns a link to the section of a definition.
fn link(root: &Value, definition: &str) -> String {
    let title = root["$defs"][definition]["title"].as_str().unwrap();
    let anchor = title.to_lowercase().replace(' ', "-");
    format!("[{title}](#{anchor})")
}

/// Describes the values of a key.
fn values(root: &Value, key: &Value) -> String {
    if let Some(definition) = reference(key) {
        return link(root, definition);
    }
    if let Some(constant) = key.get("const") {
        return format!("`{constant}`");
    }
    let choice = &key["anyOf"][0];
    if choice["type"] == "string"
        && let Some(definition) = reference(&key["anyOf"][1])
    {
        return format!("text, {}", link(root, definition));
    }
    if let Some(words) = choice["enum"].as_array() {
        let words = words.iter().map(|word| format!("`{}`", flow(word)));
        let keys = reference(&key["anyOf"][2]).map(|definition| link(root, definition));
        return words.chain(keys).collect::<Vec<String>>().join(", ");
    }
    if choice["type"] == "integer" {
        let pattern = key["anyOf"][1]["pattern"].as_str().unwrap();
        let has_percentage = pattern.contains('%');
        let text = if has_percentage {
            "number, percentage"
        } else {
            "number"
        };
        return text.to_owned();
    }
    let types = &key["type"];
    let has = |name: &str| {
        types == name
            || types
                .as_array()
                .is_some_and(|types| types.iter().any(|kind| kind == name))
    };
    if has("object") {
        let values = reference(&key["additionalProperties"]);
        return values.map_or_else(
            || "texts by name".to_owned(),
            |definition| format!("{} by name", link(root, definition)),
        );
    }
    if has("array") {
        let items = reference(&key["items"]);
        return items.map_or_else(
            || "list of texts".to_owned(),
            |definition| format!("list of {}", link(root, definition)),
        );
    }
    assert!(has("string"), "{key}");
    let pattern = key["pattern"].as_str().unwrap_or_default();
    let text = if pattern.contains("(ms|s|m|h)") {
        "duration"
    } else {
        "text"
    };
    text.to_owned()
}

/// Writes a value as YAML on one line.
fn flow(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(flow).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<String> = entries
                .iter()
                .map(|(key, value)| format!("{key}: {}", flow(value)))
                .collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::String(text) if text.chars().all(is_plain) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// Returns true if a text with this character needs no quotes in YAML.
fn is_plain(char: char) -> bool {
    char.is_alphanumeric() || " ._-/".contains(char)
}

/// Returns an example of a key with its value.
fn example(name: &str, key: &Value) -> String {
    let value = [
        &key["examples"][0],
        &key["const"],
        &key["anyOf"][0]["enum"][0],
    ];
    let value = value.into_iter().find(|value| !value.is_null());
    let value = value.unwrap_or_else(|| panic!("`{name}` has no example in the schema"));
    format!("`{name}: {}`", flow(value))
}

/// Makes the table of the keys of a definition.
fn table(root: &Value, definition: &Value) -> String {
    let mut table =
        "| key | value | default | example | meaning |\n|---|---|---|---|---|\n".to_owned();
    for (name, key) in definition["properties"].as_object().unwrap() {
        let description = key["description"].as_str().unwrap().replace('\n', " ");
        let (meaning, default) = description
            .split_once(" Default: ")
            .unwrap_or((description.as_str(), ""));
        let is_required = definition["required"]
            .as_array()
            .is_some_and(|required| required.iter().any(|required| required == name));
        let default = match default.trim_end_matches('.') {
            "" if is_required => "required",
            "" => "none",
            default => default,
        };
        let values = values(root, key);
        let example = example(name, key);
        writeln!(
            table,
            "| `{name}` | {values} | {default} | {example} | {meaning} |"
        )
        .unwrap();
    }
    table
}

/// Returns the page with the tables that the schema describes.
fn with_tables(page: &str, root: &Value) -> String {
    let mut made = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        writeln!(made, "{line}").unwrap();
        let (start, end) = START;
        let name = line
            .strip_prefix(start)
            .and_then(|rest| rest.strip_suffix(end));
        let Some(name) = name else {
            continue;
        };
        let definition = if name == ROOT {
            root
        } else {
            &root["$defs"][name]
        };
        let is_closed = lines.any(|line| line == END);
        assert!(is_closed, "the table of {name} has no end");
        writeln!(made, "\n{}\n{END}", table(root, definition)).unwrap();
    }
    made
}

#[test]
fn the_tables_of_keys_match_the_schema() {
    let page = std::fs::read_to_string(path()).unwrap();
    let made = with_tables(&page, &schema());
    if std::env::var("SOLFORM_BLESS").is_ok_and(|value| value == "1") {
        std::fs::write(path(), &made).unwrap();
    }
    let page = std::fs::read_to_string(path()).unwrap();
    assert!(
        made == page,
        "docs/manifest.md does not match the schema; run the tests with SOLFORM_BLESS=1"
    );
}

/// A key that no table contains would be undocumented.
#[test]
fn every_mapping_has_a_section_and_a_table() {
    let page = std::fs::read_to_string(path()).unwrap();
    let root = schema();
    let (start, end) = START;
    assert!(page.contains(&format!("\n{start}{ROOT}{end}\n")));
    for (name, definition) in root["$defs"].as_object().unwrap() {
        let title = definition["title"].as_str().unwrap();
        assert!(page.contains(&format!("\n## {title}\n")), "{title}");
        assert!(page.contains(&format!("\n{start}{name}{end}\n")), "{name}");
    }
}

#[test]
fn the_examples_of_the_page_are_valid() {
    let page = std::fs::read_to_string(path()).unwrap();
    let examples: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert!(examples.len() >= 5);
    let validator = jsonschema::validator_for(&schema()).unwrap();
    for example in examples {
        let text = complete(example);
        let source = SourceFile::from_bytes("solform.yaml", text.as_str()).unwrap();
        let checked = read_all(&source, &env);
        assert!(checked.is_ok(), "{text}");
        let value: Value = serde_yaml::from_str(&text).unwrap();
        assert!(validator.is_valid(&value), "{text}");
    }
}

#[test]
fn an_old_table_is_replaced() {
    let root = serde_json::json!({
        "required": ["solform"],
        "$defs": { "VerifyRun": { "title": "Verification run" } },
        "properties": {
            "path": {
                "type": "string",
                "description": "The\nfile. Default: from `defaults`.",
                "examples": ["a: b"],
            },
            "solform": { "const": 1, "description": "The version." },
            "verify": {
                "type": "array",
                "items": { "$ref": "#/$defs/VerifyRun" },
                "description": "The runs.",
                "examples": [[{ "name": "smoke" }]],
            },
        },
    });
    let page = "before\n<!-- keys of Manifest -->\nold\n<!-- end of keys -->\nafter\n";
    let expected = "before\n<!-- keys of Manifest -->\n\n\
        | key | value | default | example | meaning |\n|---|---|---|---|---|\n\
        | `path` | text | from `defaults` | `path: \"a: b\"` | The file. |\n\
        | `solform` | `1` | required | `solform: 1` | The version. |\n\
        | `verify` | list of [Verification run](#verification-run) | none \
        | `verify: [{ name: smoke }]` | The runs. |\n\n\
        <!-- end of keys -->\nafter\n";
    assert_eq!(with_tables(page, &root), expected);
    assert_eq!(with_tables(expected, &root), expected);
}
