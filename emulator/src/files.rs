//! The virtual file system of the Filesystem API: folders and files under slash-separated paths.

mod tree;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::content::{Chunk, Content};
use super::knobs::CursorZero;
use super::refusal::Refusal;
use super::tracked::Tracked;

/// The path of a node: segments that are neither empty nor `.` nor `..`, joined by slashes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodePath(String);

impl NodePath {
    /// Parses a path; one slash at either end is allowed.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let inner = text.strip_prefix('/').unwrap_or(text);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let good = inner
            .split('/')
            .all(|segment| !matches!(segment, "" | "." | "..") && !segment.contains('\0'));
        if good && inner.len() <= 4096 {
            Ok(Self(inner.to_owned()))
        } else {
            Err(Refusal::BadPath {
                path: text.to_owned(),
            })
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    fn parent(&self) -> Option<Self> {
        let (parent, _) = self.0.rsplit_once('/')?;
        Some(Self(parent.to_owned()))
    }

    /// Returns the path of the node with this name in this folder.
    pub(crate) fn child(&self, name: &str) -> Result<Self, Refusal> {
        if name.contains('/') {
            return Err(Refusal::BadPath {
                path: name.to_owned(),
            });
        }
        Self::parse(&format!("{}/{name}", self.0))
    }

    /// Returns the prefix of the keys of everything inside this folder.
    fn inside(&self) -> Self {
        Self(format!("{}/", self.0))
    }
}

impl fmt::Display for NodePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A folder or a file.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) modified_ms: u64,
    /// The bytes of a file; `None` for a folder.
    pub(crate) content: Option<Content>,
}

/// A page of a folder.
#[derive(Debug)]
pub(crate) struct FolderPage<'a> {
    pub(crate) nodes: Vec<(&'a NodePath, &'a Node)>,
    /// The last name of this page, if there is a next page.
    pub(crate) next: Option<&'a str>,
}

/// The position at which a chunk of an upload is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cursor {
    At(u64),
    End,
}

/// The whole file system.
#[derive(Debug, Default)]
pub(crate) struct Files {
    nodes: Tracked<NodePath, Node>,
    next_chunk: u64,
}

impl Files {
    /// Creates the file system from the contents of a data folder.
    pub(crate) fn restored(nodes: BTreeMap<NodePath, Node>) -> Self {
        let chunks = nodes.values().flat_map(|node| node.content.iter());
        let next_chunk = chunks
            .flat_map(Content::chunks)
            .map(|chunk| chunk.id + 1)
            .max()
            .unwrap_or(0);
        Self {
            nodes: Tracked::restored(nodes),
            next_chunk,
        }
    }

    pub(crate) fn node(&self, path: &NodePath) -> Result<&Node, Refusal> {
        self.nodes
            .get(path)
            .ok_or_else(|| Refusal::NoSuchNode { path: path.clone() })
    }

    pub(crate) fn file(&self, path: &NodePath) -> Result<(&Node, &Content), Refusal> {
        let node = self.node(path)?;
        match &node.content {
            Some(content) => Ok((node, content)),
            None => Err(Refusal::WrongNodeType {
                path: path.clone(),
                expected: "file",
            }),
        }
    }

