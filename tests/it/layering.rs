//! The dependencies that modules may have. In one crate the compiler does not check them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The modules that each module may use.
const ALLOWED: &[(&str, &[&str])] = &[
    ("allowed_hosts", &[]),
    ("crypto", &[]),
    ("escape", &[]),
    ("platform", &[]),
    ("regular_file", &["platform"]),
    ("store_location", &["escape"]),
    ("ident", &["escape"]),
    ("attribute", &[]),
    ("outcome", &[]),
    ("file_part", &[]),
    ("expression", &["ident", "attribute"]),
    (
        "manifest",
        &[
            "escape",
            "ident",
            "attribute",
            "expression",
            "store_location",
        ],
    ),
    ("word_enum", &[]),
    ("live", &["ident", "attribute"]),
    ("job", &["ident"]),
    (
        "plan",
        &[
            "ident",
            "attribute",
            "outcome",
            "expression",
            "manifest",
            "live",
        ],
    ),
    ("export", &["ident", "attribute", "manifest", "live"]),
    ("diagnosis", &[]),
    ("review", &["ident", "attribute", "manifest"]),
    (
        "promotion",
        &["ident", "attribute", "manifest", "live", "plan"],
    ),
    (
        "api",
        &[
            "crypto",
            "allowed_hosts",
            "escape",
            "file_part",
            "ident",
            "attribute",
            "live",
            "job",
        ],
    ),
    (
        "package",
        &["platform", "regular_file", "file_part", "ident", "plan"],
    ),
    (
        "store",
        &[
            "crypto",
            "allowed_hosts",
            "platform",
            "regular_file",
            "store_location",
            "ident",
            "attribute",
            "outcome",
            "plan",
        ],
    ),
    ("delivery", &["api"]),
    ("run", &["ident", "job", "api", "delivery"]),
    (
        "apply",
        &[
            "file_part",
            "ident",
            "attribute",
            "outcome",
            "manifest",
            "live",
            "job",
            "plan",
            "api",
            "delivery",
            "run",
            "store",
            "package",
        ],
    ),
    (
        "render",
        &[
            "escape",
            "ident",
            "attribute",
            "outcome",
            "manifest",
            "live",
            "plan",
            "job",
            "review",
            "promotion",
            "store",
            "apply",
            "run",
            "export",
            "diagnosis",
        ],
    ),
    (
        "cli",
        &[
            "crypto",
            "allowed_hosts",
            "escape",
            "platform",
            "regular_file",
            "store_location",
            "ident",
            "attribute",
            "outcome",
            "expression",
            "manifest",
            "live",
            "job",
            "plan",
            "review",
            "promotion",
            "api",
            "package",
            "delivery",
            "store",
            "apply",
            "run",
            "export",
            "diagnosis",
            "render",
            "watch",
        ],
    ),
    ("watch", &["api", "apply", "crypto", "plan"]),
    ("main", &[]),
    ("lib", &[]),
];

/// Modules whose code reads no clock, file, variable or network and prints nothing.
const PURE: &[&str] = &[
    "allowed_hosts",
    "escape",
    "ident",
    "attribute",
    "outcome",
    "file_part",
    "expression",
    "manifest",
    "live",
    "job",
    "plan",
    "export",
    "diagnosis",
    "review",
    "promotion",
    "render",
];

/// The texts that pure modules must not contain.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "tokio",
    "reqwest",
    "async fn",
    "Instant",
    "SystemTime",
    "fastrand",
    "println!",
    "eprintln!",
    "stdout()",
    "stderr()",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Returns the files and folders of modules that a file declares only for tests.
fn test_modules(path: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(path).unwrap();
    let folder = if path.ends_with("mod.rs") {
        path.parent().unwrap().to_owned()
    } else {
        path.with_extension("")
    };
    let declared = text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| {
        let line = rest.lines().next()?;
        let name = line.rsplit_once("mod ")?.1.strip_suffix(';')?;
        Some(folder.join(name))
    });
    declared
        .flat_map(|module| [module.with_extension("rs"), module])
        .collect()
}

/// Returns each source file: its module, its name, and its text without tests and comments.
fn files() -> Vec<(String, String, String)> {
    files_of("src")
}

