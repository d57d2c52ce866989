//! A package, and the differences between two packages, as text.

use std::io::{self, Write};

use super::table::{Rows, render_rows};
use crate::plan::{LineKind, MemberChange, PackageDiff, line_diff};
use crate::render::styles::{StyledWriter, styled};
use crate::render::view::PackageView;
use crate::render::words;

/// Writes the facts about a package.
pub fn render_package(package: &PackageView<'_>, out: &mut dyn Write) -> io::Result<()> {
    let contents = package.contents;
    let info = &contents.info;
    let members = words::count(contents.members.len(), "file");
    let rows: Rows = vec![
        ("file", Some(package.file.to_owned())),
        ("name", info.name.shown()),
        ("version", info.version.shown()),
        ("owner", info.owner.shown()),
        ("solution_type", info.solution_type.shown()),
        ("visibility", info.visibility.clone()),
        ("size", Some(bytes(contents.size))),
        ("members", Some(members)),
        ("sha256", package.sha256.map(ToString::to_string)),
    ];
    render_rows(&rows, out)
}

fn bytes(size: u64) -> String {
    let unit = if size == 1 { "byte" } else { "bytes" };
    format!("{size} {unit}")
}

/// Writes the differences between two packages: each member, and the lines of `package.json`.
pub fn render_package_diff(
    [before, after]: [&PackageView<'_>; 2],
    diff: &PackageDiff<'_>,
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    let (add, destroy, change) = (out.styles.add, out.styles.destroy, out.styles.change);
    if !diff.is_different() {
        let members = words::count(diff.after.members.len(), "member");
        writeln!(out, "No differences: the contents are equal ({members}).")?;
        if !diff.is_same_archive() {
            writeln!(
                out,
                "The archives differ in the order, the times, the permissions or the compression \
                 of the members."
            )?;
        }
        return Ok(());
    }
    for (sign, style, package) in [("---", destroy, before), ("+++", add, after)] {
        out.line(style, format!("{sign} {}", title(package)))?;
    }
    writeln!(out)?;
    for member in &diff.changes {
        let name = words::escaped(member.name());
        match member {
            MemberChange::Added(new) => out.line(add, format!("+ {name} ({})", bytes(new.size)))?,
            MemberChange::Removed(old) => {
                out.line(destroy, format!("- {name} ({})", bytes(old.size)))?;
            }
            MemberChange::Changed(old, new) => {
                let sizes = if old.size == new.size {
                    bytes(new.size)
                } else {
                    format!("{} -> {}", old.size, bytes(new.size))
                };
                out.line(change, format!("~ {name} ({sizes})"))?;
                if member.is_package_json() {
                    render_lines(diff, out)?;
                }
            }
        }
    }
    let (added, removed, changed) = diff.counts();
    writeln!(
        out,
        "\n{} added, {removed} removed, {changed} changed.",
        words::count(added, "member")
    )
}

/// Returns the name of a side: the file, where it is, and what it contains.
fn title(package: &PackageView<'_>) -> String {
    let info = &package.contents.info;
    let place = package.environment.map(|name| format!(" in {name}"));
    let title = match (info.name.shown(), info.version.shown()) {
        (Some(name), Some(version)) => format!(" ({name}@{version})"),
        _ => String::new(),
    };
    words::escaped(&format!(
        "{}{}{title}",
        package.file,
        place.unwrap_or_default()
    ))
}

/// Writes the lines of `package.json` that differ, with the lines around them.
fn render_lines(diff: &PackageDiff<'_>, out: &mut StyledWriter<'_>) -> io::Result<()> {
    let [before, after] = diff.package_json();
    let Some(groups) = line_diff(&before, &after) else {
        return writeln!(out, "    (too many lines to compare)");
    };
    for (index, lines) in groups.into_iter().enumerate() {
        if index > 0 {
            writeln!(out, "    ...")?;
        }
        for line in lines {
            let (sign, style) = match line.kind {
                LineKind::Context => (' ', out.styles.faint),
                LineKind::Removed => ('-', out.styles.destroy),
                LineKind::Added => ('+', out.styles.add),
            };
            let (text, _) = words::clipped(&line.text);
            let text = words::escaped(&text);
            writeln!(out, "    {}", styled(style, format!("{sign} {text}")))?;
        }
    }
    Ok(())
}
