//! The data folder: one redb file that stores the world across restarts.
//!
//! redb was chosen over `SQLite` for three reasons: it is pure Rust; commits are atomic and
//! flushed, so that a killed process loses nothing that it has answered; and the kernel holds the
//! lock on the file, so that a second process gets an error and a dead process blocks no other.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use redb::{
    Database, DatabaseError, ReadTransaction, ReadableDatabase, ReadableTable, Table,
    TableDefinition,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::path::NodePath;
use super::platform;
use super::state::content::{Chunk, ChunkBytes, Content};
use super::state::disk::DiskSpace;
use super::state::files::{Files, Node};
use super::state::jobs::Jobs;
use super::state::solutions::Solutions;
use super::state::world::World;

/// The version of the layout of the file.
const FORMAT: u64 = 1;

const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const SOLUTIONS: TableDefinition<u64, &[u8]> = TableDefinition::new("solutions");
const JOBS: TableDefinition<&str, &[u8]> = TableDefinition::new("jobs");
const NODES: TableDefinition<&str, &[u8]> = TableDefinition::new("nodes");
const CHUNKS: TableDefinition<u64, &[u8]> = TableDefinition::new("chunks");

/// The name of the file in a data folder that has the world.
pub const WORLD_FILE: &str = "world.redb";

/// Everything is in memory or in the disk space too, so the file needs no large cache.
const CACHE_BYTES: usize = 16 << 20;