fn files_of(folder: &str) -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = Vec::new();
    sources(&root, &mut found);
    found.sort();
    let of_tests: BTreeSet<PathBuf> = found.iter().flat_map(|path| test_modules(path)).collect();
    found.retain(|path| !of_tests.iter().any(|module| path.starts_with(module)));
    found
        .into_iter()
        .map(|path| {
            let name = path
                .strip_prefix(&root)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let module = name
                .split('/')
                .next()
                .unwrap()
                .trim_end_matches(".rs")
                .to_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let code: Vec<&str> = text
                .split("#[cfg(test)]\nmod tests")
                .next()
                .unwrap()
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            (module, name, code.join("\n"))
        })
        .collect()
}

/// Returns the modules that the code names after `crate::`, in paths and in grouped imports.
fn used(code: &str) -> BTreeSet<String> {
    code.split("crate::")
        .skip(1)
        .flat_map(|rest| {
            let rest = rest.trim_start();
            let group = rest
                .strip_prefix('{')
                .map_or(rest, |group| group.split('}').next().unwrap_or_default());
            let names: Vec<String> = if rest.starts_with('{') {
                group.split(',').map(head).collect()
            } else {
                vec![head(rest)]
            };
            names
        })
        .filter(|name| !name.is_empty())
        .collect()
}

fn head(path: &str) -> String {
    path.trim_start()
        .chars()
        .take_while(|letter| letter.is_alphanumeric() || *letter == '_')
        .collect()
}

