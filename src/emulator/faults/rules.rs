//! The rules in force: which of them strikes a request, and what it has struck so far.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{StatusCode, header};

use super::{ConnectionFault, Fault, FaultStatus, RetryAfter, When};
use crate::emulator::knobs::Knobs;
use crate::emulator::reply::{self, Ending, Reply};
use crate::emulator::routes::{Call, Operation};
use crate::emulator::world::{Twist, World};

/// How much of a body a pattern gets to see: all of one that is JSON, little of an upload.
const BODY_SEEN: usize = 64 << 10;

/// All rules, in the order in which they are asked.
#[derive(Debug)]
pub(crate) struct FaultRules {
    rules: Mutex<Rules>,
    /// What the choices of rules without a seed start from.
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
    struck: u32,
}

/// A rule that takes a request.
#[derive(Debug, Clone)]
pub(crate) struct Strike {
    pub(crate) id: u64,
    pub(crate) fault: Arc<Fault>,
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

    /// Adds a rule behind the others and tells its number.
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
            struck: 0,
        });
        id
    }

    /// Removes a rule and says whether it was there.
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
            struck: rule.struck,
        };
        rules.rules.iter().map(status).collect()
    }

    /// Asks the rules in their order; the first that strikes takes the request, and those behind
    /// it do not get to see it.
    pub(crate) fn strike(&self, operation: Option<Operation>, call: &Call) -> Option<Strike> {
        let mut rules = self.lock();
        let mut matching = rules
            .rules
            .iter_mut()
            .filter(|rule| fits(&rule.fault, operation, call));
        let rule = matching.find_map(|rule| rule.count().then_some(rule))?;
        Some(Strike {
            id: rule.id,
            fault: Arc::clone(&rule.fault),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Rules> {
        // The rules are whole after every step, so a panic elsewhere has not broken them.
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Strike {
    /// Turns the world to what the rule wants for one request, and gives back the knobs that held
    /// before, if the rule turns any.
    pub(crate) fn twist(&self, world: &mut World) -> Option<Knobs> {
        let fault = &self.fault;
        world.twist = Twist {
            job: fault.job,
            pace: fault.job_pace(),
            list_lag: fault.list_lag,
            text: fault.text.clone(),
        };
        if fault.knobs.is_empty() {
            return None;
        }
        let before = world.knobs.clone();
        for (name, value) in &fault.knobs {
            let turned = world.knobs.set(name, value);
            turned.expect("invariant: a rule's knobs were tried when it was read");
        }
        Some(before)
    }

    /// How long the request waits at this point.
    pub(crate) fn delay(&self, when: When) -> Duration {
        let delay = self.fault.delay.filter(|_| self.fault.when == when);
        delay.unwrap_or_default()
    }

    /// How the answer ends.
    pub(crate) fn ending(&self) -> Ending {
        match self.fault.connection {
            None => Ending::Whole,
            Some(ConnectionFault::Drop) => Ending::Dropped,
            Some(ConnectionFault::Truncate) => Ending::Truncated,
            Some(ConnectionFault::Endless) => Ending::Endless,
        }
    }

    /// The answer in place of the real one, if the rule has one.
    pub(crate) fn reply(&self, now_ms: u64) -> Option<Reply> {
        let fault = &self.fault;
        if !fault.replaces_answer() {
            return None;
        }
        let status = match (fault.status, &fault.retry_after) {
            (Some(status), _) => StatusCode::from_u16(status).unwrap_or_default(),
            (None, Some(_)) => StatusCode::SERVICE_UNAVAILABLE,
            (None, None) => StatusCode::OK,
        };
        let text = fault
            .text
            .as_deref()
            .unwrap_or("the fault rules want it so");
        let mut reply = reply::error(status, text, fault.body.unwrap_or_default());
        reply.ending = self.ending();
        let wish = fault.retry_after.as_ref().map(|wish| match wish {
            RetryAfter::Seconds(seconds) => seconds.to_string(),
            RetryAfter::Date(seconds) => {
                reply::http_date(now_ms.saturating_add(seconds.saturating_mul(1_000)))
            }
            RetryAfter::Text(text) => text.clone(),
        });
        if let Some(wish) = wish {
            reply = reply.with(header::RETRY_AFTER, &wish);
        }
        Some(reply)
    }
}

impl Rule {
    /// Counts a request that fits and says whether it is struck.
    fn count(&mut self) -> bool {
        self.matched += 1;
        let is_due = self.matched > self.fault.skip
            && self.fault.times.is_none_or(|times| self.struck < times);
        let share = self.fault.probability;
        let is_struck = is_due && share.is_none_or(|share| self.choice.f64() < share);
        self.struck += u32::from(is_struck);
        is_struck
    }
}

fn fits(fault: &Fault, operation: Option<Operation>, call: &Call) -> bool {
    let method = call.method.as_str();
    fault.method.as_ref().is_none_or(|wanted| wanted == method)
        && fault
            .operation
            .is_none_or(|wanted| operation == Some(wanted))
        && fault.address.as_ref().is_none_or(|pattern| {
            matches_pattern(pattern, &call.decoded_path())
                || matches_pattern(pattern, &call.decoded_address())
        })
        && fault.request.as_ref().is_none_or(|pattern| {
            matches_pattern(
                pattern,
                &String::from_utf8_lossy(&call.body[..call.body.len().min(BODY_SEEN)]),
            )
        })
}

/// Whether a text fits a pattern in which `*` is any text and `?` any character. The walk steps
/// back to the last star only, so it takes no longer than the product of both lengths.
pub(crate) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut place) = (0, 0);
    let mut star = None;
    while place < text.len() {
        if pattern.get(at) == Some(&'*') {
            star = Some((at, place));
            at += 1;
        } else if pattern
            .get(at)
            .is_some_and(|&c| c == '?' || c == text[place])
        {
            at += 1;
            place += 1;
        } else if let Some((star_at, taken)) = star {
            star = Some((star_at, taken + 1));
            at = star_at + 1;
            place = taken + 1;
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
