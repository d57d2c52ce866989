//! Checks of the list filters that the server supports.

use std::collections::BTreeSet;

use super::checks::{Checks, sentence};
use crate::api::{ApiError, Probe, Question, Sample};
use crate::attribute::{LiveStateWord, Visibility};
use crate::diagnosis::{Check, CheckName, FilterHabit, compare_filter, compare_lists};
use crate::ident::SolutionName;
use crate::live::{LiveState, LiveVersion};

/// The ids that have a value, and those that the server returned.
type Pair<'a> = (BTreeSet<&'a str>, BTreeSet<&'a str>);

pub(super) async fn look(probe: &Probe, live: &LiveState, checks: &mut Checks) {
    let Some(first) = live.versions().first() else {
        checks.skip(
            CheckName::FilterState..=CheckName::FilterVisibility,
            "Nothing is live that they could be tried on.",
        );
        return;
    };
    let all = ids(live.versions(), |_| true);
    let state = Filter {
        check: CheckName::FilterState,
        name: "state=",
        is_needed: true,
        consequence: "solform looks at the states itself.",
    };
    state.check(by_state(probe, live, &all), checks).await;
    let name = Filter {
        check: CheckName::FilterName,
        name: "name=",
        is_needed: true,
        consequence: "solform lists everything instead, which takes longer on a large instance.",
    };
    let habit = by_name(probe, live, &all, &first.identity.name);
    name.check(habit, checks).await;
    let mut versions = live.versions().iter();
    let is_in_records = versions.all(|version| version.visibility.is_some());
    let visibility = Filter {
        check: CheckName::FilterVisibility,
        name: "visibility=",
        is_needed: !is_in_records,
        consequence: if is_in_records {
            "Records contain their visibility, so solform does not need it."
        } else {
            "No response contains the visibility of a version, so a declared one is neither \
             compared nor changed."
        },
    };
    let habit = by_visibility(probe, live, &all, is_in_records);
    visibility.check(habit, checks).await;
}

fn ids(versions: &[LiveVersion], passes: impl Fn(&LiveVersion) -> bool) -> BTreeSet<&str> {
    let passing = versions.iter().filter(|version| passes(version));
    passing.map(|version| version.id.as_str()).collect()
}

fn came(sample: &Sample) -> BTreeSet<&str> {
    ids(&sample.versions, |_| true)
}

async fn by_state(
    probe: &Probe,
    live: &LiveState,
    all: &BTreeSet<&str>,
) -> Result<FilterHabit, ApiError> {
    let active = probe.ask(&Question::Active).await?;
    let inactive = probe.ask(&Question::Inactive).await?;
    let pairs = [
        (LiveStateWord::Active, &active),
        (LiveStateWord::Inactive, &inactive),
    ]
    .map(|(word, sample)| {
        let expected = ids(live.versions(), |version| version.state == word);
        (expected, came(sample))
    });
    Ok(compare_filter(all, &pairs))
}

async fn by_name(
    probe: &Probe,
    live: &LiveState,
    all: &BTreeSet<&str>,
    name: &SolutionName,
) -> Result<FilterHabit, ApiError> {
    let sample = probe.ask(&Question::Name(name.clone())).await?;
    let expected = ids(live.versions(), |version| version.identity.name == *name);
    Ok(compare_filter(all, &[(expected, came(&sample))]))
}

async fn by_visibility(
    probe: &Probe,
    live: &LiveState,
    all: &BTreeSet<&str>,
    is_in_records: bool,
) -> Result<FilterHabit, ApiError> {
    let mut samples = Vec::new();
    let mut refusal = None;
    for word in Visibility::ALL {
        match probe.ask(&Question::Visibility(word)).await {
            Ok(sample) => samples.push((word, sample)),
            Err(error) => refusal = Some(error),
        }
    }
    // A server may not know all words.
    if let Some(error) = refusal
        && samples.len() < 2
    {
        return Err(error);
    }
    if !is_in_records {
        let lists: Vec<BTreeSet<&str>> = samples.iter().map(|(_, sample)| came(sample)).collect();
        return Ok(compare_lists(&lists));
    }
    let pairs: Vec<Pair<'_>> = samples
        .iter()
        .map(|(word, sample)| {
            let has = |version: &LiveVersion| {
                let shown = version.visibility.as_ref();
                shown.is_some_and(|shown| shown.satisfies(*word))
            };
            (ids(live.versions(), has), came(sample))
        })
        .collect();
    Ok(compare_filter(all, &pairs))
}

/// A filter of the list.
struct Filter {
    check: CheckName,
    name: &'static str,
    /// False if solform finds the values in the records anyway.
    is_needed: bool,
    /// The consequence of a filter that does not work.
    consequence: &'static str,
}

impl Filter {
    /// Adds the check of the filter.
    async fn check(
        self,
        habit: impl Future<Output = Result<FilterHabit, ApiError>>,
        checks: &mut Checks,
    ) {
        let Some(habit) = checks.within(self.check, habit).await else {
            return;
        };
        let (check, name, consequence) = (self.check, self.name, self.consequence);
        checks.push(match habit {
            Ok(FilterHabit::Honoured) => Check::ok(check, format!("`{name}` is honoured.")),
            Ok(FilterHabit::Untold) => Check::ok(
                check,
                format!(
                    "`{name}` is accepted; all live versions have the same value, so the filter \
                     cannot be tested further."
                ),
            ),
            Ok(FilterHabit::Ignored) => {
                Check::warn(check, format!("`{name}` is ignored."), consequence)
            }
            Ok(FilterHabit::FindsNothing) => Check::warn(
                check,
                format!("`{name}` finds nothing of what is live."),
                consequence,
            ),
            Err(_) if !self.is_needed => Check::ok(
                check,
                "`visibility=` is rejected, and not needed: records contain the visibility.",
            ),
            Err(error) => Check::warn(
                check,
                format!("`{name}` is rejected: {}", sentence(&error)),
                "solform does without the filter where it can. What it cannot find out is unknown, \
                 and is left alone.",
            ),
        });
    }
}
