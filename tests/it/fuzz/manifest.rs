//! The reader of manifests.

use std::collections::BTreeMap;

use solform::attribute::LiveStateWord;
use solform::escape::escaped;
use solform::export::{Reach, export};
use solform::ident::{Identity, SolutionId, SolutionName, Version};
use solform::live::{Coverage, LiveState, LiveVersion};
use solform::manifest::{
    MAX_PROBLEMS, Manifest, Problem, Problems, Selection, SourceFile, VersionEdit, entries_of,
    read, read_all, set_versions,
};
use solform::render::{render_manifest, render_problem};
use solform::review::review_environment;

use super::{assert_shown, written};

/// The number of environments of an input in which a version is set.
const EDITED: usize = 3;

/// The number of problems of an input that are rendered.
const RENDERED: usize = 20;

/// The maximum length of a rendered problem, in bytes.
const LENGTH: usize = 16 * 1024;

/// Asserts that a manifest is read equally each time, that its problems can be shown, that what was
/// read can be written and read again, and that a version can be set without other effects.
pub(crate) fn check(input: &[u8]) -> bool {
    let source = match SourceFile::from_bytes("m.yaml", input.to_vec()) {
        Ok(source) => source,
        Err(problems) => {
            assert_problems(&problems, input);
            return false;
        }
    };
    let all = read_all(&source, &variable);
    assert_eq!(all, read_all(&source, &variable));
    match all {
        Err(problems) => {
            assert_problems(&problems, input);
            false
        }
        Ok(checked) => {
            assert_rendered(checked.warnings.iter(), input);
            for manifest in &checked.manifests {
                let selection = Selection {
                    environment: Some(&manifest.environment.name),
                };
                let alone = read(&source, &selection, &variable).expect("one of all is read");
                assert_eq!(alone.manifest, *manifest);
                assert_eq!(
                    review_environment(Some(manifest), Some(manifest)),
                    Vec::new()
                );
                assert_is_read_back(manifest);
            }
            for manifest in checked.manifests.iter().take(EDITED) {
                let declared = manifest.desired.first();
                let declared = declared.map(|entry| entry.identity.name.clone());
                let new = SolutionName::parse("New: #1").expect("the text is a name");
                for name in declared.into_iter().chain([new]) {
                    assert_is_edited(&source, input, manifest, &name);
                }
            }
            true
        }
    }
}

/// Returns the value of an environment variable: some exist.
fn variable(name: &str) -> Option<String> {
    name.len()
        .is_multiple_of(2)
        .then(|| format!("value of {name}"))
}

fn assert_problems(problems: &Problems, input: &[u8]) {
    assert!(problems.errors() > 0);
    let count = problems.iter().count();
    assert!(count <= MAX_PROBLEMS + 1, "{count} problems");
    assert_rendered(problems.most_important(RENDERED).into_iter(), input);
}

fn assert_rendered<'a>(problems: impl Iterator<Item = &'a Problem>, input: &[u8]) {
    // Each byte that is not UTF-8 counts as the character that replaces it.
    let length = String::from_utf8_lossy(input).len();
    for problem in problems.take(RENDERED) {
        let labels = problem.primary.iter().chain(&problem.related);
        for position in labels.map(|label| &label.position) {
            assert!(position.line > 0 && position.column > 0, "{position:?}");
            assert!(position.range().end <= length, "{position:?}");
        }
        let output = written(|out| render_problem(problem, 100, false, out));
        assert_shown(&output, LENGTH);
    }
}

