//! A small instance for reading: its records, and every way in which a server may list them.

use serde_json::{Value, json};

use super::scripted::{Asked, Reply};

/// The form in which a page announces the next page (docs/platform.md, 8.1, 8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// As documented.
    Wrapped,
    Bare,
    Texts,
    /// Neither key.
    Silent,
    HasMoreOnly,
    NextOnly,
    /// `has_more: true` with `next_offset: -1` on every page.
    AlwaysMore,
    /// `has_more: false` with a forward `next_offset` on every page.
    NeverMore,
}

impl Form {
    pub(crate) const ALL: [Self; 8] = [
        Self::Wrapped,
        Self::Bare,
        Self::Texts,
        Self::Silent,
        Self::HasMoreOnly,
        Self::NextOnly,
        Self::AlwaysMore,
        Self::NeverMore,
    ];
}

/// The behaviour of a list without `state=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stateless {
    ShowsAll,
    ShowsActive,
    /// Refused with this status.
    Refused(u16),
}

/// The behaviour of `name=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ByName {
    Exact,
    Prefix,
    Ignored,
    /// The filter never finds anything.
    Broken,
}

/// The lists and records that show the visibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    InRecords,
    ByFilter,
    /// The filter changes nothing.
    FilterIgnored,
    /// `PENDING_REVIEW` is refused as a filter.
    NoPending,
}

/// A version on the instance.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) state: &'static str,
    pub(crate) visibility: &'static str,
}

/// The instance and the behaviour of its server.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) entries: Vec<Entry>,
    pub(crate) cap: usize,
    pub(crate) form: Form,
    pub(crate) stateless: Stateless,
    pub(crate) by_name: ByName,
    pub(crate) seen: Seen,
    /// The maximum `limit` that is accepted, and the status that refuses a greater one; with 200
    /// the answer is empty.
    pub(crate) greatest_limit: Option<(usize, u16)>,
    /// True if `PRODUCTION` is accepted as a filter.
    pub(crate) knows_production: bool,
}

impl Instance {
    /// Returns `size` versions, two of each name, every third name with one that is out of service.
    pub(crate) fn of(size: usize) -> Self {
        let entries = (0..size)
            .map(|index| Entry {
                id: format!("id-{index}"),
                name: format!("Solution {}", index / 2),
                version: format!("1.{}", index % 2),
                state: if index % 6 == 0 { "INACTIVE" } else { "ACTIVE" },
                visibility: ["PUBLIC", "PRIVATE", "PRIVATE", "PENDING_REVIEW"][index % 4],
            })
            .collect();
        Self {
            entries,
            cap: 100,
            form: Form::Wrapped,
            stateless: Stateless::ShowsAll,
            by_name: ByName::Exact,
            seen: Seen::InRecords,
            greatest_limit: None,
            knows_production: true,
        }
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.entries.iter().map(|entry| entry.id.clone()).collect();
        ids.sort();
        ids
    }

    /// Returns the answer to a list.
    pub(crate) fn answer(&self, asked: &Asked) -> Reply {
        assert_eq!(
            asked.line().split('?').next(),
            Some("GET /api/v2/solutions/deployed")
        );
        let number = |key: &str| {
            asked
                .query
                .get(key)
                .map(|text| text.parse::<usize>().unwrap())
        };
        let refused = |status| Reply::text(status, r#"{"message":"not understood"}"#);
        let limit = number("limit");
        if let (Some(limit), Some((greatest, status))) = (limit, self.greatest_limit)
            && limit > greatest
        {
            return match status {
                200 => Reply::json(&json!({"solutions": []})),
                status => refused(status),
            };
        }
        let state = asked.query.get("state").map(String::as_str);
        let visibility = asked.query.get("visibility").map(String::as_str);
        match (state, self.stateless) {
            (None, Stateless::Refused(status)) => return refused(status),
            (Some("PRODUCTION"), _) if !self.knows_production => return refused(400),
            _ => {}
        }
        if visibility == Some("PENDING_REVIEW") && self.seen == Seen::NoPending {
            return refused(400);
        }
        let name = asked.query.get("name");
        let found: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| match (state, self.stateless) {
                (Some(state), _) => entry.state == state,
                (None, Stateless::ShowsActive) => entry.state == "ACTIVE",
                (None, _) => true,
            })
            .filter(|entry| match (name, self.by_name) {
                (None, _) | (Some(_), ByName::Ignored) => true,
                (Some(name), ByName::Exact) => entry.name == *name,
                (Some(name), ByName::Prefix) => entry.name.starts_with(name),
                (Some(_), ByName::Broken) => false,
            })
            .filter(|entry| {
                self.seen == Seen::FilterIgnored
                    || visibility.is_none_or(|word| entry.visibility == word)
            })
            .collect();
        let offset = number("offset").unwrap_or(0).min(found.len());
        let size = limit.unwrap_or(20).min(self.cap);
        let end = (offset + size).min(found.len());
        let solutions: Vec<Value> = found[offset..end]
            .iter()
            .map(|entry| self.record(entry))
            .collect();
        Reply::json(&self.page(&solutions, end < found.len(), end))
    }

    fn record(&self, entry: &Entry) -> Value {
        let mut record = json!({
            "id": entry.id, "name": entry.name, "version": entry.version, "owner": "svc",
            "createdAtMs": 12345, "updatedAtMs": "12345", "summary": "No summary",
            "state": entry.state, "author": "svc",
        });
        if self.seen == Seen::InRecords {
            record["visibility"] = entry.visibility.into();
        }
        record
    }

    /// Returns a page in this server's form.
    pub(crate) fn page(&self, solutions: &[Value], has_more: bool, end: usize) -> Value {
        let next = if has_more {
            i64::try_from(end).unwrap()
        } else {
            -1
        };
        let mut page = json!({ "solutions": solutions });
        match self.form {
            Form::Wrapped => {
                page["has_more"] = json!([has_more]);
                page["next_offset"] = json!([next]);
            }
            Form::Bare => {
                page["has_more"] = json!(has_more);
                page["next_offset"] = json!(next);
            }
            Form::Texts => {
                page["has_more"] = json!(has_more.to_string());
                page["next_offset"] = json!(next.to_string());
            }
            Form::Silent => {}
            Form::HasMoreOnly => page["has_more"] = json!(has_more),
            Form::NextOnly => page["next_offset"] = json!(next),
            Form::AlwaysMore => {
                page["has_more"] = json!(true);
                page["next_offset"] = json!(-1);
            }
            Form::NeverMore => {
                page["has_more"] = json!([false]);
                page["next_offset"] = json!([end]);
            }
        }
        page
    }
}
