//! The errors at the start of an emulator.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::persist::StoreError;
use super::seed::SeedError;

/// An error at the start of an emulator.
#[derive(Debug, thiserror::Error)]
pub enum EmulatorError {
    /// The emulator cannot listen on the address.
    #[error("failed to listen on {address}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The address is not a loopback address, so other machines could reach it.
    #[error("{address} is not a loopback address")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// Another emulator uses the data folder.
    #[error("the data folder `{}` is in use by another emulator", path.display())]
    DataInUse {
        /// The folder.
        path: PathBuf,
    },
    /// The data folder cannot be used.
    #[error("failed to open the data folder `{}`", path.display())]
    Data {
        /// The folder.
        path: PathBuf,
        /// The problem.
        source: StoreError,
    },
    /// The seed is not valid.
    #[error("failed to load the seed")]
    Seed {
        /// The problem.
        #[from]
        source: SeedError,
    },
}

impl EmulatorError {
    /// Creates the error for a data folder.
    pub(crate) fn data(path: &Path, source: StoreError) -> Self {
        let path = path.to_owned();
        match source {
            StoreError::InUse => Self::DataInUse { path },
            source => Self::Data { path, source },
        }
    }

    /// Returns the fix for the error, as a full sentence.
    pub fn help(&self) -> &'static str {
        match self {
            Self::Bind { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                "Another program listens there: choose another port, or port 0 for a free one."
            }
            Self::Bind { .. } => "Choose a loopback address and port that this user may listen on.",
            Self::NotLoopback { .. } => {
                "Use an address of this machine, such as 127.0.0.1 or [::1]."
            }
            Self::DataInUse { .. } => "Wait until the other emulator has ended.",
            Self::Data {
                source: StoreError::Format { .. },
                ..
            } => "Use the version of solform that wrote it, or name another folder.",
            Self::Data { source, .. } if source.is_damaged() => {
                "Move the folder away, and the next start begins with a new world."
            }
            Self::Data { .. } => {
                "Check the folder, the permissions on it, and the room on the disk."
            }
            Self::Seed { .. } => "Correct the seed.",
        }
    }
}
