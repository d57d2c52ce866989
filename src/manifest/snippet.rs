//! The lines that a diagnostic shows beside a problem.
//!
//! A snippet has the few lines around the labels of one problem. Its text differs from the file:
//! secrets are masked, long lines are cut around the label, and invisible characters are escaped.
//! So byte offsets differ from those in the file, and the labels of a snippet are offsets into the
//! snippet's own text.

use std::ops::Range;

use miette::{LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use super::position::Label;
use super::source::SourceFile;
use crate::escape;

/// The maximum length of a line that is shown, in bytes. A longer one is cut to this length.
const LINE_LIMIT: usize = 400;

/// The length of the part of a long line before the label, in bytes.
const LEAD: usize = 100;

/// The maximum length of a label, in bytes: the rest of a longer value is not underlined.
const LABEL_LIMIT: usize = 200;

/// The number of lines that are shown above and below a label.
const CONTEXT: usize = 1;

/// The lines around the labels of one problem, as they are shown.
#[derive(Debug, Clone)]
pub(super) struct Snippet {
    file: String,
    /// The blocks, in the order of the file.
    blocks: Vec<Block>,
    /// The labels, the primary one first.
    labels: Vec<ShownLabel>,
}

/// A number of adjacent lines.
#[derive(Debug, Clone)]
struct Block {
    /// The start offset in the snippet's text.
    start: usize,
    text: String,
    /// The number of the first line, from 0.
    line: usize,
}

#[derive(Debug, Clone)]
struct ShownLabel {
    /// The number of the label, 0 for the primary one.
    index: usize,
    text: String,
    /// The byte range in the snippet's text.
    range: Range<usize>,
    /// The column in the file, from 0.
    column: usize,
    block: usize,
}

/// The line of the primary label, and the byte range of the label in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrimaryLine {
    /// The line, or the part of a long one.
    pub code: String,
    /// The start of the label in `code`, in bytes.
    pub from: usize,
    /// The end of the label in `code`, in bytes.
    pub to: usize,
    /// The length of the label on this line of the file, in bytes.
    pub length: usize,
    /// The length of the label on this line of the file, in characters.
    pub characters: usize,
}

/// The part of a label on its first line, in byte offsets of the file.
#[derive(Debug, Clone, Copy)]
struct LabelSpan<'l> {
    label: &'l Label,
    index: usize,
    line: usize,
    start: usize,
    end: usize,
}

impl Snippet {
    /// Returns the lines around the labels.
    pub(super) fn new<'l>(
        source: &SourceFile,
        primary: &'l Label,
        related: impl Iterator<Item = &'l Label>,
    ) -> Self {
        let labels = std::iter::once(primary).chain(related).enumerate();
        let mut spans: Vec<LabelSpan<'l>> = labels
            .map(|(index, label)| span_of(source, index, label))
            .collect();
        spans.sort_by_key(|span| (span.start, span.index));
        let mut this = Self {
            file: escape::escaped(source.name()),
            blocks: Vec::new(),
            labels: Vec::with_capacity(spans.len()),
        };
        let mut rest = spans.as_slice();
        while let Some(count) = first_block(source, rest) {
            let (block, left) = rest.split_at(count);
            this.push_block(source, block);
            rest = left;
        }
        this.labels.sort_by_key(|label| label.index);
        this
    }

    fn push_block(&mut self, source: &SourceFile, spans: &[LabelSpan<'_>]) {
        let (first, last) = (spans[0], spans[spans.len() - 1]);
        // A gap separates the blocks, so that a label at the end of one is not part of the next.
        let start = self
            .blocks
            .last()
            .map_or(0, |block| block.start + block.text.len() + 2);
        let (lines, cut) = if is_long(source, first) {
            (first.line..first.line + 1, Some(window(source, first)))
        } else {
            let above = first.line.saturating_sub(CONTEXT);
            let mut below = (last.line + CONTEXT).min(source.lines() - 1);
            // The empty text after the last line break of a file is not a line.
            if below > last.line
                && below + 1 == source.lines()
                && source.line_range(below).is_empty()
            {
                below -= 1;
            }
            (above..below + 1, None)
        };
        let first_line = lines.start;
        let mut text = String::new();
        for line in lines {
            let whole = source.line_range(line);
            let part = cut.clone().unwrap_or(whole.clone());
            for span in spans.iter().filter(|span| span.line == line) {
                let at = |offset: usize| {
                    let before = part.start..offset.clamp(part.start, part.end);
                    start + text.len() + shown(source, before).len()
                };
                self.labels.push(ShownLabel {
                    index: span.index,
                    text: escape::escaped(&span.label.text),
                    range: at(span.start)..at(span.end),
                    column: source.masked()[whole.start..span.start].chars().count(),
                    block: self.blocks.len(),
                });
            }
            text.push_str(&shown(source, part));
            text.push('\n');
        }
        self.blocks.push(Block {
            start,
            text,
            line: first_line,
        });
    }

    /// Returns the labels, with offsets into the snippet; the primary one first.
    pub(super) fn labels(&self) -> impl Iterator<Item = LabeledSpan> + '_ {
        self.labels.iter().enumerate().map(|(index, label)| {
            let text = Some(label.text.clone());
            let at = (label.range.start, label.range.len());
            if index == 0 {
                LabeledSpan::new_primary_with_span(text, at)
            } else {
                LabeledSpan::new_with_span(text, at)
            }
        })
    }

    /// Returns the line of the primary label.
    pub(super) fn primary_line(&self, source: &SourceFile, primary: &Label) -> Option<PrimaryLine> {
        let span = span_of(source, 0, primary);
        let label = self.labels.first()?;
        let block = self.blocks.get(label.block)?;
        let inner = label.range.start - block.start..label.range.end - block.start;
        let start = block.text[..inner.start].rfind('\n').map_or(0, |at| at + 1);
        let code = block.text[start..].lines().next().unwrap_or_default();
        Some(PrimaryLine {
            code: code.to_owned(),
            from: inner.start - start,
            to: inner.end - start,
            length: span.end - span.start,
            characters: source.masked()[span.start..span.end].chars().count(),
        })
    }
}

