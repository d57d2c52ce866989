//! The request log: the requests of clients, in the order of arrival.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::operation::Operation;

/// The maximum number of requests in the log; the oldest are removed first.
const CAPACITY: usize = 100_000;

/// A request and its answer in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestRecord {
    /// The HTTP method, in upper case.
    pub method: String,
    /// The path as sent, not decoded.
    pub path: String,
    /// The query string as sent, without the question mark; empty if there was none.
    pub query: String,
    /// The operation of the request; `None` if no route matches.
    pub operation: Option<Operation>,
    /// The HTTP status of the answer; `None` while the request is in progress, if the client has
    /// disconnected, or if a fault closed the connection.
    pub status: Option<u16>,
    /// The number of the fault rule that hit the request, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<u64>,
}

/// The log of one emulator.
#[derive(Debug, Default)]
pub(crate) struct RequestLog(Mutex<Records>);

#[derive(Debug, Default)]
struct Records {
    records: VecDeque<RequestRecord>,
    /// The number of the first record that is still in the log.
    first: usize,
}

/// The number of a record, with which its answer is recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ticket(usize);

impl RequestLog {
    /// Records a request when it arrives.
    pub(crate) fn record_arrival(&self, record: RequestRecord) -> Ticket {
        let mut log = self.lock();
        if log.records.len() == CAPACITY {
            log.records.pop_front();
            log.first += 1;
        }
        log.records.push_back(record);
        Ticket(log.first + log.records.len() - 1)
    }

    /// Records the answer.
    pub(crate) fn record_answer(&self, ticket: Ticket, status: Option<u16>) {
        self.update(ticket, |record| record.status = status);
    }

    /// Records that a fault rule has hit the request.
    pub(crate) fn record_fault(&self, ticket: Ticket, fault: u64) {
        self.update(ticket, |record| record.fault = Some(fault));
    }

    /// Changes a record. Does nothing if the log was cleared meanwhile.
    fn update(&self, ticket: Ticket, change: impl FnOnce(&mut RequestRecord)) {
        let mut log = self.lock();
        let index = ticket.0.checked_sub(log.first);
        if let Some(record) = index.and_then(|index| log.records.get_mut(index)) {
            change(record);
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
        // No step leaves the log inconsistent, so a panic elsewhere has not broken it.
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
        let first = log.record_arrival(record("/1"));
        log.clear();
        let second = log.record_arrival(record("/2"));
        log.record_answer(first, Some(500));
        log.record_answer(second, Some(200));
        let records = log.records();
        assert_eq!(records.len(), 1);
        assert_eq!(
            (records[0].path.as_str(), records[0].status),
            ("/2", Some(200))
        );
    }
}
