//! The virtual file system of the Filesystem API: folders and files under slash-separated paths.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::content::{Chunk, ChunkBytes, Content, NewBytes, Part};
use super::tracked::Tracked;
use crate::knobs::CursorZero;
use crate::operation::FILE_LIMIT;
use crate::path::{NodePath, PathError};
use crate::refusal::Refusal;

/// A folder or a file.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) modified_ms: u64,
    /// The bytes of a file; `None` for a folder.
    pub(crate) content: Option<Content>,
}

impl Node {
    /// Returns the bytes of a file. Fails if the node is a folder.
    fn file(&self, path: &NodePath) -> Result<&Content, Refusal> {
        let content = self.content.as_ref();
        content.ok_or_else(|| Refusal::WrongNodeType(path.clone(), "file"))
    }

    /// Fails if the node is a file.
    fn check_folder(&self, path: &NodePath) -> Result<(), Refusal> {
        match self.content {
            None => Ok(()),
            Some(_) => Err(Refusal::WrongNodeType(path.clone(), "folder")),
        }
    }

    /// Returns the chunks of a file in their order, for the data folder.
    pub(crate) fn chunks(&self) -> &[Arc<Chunk>] {
        self.content.as_ref().map_or(&[], Content::chunks)
    }
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
    At(usize),
    End,
}

/// The refusal of a cursor that is not valid.
pub(crate) const BAD_CURSOR: Refusal =
    Refusal::BadField("IB-Cursor", "-1 or a position within the file");

/// The whole file system.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) nodes: Tracked<NodePath, Node>,
    next_chunk: u64,
    /// The time of the world, which a write gives to its nodes.
    pub(crate) now_ms: u64,
}

impl Files {
    /// Creates the file system from its nodes, which do not count as changes.
    pub(crate) fn restored(nodes: BTreeMap<NodePath, Node>, now_ms: u64) -> Self {
        let chunks = nodes.values().flat_map(|node| node.content.iter());
        let next_chunk = chunks
            .flat_map(Content::chunks)
            .map(|chunk| chunk.id + 1)
            .max()
            .unwrap_or(0);
        Self {
            nodes: Tracked::restored(nodes),
            next_chunk,
            now_ms,
        }
    }

    pub(crate) fn node(&self, path: &NodePath) -> Result<&Node, Refusal> {
        let node = self.nodes.get(path);
        node.ok_or_else(|| Refusal::NoSuchNode(path.clone()))
    }

    pub(crate) fn file(&self, path: &NodePath) -> Result<(&Node, &Content), Refusal> {
        let node = self.node(path)?;
        Ok((node, node.file(path)?))
    }

