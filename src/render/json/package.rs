//! The documents of `package`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::plan::{DiffLine, LineKind, MemberChange, PackageDiff, line_diff};
use crate::render::view::PackageView;

const FORMAT_VERSION: &str = "1.0";

/// The output of `package build --json` and `package inspect --json`: a package.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PackageDocument<'a> {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    #[serde(flatten)]
    package: PackageItem<'a>,
}

/// A package.
#[derive(Debug, Serialize, JsonSchema)]
struct PackageItem<'a> {
    /// The path, as it was given.
    file: &'a str,
    /// The environment on whose file system the file is; null for a local file.
    environment: Option<&'a str>,
    /// The solution's name; null if the package has none.
    name: Option<&'a str>,
    /// The solution's version; null if the package has none.
    version: Option<&'a str>,
    /// The owner; null if the package has none.
    owner: Option<&'a str>,
    /// The kind of solution; null if the package has none.
    solution_type: Option<&'a str>,
    /// The visibility that it is deployed with; null if the package has none.
    visibility: Option<&'a str>,
    /// The size of the file, in bytes.
    size: u64,
    /// The number of files in the package.
    members: usize,
    /// The SHA-256 of the file; null if it was not computed.
    sha256: Option<&'a str>,
    /// The fingerprint that plans show as `package`: a SHA-256 of a part of the file.
    fingerprint: &'a str,
}

/// The output of `package diff --json`: the differences between two packages.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PackageDiffDocument<'a> {
    /// The version of this format, `MAJOR.MINOR`.
    format_version: &'static str,
    /// True if a member differs.
    differs: bool,
    /// True if the directories of the archives are equal too, with the order and the times of the
    /// members.
    same_archive: bool,
    /// The first package.
    before: PackageItem<'a>,
    /// The second package.
    after: PackageItem<'a>,
    /// The different members, ordered by name.
    members: Vec<MemberItem<'a>>,
    /// The different lines of `package.json`, with the lines around them; null if it is equal, or
    /// if it has too many lines to compare.
    package_json: Option<Vec<LineItem>>,
}

/// A different member.
#[derive(Debug, Serialize, JsonSchema)]
struct MemberItem<'a> {
    /// The path in the package.
    name: &'a str,
    /// The difference.
    change: ChangeWord,
    /// The size in the first package, in bytes; null if it does not have the member.
    before_size: Option<u64>,
    /// The size in the second package, in bytes; null if it does not have the member.
    after_size: Option<u64>,
}

/// A difference between two packages.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ChangeWord {
    /// Only the second package has the member.
    Added,
    /// Only the first package has the member.
    Removed,
    /// Both packages have the member, with different contents.
    Changed,
}

/// A line of `package.json`.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct LineItem {
    /// The kind of the line.
    kind: LineWord,
    /// The number of the line in the first package, from 1; null if it does not have the line.
    before: Option<usize>,
    /// The number of the line in the second package, from 1; null if it does not have the line.
    after: Option<usize>,
    /// The text of the line.
    text: String,
}

/// The kind of a line.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum LineWord {
    /// Both packages have the line.
    Context,
    /// Only the first package has the line.
    Removed,
    /// Only the second package has the line.
    Added,
}

impl LineItem {
    /// Returns a line of a comparison.
    pub(super) fn of(line: DiffLine) -> Self {
        Self {
            kind: match line.kind {
                LineKind::Context => LineWord::Context,
                LineKind::Removed => LineWord::Removed,
                LineKind::Added => LineWord::Added,
            },
            before: line.before,
            after: line.after,
            text: line.text,
        }
    }
}

impl<'a> PackageDocument<'a> {
    /// Returns the document of a package.
    pub fn of(package: &PackageView<'a>) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            package: package_item(package),
        }
    }
}

impl<'a> PackageDiffDocument<'a> {
    /// Returns the document of the differences between two packages.
    pub fn of([before, after]: [&PackageView<'a>; 2], diff: &PackageDiff<'a>) -> Self {
        let is_json = diff.changes.iter().any(MemberChange::is_package_json);
        let lines = is_json.then(|| {
            let [before, after] = diff.package_json();
            let lines = line_diff(&before, &after)?.into_iter().flatten();
            Some(lines.map(LineItem::of).collect())
        });
        Self {
            format_version: FORMAT_VERSION,
            differs: diff.is_different(),
            same_archive: diff.is_same_archive(),
            before: package_item(before),
            after: package_item(after),
            members: diff.changes.iter().copied().map(member_item).collect(),
            package_json: lines.flatten(),
        }
    }
}

fn package_item<'a>(package: &PackageView<'a>) -> PackageItem<'a> {
    let PackageView {
        file,
        environment,
        contents,
        sha256,
    } = *package;
    let info = &contents.info;
    PackageItem {
        file,
        environment,
        name: info.name.text(),
        version: info.version.text(),
        owner: info.owner.text(),
        solution_type: info.solution_type.text(),
        visibility: info.visibility.as_deref(),
        size: contents.size,
        members: contents.members.len(),
        sha256: sha256.map(crate::ident::Digest::as_str),
        fingerprint: info.fingerprint.as_str(),
    }
}

fn member_item(change: MemberChange<'_>) -> MemberItem<'_> {
    let (name, change, before_size, after_size) = match change {
        MemberChange::Added(new) => (&new.name, ChangeWord::Added, None, Some(new.size)),
        MemberChange::Removed(old) => (&old.name, ChangeWord::Removed, Some(old.size), None),
        MemberChange::Changed(old, new) => (
            &new.name,
            ChangeWord::Changed,
            Some(old.size),
            Some(new.size),
        ),
    };
    MemberItem {
        name,
        change,
        before_size,
        after_size,
    }
}
