//! Ranges of files on the platform's file system (docs/platform.md, "Files").

use std::ops::Range;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE};

use crate::api::http::answer::{Answer, LIST_LIMIT};
use crate::api::http::client::Client;
use crate::api::http::error::{ApiError, ApiErrorKind};
use crate::api::http::send::Call;
use crate::api::records::is_gone;
use crate::file_part::FilePart;

/// A reader of files. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Files {
    client: Client,
    /// True if the progress of reads names its parts.
    is_shown: bool,
}

impl Files {
    /// Creates a reader of files over this client.
    pub fn new(client: Client) -> Self {
        Self {
            client,
            is_shown: true,
        }
    }

    /// Returns a reader whose reads are part of another operation, which shows its own progress.
    #[must_use]
    pub fn unshown(self) -> Self {
        Self {
            is_shown: false,
            ..self
        }
    }

    /// Returns the number of files to read at the same time. It does not grow: a server without
    /// support for ranges sends whole files.
    pub fn reads_at_once(&self) -> usize {
        self.client.0.limiter.base_reads()
    }

    /// Returns the content of a file without any known secret.
    pub fn clean(&self, text: Vec<u8>) -> Vec<u8> {
        self.client.0.secrets.redact_input(&text).unwrap_or(text)
    }

    /// Returns whether a path is a folder. Sends a HEAD (docs/platform.md, "Files").
    pub async fn is_folder(&self, path: &str) -> Result<bool, ApiError> {
        let call = Call::new(self.client.0.routes.node(path), LIST_LIMIT);
        self.client
            .read(&call, |answer| {
                let content_type = answer.headers.get(CONTENT_TYPE);
                let is_json = content_type
                    .and_then(|value| value.to_str().ok())
                    .is_some_and(|value| value.starts_with("application/json"));
                match answer.status {
                    _ if is_gone(answer) => Ok(false),
                    status if status.is_success() => Ok(is_json),
                    _ => Err(ApiErrorKind::Status),
                }
            })
            .await
    }

    /// Reads a part of a file. `None` if there is no such file. A server without support for ranges
    /// sends the whole file, which is accepted up to 64 MiB; the part of an empty file is empty.
    pub async fn read(&self, path: &str, range: Range<u64>) -> Result<Option<FilePart>, ApiError> {
        let _reading = self.is_shown.then(|| self.client.reading_file());
        let mut call = Call::new(self.client.0.routes.file(path), LIST_LIMIT);
        call.range = Some((range.start, range.end.saturating_sub(1)));
        call.is_transfer = true;
        self.client
            .read(&call, |answer| {
                if is_gone(answer) {
                    return Ok(None);
                }
                part(answer, range.start).map(Some)
            })
            .await
    }
}

fn part(answer: &Answer, asked_from: u64) -> Result<FilePart, ApiErrorKind> {
    let sent_range = answer
        .headers
        .get(CONTENT_RANGE)
        .and_then(|value| value.to_str().ok())
        .and_then(content_range);
    let (start, total) = match answer.status {
        StatusCode::OK => (0, Some(answer.body.len() as u64)),
        StatusCode::PARTIAL_CONTENT => {
            let (start, total) = sent_range.unwrap_or_default();
            (start.unwrap_or(asked_from), total)
        }
        StatusCode::RANGE_NOT_SATISFIABLE => match sent_range {
            Some((_, Some(total))) if total <= asked_from => {
                return Ok(FilePart {
                    start: asked_from,
                    bytes: Bytes::new(),
                    total: Some(total),
                });
            }
            _ => return Err(ApiErrorKind::Status),
        },
        status if status.is_success() => {
            let detail = "a file's content was expected".to_owned();
            return Err(ApiErrorKind::Shape(detail));
        }
        _ => return Err(ApiErrorKind::Status),
    };
    Ok(FilePart {
        start,
        bytes: answer.body.clone(),
        total,
    })
}

/// Parses `bytes 0-99/1234`, `bytes 0-99/*` and `bytes */1234`.
fn content_range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes")?.trim().split_once('/')?;
    let start = range
        .split_once('-')
        .and_then(|(first, _)| first.trim().parse().ok());
    Some((start, total.trim().parse().ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges() {
        for (text, expected) in [
            ("bytes 0-99/1234", Some((Some(0), Some(1234)))),
            ("bytes 100-199/*", Some((Some(100), None))),
            ("bytes */0", Some((None, Some(0)))),
            ("items 0-1/2", None),
            ("nonsense", None),
        ] {
            assert_eq!(content_range(text), expected, "{text}");
        }
    }
}
