//! The active fault rules: they choose the rule for each request and count the hits.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{StatusCode, header};

use super::fault::{Fault, FaultStatus, RetryAfter, When};
use crate::call::Call;
use crate::operation::Operation;
use crate::reply::{self, Reply};

/// The number of bytes of a body that a pattern is compared with: a JSON body in full, and only the
/// start of an upload.
const BODY_SEEN: usize = 64 << 10;

/// All rules, in the order in which they are tried.
#[derive(Debug)]
pub(crate) struct FaultRules {
    rules: Mutex<Rules>,
    /// The base seed for rules without a seed of their own.
    seed: u64,
}

#[derive(Debug, Default)]
struct Rules {
    rules: Vec<Rule>,
    last_id: u64,
}

#[derive(Debug)]
struct Rule {
    id: u64,
    fault: Arc<Fault>,
    choice: fastrand::Rng,
    matched: u32,
    hits: u32,
}

impl FaultRules {
    pub(crate) fn new(faults: impl IntoIterator<Item = Fault>, seed: u64) -> Self {
        let rules = Self {
            rules: Mutex::default(),
            seed,
        };
        for fault in faults {
            rules.add(fault);
        }
        rules
    }

    /// Adds a rule after the others and returns its number.
    pub(crate) fn add(&self, fault: Fault) -> u64 {
        let mut rules = self.lock();
        rules.last_id += 1;
        let id = rules.last_id;
        let seed = fault.seed.unwrap_or(self.seed.wrapping_add(id));
        rules.rules.push(Rule {
            id,
            fault: Arc::new(fault),
            choice: fastrand::Rng::with_seed(seed),
            matched: 0,
            hits: 0,
        });
        id
    }

    /// Removes a rule. Returns true if it existed.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let rules = &mut self.lock().rules;
        let before = rules.len();
        rules.retain(|rule| rule.id != id);
        rules.len() < before
    }

    pub(crate) fn clear(&self) {
        self.lock().rules.clear();
    }

    pub(crate) fn statuses(&self) -> Vec<FaultStatus> {
        let rules = self.lock();
        let status = |rule: &Rule| FaultStatus {
            id: rule.id,
            rule: rule.fault.to_string(),
            matched: rule.matched,
            hits: rule.hits,
        };
        rules.rules.iter().map(status).collect()
    }

    /// Tries the rules in order. The first that hits takes the request; later rules do not see it.
    /// Returns its number and the rule.
    pub(crate) fn match_fault(
        &self,
        operation: Option<Operation>,
        call: &Call,
    ) -> Option<(u64, Arc<Fault>)> {
        let mut rules = self.lock();
        let rules = rules.rules.iter_mut();
        let mut matching = rules.filter(|rule| fits(&rule.fault, operation, call));
        let rule = matching.find_map(|rule| rule.count().then_some(rule))?;
        Some((rule.id, Arc::clone(&rule.fault)))
    }

    fn lock(&self) -> MutexGuard<'_, Rules> {
        // No step leaves the rules inconsistent, so a panic elsewhere has not broken them.
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    /// Returns the delay of the request before or after the work.
    pub(crate) fn delay_at(&self, when: When) -> Duration {
        let delay = self.delay.filter(|_| self.when == when);
        delay.unwrap_or_default()
    }

    /// Returns the answer that replaces the real one, if the rule has one. `now_ms` reads the time.
    pub(crate) fn reply(&self, now_ms: impl FnOnce() -> u64) -> Option<Reply> {
        if !self.replaces_answer() {
            return None;
        }
        let status = match (self.status, &self.retry_after) {
            (Some(status), _) => StatusCode::from_u16(status).unwrap_or_default(),
            (None, Some(_)) => StatusCode::SERVICE_UNAVAILABLE,
            (None, None) => StatusCode::OK,
        };
        let mut reply = reply::error(status, self.text(), self.body.unwrap_or_default());
        reply.connection = self.connection;
        let value = match &self.retry_after {
            None => return Some(reply),
            Some(RetryAfter::Date(seconds)) => {
                reply::http_date(now_ms().saturating_add(seconds.saturating_mul(1_000)))
            }
            Some(value) => value.to_string(),
        };
        Some(reply.with(header::RETRY_AFTER, &value))
    }
}

impl Rule {
    /// Counts a matching request. Returns true if the rule hits it.
    fn count(&mut self) -> bool {
        self.matched += 1;
        let is_due = self.matched > self.fault.skip
            && self.fault.times.is_none_or(|times| self.hits < times);
        let share = self.fault.probability;
        let is_hit = is_due && share.is_none_or(|share| self.choice.f64() < share);
        self.hits += u32::from(is_hit);
        is_hit
    }
}

fn fits(fault: &Fault, operation: Option<Operation>, call: &Call) -> bool {
    let method = call.parts.method.as_str();
    fault.method.as_ref().is_none_or(|wanted| wanted == method)
        && fault
            .operation
            .is_none_or(|wanted| operation == Some(wanted))
        && fault.address.as_ref().is_none_or(|pattern| {
            matches_pattern(pattern, &call.decoded_path())
                || matches_pattern(pattern, &call.decoded_address())
        })
        && fault.request.as_ref().is_none_or(|pattern| {
            let start = &call.body[..call.body.len().min(BODY_SEEN)];
            matches_pattern(pattern, &String::from_utf8_lossy(start))
        })
}

/// Returns true if the text fits the pattern, in which `*` is any text and `?` any character.
/// Backtracking goes to the last star only, so the time is at most the product of both lengths.
pub(crate) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut text_index) = (0, 0);
    let mut star = None;
    while text_index < text.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, text_index));
            at += 1;
        } else if pattern
            .get(at)
            .is_some_and(|&c| c == '?' || c == text[text_index])
        {
            at += 1;
            text_index += 1;
        } else if let Some((star_at, taken)) = star {
            star = Some((star_at, taken + 1));
            at = star_at + 1;
            text_index = taken + 1;
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|&c| c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_know_stars_and_question_marks() {
        for (pattern, text, wanted) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "a/b", true),
            ("a*c", "abbc", true),
            ("a*c", "abbcd", false),
            ("*b*", "abc", true),
            ("*ab*ab", "abxabyab", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a**", "a", true),
        ] {
            assert_eq!(matches_pattern(pattern, text), wanted, "{pattern} {text}");
        }
        let hard = "a".repeat(2_000);
        assert!(!matches_pattern(&format!("{}b", "*a".repeat(500)), &hard));
    }
}
