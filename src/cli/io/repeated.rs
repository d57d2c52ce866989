//! Repeated diagnostics: the first of each kind are shown in full, the others are counted.

use std::collections::BTreeMap;

use crate::manifest::Severity;

/// The maximum number of warnings of one kind that are shown in full. The event stream contains all
/// of them.
const WARNINGS: usize = 3;
/// The maximum number of errors of one kind that are shown in full; higher, because each must be
/// fixed.
const ERRORS: usize = 100;
/// The maximum number of refusals of one kind that are shown in full. The plan shows the reason
/// beside each blocked change.
const REFUSALS: usize = 3;

/// The maximum number of diagnostics of all kinds that are shown in full. There are few kinds of
/// warnings, so they cannot hide an error.
const ALL: usize = 100;

/// Counts diagnostics by kind.
#[derive(Debug, Default)]
pub(in crate::cli) struct Repeated<'a> {
    /// The number of diagnostics of each kind, and how many of them were shown.
    counts: BTreeMap<(Severity, &'a str), (usize, usize)>,
    shown: usize,
}

impl<'a> Repeated<'a> {
    /// Counts a diagnostic, and returns true if it is shown in full.
    pub(in crate::cli) fn admits(&mut self, severity: Severity, kind: &'a str) -> bool {
        let limit = match severity {
            Severity::Error => ERRORS,
            Severity::Warning => WARNINGS,
        };
        self.admits_up_to(limit, severity, kind)
    }

    /// As [`admits`](Self::admits), for a refusal of a plan.
    pub(in crate::cli) fn admits_refusal(&mut self, kind: &'a str) -> bool {
        self.admits_up_to(REFUSALS, Severity::Error, kind)
    }

    fn admits_up_to(&mut self, limit: usize, severity: Severity, kind: &'a str) -> bool {
        let (count, shown) = self.counts.entry((severity, kind)).or_default();
        *count += 1;
        let is_shown = *shown < limit && self.shown < ALL;
        if is_shown {
            *shown += 1;
            self.shown += 1;
        }
        is_shown
    }

    /// Returns one line for each kind of which some were not shown.
    pub(in crate::cli) fn rest(&self) -> impl Iterator<Item = (Severity, String)> {
        self.counts
            .iter()
            .filter_map(|(&(severity, kind), &(count, shown))| {
                let more = count.checked_sub(shown).filter(|more| *more > 0)?;
                Some((severity, format!("{more} more of the same kind [{kind}]")))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_problems_are_counted() {
        let mut repeated = Repeated::default();
        let shown = |repeated: &mut Repeated<'static>, severity, kind, count| {
            (0..count)
                .filter(|_| repeated.admits(severity, kind))
                .count()
        };
        assert_eq!(shown(&mut repeated, Severity::Warning, "a", 3), 3);
        assert_eq!(repeated.rest().count(), 0);
        assert_eq!(shown(&mut repeated, Severity::Warning, "a", 997), 0);
        assert_eq!(shown(&mut repeated, Severity::Warning, "b", 2), 2);
        assert_eq!(shown(&mut repeated, Severity::Error, "a", 101), 95);
        let lines: Vec<(Severity, String)> = repeated.rest().collect();
        assert_eq!(
            lines,
            [
                (Severity::Error, "6 more of the same kind [a]".to_owned()),
                (
                    Severity::Warning,
                    "997 more of the same kind [a]".to_owned()
                ),
            ]
        );
    }
}
