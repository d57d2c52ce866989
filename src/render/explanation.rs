//! The texts about the codes in output. The pages of the documentation are their only source.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::styles::{StyledWriter, styled};
use super::words;
use crate::manifest::{Code, Severity};

/// The page about the problems of a manifest, and the page about plans and reviews.
const PAGES: [&str; 2] = [
    include_str!("../../docs/problems.md"),
    include_str!("../../docs/codes.md"),
];

word_enum! {
    /// The kind of output that a code is part of.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub enum CodeKind -> &'static str {
        /// A problem of a manifest, or of a package that it declares.
        Problem = "problem" "Problems of a manifest",
        /// A block of a plan.
        Block = "block" "Blocks of a plan",
        /// A note of a plan.
        Note = "note" "Notes of a plan",
        /// A warning of a plan.
        Warning = "warning" "Warnings of a plan",
        /// A finding of a review.
        Finding = "finding" "Findings of a review",
    }
}

/// The subject of `explain` that is not a code: what the expression of a policy can use.
pub const POLICIES: &str = "policies";

impl CodeKind {
    /// Returns the heading of the codes of this kind.
    fn heading(self) -> &'static str {
        self.row()
    }
}

/// The text about a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Explanation {
    /// The code.
    pub code: &'static str,
    /// The kind of output that it is part of.
    pub kind: CodeKind,
    /// The text, as Markdown.
    pub text: &'static str,
}

impl Explanation {
    /// Returns the texts about every code, in the order of the pages.
    pub fn all() -> Vec<Self> {
        PAGES.into_iter().flat_map(of_page).collect()
    }

    /// Returns the texts about a code. A few codes are of two kinds.
    pub fn of_code(code: &str) -> Vec<Self> {
        let mut all = Self::all();
        all.retain(|explanation| explanation.code == code);
        all
    }

    /// Returns the severity of the problem.
    pub fn severity(&self) -> Option<Severity> {
        match self.kind {
            CodeKind::Problem => Code::of_word(self.code).map(Code::severity),
            CodeKind::Block => Some(Severity::Error),
            CodeKind::Warning => Some(Severity::Warning),
            CodeKind::Note | CodeKind::Finding => None,
        }
    }

    /// Returns the first sentence, as plain text.
    pub fn summary(&self) -> String {
        let paragraph = self.text.split("\n\n").next().unwrap_or_default();
        let line = plain(&paragraph.replace('\n', " "));
        match line.split_once(". ") {
            Some((sentence, _)) => format!("{sentence}."),
            None => line,
        }
    }

