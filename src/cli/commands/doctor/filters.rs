//! Checks of the list filters that the server supports.

use std::collections::BTreeSet;
use std::time::Duration;

use super::answer::{sentence, skip, too_slow, within};
use crate::api::{ApiError, Probe, Question, Sample};
use crate::attribute::{LiveStateWord, Visibility};
use crate::diagnosis::{Check, CheckName, FilterHabit, compare_filter, compare_lists};
use crate::live::{LiveState, LiveVersion};

/// The ids that have a value, and those that the server returned.
type Pair<'a> = (BTreeSet<&'a str>, BTreeSet<&'a str>);

pub(super) async fn look(
    probe: &Probe,
    live: &LiveState,
    limit: Duration,
    checks: &mut Vec<Check>,
) {
    if live.versions().is_empty() {
        let names = [
            CheckName::FilterState,
            CheckName::FilterName,
            CheckName::FilterVisibility,
        ];
        skip(
            checks,
            &names,
            "Nothing is live that they could be tried on.",
        );
        return;
    }
    let all = ids(live.versions(), |_| true);
    checks.push(
        within(limit, by_state(probe, live, &all))
            .await
            .unwrap_or_else(|| too_slow(CheckName::FilterState, limit)),
    );
    checks.push(
        within(limit, by_name(probe, live, &all))
            .await
            .unwrap_or_else(|| too_slow(CheckName::FilterName, limit)),
    );
    checks.push(
        within(limit, by_visibility(probe, live, &all))
            .await
            .unwrap_or_else(|| too_slow(CheckName::FilterVisibility, limit)),
    );
}

fn ids(versions: &[LiveVersion], passes: impl Fn(&LiveVersion) -> bool) -> BTreeSet<&str> {
    let passing = versions.iter().filter(|version| passes(version));
    passing.map(|version| version.id.as_str()).collect()
}

async fn by_state(probe: &Probe, live: &LiveState, all: &BTreeSet<&str>) -> Check {
    let asked = [
        (Question::Active, LiveStateWord::Active),
        (Question::Inactive, LiveStateWord::Inactive),
    ];
    let mut samples = Vec::new();
    for (question, word) in asked {
        match probe.ask(&question).await {
            Ok(sample) => samples.push((word, sample)),
            Err(error) => return refused(CheckName::FilterState, "state=", &error),
        }
    }
    let pairs: Vec<Pair<'_>> = samples
        .iter()
        .map(|(word, sample)| {
            let expected = ids(live.versions(), |version| version.state == *word);
            (expected, came(sample))
        })
        .collect();
    let habit = compare_filter(all, &pairs);
    describe(
        CheckName::FilterState,
        "state=",
        habit,
        "solform looks at the states itself.",
    )
}

async fn by_name(probe: &Probe, live: &LiveState, all: &BTreeSet<&str>) -> Check {
    let Some(first) = live.versions().first() else {
        return Check::skipped(CheckName::FilterName, "Nothing is live.");
    };
    let name = &first.identity.name;
    let sample = match probe.ask(&Question::Name(name.clone())).await {
        Ok(sample) => sample,
        Err(error) => return refused(CheckName::FilterName, "name=", &error),
    };
    let expected = ids(live.versions(), |version| version.identity.name == *name);
    let habit = compare_filter(all, &[(expected, came(&sample))]);
    describe(
        CheckName::FilterName,
        "name=",
        habit,
        "solform lists everything instead, which takes longer on a large instance.",
    )
}

async fn by_visibility(probe: &Probe, live: &LiveState, all: &BTreeSet<&str>) -> Check {
    let name = CheckName::FilterVisibility;
    let is_in_records = live
        .versions()
        .iter()
        .all(|version| version.visibility.is_some());
    let mut samples = Vec::new();
    let mut refusal = None;
    for word in Visibility::ALL {
        match probe.ask(&Question::Visibility(word)).await {
            Ok(sample) => samples.push((word, sample)),
            Err(error) => refusal = Some(error),
        }
    }
    // A server may not know all words.
    if let (Some(error), true) = (&refusal, samples.len() < 2) {
        return if is_in_records {
            Check::ok(
                name,
                "`visibility=` is rejected, and not needed: records contain the visibility.",
            )
        } else {
            refused(name, "visibility=", error)
        };
    }
    let habit = if is_in_records {
        let pairs: Vec<Pair<'_>> = samples
            .iter()
            .map(|(word, sample)| {
                let has = |version: &LiveVersion| {
                    let word_shown = version.visibility.as_ref();
                    word_shown.is_some_and(|shown| shown.satisfies(*word))
                };
                (ids(live.versions(), has), came(sample))
            })
            .collect();
        compare_filter(all, &pairs)
    } else {
        let lists: Vec<BTreeSet<&str>> = samples.iter().map(|(_, sample)| came(sample)).collect();
        compare_lists(&lists)
    };
    let so_what = if is_in_records {
        "Records contain their visibility, so solform does not need it."
    } else {
        "No response contains the visibility of a version, so a declared one is neither compared \
         nor changed."
    };
    describe(name, "visibility=", habit, so_what)
}

fn came(sample: &Sample) -> BTreeSet<&str> {
    ids(&sample.versions, |_| true)
}

fn refused(name: CheckName, filter: &str, error: &ApiError) -> Check {
    Check::warn(
        name,
        format!("`{filter}` is rejected: {}", sentence(error)),
        "solform does without the filter where it can. What it cannot find out is unknown, and is \
         left alone.",
    )
}

fn describe(name: CheckName, filter: &str, habit: FilterHabit, so_what: &str) -> Check {
    match habit {
        FilterHabit::Honoured => Check::ok(name, format!("`{filter}` is honoured.")),
        FilterHabit::Untold => Check::ok(
            name,
            format!(
                "`{filter}` is accepted; all live versions have the same value, so the filter \
                 cannot be tested further."
            ),
        ),
        FilterHabit::Ignored => Check::warn(name, format!("`{filter}` is ignored."), so_what),
        FilterHabit::FindsNothing => Check::warn(
            name,
            format!("`{filter}` finds nothing of what is live."),
            so_what,
        ),
    }
}