    /// Lists the direct children of a folder by name, starting after the last name of the previous
    /// page.
    pub(crate) fn folder(
        &self,
        path: &NodePath,
        after: Option<&str>,
        page: usize,
    ) -> Result<FolderPage<'_>, Refusal> {
        self.node(path)?.check_folder(path)?;
        let start = Bound::Excluded(path.start_of_children(after.unwrap_or_default()));
        let mut children = self
            .nodes
            .range((start, Bound::Unbounded))
            .map_while(|(child, node)| Some((path.relative(child)?, child, node)))
            .filter(|(name, ..)| !name.contains('/'))
            .map(|(_, child, node)| (child, node));
        let nodes: Vec<_> = children.by_ref().take(page).collect();
        let next = match (nodes.last(), children.next()) {
            (Some((last, _)), Some(_)) => Some(last.name()),
            _ => None,
        };
        Ok(FolderPage { nodes, next })
    }

    /// Writes a whole file and creates missing folders.
    pub(crate) fn write(
        &mut self,
        path: &NodePath,
        bytes: NewBytes,
        only_new: bool,
    ) -> Result<(), Refusal> {
        match self.nodes.get(path) {
            Some(_) if only_new => return Err(Refusal::NodeExists(path.clone())),
            Some(node) => _ = node.file(path)?,
            None => {}
        }
        let mut content = Content::default();
        self.append(&mut content, bytes);
        self.put(path, Some(content))
    }

    /// Writes one chunk of an upload. Fails if the file would be too long.
    pub(crate) fn write_chunk(
        &mut self,
        path: &NodePath,
        bytes: NewBytes,
        cursor: Cursor,
        rule: CursorZero,
    ) -> Result<(), Refusal> {
        let present = self.nodes.get(path).map(|node| node.file(path));
        let (mut content, at) = match (present.transpose()?.cloned(), cursor) {
            (None, Cursor::At(0)) => (Content::default(), 0),
            (None, _) => return Err(Refusal::NoSuchNode(path.clone())),
            (Some(_), Cursor::At(0)) if rule == CursorZero::Truncates => (Content::default(), 0),
            (Some(content), Cursor::At(at)) => (content, at),
            (Some(content), Cursor::End) => {
                let end = content.length();
                (content, end)
            }
        };
        if at > content.length() {
            return Err(BAD_CURSOR);
        }
        let end = at.saturating_add(bytes.length());
        if end > FILE_LIMIT {
            return Err(Refusal::TooLong(FILE_LIMIT));
        }
        let head = content.parts(0..at);
        let tail = content.parts(end..content.length());
        content = Content::default();
        self.append_parts(&mut content, head)?;
        self.append(&mut content, bytes);
        self.append_parts(&mut content, tail)?;
        self.put(path, Some(content))
    }

    /// Creates an empty file or a folder.
    pub(crate) fn create(&mut self, path: &NodePath, folder: bool) -> Result<(), Refusal> {
        if self.nodes.contains_key(path) {
            return Err(Refusal::NodeExists(path.clone()));
        }
        self.put(path, (!folder).then(Content::default))
    }

    /// Removes a node and everything inside it. Does nothing if there is no such node.
    pub(crate) fn remove(&mut self, path: &NodePath) {
        let below: Vec<NodePath> = self.below(path).map(|(_, node, _)| node.clone()).collect();
        for node in below.iter().chain([path]) {
            self.nodes.remove(node);
        }
    }

    /// Writes a file that shares its bytes with another file, or a folder.
    pub(crate) fn put(&mut self, path: &NodePath, content: Option<Content>) -> Result<(), Refusal> {
        let mut missing = Vec::new();
        let mut above = path.parent();
        while let Some(parent) = above {
            match self.nodes.get(&parent) {
                Some(node) if node.content.is_some() => return Err(Refusal::ParentIsFile(parent)),
                Some(_) => break,
                None => {
                    above = parent.parent();
                    missing.push(parent);
                }
            }
        }
        for parent in missing {
            self.insert(parent, None);
        }
        self.insert(path.clone(), content);
        Ok(())
    }

    fn insert(&mut self, path: NodePath, content: Option<Content>) {
        let node = Node {
            modified_ms: self.now_ms,
            content,
        };
        self.nodes.insert(path, node);
    }

    /// Creates a folder, if it does not exist.
    pub(crate) fn make_folder(&mut self, path: &NodePath) -> Result<(), Refusal> {
        match self.nodes.get(path) {
            Some(node) => node.check_folder(path),
            None => self.put(path, None),
        }
    }

    /// Copies a file, or a folder with everything in it, and overwrites existing files. The bytes
    /// are shared.
    pub(crate) fn copy(&mut self, from: &NodePath, to: &NodePath) -> Result<(), Refusal> {
        let node = self.node(from)?;
        if from == to {
            return Ok(());
        }
        if from.holds(to) {
            return Err(PathError(to.to_string()).into());
        }
        if let Some(content) = node.content.clone() {
            self.nodes.get(to).map(|node| node.file(to)).transpose()?;
            return self.put(to, Some(content));
        }
        let below: Vec<(NodePath, Option<Content>)> = self
            .below(from)
            .map(|(path, _, node)| Ok((to.join(path)?, node.content.clone())))
            .collect::<Result<_, PathError>>()?;
        self.make_folder(to)?;
        for (target, content) in below {
            match content {
                None => self.make_folder(&target)?,
                content => self.put(&target, content)?,
            }
        }
        Ok(())
    }

    /// Returns the files in a folder at any depth: the path within the folder, and the bytes.
    pub(crate) fn tree(&self, folder: &NodePath) -> Result<Vec<(String, Bytes)>, Refusal> {
        self.node(folder)?.check_folder(folder)?;
        let files = self.below(folder).filter_map(|(path, _, node)| {
            let content = node.content.as_ref()?;
            Some(content.bytes().map(|bytes| (path.to_owned(), bytes)))
        });
        Ok(files.collect::<Result<_, _>>()?)
    }

    /// Returns the names of the files directly in a folder.
    pub(crate) fn file_names(&self, folder: &NodePath) -> Vec<String> {
        let files = self
            .below(folder)
            .filter(|(path, _, node)| node.content.is_some() && !path.contains('/'));
        files.map(|(path, ..)| path.to_owned()).collect()
    }

    /// Returns everything inside a folder, at any depth: the path within the folder, the whole path
    /// and the node.
    fn below<'a>(
        &'a self,
        folder: &NodePath,
    ) -> impl Iterator<Item = (&'a str, &'a NodePath, &'a Node)> {
        let nodes = self.nodes.range(folder.start_of_children("")..);
        nodes.map_while(move |(path, node)| Some((folder.relative(path)?, path, node)))
    }

    fn append(&mut self, content: &mut Content, bytes: NewBytes) {
        for bytes in bytes.0 {
            content.append(self.chunk(bytes));
        }
    }

    /// Appends parts of another file. A whole chunk is shared, a part of one is copied.
    fn append_parts(&mut self, content: &mut Content, parts: Vec<Part>) -> Result<(), Refusal> {
        for part in parts {
            content.append(match part {
                Part::Whole(chunk) => chunk,
                Part::Cut(..) => self.chunk(ChunkBytes::Memory(part.read()?)),
            });
        }
        Ok(())
    }

    fn chunk(&mut self, bytes: ChunkBytes) -> Arc<Chunk> {
        let id = self.next_chunk;
        self.next_chunk += 1;
        Arc::new(Chunk { id, bytes })
    }
}