impl SourceCode for Snippet {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        context_lines_before: usize,
        context_lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (from, to) = (span.offset(), span.offset() + span.len());
        let block = self
            .blocks
            .iter()
            .find(|block| block.start <= from && to <= block.start + block.text.len())
            .ok_or(MietteError::OutOfBounds)?;
        let is_bare = context_lines_before == 0 && context_lines_after == 0;
        let inner = from - block.start..to - block.start;
        let (text, start, line, column) = if is_bare {
            let text = block.text.get(inner.clone());
            let above = block.text[..inner.start].matches('\n').count();
            let label = self.labels.iter().find(|label| label.range.start == from);
            let column = label.map_or(0, |label| label.column);
            let text = text.ok_or(MietteError::OutOfBounds)?;
            (text, from, block.line + above, column)
        } else {
            (&*block.text, block.start, block.line, 0)
        };
        Ok(Box::new(MietteSpanContents::new_named(
            self.file.clone(),
            text.as_bytes(),
            (start, text.len()).into(),
            line,
            column,
            block.text.matches('\n').count(),
        )))
    }
}

/// Returns the number of labels that share the first block; `None` if no label is left.
fn first_block(source: &SourceFile, spans: &[LabelSpan<'_>]) -> Option<usize> {
    let first = *spans.first()?;
    if is_long(source, first) {
        let window = window(source, first);
        let fits = |span: &&LabelSpan<'_>| span.line == first.line && span.end <= window.end;
        return Some(spans.iter().take_while(fits).count().max(1));
    }
    let mut last = first.line;
    let joins = |span: &&LabelSpan<'_>| {
        let is_near = span.line <= last + 2 * CONTEXT && !is_long(source, **span);
        last = span.line;
        is_near
    };
    Some(spans.iter().take_while(joins).count())
}

/// Returns a part of the text as it is shown. The renderer expands tabs. A byte order mark at the
/// start of a file is invisible and has no width.
fn shown(source: &SourceFile, range: Range<usize>) -> String {
    let is_start = range.start == 0;
    let part = &source.masked()[range];
    let visible = part.strip_prefix('\u{feff}').filter(|_| is_start);
    let mut text = String::with_capacity(part.len());
    for letter in visible.unwrap_or(part).chars() {
        if letter == '\t' {
            text.push(letter);
        } else {
            escape::push(&mut text, letter);
        }
    }
    text
}

fn span_of<'l>(source: &SourceFile, index: usize, label: &'l Label) -> LabelSpan<'l> {
    let text = source.masked();
    let range = label.position.range();
    let start = text.floor_char_boundary(range.start);
    let line = source.line_of(start);
    let line_end = source.line_range(line).end.max(start);
    let longest = range.len().min(LABEL_LIMIT);
    let end = text
        .floor_char_boundary((start + longest).min(line_end))
        .max(start);
    LabelSpan {
        label,
        index,
        line,
        start,
        end,
    }
}

/// Returns whether the line, or a line next to it, is too long to be shown in full.
fn is_long(source: &SourceFile, span: LabelSpan<'_>) -> bool {
    let lines = span.line.saturating_sub(CONTEXT)..=(span.line + CONTEXT).min(source.lines() - 1);
    lines
        .into_iter()
        .any(|line| source.line_range(line).len() > LINE_LIMIT)
}

/// Returns the part of a long line that is shown around a label.
fn window(source: &SourceFile, span: LabelSpan<'_>) -> Range<usize> {
    let text = source.masked();
    let line = source.line_range(span.line);
    let start = text
        .floor_char_boundary(span.start.saturating_sub(LEAD))
        .max(line.start);
    let end = text.floor_char_boundary(start + LINE_LIMIT).min(line.end);
    start..end.max(span.end)
}

