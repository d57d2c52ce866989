//! A plan, a review or the problems of a manifest as SARIF 2.1.0, which code scanning reads.
//!
//! The messages are those of the annotations. No rule has a `helpUri`: the text of the page is in
//! the rule itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Value, json};

use super::annotation::{Annotated, Annotation, Level, NO_CODE, annotations, from_root};
use super::format::{Channel, Content, Document, Format, Subject};
use crate::ident::Digest;
use crate::render::explanation::{CodeKind, Explanation};
use crate::render::json::render_json;
use crate::render::words;

/// The characters that must be encoded in the path of a URI.
const OUTSIDE_PATHS: AsciiSet = CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// SARIF.
pub(super) const SARIF: Format = Format {
    name: "sarif",
    help: "SARIF 2.1.0, for code scanning",
    channel: Channel::Document,
    subjects: &[
        Subject::Plan,
        Subject::Review,
        Subject::Problems,
        Subject::Errors,
    ],
    write,
};

fn write(document: &Document<'_>, out: &mut dyn Write) -> io::Result<()> {
    let kinds: &[CodeKind] = match document.content {
        Content::Plan(..) | Content::Plans(_) => &[
            CodeKind::Block,
            CodeKind::Warning,
            CodeKind::Note,
            CodeKind::Problem,
        ],
        Content::Review(_) => &[CodeKind::Finding],
        Content::Problems(_) | Content::Errors(_) => &[CodeKind::Problem],
        Content::Report(..)
        | Content::Reports(_)
        | Content::Promotion(_)
        | Content::History(..)
        | Content::PastApply(..) => return Ok(()),
    };
    match annotations(document) {
        Some(annotated) => render_json(&log(&annotated, kinds, document.folder), out),
        None => Ok(()),
    }
}

/// Returns the document. A rule is explained as the first of these kinds that has its code.
fn log(annotated: &Annotated, kinds: &[CodeKind], folder: &str) -> Value {
    let codes: BTreeSet<&str> = annotated.annotations.iter().map(|it| &*it.code).collect();
    let indices: BTreeMap<&str, usize> = codes.iter().copied().zip(0..).collect();
    let rules = codes.iter().map(|code| rule(code, kinds));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let files = annotated
        .annotations
        .iter()
        .filter_map(|it| it.location.as_ref());
    let file = files.map(|at| at.file.as_str()).next();
    let file = annotated.file.as_deref().or(file);
    let results = annotated.annotations.iter().map(|annotation| {
        let digest = fingerprint(annotation).to_string();
        let count = counts.entry(digest.clone()).or_default();
        *count += 1;
        let result = SarifResult {
            rule_id: &annotation.code,
            rule_index: indices[&*annotation.code],
            level: annotation.level.as_str(),
            message: message(&format!("{}: {}", annotation.title, annotation.message)),
            locations: location(annotation, file, folder).into_iter().collect(),
            partial_fingerprints: json!({ "solform/v1": format!("{digest}:{count}") }),
        };
        json!(result)
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "solform",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": rules.collect::<Vec<Value>>(),
                },
            },
            "automationDetails": { "id": format!("{}/", words::escaped(&annotated.title)) },
            "columnKind": "unicodeCodePoints",
            "properties": { "verdict": words::escaped(&annotated.verdict) },
            "results": results.collect::<Vec<Value>>(),
        }],
    })
}

/// A result. The keys are those of SARIF.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Value,
    locations: Vec<Value>,
    partial_fingerprints: Value,
}

fn rule(code: &str, kinds: &[CodeKind]) -> Value {
    let all = Explanation::of_code(code);
    let mut explained = kinds.iter();
    let explained = explained.find_map(|kind| all.iter().find(|text| text.kind == *kind));
    let (summary, text, markdown) = match explained {
        Some(explanation) => (
            explanation.summary(),
            explanation.plain_text(),
            explanation.text,
        ),
        None if code == NO_CODE => (NO_PAGE.to_owned(), NO_PAGE.to_owned(), NO_PAGE),
        // Every other code has a page; a test compares them.
        None => (code.to_owned(), code.to_owned(), code),
    };
    let level = explained.map_or(Level::Error, |explanation| {
        explanation.severity().map_or(Level::Note, Level::from)
    });
    json!({
        "id": code,
        "shortDescription": { "text": summary },
        "fullDescription": { "text": summary },
        "help": { "text": text, "markdown": markdown },
        "defaultConfiguration": { "level": level.as_str() },
        "properties": { "tags": ["solform"] },
    })
}

/// The text about messages without a code of their own.
const NO_PAGE: &str = "The command failed.";

/// Returns a message. A viewer would show `[text](target)` as a link.
fn message(text: &str) -> Value {
    let lines: Vec<String> = text.lines().map(words::escaped).collect();
    json!({ "text": lines.join("\n").replace("](", "] (") })
}

/// Returns the position of a result; `file` if it has none.
fn location(annotation: &Annotation, file: Option<&str>, folder: &str) -> Option<Value> {
    let at = annotation.location.as_ref();
    let file = from_root(folder, at.map(|at| at.file.as_str()).or(file)?);
    let scheme = if file.starts_with('/') { "file://" } else { "" };
    let uri = format!("{scheme}{}", utf8_percent_encode(&file, &OUTSIDE_PATHS));
    let mut physical = json!({ "artifactLocation": { "uri": uri } });
    if let Some(at) = at {
        physical["region"] = json!({ "startLine": at.line, "startColumn": at.column });
        if let Some(end) = annotation.end_column {
            physical["region"]["endColumn"] = json!(end);
        }
    }
    Some(json!({ "physicalLocation": physical }))
}

/// Returns the fingerprint of a result: it stays if its line moves. The first line of a message
/// has no positions.
fn fingerprint(annotation: &Annotation) -> Digest {
    let file = annotation.location.as_ref().map_or("", |at| &at.file);
    let first = annotation.message.lines().next().unwrap_or_default();
    let text = [&annotation.code, file, &annotation.title, first].join("\0");
    Digest::of(text.as_bytes())
}