/// Asserts that an export of the declared versions declares them and the same environment.
fn assert_is_read_back(manifest: &Manifest) {
    let versions: Vec<LiveVersion> = manifest
        .desired
        .iter()
        .enumerate()
        .map(|(index, desired)| LiveVersion {
            id: SolutionId::parse(&index.to_string()).expect("a number is an id"),
            identity: desired.identity.clone(),
            author: None,
            state: LiveStateWord::new(desired.state.as_str()),
            visibility: desired.visibility.map(Into::into),
            created_at_ms: None,
            updated_at_ms: None,
        })
        .collect();
    let live = LiveState::new(versions, Coverage::Whole);
    let exported = export(&live, manifest, Reach::All);
    let text = written(|out| render_manifest(&manifest.environment, &exported, out));
    let source = SourceFile::from_bytes("m.yaml", text.clone()).expect("an export is UTF-8");
    let mut again = match read(&source, &Selection::default(), &|_| None) {
        Ok(checked) => checked.manifest,
        Err(problems) => panic!("{problems:?}\n{text}"),
    };
    let declared = again.desired.len();
    assert_eq!(declared, exported.declared(), "{text}");
    assert_eq!(
        declared + exported.left.len(),
        live.versions().len(),
        "{text}"
    );
    for desired in &again.desired {
        let mut records = live.versions().iter();
        let record = records.find(|record| record.identity == desired.identity);
        let record = record.unwrap_or_else(|| panic!("{desired:?} is not live\n{text}"));
        assert_eq!(record.state.as_str(), desired.state.as_str(), "{text}");
        assert_eq!(
            record.visibility,
            desired.visibility.map(Into::into),
            "{text}"
        );
    }
    again.environment.position = manifest.environment.position.clone();
    again.environment.keys = manifest.environment.keys.clone();
    assert_eq!(again.environment, manifest.environment, "{text}");
}

/// Asserts that setting a version is refused, or sets it, keeps each comment, and changes nothing
/// when it is repeated.
fn assert_is_edited(source: &SourceFile, input: &[u8], manifest: &Manifest, name: &SolutionName) {
    let before = str::from_utf8(input).expect("a manifest is UTF-8");
    let environment = &manifest.environment.name;
    let version = Version::parse("9.10").expect("the text is a version");
    let edit = VersionEdit {
        version: version.clone(),
        is_written: true,
        source: None,
        sha256: None,
    };
    let versions = BTreeMap::from([(name.clone(), edit)]);
    let edited = set_versions(source, environment, &versions, &variable);
    let text = match edited {
        Ok(text) => text,
        Err(error) => {
            assert_shown(&escaped(&error.to_string()), LENGTH);
            assert_shown(&escaped(error.help()), LENGTH);
            return;
        }
    };
    let declared = entries_of(&manifest.desired, name).iter();
    let mut declared = declared.map(|entry| entry.identity.version.as_str());
    let removed = removed(before, &text);
    assert!(
        !has_comment(removed) || declared.any(|version| version.contains('#')),
        "a comment is lost: {removed:?}\n{text}"
    );
    let after = SourceFile::from_bytes("m.yaml", text.clone()).expect("an edited text is UTF-8");
    let selection = Selection {
        environment: Some(environment),
    };
    let again = match read(&after, &selection, &variable) {
        Ok(checked) => checked.manifest,
        Err(problems) => panic!("{problems:?}\n{text}"),
    };
    let [only] = entries_of(&again.desired, name) else {
        panic!("{name} is not declared once\n{text}");
    };
    assert_eq!(only.identity.version, version, "{text}");
    let others = |manifest: &Manifest| -> Vec<Identity> {
        let identities = manifest.desired.iter().map(|entry| entry.identity.clone());
        identities.filter(|other| other.name != *name).collect()
    };
    assert_eq!(others(manifest), others(&again), "{text}");
    let repeated = set_versions(&after, environment, &versions, &variable);
    assert_eq!(repeated.expect("it is edited again"), text);
}

/// Returns the part of a text between the beginning and the end that another text shares with it.
fn removed<'a>(before: &'a str, after: &str) -> &'a str {
    let shared = |(left, right): &(char, char)| left == right;
    let pairs = before.chars().zip(after.chars()).take_while(shared);
    let head: usize = pairs.map(|(char, _)| char.len_utf8()).sum();
    let (before, after) = (&before[head..], &after[head..]);
    let pairs = before.chars().rev().zip(after.chars().rev());
    let tail: usize = pairs
        .take_while(shared)
        .map(|(char, _)| char.len_utf8())
        .sum();
    &before[..before.len() - tail]
}

/// Returns whether a part of a manifest has a `#` behind white space, which begins a comment unless
/// it is in quotes.
fn has_comment(text: &str) -> bool {
    let mut words = text.split_whitespace();
    words.any(|word| word.starts_with('#'))
}