#[cfg(test)]
mod tests {
    use super::super::position::Mark;
    use super::super::problem::{Code, Problem};
    use super::*;

    fn source(text: &str) -> SourceFile {
        SourceFile::from_bytes("solform.yaml", format!("solform: 1\n{text}")).unwrap()
    }

    /// Returns the mark of the only occurrence of a text.
    fn mark(source: &SourceFile, text: &str) -> Mark {
        let offset = source.text().find(text).unwrap();
        let line = source.line_of(offset);
        let column = source.text()[source.line_range(line).start..offset]
            .chars()
            .count();
        source.mark_at(line + 1, column + 1).with_length(text.len())
    }

    fn problem(source: &SourceFile, primary: &str, related: &[&str]) -> Problem {
        let problem = Problem::new(Code::BadUrl, "m").at(source, mark(source, primary));
        related.iter().fold(problem, |problem, text| {
            problem.related(mark(source, text), "there")
        })
    }

    fn shown(snippet: &Snippet) -> String {
        let texts = snippet.blocks.iter().map(|block| {
            let lines = block.text.lines().enumerate();
            let lines = lines.map(|(index, line)| format!("{}|{line}", block.line + index + 1));
            lines.collect::<Vec<_>>().join("\n") + "\n"
        });
        texts.collect::<Vec<_>>().join("...\n")
    }

    fn labelled(snippet: &Snippet) -> Vec<&str> {
        let text = |label: &ShownLabel| {
            let block = &snippet.blocks[label.block];
            &block.text[label.range.start - block.start..label.range.end - block.start]
        };
        snippet.labels.iter().map(text).collect()
    }

    #[test]
    fn labels_follow_the_escapes() {
        let source = source("a\u{200b}b: \u{202e}MARK\u{9b}\nnext: \u{a0}OTHER # \u{e0041}\n");
        let problem = problem(&source, "MARK\u{9b}", &["OTHER"]);
        let snippet = problem.snippet().unwrap();
        assert_eq!(
            shown(snippet),
            "1|solform: 1\n2|a\\u{200b}b: \\u{202e}MARK\\u{9b}\n3|next: \\u{a0}OTHER # \\u{e0041}\n"
        );
        assert_eq!(labelled(snippet), ["MARK\\u{9b}", "OTHER"]);
        // The column is the one in the file.
        assert_eq!(snippet.labels[0].column, 6);
        let primary = snippet
            .primary_line(&source, problem.primary.as_ref().unwrap())
            .unwrap();
        assert_eq!(&primary.code[primary.from..primary.to], "MARK\\u{9b}");
        assert_eq!((primary.length, primary.characters), (6, 5));
    }

    #[test]
    fn long_lines_are_cut_around_each_label() {
        let far = "ä".repeat(5_000);
        let source = source(&format!("{far}MARK{far}OTHER{far}\nlast\n"));
        let problem = problem(&source, "MARK", &["OTHER"]);
        let snippet = problem.snippet().unwrap();
        assert_eq!(labelled(snippet), ["MARK", "OTHER"]);
        assert!(shown(snippet).len() < 1_000, "{}", shown(snippet));
        assert_eq!(snippet.labels[0].column, 5_000);
        // Neighbours of a long line are cut too.
        let problem = self::problem(&source, "last", &[]);
        assert!(shown(problem.snippet().unwrap()).len() < 1_000);
    }

    #[test]
    fn distant_lines_are_separate_blocks() {
        let source = source("a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n");
        let problem = problem(&source, "a: 1", &["e: 5"]);
        assert_eq!(
            shown(problem.snippet().unwrap()),
            "1|solform: 1\n2|a: 1\n3|b: 2\n...\n5|d: 4\n6|e: 5\n"
        );
    }

    /// The path of a manifest may lead to any file of the machine, for example by a link.
    #[test]
    fn a_file_that_is_not_a_manifest_is_hidden() {
        for (text, is_shown) in [
            ("solform: 1\na: b\n", true),
            ("# comment\n---\nsolform: [\n", true),
            ("environments:\n  a: [\n", true),
            ("{ solform: 1, a: b\n", true),
            ("\u{feff}\"solform\": 1\n", true),
            ("- solform: 1\n", false),
            ("HOME=/root\0TOKEN=abc\0", false),
            ("HOME=/root\nenvironments: x\n", false),
            ("solform: 1\0\nTOKEN=abc\n", false),
            ("apiVersion: v1\nusers: [{ password: abc }]\n", false),
            ("[default]\naws_secret_access_key = abc\n", false),
            ("root:x:0:0:root:/root:/bin/bash\n", false),
            ("", false),
        ] {
            let source = SourceFile::from_bytes("m.yaml", text).unwrap();
            let problem = Problem::new(Code::BadUrl, "m").at(&source, source.mark_at(1, 1));
            assert_eq!(problem.snippet().is_some(), is_shown, "{text:?}");
        }
    }
}
