//! The part of the Filesystem API v2 that releases need.

use std::ops::Range;

use axum::http::{StatusCode, header};
use serde_json::{Value, json};

use super::job_status::FILE_JOB;
use super::tasks::accepted;
use crate::call::{Call, required_field};
use crate::path::NodePath;
use crate::refusal::Refusal;
use crate::reply::{self, Answer, Reply};
use crate::state::files::{BAD_CURSOR, Cursor, Node};
use crate::state::world::World;

/// The content types with which HEAD reports the type of a node.
const FILE_TYPE: &str = "application/octet-stream";
const FOLDER_TYPE: &str = "application/json";

pub(super) fn read(world: &mut World, call: &Call) -> Answer {
    let path = NodePath::parse(&call.parameter)?;
    wait_out_lag(world, call, &path)?;
    match call.query.get("expect-node-type") {
        Some("file") => read_file(world, call, &path),
        Some("folder") => list_folder(world, call, &path),
        Some(_) => Err(Refusal::BadField("expect-node-type", "file or folder")),
        None => Err(Refusal::MissingField("expect-node-type")),
    }
}

fn read_file(world: &World, call: &Call, path: &NodePath) -> Answer {
    let (node, content) = world.files.file(path)?;
    let length = content.length();
    let range = call.header("range");
    let range = range.and_then(|text| parse_range(text, length));
    let reply = match range {
        None => Reply::file(StatusCode::OK, FILE_TYPE, content, 0..length),
        Some(range) if range.is_empty() => return Err(Refusal::RangeOutside { length }),
        Some(range) => {
            let content_range = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            Reply::file(StatusCode::PARTIAL_CONTENT, FILE_TYPE, content, range)
                .with(header::CONTENT_RANGE, &content_range)
        }
    };
    Ok(reply
        .with(header::ACCEPT_RANGES, "bytes")
        .with(header::LAST_MODIFIED, &reply::http_date(node.modified_ms)))
}

/// Parses `bytes=a-b`, `bytes=a-` or `bytes=-n`. As in HTTP, anything else counts as no range. A
/// range outside of the file becomes empty.
fn parse_range(text: &str, length: usize) -> Option<Range<usize>> {
    let (first, last) = text.strip_prefix("bytes=")?.trim().split_once('-')?;
    let (first, end) = match (first, last) {
        ("", count) => (length.saturating_sub(count.parse().ok()?), length),
        (first, "") => (first.parse().ok()?, length),
        (first, last) => {
            let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
            if last < first {
                return None;
            }
            (first, last.saturating_add(1))
        }
    };
    Some(first.min(length)..end.min(length))
}

fn list_folder(world: &World, call: &Call, path: &NodePath) -> Answer {
    let bad_token = Refusal::BadField("start-token", "the token of an earlier page");
    let after = match call.query.get("start-token") {
        Some(token) => Some(decode_token(token).ok_or(bad_token)?),
        None => None,
    };
    let page = usize::try_from(world.knobs.folder_page).unwrap_or(usize::MAX);
    let page = world.files.folder(path, after.as_deref(), page.max(1))?;
    let nodes = page.nodes.iter();
    let nodes: Vec<Value> = nodes.map(|(path, node)| describe(path, node)).collect();
    Ok(Reply::ok(&json!({
        "nodes": nodes,
        "has_more": page.next.is_some(),
        "next_page_token": page.next.map(encode_token),
    })))
}

fn describe(path: &NodePath, node: &Node) -> Value {
    let (node_type, size) = match &node.content {
        Some(content) => ("file", content.length()),
        None => ("folder", 0),
    };
    json!({
        "name": path.name(),
        "full_path": path.as_str(),
        "metadata": {
            "node_type": node_type,
            "size": size,
            "modified_timestamp": node.modified_ms / 1_000,
        },
        "perms": { "can_read": true, "can_write": true, "can_delete": true },
    })
}

// A page token is the last name of the previous page in hexadecimal, so that clients do not build
// tokens themselves.

fn encode_token(name: &str) -> String {
    name.bytes()
        .fold(String::new(), |token, byte| format!("{token}{byte:02x}"))
}

fn decode_token(token: &str) -> Option<String> {
    let digits = token.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let bytes = digits.chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    String::from_utf8(bytes.collect::<Option<_>>()?).ok()
}

