//! The server's handling of a filter, judged by its answers.

use std::collections::BTreeSet;

/// The behaviour of a filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterHabit {
    /// The filter returns exactly the matching records.
    Honoured,
    /// The filter returns records that it should hide.
    Ignored,
    /// The filter returns none of the matching records.
    FindsNothing,
    /// All live versions have the requested value, so that the behaviour is unknown.
    Untold,
}

/// Compares the results of a filter with the matching records. Each pair is for one value: the ids
/// that have the value, and the ids that the server returned.
///
/// An id that was returned and is not in `all` appeared meanwhile, and is ignored.
pub fn compare_filter<'a>(
    all: &BTreeSet<&'a str>,
    asked: &[(BTreeSet<&'a str>, BTreeSet<&'a str>)],
) -> FilterHabit {
    let mut habit = FilterHabit::Untold;
    for (expected, found) in asked {
        let mut unexpected = found.difference(expected);
        if unexpected.any(|id| all.contains(id)) {
            return FilterHabit::Ignored;
        }
        if !expected.is_empty() && found.is_disjoint(expected) {
            return FilterHabit::FindsNothing;
        }
        if expected.len() < all.len() {
            habit = FilterHabit::Honoured;
        }
    }
    habit
}

/// Compares the results for all values of a filter if records do not show the value: no record may
/// have two values.
pub fn compare_lists(lists: &[BTreeSet<&str>]) -> FilterHabit {
    let distinct: BTreeSet<&str> = lists.iter().flatten().copied().collect();
    let total: usize = lists.iter().map(BTreeSet::len).sum();
    match lists.len() {
        _ if distinct.is_empty() => FilterHabit::FindsNothing,
        _ if distinct.len() < total => FilterHabit::Ignored,
        0 | 1 => FilterHabit::Untold,
        _ => FilterHabit::Honoured,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(ids: &'static str) -> BTreeSet<&'static str> {
        ids.split_whitespace().collect()
    }

    #[test]
    fn a_filter_is_known_by_what_it_hides() {
        for (asked, expected) in [
            (vec![("a b", "a b"), ("c", "c")], FilterHabit::Honoured),
            (vec![("a b", "a b c"), ("c", "a b c")], FilterHabit::Ignored),
            (vec![("a b", ""), ("c", "c")], FilterHabit::FindsNothing),
            (vec![("a b c", "a b c"), ("", "")], FilterHabit::Honoured),
            (vec![("a b c", "a b c"), ("", "a")], FilterHabit::Ignored),
            (vec![("a b c", "a b c")], FilterHabit::Untold),
            // The page is incomplete, and contains a new record.
            (vec![("a b", "b new")], FilterHabit::Honoured),
        ] {
            let pairs: Vec<_> = asked
                .iter()
                .map(|(expected, found)| (set(expected), set(found)))
                .collect();
            assert_eq!(compare_filter(&set("a b c"), &pairs), expected, "{asked:?}");
        }
    }

    #[test]
    fn no_record_has_two_values() {
        for (lists, expected) in [
            (vec!["a", "b", ""], FilterHabit::Honoured),
            (vec!["a b", "", ""], FilterHabit::Honoured),
            (vec!["a b", "a b"], FilterHabit::Ignored),
            (vec!["a b"], FilterHabit::Untold),
            (vec!["", "", ""], FilterHabit::FindsNothing),
        ] {
            let sets: Vec<_> = lists.iter().map(|list| set(list)).collect();
            assert_eq!(compare_lists(&sets), expected, "{lists:?}");
        }
    }
}