    /// Returns the text with its code blocks indented, without the marks of Markdown.
    pub fn plain_text(&self) -> String {
        let mut is_block = false;
        let mut text = String::with_capacity(self.text.len());
        for line in self.text.lines() {
            if line.starts_with("```") {
                is_block ^= true;
                continue;
            }
            let line = if is_block && !line.is_empty() {
                format!("    {line}")
            } else if is_block {
                String::new()
            } else {
                plain(line)
            };
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

/// Returns the texts of a page.
fn of_page(page: &'static str) -> Vec<Explanation> {
    let mut kind = CodeKind::Problem;
    let mut found = Vec::new();
    for section in page.split("\n## ").skip(1) {
        let (heading, _) = section.split_once('\n').unwrap_or((section, ""));
        let kinds = CodeKind::ALL.into_iter();
        kind = kinds
            .rev()
            .find(|kind| kind.heading() == heading)
            .unwrap_or(kind);
        for part in section.split("\n### `").skip(1) {
            if let Some((code, text)) = part.split_once("`\n") {
                let text = text.trim();
                found.push(Explanation { code, kind, text });
            }
        }
    }
    found
}

/// Returns a line of Markdown without links and bold type. Backticks stay.
fn plain(line: &str) -> String {
    let line = line.replace("**", "");
    let mut text = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some((before, behind)) = rest.split_once('[')
        && let Some((label, target)) = behind.split_once("](")
        && let Some((_, behind)) = target.split_once(')')
    {
        text.push_str(before);
        text.push_str(label);
        rest = behind;
    }
    text + rest
}

/// Returns at most three known subjects that are near an unknown one, the nearest first.
pub fn near_codes(unknown: &str) -> Vec<String> {
    const MOST: usize = 3;
    let lower = unknown.to_lowercase().replace([' ', '_'], "-");
    let all = Explanation::all();
    let codes = all.iter().map(|explanation| explanation.code);
    let codes = codes.chain([POLICIES]);
    let near: BTreeSet<(usize, &str)> = codes
        .map(|code| (strsim::damerau_levenshtein(&lower, code), code))
        .filter(|(distance, code)| *distance <= code.len().div_ceil(3))
        .collect();
    let near = near.into_iter().take(MOST);
    near.map(|(_, code)| code.to_owned()).collect()
}

/// Writes the texts about a code.
pub fn render_explanations(
    explanations: &[Explanation],
    out: &mut StyledWriter<'_>,
) -> io::Result<()> {
    for (index, explanation) in explanations.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let severity = explanation.severity().map(|severity| match severity {
            Severity::Error => " (error)",
            Severity::Warning => " (warning)",
        });
        let code = styled(out.styles.strong, explanation.code);
        let kind = explanation.kind;
        writeln!(out, "{code}: {kind}{}", severity.unwrap_or_default())?;
        writeln!(out)?;
        write!(out, "{}", explanation.plain_text())?;
    }
    Ok(())
}

/// Writes every code with its first sentence, by kind.
pub fn render_codes(out: &mut StyledWriter<'_>) -> io::Result<()> {
    let all = Explanation::all();
    let widest = all.iter().map(|explanation| explanation.code.len()).max();
    let widest = widest.unwrap_or_default();
    let line = |out: &mut StyledWriter<'_>, word: &str, text: &str| {
        writeln!(out, "  {word:widest$}  {text}")
    };
    for kind in CodeKind::ALL {
        if kind != CodeKind::Problem {
            writeln!(out)?;
        }
        out.line(out.styles.strong, format_args!("{}:", kind.heading()))?;
        for explanation in all.iter().filter(|explanation| explanation.kind == kind) {
            line(out, explanation.code, &explanation.summary())?;
        }
    }
    out.line(out.styles.strong, format_args!("\nOther subjects:"))?;
    line(out, POLICIES, "What the expression of a policy can use.")?;
    let count = words::count(all.len() + 1, "text");
    writeln!(out, "\n{count}. `solform explain CODE` prints one of them.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_its_text() {
        for code in Code::ALL {
            let found = Explanation::of_code(code.as_str());
            let problem = found.first().map(|explanation| explanation.kind);
            assert_eq!(problem, Some(CodeKind::Problem), "{code}");
        }
        let problems = Explanation::all();
        let problems = problems.iter();
        let problems = problems.filter(|explanation| explanation.kind == CodeKind::Problem);
        assert_eq!(problems.count(), Code::ALL.len());
    }

    #[test]
    fn texts_lose_their_marks() {
        assert_eq!(
            plain("**Fix:** see [`drain`](manifest.md#drain) and [x]."),
            "Fix: see `drain` and [x]."
        );
        let found = &Explanation::of_code("not-utf8")[0];
        assert!(found.plain_text().contains("\n    iconv -f UTF-16"));
        assert!(!found.plain_text().contains("```"));
        assert_eq!(found.summary(), "The file is not UTF-8.");
    }

    #[test]
    fn near_codes_are_found() {
        assert_eq!(near_codes("bad_ulr")[0], "bad-url");
        assert_eq!(near_codes("protectd"), ["protected"]);
        assert!(near_codes("zzzzzzzzzzzzzz").is_empty());
    }
}
