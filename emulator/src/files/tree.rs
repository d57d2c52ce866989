//! Operations on whole folders: create, copy and read.

use bytes::Bytes;

use super::{Files, Node, NodePath};
use crate::refusal::Refusal;

impl NodePath {
    /// Returns true if `other` is this path or inside it.
    pub(crate) fn holds(&self, other: &Self) -> bool {
        self == other || other.0.starts_with(&self.inside().0)
    }
}

impl Files {
    /// Creates a folder, if it does not exist.
    pub(crate) fn make_folder(&mut self, path: &NodePath, now_ms: u64) -> Result<(), Refusal> {
        match self.nodes.get(path) {
            Some(Node { content: None, .. }) => Ok(()),
            Some(_) => Err(Refusal::WrongNodeType {
                path: path.clone(),
                expected: "folder",
            }),
            None => self.put(path, None, now_ms),
        }
    }

    /// Copies a file, or a folder with everything in it, and overwrites existing files. The bytes
    /// are shared.
    pub(crate) fn copy(
        &mut self,
        from: &NodePath,
        to: &NodePath,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let node = self.node(from)?;
        if from == to {
            return Ok(());
        }
        if from.holds(to) {
            return Err(Refusal::BadPath {
                path: to.to_string(),
            });
        }
        if let Some(content) = node.content.clone() {
            return match self.nodes.get(to) {
                Some(Node { content: None, .. }) => Err(Refusal::WrongNodeType {
                    path: to.clone(),
                    expected: "file",
                }),
                _ => self.put(to, Some(content), now_ms),
            };
        }
        let below: Vec<(NodePath, Node)> = self
            .below(from)
            .map(|(path, node)| (path.clone(), node.clone()))
            .collect();
        self.make_folder(to, now_ms)?;
        for (path, node) in below {
            let target = NodePath(format!("{to}{}", &path.0[from.0.len()..]));
            match node.content {
                None => self.make_folder(&target, now_ms)?,
                content => self.put(&target, content, now_ms)?,
            }
        }
        Ok(())
    }

    /// Returns the files in a folder at any depth: the path within the folder, and the bytes.
    pub(crate) fn tree(&self, folder: &NodePath) -> Result<Vec<(String, Bytes)>, Refusal> {
        if self.node(folder)?.content.is_some() {
            return Err(Refusal::WrongNodeType {
                path: folder.clone(),
                expected: "folder",
            });
        }
        let inside = folder.inside().0.len();
        let files = self.below(folder).filter_map(|(path, node)| {
            let content = node.content.as_ref()?;
            Some((path.0[inside..].to_owned(), content.bytes()))
        });
        Ok(files.collect())
    }

    /// Returns the names of the files directly in a folder.
    pub(crate) fn file_names(&self, folder: &NodePath) -> Vec<String> {
        let inside = folder.inside().0.len();
        let files = self
            .below(folder)
            .filter(|(_, node)| node.content.is_some());
        files
            .map(|(path, _)| &path.0[inside..])
            .filter(|name| !name.contains('/'))
            .map(str::to_owned)
            .collect()
    }

    /// Returns everything inside a folder, at any depth.
    pub(super) fn below<'a>(
        &'a self,
        folder: &NodePath,
    ) -> impl Iterator<Item = (&'a NodePath, &'a Node)> {
        let inside = folder.inside();
        let nodes = self.nodes.range(inside.clone()..);
        nodes.take_while(move |(path, _)| path.0.starts_with(&inside.0))
    }
}
