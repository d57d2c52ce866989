//! The sentences and lines about a content drift.

use crate::ident::Address;
use crate::plan::{
    ContentDrift, DriftCause, DriftEvidence, DriftMember, LineKind, MemberWord, PACKAGE_JSON,
};
use crate::render::words::count;

/// A line about a drift, which is not escaped yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::render) struct DriftLine {
    pub(in crate::render) sign: char,
    /// True if it is a line of `package.json`.
    pub(in crate::render) is_nested: bool,
    pub(in crate::render) text: String,
}

/// Returns the message about a drift, without a full stop. It names the version if it is not beside
/// the message.
pub fn drift_message(cause: DriftCause, drift: &ContentDrift, version: Option<&Address>) -> String {
    let source = &drift.source;
    let named = |how: &str| version.map_or_else(String::new, |it| format!("{how} `{it}`"));
    let folder = format!("the deployed folder has another `{PACKAGE_JSON}`");
    match cause {
        DriftCause::Source => format!("`{source}` is not what was deployed{}", named(" as")),
        DriftCause::Platform => format!("`{source}` was deployed{}, and {folder}", named(" as")),
        DriftCause::NotKnown => format!("{folder} than `{source}`{}", named(", the source of")),
    }
}

/// Returns the facts about a drift in one line.
pub(in crate::render) fn counts(drift: &ContentDrift) -> String {
    match drift.evidence {
        DriftEvidence::Members => format!(
            "{} added, {} removed, {} changed",
            count(drift.added, "member"),
            drift.removed,
            drift.changed
        ),
        DriftEvidence::Digest => {
            "another archive; its members cannot be compared with the deployed ones".to_owned()
        }
        DriftEvidence::Folder => format!("`{PACKAGE_JSON}` differs in the deployed folder"),
    }
}

/// Returns the first different members, and the first different lines of `package.json`.
pub(in crate::render) fn lines(drift: &ContentDrift) -> Vec<DriftLine> {
    let mut lines = Vec::new();
    let mut json = Some(&drift.package_json);
    for member in &drift.members {
        lines.push(member_line(member));
        if member.name == PACKAGE_JSON && member.change == MemberWord::Changed {
            lines.extend(json.take().into_iter().flatten().map(json_line));
        }
    }
    let more = drift.not_shown();
    if more > 0 {
        lines.push(DriftLine {
            sign: ' ',
            is_nested: false,
            text: format!("and {}", count(more, "more member")),
        });
    }
    if let Some(rest) = json.filter(|rest| !rest.is_empty()) {
        lines.push(DriftLine {
            sign: '~',
            is_nested: false,
            text: PACKAGE_JSON.to_owned(),
        });
        lines.extend(rest.iter().map(json_line));
    }
    lines
}

fn member_line(member: &DriftMember) -> DriftLine {
    let bytes = |size: u64| format!("{size} {}", if size == 1 { "byte" } else { "bytes" });
    let (sign, size) = match (member.change, member.before_size, member.after_size) {
        (MemberWord::Changed, Some(before), Some(after)) if before != after => {
            ('~', format!("{before} -> {}", bytes(after)))
        }
        (word, before, after) => {
            let sign = match word {
                MemberWord::Added => '+',
                MemberWord::Removed => '-',
                MemberWord::Changed => '~',
            };
            (sign, bytes(after.or(before).unwrap_or_default()))
        }
    };
    DriftLine {
        sign,
        is_nested: false,
        text: format!("{} ({size})", member.name),
    }
}

fn json_line(line: &crate::plan::DiffLine) -> DriftLine {
    DriftLine {
        sign: match line.kind {
            LineKind::Context => ' ',
            LineKind::Removed => '-',
            LineKind::Added => '+',
        },
        is_nested: true,
        text: line.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::Digest;
    use crate::plan::testing::{contents, deployed_package, member};
    use crate::plan::{Comparison, SourceContents};

    /// Two digests differ: the members of the record are not known, or those of the source.
    #[test]
    fn a_digest_shows_nothing_about_members() {
        let (old, new) = (Digest::of(b"old"), Digest::of(b"new"));
        let of_source = contents(vec![member("a", 1)], "{}");
        let whole = deployed_package(&of_source, Some(&old));
        let mut bare = whole.clone();
        bare.contents = None;
        for (document, contents) in [(&whole, None), (&bare, Some(&of_source))] {
            let mut contents = contents.cloned();
            if let Some(contents) = &mut contents {
                contents.info.fingerprint = Digest::of(b"again");
            }
            let source = SourceContents {
                path: "a.ibsolution",
                sha256: Some(&new),
                contents: contents.as_ref(),
            };
            let Comparison::Different(drift) = document.compare(source) else {
                panic!("{document:?}");
            };
            let expected = "another archive; its members cannot be compared with the deployed ones";
            assert_eq!(counts(&drift), expected);
        }
    }
}
