//! The request log: what clients have asked, in the order of arrival.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::routes::Operation;

/// How many requests the log remembers; the oldest go first.
const CAPACITY: usize = 100_000;

/// One request and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestRecord {
    /// The method.
    pub method: String,
    /// The path, as it was sent.
    pub path: String,
    /// The query string, as it was sent and without the question mark; empty if there was none.
    pub query: String,
    /// What the request meant; nothing, if there is no such route.
    pub operation: Option<Operation>,
    /// The status of the answer; nothing, while the request is worked on or if its sender has left.
    pub status: Option<u16>,
    /// The number of the fault rule that struck it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<u64>,
}

/// The log of one emulator.
#[derive(Debug, Default)]
pub(crate) struct RequestLog(Mutex<Records>);

#[derive(Debug, Default)]
struct Records {
    records: VecDeque<RequestRecord>,
    /// The number of the first record that is still there.
    first: usize,
}

/// The number of a record, to note its answer by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket(usize);

impl RequestLog {
    /// Notes a request when it arrives.
    pub(crate) fn arrive(&self, record: RequestRecord) -> Ticket {
        let mut log = self.lock();
        if log.records.len() == CAPACITY {
            log.records.pop_front();
            log.first += 1;
        }
        log.records.push_back(record);
        Ticket(log.first + log.records.len() - 1)
    }

    /// Notes the answer; a record that was cleared meanwhile stays cleared.
    pub(crate) fn answer(&self, ticket: Ticket, status: Option<u16>) {
        let mut log = self.lock();
        let index = ticket.0.checked_sub(log.first);
        if let Some(record) = index.and_then(|index| log.records.get_mut(index)) {
            record.status = status;
        }
    }

    /// Notes that a fault rule has struck the request.
    pub(crate) fn strike(&self, ticket: Ticket, fault: u64) {
        let mut log = self.lock();
        let index = ticket.0.checked_sub(log.first);
        if let Some(record) = index.and_then(|index| log.records.get_mut(index)) {
            record.fault = Some(fault);
        }
    }

    pub(crate) fn records(&self) -> Vec<RequestRecord> {
        self.lock().records.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        let mut log = self.lock();
        log.first += log.records.len();
        log.records.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Records> {
        // The log is whole after every step, so a panic elsewhere has not broken it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_find_their_requests_even_after_a_clear() {
        let record = |path: &str| RequestRecord {
            method: "GET".to_owned(),
            path: path.to_owned(),
            query: String::new(),
            operation: None,
            status: None,
            fault: None,
        };
        let log = RequestLog::default();
        let first = log.arrive(record("/1"));
        log.clear();
        let second = log.arrive(record("/2"));
        log.answer(first, Some(500));
        log.answer(second, Some(200));
        let records = log.records();
        assert_eq!(records.len(), 1);
        assert_eq!(
            (records[0].path.as_str(), records[0].status),
            ("/2", Some(200))
        );
    }
}