pub(super) fn head(world: &mut World, call: &Call) -> Answer {
    let path = NodePath::parse(&call.parameter)?;
    wait_out_lag(world, call, &path)?;
    let node = world.files.node(&path)?;
    Ok(match &node.content {
        None => Reply::bytes(StatusCode::OK, FOLDER_TYPE, "".into()),
        // Length and time are sent for files only.
        Some(content) => Reply::bytes(StatusCode::OK, FILE_TYPE, "".into())
            .with(header::CONTENT_LENGTH, &content.length().to_string())
            .with(header::ACCEPT_RANGES, "bytes")
            .with(header::LAST_MODIFIED, &reply::http_date(node.modified_ms)),
    })
}

pub(super) fn write(world: &mut World, call: &Call) -> Answer {
    let path = NodePath::parse(&call.parameter)?;
    let only_new = call.header("if-none-match").map(str::trim) == Some("*");
    note_new(world, &path);
    world.files.write(&path, call.file.clone(), only_new)?;
    Ok(if only_new {
        let address = format!("/api/v2/files/{}", encode_path(&path));
        Reply::empty(StatusCode::CREATED).with(header::LOCATION, &address)
    } else {
        Reply::empty(StatusCode::NO_CONTENT)
    })
}

pub(super) fn write_chunk(world: &mut World, call: &Call) -> Answer {
    let path = NodePath::parse(&call.parameter)?;
    let cursor = call
        .header("ib-cursor")
        .ok_or(Refusal::MissingField("IB-Cursor"))?;
    let cursor = match cursor.trim().parse::<i64>() {
        Ok(-1) => Cursor::End,
        Ok(position) => Cursor::At(usize::try_from(position).map_err(|_| BAD_CURSOR)?),
        Err(_) => return Err(BAD_CURSOR),
    };
    let rule = world.knobs.cursor_zero;
    note_new(world, &path);
    world
        .files
        .write_chunk(&path, call.file.clone(), cursor, rule)?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}

pub(super) fn create(world: &mut World, call: &Call) -> Answer {
    let parent = NodePath::parse(&call.parameter)?;
    let fields = call.object()?;
    let path = parent.child(&required_field(&fields, "name")?)?;
    let folder = match required_field(&fields, "node_type")?.as_str() {
        "folder" => true,
        "file" => false,
        _ => return Err(Refusal::BadField("node_type", "file or folder")),
    };
    world.files.create(&path, folder)?;
    let node = world.files.node(&path)?;
    Ok(Reply::json(StatusCode::CREATED, &describe(&path, node)))
}

/// Deletes at once, but answers like the platform, where this is a job: with 202, even if there was
/// no such node.
pub(super) fn delete(world: &mut World, call: &Call) -> Answer {
    world.files.remove(&NodePath::parse(&call.parameter)?);
    let job = format!("{FILE_JOB}{}", world.counters.ids.next_id());
    Ok(accepted(world, call, &job))
}

/// Records that a new file is about to be created, if reads find new files late.
fn note_new(world: &mut World, path: &NodePath) {
    if world.knobs.file_lag > 0 && world.files.node(path).is_err() {
        world.file_lag.insert(path.clone(), world.knobs.file_lag);
    }
}

/// Returns an error if a file is too new for reads. The server itself retries as often as the
/// header `IB-Retry-Config` asks for, and each retry counts as a read.
fn wait_out_lag(world: &mut World, call: &Call, path: &NodePath) -> Result<(), Refusal> {
    let Some(left) = world.file_lag.get_mut(path) else {
        return Ok(());
    };
    let config = call.header("ib-retry-config");
    let config: Option<Value> = config.and_then(|text| serde_json::from_str(text).ok());
    let retries = config.and_then(|config| config["retries"].as_u64());
    let reads = u32::try_from(retries.unwrap_or(0).saturating_add(1)).unwrap_or(u32::MAX);
    let is_found = reads > *left;
    *left = left.saturating_sub(reads);
    if *left == 0 {
        world.file_lag.remove(path);
    }
    if is_found {
        Ok(())
    } else {
        Err(Refusal::NoSuchNode(path.clone()))
    }
}

fn encode_path(path: &NodePath) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

    const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~')
        .remove(b'/');
    utf8_percent_encode(path.as_str(), SEGMENT).to_string()
}