/// An error of the data folder.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process, or another emulator of this process, uses the folder.
    #[error("the data folder is in use by another emulator")]
    InUse,
    /// The folder cannot be created.
    #[error("failed to create the data folder")]
    Folder(#[source] std::io::Error),
    /// The file cannot be opened, read or written.
    #[error("failed to read or write the data file")]
    File(#[source] Box<redb::Error>),
    /// The disk space of large files cannot be read or written.
    #[error("failed to read or write the disk space of large files")]
    Disk(#[source] std::io::Error),
    /// The file has the format of another version.
    #[error("the data file has format {found}; this version reads format {FORMAT}")]
    Format {
        /// The format of the file.
        found: String,
    },
    /// An entry of the file is not valid.
    #[error("the data file is damaged at `{key}`")]
    Damaged {
        /// The key of the entry.
        key: String,
    },
}

impl StoreError {
    /// Returns true if the file itself is damaged, so that another folder, other permissions or
    /// more disk space would not help.
    pub(super) fn is_damaged(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::File(error) => match &**error {
                redb::Error::Corrupted(_) => true,
                redb::Error::Io(error) => error.kind() == std::io::ErrorKind::InvalidData,
                _ => false,
            },
            Self::InUse | Self::Folder(_) | Self::Disk(_) | Self::Format { .. } => false,
        }
    }
}

impl<E: Into<redb::Error>> From<E> for StoreError {
    fn from(error: E) -> Self {
        Self::File(Box::new(error.into()))
    }
}

/// Creates the folder and the file if they are missing, with access for their owner only.
fn make_private(folder: &Path, file: &Path) -> std::io::Result<()> {
    platform::private_folder().recursive(true).create(folder)?;
    match std::fs::metadata(file) {
        Ok(there) if there.is_file() => platform::allow_owner_only(file, &there),
        Ok(_) => Err(std::io::Error::other("the data file is not a regular file")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let mut options = platform::private_options();
            match options.write(true).create_new(true).open(file) {
                // Another emulator has created the file; the lock of the file decides.
                Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(error),
                Ok(_) | Err(_) => Ok(()),
            }
        }
        Err(error) => Err(error),
    }
}

/// The open data file.
#[derive(Debug)]
pub(crate) struct Store {
    database: Database,
    /// The chunks in the file, with weak references that show whether the world still uses them.
    stored: HashMap<u64, Weak<Chunk>>,
}

/// A node without its bytes.
#[derive(Debug, Serialize, Deserialize)]
struct StoredNode {
    modified_ms: u64,
    /// The chunks of a file; `None` for a folder.
    chunks: Option<Vec<u64>>,
}

impl Store {
    /// Opens or creates the data file.
    pub(crate) fn open(folder: &Path) -> Result<Self, StoreError> {
        make_private(folder, &folder.join(WORLD_FILE)).map_err(StoreError::Folder)?;
        let mut builder = Database::builder();
        match builder
            .set_cache_size(CACHE_BYTES)
            .create(folder.join(WORLD_FILE))
        {
            Ok(database) => Ok(Self {
                database,
                stored: HashMap::new(),
            }),
            Err(DatabaseError::DatabaseAlreadyOpen) => Err(StoreError::InUse),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads the stored parts of a world. Large files get their place in the disk space. Returns
    /// false if the file is new.
    pub(crate) fn read(
        &mut self,
        world: &mut World,
        space: &Arc<DiskSpace>,
    ) -> Result<bool, StoreError> {
        let transaction = self.database.begin_read()?;
        let meta = match transaction.open_table(META) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let format = meta.get("format")?;
        let format = format.map(|value| String::from_utf8_lossy(value.value()).into_owned());
        if format.as_deref() != Some(&FORMAT.to_string()) {
            return Err(StoreError::Format {
                found: format.unwrap_or_else(|| "none".to_owned()),
            });
        }
        let counters = meta.get("counters")?.ok_or_else(|| damaged("counters"))?;
        world.counters = decode("counters", counters.value())?;
        world.move_time((world.counters.reached_ms, 0));
        world.solutions = Solutions::restored(rows(&transaction, SOLUTIONS, |key, value| {
            Ok((key, decode(&key.to_string(), value)?))
        })?);
        world.jobs = Jobs::restored(rows(&transaction, JOBS, |key, value| {
            Ok((key.to_owned(), decode(key, value)?))
        })?);
        let chunks: HashMap<u64, Arc<Chunk>> = rows(&transaction, CHUNKS, |id, value| {
            let bytes = ChunkBytes::restored(Bytes::copy_from_slice(value), space);
            let bytes = bytes.map_err(StoreError::Disk)?;
            Ok((id, Arc::new(Chunk { id, bytes })))
        })?;
        let nodes = rows(&transaction, NODES, |key, value| {
            let path = NodePath::parse(key).map_err(|_| damaged(key))?;
            let entry: StoredNode = decode(key, value)?;
            let pieces = entry.chunks.map(|ids| {
                let pieces = ids.iter().map(|id| chunks.get(id).cloned());
                pieces.collect::<Option<_>>().ok_or_else(|| damaged(key))
            });
            let node = Node {
                modified_ms: entry.modified_ms,
                content: pieces.transpose()?.map(Content::from_chunks),
            };
            Ok((path, node))
        })?;
        world.files = Files::restored(nodes, world.time.now_ms());
        let stored = chunks.iter();
        self.stored = stored
            .map(|(id, chunk)| (*id, Arc::downgrade(chunk)))
            .collect();
        Ok(true)
    }

    /// Writes and flushes the changes. After an error they still count as changes.
    pub(crate) fn save(&mut self, world: &mut World) -> Result<(), StoreError> {
        let transaction = self.database.begin_write()?;
        {
            let mut meta = transaction.open_table(META)?;
            meta.insert("format", FORMAT.to_string().as_bytes())?;
            world.counters.reached_ms = world.time.now_ms();
            meta.insert("counters", encode(&world.counters).as_slice())?;
            let mut solutions = transaction.open_table(SOLUTIONS)?;
            for (sequence, solution) in world.solutions.items.changes() {
                put(&mut solutions, *sequence, solution)?;
            }
            let mut jobs = transaction.open_table(JOBS)?;
            for (id, job) in world.jobs.items.changes() {
                put(&mut jobs, id.as_str(), job)?;
            }
            let mut nodes = transaction.open_table(NODES)?;
            let mut chunks = transaction.open_table(CHUNKS)?;
            for (path, node) in world.files.nodes.changes() {
                for chunk in node.into_iter().flat_map(Node::chunks) {
                    if !self.stored.contains_key(&chunk.id) {
                        let bytes = chunk.read().map_err(StoreError::Disk)?;
                        chunks.insert(chunk.id, bytes.as_ref())?;
                    }
                }
                put(&mut nodes, path.as_str(), node.map(StoredNode::of).as_ref())?;
            }
            for (id, chunk) in &self.stored {
                if chunk.strong_count() == 0 {
                    chunks.remove(id)?;
                }
            }
        }
        transaction.commit()?;
        self.stored.retain(|_, chunk| chunk.strong_count() > 0);
        for (_, node) in world.files.nodes.changes() {
            for chunk in node.into_iter().flat_map(Node::chunks) {
                self.stored.insert(chunk.id, Arc::downgrade(chunk));
            }
        }
        world.clear_changes();
        Ok(())
    }
}

impl StoredNode {
    fn of(node: &Node) -> Self {
        let content = node.content.as_ref();
        Self {
            modified_ms: node.modified_ms,
            chunks: content.map(|content| content.chunks().iter().map(|c| c.id).collect()),
        }
    }
}

/// Reads all rows of a table.
fn rows<K: redb::Key + 'static, R, C: FromIterator<R>>(
    transaction: &ReadTransaction,
    table: TableDefinition<K, &[u8]>,
    read: impl Fn(K::SelfType<'_>, &[u8]) -> Result<R, StoreError>,
) -> Result<C, StoreError> {
    let table = transaction.open_table(table)?;
    let rows = table.iter()?.map(|row| {
        let (key, value) = row?;
        read(key.value(), value.value())
    });
    rows.collect()
}

/// Writes an entry, or removes it if there is no value.
fn put<'k, K: redb::Key + 'static>(
    table: &mut Table<K, &[u8]>,
    key: impl Borrow<K::SelfType<'k>>,
    value: Option<&impl Serialize>,
) -> Result<(), StoreError> {
    match value {
        Some(value) => drop(table.insert(key, encode(value).as_slice())?),
        None => drop(table.remove(key)?),
    }
    Ok(())
}

fn encode(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("invariant: records have text keys and plain values")
}

fn decode<T: DeserializeOwned>(key: &str, bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|_| damaged(key))
}

fn damaged(key: &str) -> StoreError {
    StoreError::Damaged {
        key: key.to_owned(),
    }
}
