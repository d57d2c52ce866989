//! The frame of a page: its head, its style, and the parts that all pages share.

use std::io::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::text::prose;
use crate::outcome::OutcomeKind;

/// The style sheet. It is the only part that is not escaped.
const STYLE: &str = include_str!("style.css");

/// The browser loads nothing and executes nothing, whatever the page contains.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The tone of a verdict, a mark or a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    /// Something is complete, or added.
    Good,
    /// Something changes, or needs attention.
    Warning,
    /// Something is lost, or failed.
    Bad,
    /// Nothing of these.
    Plain,
}

impl Tone {
    /// Returns the tone of the word for an outcome.
    pub(super) fn of_outcome(outcome: &str) -> Self {
        match OutcomeKind::of_word(outcome) {
            Some(OutcomeKind::Done) => Self::Good,
            Some(OutcomeKind::Failed | OutcomeKind::Refused) => Self::Bad,
            Some(OutcomeKind::Skipped | OutcomeKind::Cancelled | OutcomeKind::Unknown) | None => {
                Self::Warning
            }
        }
    }

    /// Returns the class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warning",
            Self::Bad => "bad",
            Self::Plain => "plain",
        }
    }
}

/// A page.
pub(super) struct Page {
    /// The kind of document, such as `plan`.
    pub(super) kind: &'static str,
    /// The subject, such as the name of the environment.
    pub(super) subject: Markup,
    /// The subject as text without markup, for the title of the window.
    pub(super) title: String,
    /// The lines below the title.
    pub(super) facts: Vec<Markup>,
    pub(super) body: Markup,
    /// The last lines.
    pub(super) foot: Vec<Markup>,
}

impl Page {
    /// Writes the page.
    pub(super) fn write(self, out: &mut dyn Write) -> io::Result<()> {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta http-equiv="Content-Security-Policy" content=(POLICY);
                    meta name="color-scheme" content="light dark";
                    meta name="referrer" content="no-referrer";
                    meta name="generator" content={ "solform " (env!("CARGO_PKG_VERSION")) };
                    title { "solform " (self.kind) ": " (self.title) }
                    style { (PreEscaped(STYLE)) }
                }
                body {
                    header.page {
                        p.brand { "solform " (self.kind) }
                        h1 { (self.subject) }
                        @for fact in &self.facts { p.fact { (fact) } }
                    }
                    main { (self.body) }
                    footer.page {
                        @for line in &self.foot { p { (line) } }
                        p { "Written by solform " (env!("CARGO_PKG_VERSION")) "." }
                    }
                }
            }
        };
        out.write_all(page.into_string().as_bytes())?;
        writeln!(out)
    }
}

/// Returns the verdict in its tone, the marks of the risks below it, and the counts.
pub(super) fn verdict(tone: Tone, text: &str, rest: &str, body: &Markup) -> Markup {
    html! {
        div.verdict.(tone.class()) {
            p.line { strong { (prose(text)) } (prose(rest)) }
            (body)
        }
    }
}

/// Returns numbers with their nouns.
pub(super) fn tiles(tiles: &[(usize, &str, Tone)]) -> Markup {
    html! {
        ul.tiles {
            @for (number, label, tone) in tiles {
                @let tone = if *number == 0 { Tone::Plain } else { *tone };
                li.(tone.class()) { span.number { (number) } " " span { (label) } }
            }
        }
    }
}

/// Returns short marks, each in its tone.
pub(super) fn marks(marks: &[(String, Tone)]) -> Markup {
    html! {
        @if !marks.is_empty() {
            ul.marks { @for (mark, tone) in marks { li.(tone.class()) { (prose(mark)) } } }
        }
    }
}

/// Returns lines that the reader must see, under a title.
pub(super) fn notice(level: u8, title: &str, tone: Tone, lines: &[Markup]) -> Markup {
    html! {
        @if !lines.is_empty() {
            section.notice.(tone.class()) {
                (heading(level, &html! { (title) }))
                ul { @for line in lines { li { (line) } } }
            }
        }
    }
}

/// Returns a section with its title, unless it is empty.
pub(super) fn section(level: u8, title: &str, body: &Markup) -> Markup {
    html! {
        @if !body.0.is_empty() {
            section { (heading(level, &html! { (title) })) (body) }
        }
    }
}

/// Returns a heading; sections within sections have deeper ones.
pub(super) fn heading(level: u8, text: &Markup) -> Markup {
    html! {
        @match level {
            2 => h2 { (text) },
            3 => h3 { (text) },
            4 => h4 { (text) },
            _ => h5 { (text) },
        }
    }
}
