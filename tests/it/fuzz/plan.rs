//! The reader of plan files.

use solform::api::chain;
use solform::escape::escaped;
use solform::plan::{PlanFileContent, SavedPlan};
use solform::render::{Channel, Content, Document, FORMATS, PlanDetail, Styles, Subject};

use super::{assert_shown, written};
use crate::support::plan_file::PlanFile;

/// The maximum length of a plan as Markdown, in bytes.
const MARKDOWN: usize = 60_000;

/// Asserts that a plan file is refused or can be shown in every format, and that it is written as
/// it was read. A damaged fingerprint is mended first: it would hide everything else.
pub(crate) fn check(input: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(input) else {
        return false;
    };
    let is_accepted = read(text);
    let Some(file) = PlanFile::parse(text) else {
        return is_accepted;
    };
    read(&file.sealed()) || is_accepted
}

fn read(text: &str) -> bool {
    let content = match PlanFileContent::from_json(text) {
        Ok(content) => content,
        Err(error) => {
            let message = escaped(&chain(&error));
            assert_shown(&message, 1_000 + 10 * text.len());
            assert!(!error.help().is_empty());
            return false;
        }
    };
    let written_again = match &content {
        PlanFileContent::One(saved) => saved.to_json(),
        PlanFileContent::Several(saved) => saved.to_json(),
    };
    let again = PlanFileContent::from_json(&written_again).expect("a written plan is read");
    assert_eq!(again, content);
    content.plans().iter().for_each(assert_shows);
    true
}

fn assert_shows(saved: &SavedPlan) {
    for detail in [
        PlanDetail::Verbose,
        PlanDetail::Concise,
        PlanDetail::Summarised,
    ] {
        assert_formats(saved, detail);
    }
}

fn assert_formats(saved: &SavedPlan, detail: PlanDetail) {
    let document = Document {
        content: Content::Plan(&saved.plan, &saved.refusals),
        max_bytes: MARKDOWN,
        folder: "",
        abandon: "solform abandon",
        detail,
        styles: Styles::default(),
        width: Some(60),
    };
    let formats = FORMATS.into_iter();
    for format in formats.filter(|format| format.subjects.contains(&Subject::Plan)) {
        let output = written(|out| (format.write)(&document, out));
        match (format.channel, format.name) {
            (Channel::Document, "json") => {
                serde_json::from_str::<serde_json::Value>(&output).expect("JSON is written");
            }
            (Channel::Document, "markdown") => assert_shown(&output, MARKDOWN),
            _ => assert_shown(&output, usize::MAX),
        }
    }
}