    /// Lists the direct children of a folder by name, starting after the last name of the previous
    /// page.
    pub(crate) fn folder(
        &self,
        path: &NodePath,
        after: Option<&str>,
        page: usize,
    ) -> Result<FolderPage<'_>, Refusal> {
        if self.node(path)?.content.is_some() {
            return Err(Refusal::WrongNodeType {
                path: path.clone(),
                expected: "folder",
            });
        }
        let inside = path.inside();
        let start = match after {
            Some(name) => Bound::Excluded(NodePath(format!("{inside}{name}"))),
            None => Bound::Excluded(inside.clone()),
        };
        let mut children = self
            .nodes
            .range((start, Bound::Unbounded))
            .take_while(|(child, _)| child.0.starts_with(&inside.0))
            .filter(|(child, _)| !child.0[inside.0.len()..].contains('/'));
        let nodes: Vec<_> = children.by_ref().take(page).collect();
        let next = match (nodes.last(), children.next()) {
            (Some((last, _)), Some(_)) => Some(last.name()),
            _ => None,
        };
        Ok(FolderPage { nodes, next })
    }

    /// Writes a whole file and creates missing folders. Returns true if the file is new.
    pub(crate) fn write(
        &mut self,
        path: &NodePath,
        bytes: Bytes,
        only_new: bool,
        now_ms: u64,
    ) -> Result<bool, Refusal> {
        let is_new = match self.nodes.get(path) {
            None => true,
            Some(_) if only_new => return Err(Refusal::NodeExists { path: path.clone() }),
            Some(Node {
                content: Some(_), ..
            }) => false,
            Some(_) => {
                return Err(Refusal::WrongNodeType {
                    path: path.clone(),
                    expected: "file",
                });
            }
        };
        let mut content = Content::default();
        content.append(self.chunk(bytes));
        self.put(path, Some(content), now_ms)?;
        Ok(is_new)
    }

    /// Writes one chunk of an upload. Fails if the file would be longer than `limit` bytes.
    pub(crate) fn write_chunk(
        &mut self,
        path: &NodePath,
        bytes: Bytes,
        cursor: Cursor,
        rule: CursorZero,
        limit: usize,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let present = match self.nodes.get(path) {
            None => None,
            Some(node) => match &node.content {
                Some(content) => Some(content.clone()),
                None => {
                    return Err(Refusal::WrongNodeType {
                        path: path.clone(),
                        expected: "file",
                    });
                }
            },
        };
        let (mut content, at) = match (present, cursor) {
            (None, Cursor::At(0)) => (Content::default(), 0),
            (None, _) => return Err(Refusal::NoSuchNode { path: path.clone() }),
            (Some(_), Cursor::At(0)) if rule == CursorZero::Truncates => (Content::default(), 0),
            (Some(content), Cursor::At(at)) => (content, at),
            (Some(content), Cursor::End) => {
                let end = content.length();
                (content, end)
            }
        };
        if at > content.length() {
            return Err(Refusal::BadField {
                field: "IB-Cursor",
                expected: "-1 or a position within the file",
            });
        }
        if at.saturating_add(bytes.len() as u64) > limit as u64 {
            return Err(Refusal::TooLong { limit });
        }
        if at == content.length() {
            content.append(self.chunk(bytes));
        } else {
            // Overwriting the middle of a file is rare, so this copies the parts.
            let tail = content.slice(at + bytes.len() as u64..content.length());
            let head = content.slice(0..at);
            content = Content::default();
            for part in [head, bytes, tail] {
                content.append(self.chunk(part));
            }
        }
        self.put(path, Some(content), now_ms)
    }

    /// Creates an empty file or a folder.
    pub(crate) fn create(
        &mut self,
        path: &NodePath,
        folder: bool,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        if self.nodes.get(path).is_some() {
            return Err(Refusal::NodeExists { path: path.clone() });
        }
        self.put(path, (!folder).then(Content::default), now_ms)
    }

    /// Removes a node and everything inside it. Does nothing if there is no such node.
    pub(crate) fn remove(&mut self, path: &NodePath) {
        let below: Vec<NodePath> = self.below(path).map(|(node, _)| node.clone()).collect();
        for node in below.iter().chain([path]) {
            self.nodes.remove(node);
        }
    }

    /// Writes a file that shares its bytes with another file.
    pub(crate) fn put_shared(
        &mut self,
        path: &NodePath,
        content: Content,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        self.put(path, Some(content), now_ms)
    }

    /// Returns the changes since the last [`settle`](Self::settle).
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&NodePath, Option<&Node>)> {
        self.nodes.changes()
    }

    pub(crate) fn settle(&mut self) {
        self.nodes.settle();
    }

    fn put(
        &mut self,
        path: &NodePath,
        content: Option<Content>,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        self.make_parents(path, now_ms)?;
        self.nodes.insert(
            path.clone(),
            Node {
                modified_ms: now_ms,
                content,
            },
        );
        Ok(())
    }

    fn make_parents(&mut self, path: &NodePath, now_ms: u64) -> Result<(), Refusal> {
        let mut missing = Vec::new();
        let mut above = path.parent();
        while let Some(parent) = above {
            match self.nodes.get(&parent) {
                Some(Node {
                    content: Some(_), ..
                }) => {
                    return Err(Refusal::ParentIsFile { path: parent });
                }
                Some(_) => break,
                None => {
                    above = parent.parent();
                    missing.push(parent);
                }
            }
        }
        for parent in missing {
            let folder = Node {
                modified_ms: now_ms,
                content: None,
            };
            self.nodes.insert(parent, folder);
        }
        Ok(())
    }

    fn chunk(&mut self, bytes: Bytes) -> Chunk {
        let id = self.next_chunk;
        self.next_chunk += 1;
        Chunk { id, bytes }
    }
}

/// Returns the chunks of a node in file order, for the data folder.
pub(crate) fn chunks_of(node: &Node) -> &[Arc<Chunk>] {
    node.content.as_ref().map_or(&[], Content::chunks)
}