#[test]
fn modules_use_only_what_lies_below_them() {
    let mut wrong = Vec::new();
    for (module, file, code) in files() {
        let allowed = ALLOWED
            .iter()
            .find(|(name, _)| *name == module)
            .unwrap_or_else(|| panic!("{file}: `ALLOWED` has no entry for the module `{module}`"))
            .1;
        if code.contains("solform_emulator") && module != "cli" {
            wrong.push(format!("{file} uses solform_emulator"));
        }
        for name in used(&code) {
            if name != module && !allowed.contains(&name.as_str()) {
                wrong.push(format!("{file} uses crate::{name}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Only the modules `platform` of both packages name an operating system, so that all others
/// compile on each of them.
#[test]
fn only_platform_modules_name_a_platform() {
    let names = [
        "std::os::",
        "signal::unix",
        "signal::windows",
        "rustix",
        "cfg(unix)",
        "cfg(windows)",
        "cfg!(unix)",
        "cfg!(windows)",
        "target_os",
    ];
    let mut wrong = Vec::new();
    for folder in ["src", "emulator/src"] {
        for (module, file, code) in files_of(folder) {
            // Tests of links and pipes.
            let code = code.strip_suffix("#[cfg(unix)]").unwrap_or(&code);
            let found = names.iter().find(|name| code.contains(**name));
            match found {
                Some(name) if module != "platform" => {
                    wrong.push(format!("{folder}/{file} names {name}"));
                }
                _ => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_core_is_pure() {
    let mut wrong = Vec::new();
    for (module, file, code) in files() {
        if !PURE.contains(&module.as_str()) {
            continue;
        }
        for word in IMPURE {
            if code.contains(word) {
                wrong.push(format!("{file} names {word}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A module that has a writer can write, so no other one names its type or creates one.
#[test]
fn only_apply_and_run_write() {
    let writer = regex::Regex::new(r"\bWriter::new\b|\bapi::(?:\{[^}]*)?\bWriter\b").unwrap();
    let mut wrong = Vec::new();
    for (module, file, code) in files() {
        let may = matches!(module.as_str(), "api" | "apply" | "run");
        if !may && writer.is_match(&code) {
            wrong.push(file);
        }
    }
    assert!(wrong.is_empty(), "these use a Writer: {wrong:#?}");
    for code in [
        "use crate::api::{Reader,\n Writer};",
        "fn f(w: &crate::api::Writer) {}",
        "Writer::new(&reader)",
    ] {
        assert!(writer.is_match(code), "{code}");
    }
}

#[test]
fn a_module_file_holds_docs_and_names_only() {
    for (_, file, code) in files() {
        if !file.ends_with("mod.rs") || file.starts_with("cli/") {
            continue;
        }
        let logic = ["fn ", "struct ", "enum ", "impl "]
            .iter()
            .find(|word| code.contains(**word));
        assert!(logic.is_none(), "{file} holds logic: {logic:?}");
    }
}

#[test]
fn used_modules_are_found_in_every_form() {
    let code = "use crate::plan::Plan;\nuse crate::{api::Reader, live};\nlet x = \
        crate::ident::Digest::of(b\"\");";
    let expected: BTreeSet<String> = ["plan", "api", "live", "ident"]
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(used(code), expected);
}

/// Files that may import each other, directly or in a ring.
const RINGS: &[&[&str]] = &[&["manifest/raw", "manifest/schema"]];

/// Returns the paths that a `use` names, without groups: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(path: &str) -> Vec<String> {
    let Some((prefix, group)) = path.split_once('{') else {
        return vec![path.trim().to_owned()];
    };
    let group = group.rsplit_once('}').map_or(group, |(group, _)| group);
    let mut depth = 0;
    let items = group.split(|letter| {
        depth += match letter {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        letter == ',' && depth == 0
    });
    items
        .filter(|item| !item.trim().is_empty())
        .flat_map(|item| expand(&format!("{}{}", prefix.trim(), item.trim())))
        .collect()
}

/// Returns the files that each file imports. A file that only declares and re-exports is left out.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let files = files();
    let name_of = |file: &str| {
        let name = file.strip_suffix(".rs").unwrap();
        name.strip_suffix("/mod").unwrap_or(name).to_owned()
    };
    let names: BTreeSet<String> = files.iter().map(|(_, file, _)| name_of(file)).collect();
    let statement = regex::Regex::new(r"(?m)^\s*(?:pub(?:\([^)]*\))? )?use ([^;]+);").unwrap();
    let mut imports = BTreeMap::new();
    for (_, file, code) in &files {
        let name = name_of(file);
        let mut targets = BTreeSet::new();
        let uses = statement
            .captures_iter(code)
            .filter(|_| !file.ends_with("mod.rs"));
        for path in uses.flat_map(|found| expand(&found[1])) {
            let mut parts: Vec<&str> = path.split("::").map(str::trim).collect();
            let mut base: Vec<&str> = match parts[0] {
                "crate" => Vec::new(),
                "super" | "self" => name.split('/').collect(),
                _ => continue,
            };
            while matches!(parts.first(), Some(&("crate" | "self" | "super"))) {
                if parts.remove(0) == "super" {
                    base.pop();
                }
            }
            base.extend(parts);
            while !base.is_empty() && !names.contains(&base.join("/")) {
                base.pop();
            }
            targets.insert(base.join("/"));
        }
        targets.remove(&name);
        imports.insert(name, targets);
    }
    imports
}

/// Returns the rings of a graph: each set of nodes that reach each other.
fn rings(graph: &BTreeMap<String, BTreeSet<String>>) -> BTreeSet<Vec<&str>> {
    let reach = |from: &String| {
        let mut found: BTreeSet<&String> = BTreeSet::new();
        let mut open: Vec<&String> = graph[from].iter().collect();
        while let Some(node) = open.pop() {
            if found.insert(node) {
                open.extend(graph.get(node).into_iter().flatten());
            }
        }
        found
    };
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|node| (node, reach(node))).collect();
    let mut rings: BTreeSet<Vec<&str>> = BTreeSet::new();
    for (node, targets) in &reached {
        let ring: Vec<&str> = targets
            .iter()
            .filter(|other| reached.get(*other).is_some_and(|back| back.contains(node)))
            .map(|other| other.as_str())
            .collect();
        if !ring.is_empty() {
            rings.insert(ring);
        }
    }
    rings
}

fn allowed_rings() -> BTreeSet<Vec<&'static str>> {
    RINGS.iter().map(|ring| ring.to_vec()).collect()
}

#[test]
fn no_files_import_each_other_in_a_ring() {
    assert_eq!(rings(&imports()), allowed_rings());
}

/// Returns the parts of two paths up to the first folder or file in which they differ; none if one
/// path contains the other.
fn siblings(one: &str, other: &str) -> Option<(String, String)> {
    let one: Vec<&str> = one.split('/').collect();
    let other: Vec<&str> = other.split('/').collect();
    let same = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let upto = |path: &[&str]| path.get(..=same).map(|parts| parts.join("/"));
    Some((upto(&one)?, upto(&other)?))
}

/// The entries of one folder, whether they are files or folders, import each other in no ring.
#[test]
fn no_folders_import_each_other_in_a_ring() {
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (file, targets) in imports() {
        for (from, to) in targets.iter().filter_map(|target| siblings(&file, target)) {
            graph.entry(from).or_default().insert(to);
        }
    }
    assert!(graph["cli/workflow"].contains("cli/environment"));
    assert_eq!(rings(&graph), allowed_rings());
}

#[test]
fn groups_of_imports_are_expanded() {
    let paths = ["crate::a::B", "crate::a::c::D", "crate::a::c::E"];
    assert_eq!(expand("crate::a::{B, c::{D, E}}"), paths);
}
