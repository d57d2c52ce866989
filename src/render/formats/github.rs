//! A plan, a report, a review, a promotion or errors as GitHub workflow commands: GitHub shows them
//! at the lines of the manifest.
//!
//! A runner reads every line that begins with `::` as a command. Text from outside is therefore
//! escaped by the runner's rules here, and `cli::io` prevents it from beginning a line elsewhere.

use std::io::{self, Write};

use super::annotation::{Annotated, Annotation, Level, annotations, from_root};
use super::format::{Channel, Document, Format, Subject};
use crate::render::words;

/// The maximum number of annotations of one severity in a step; a runner drops the rest.
const MAX_ANNOTATIONS: usize = 10;

/// Annotations for GitHub.
pub const GITHUB: Format = Format {
    name: "github",
    help: "Annotations at the manifest's lines, and the step summary",
    channel: Channel::Commands,
    subjects: &[
        Subject::Plan,
        Subject::Report,
        Subject::Review,
        Subject::Promotion,
        Subject::Problems,
        Subject::Errors,
    ],
    write,
};

fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    match annotations(document) {
        Some(annotated) => render(&annotated, document.folder, out),
        None => Ok(()),
    }
}

/// Writes annotations. `folder` is the folder, from the root of the repository, that file names are
/// relative to.
fn render(annotated: &Annotated, folder: &str, out: &mut dyn Write) -> io::Result<()> {
    let mut left = Vec::new();
    for (level, command) in [(Level::Error, "error"), (Level::Warning, "warning")] {
        let all = annotated.annotations.iter();
        let of_kind: Vec<&Annotation> = all.filter(|found| found.level == level).collect();
        for annotation in of_kind.iter().take(MAX_ANNOTATIONS) {
            let mut properties = Vec::new();
            if let Some(location) = &annotation.location {
                let file = from_root(folder, &location.file);
                properties.push(format!("file={}", property(&file)));
                properties.push(format!("line={}", location.line));
                properties.push(format!("col={}", location.column));
            }
            properties.push(format!("title={}", property(&annotation.title)));
            writeln!(
                out,
                "::{command} {}::{}",
                properties.join(","),
                data(&annotation.message)
            )?;
        }
        let more = of_kind.len().saturating_sub(MAX_ANNOTATIONS);
        if more > 0 {
            left.push(format!(
                "{} not shown",
                words::count(more, &format!("more {command}"))
            ));
        }
    }
    let left = if left.is_empty() {
        String::new()
    } else {
        format!(" ({})", left.join(", "))
    };
    let (title, verdict) = (property(&annotated.title), data(&annotated.verdict));
    writeln!(out, "::notice title={title}::{verdict}{left}")
}

/// Escapes a message by the runner's rules. Line breaks stay, because GitHub shows them; all other
/// control characters are escaped.
fn data(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(words::escaped).collect();
    lines.join("\n").replace('%', "%25").replace('\n', "%0A")
}

/// Escapes the value of a property by the runner's rules.
fn property(text: &str) -> String {
    words::escaped(text)
        .replace('%', "%25")
        .replace(':', "%3A")
        .replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::annotation::of_plan;
    use super::*;
    use crate::attribute::Visibility;
    use crate::plan::testing::{Scenario, declared, live, scenario};
    use crate::plan::{Overrides, judge};
    use crate::render::ABANDON;

    fn annotations(scenario: &Scenario) -> String {
        let plan = scenario.plan();
        let refusals = judge(
            &plan,
            &crate::manifest::Limits::default(),
            &Overrides::default(),
        );
        let mut text = Vec::new();
        render(&of_plan(&plan, &refusals, ABANDON), "", &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn a_plan_is_annotated_at_the_manifests_lines() {
        let text = annotations(
            &scenario()
                .protect("Safe@1")
                .declare([
                    declared("Upgrade@2.0").visible(Visibility::Public),
                    declared("Safe@1").absent(),
                    declared("Same@1.0"),
                ])
                .live([live("Upgrade@1.0"), live("Safe@1"), live("Same@1.0")]),
        );
        insta::assert_snapshot!(text, @r"
        ::error file=solform.yaml,line=1,col=3,title=Safe@1::`Safe@1` is protected and must not be deleted%0ARemove the pattern that covers `Safe@1` from `protect` in a change of its own, if it really is to go.
        ::warning file=solform.yaml,line=1,col=3,title=Safe@1::It will be destroyed; it cannot be undone: the record, its id and its job history are lost; it stops serving, and no other version of this name takes its place.
        ::warning file=solform.yaml,line=1,col=3,title=Upgrade@2.0::It becomes PUBLIC.
        ::notice title=solform plan%3A prod::Plan: 1 to add, 1 to change, 1 to destroy. It cannot be applied.
        ");
    }

    #[test]
    fn annotations_beyond_the_maximum_are_counted() {
        let names: Vec<String> = (0..25).map(|nth| format!("Gone {nth}@1")).collect();
        let text = annotations(
            &scenario()
                .declare(names.iter().map(|name| declared(name).absent()))
                .live(names.iter().map(|name| live(name))),
        );
        assert_eq!(text.matches("::warning ").count(), 10, "{text}");
        assert_eq!(text.matches("::error ").count(), 1, "{text}");
        assert!(text.ends_with("(15 more warnings not shown)\n"), "{text}");
    }

    /// Text from outside never ends a property, a command or a line.
    #[test]
    fn hostile_names_stay_in_their_properties() {
        let names = [
            "svc:::error::x@1",
            "svc:a,line=1::b%0A::error::c@2",
            "svc:##[error]d@3",
        ];
        let text = annotations(
            &scenario()
                .declare(names.map(|name| declared(name).absent()))
                .live(names.map(live)),
        );
        for line in text.lines() {
            let (head, _) = line[2..].split_once("::").unwrap();
            let (command, properties) = head.split_once(' ').unwrap();
            assert!(["warning", "notice"].contains(&command), "{line}");
            for property in properties.split(',') {
                let (key, value) = property.split_once('=').unwrap();
                assert!(["file", "line", "col", "title"].contains(&key), "{line}");
                assert!(!value.contains("::"), "{line}");
            }
        }
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(!text.contains("##["), "{text}");
    }
}
