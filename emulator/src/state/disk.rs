//! The disk space for the bytes of large files: blocks in one file without a name, which the system
//! removes when the emulator ends, even if it is killed.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::platform;

/// The maximum size of a block. A file up to this size is kept in memory.
pub(crate) const BLOCK: usize = 1 << 20;

/// The disk space of an emulator.
#[derive(Debug)]
pub(crate) struct DiskSpace {
    /// The folder of the file; `None` for that of the system's temporary files.
    folder: Option<PathBuf>,
    allocation: Mutex<Allocation>,
}

/// The file, and the blocks in it.
#[derive(Debug, Default)]
struct Allocation {
    /// `None` until the first block is written.
    file: Option<Arc<File>>,
    /// The indexes of the blocks that are not used any more.
    free: Vec<u64>,
    /// The number of blocks in the file.
    count: u64,
}

/// A block on disk, which never changes. Dropping it makes its space available.
#[derive(Debug)]
pub(crate) struct Block {
    space: Arc<DiskSpace>,
    file: Arc<File>,
    index: u64,
    length: usize,
}

impl DiskSpace {
    /// Returns the disk space in a folder. Nothing is created before the first block.
    pub(crate) fn new(folder: Option<PathBuf>) -> Arc<Self> {
        Arc::new(Self {
            folder,
            allocation: Mutex::default(),
        })
    }

    fn allocation(&self) -> MutexGuard<'_, Allocation> {
        // The lists stay valid if a thread panics between two changes.
        self.allocation
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a block of at most [`BLOCK`] bytes, which consists of these pieces.
    pub(crate) fn write(self: &Arc<Self>, pieces: &[Bytes]) -> io::Result<Block> {
        let mut block = self.allocate()?;
        for piece in pieces {
            let position = block.position() + block.length as u64;
            platform::write_all_at(&block.file, piece, position)?;
            block.length += piece.len();
        }
        debug_assert!(block.length <= BLOCK, "a block may have {BLOCK} bytes");
        Ok(block)
    }

    /// Reserves an empty block.
    fn allocate(self: &Arc<Self>) -> io::Result<Block> {
        let mut allocation = self.allocation();
        let file = if let Some(file) = &allocation.file {
            Arc::clone(file)
        } else {
            let file = match &self.folder {
                Some(folder) => tempfile::tempfile_in(folder)?,
                None => tempfile::tempfile()?,
            };
            Arc::clone(allocation.file.insert(Arc::new(file)))
        };
        let index = allocation.free.pop().unwrap_or(allocation.count);
        allocation.count = allocation.count.max(index + 1);
        Ok(Block {
            space: Arc::clone(self),
            file,
            index,
            length: 0,
        })
    }
}

impl Block {
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    fn position(&self) -> u64 {
        self.index * BLOCK as u64
    }

    /// Reads a range that is within the block.
    pub(crate) fn read(&self, range: std::ops::Range<usize>) -> io::Result<Bytes> {
        let mut bytes = vec![0; range.len()];
        let position = self.position() + range.start as u64;
        platform::read_exact_at(&self.file, &mut bytes, position)?;
        Ok(bytes.into())
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        self.space.allocation().free.push(self.index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_keep_their_bytes_and_give_back_their_space() {
        let space = DiskSpace::new(None);
        let pieces = |text: &'static str| [Bytes::from_static(text.as_bytes())];
        let first = space.write(&pieces("first")).unwrap();
        let second = space
            .write(&[Bytes::from(vec![7; BLOCK - 1]), Bytes::from(vec![8; 1])])
            .unwrap();
        assert_eq!(first.read(1..4).unwrap(), "irs");
        assert_eq!(second.length(), BLOCK);
        assert_eq!(second.read(BLOCK - 2..BLOCK).unwrap(), &[7, 8][..]);
        drop(first);
        let third = space.write(&pieces("3")).unwrap();
        assert_eq!((third.index, space.allocation().count), (0, 2));
        assert_eq!(third.read(0..1).unwrap(), "3");
    }
}
