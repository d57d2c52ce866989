//! Ids that look like UUIDs and come from a counter, so that equal requests to equal worlds produce
//! equal ids.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The source of the ids of a world.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct IdSource {
    seed: u64,
    count: u64,
}

impl IdSource {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, count: 0 }
    }

    /// Returns the next id: the hash of seed and counter in the form of a version 4 UUID.
    pub(crate) fn next_id(&mut self) -> String {
        self.count += 1;
        let hash = Sha256::new()
            .chain_update(self.seed.to_be_bytes())
            .chain_update(self.count.to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash[..16]);
        // Version and variant are set, so that strict UUID parsers accept the id.
        let id = uuid::Builder::from_random_bytes(bytes).into_uuid();
        id.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_that_differ_and_repeat_with_the_seed() {
        let ids = |seed| {
            let mut source = IdSource::new(seed);
            (0..100).map(|_| source.next_id()).collect::<Vec<_>>()
        };
        let (first, second) = (ids(1), ids(2));
        assert_eq!(first, ids(1));
        assert!(first.iter().all(|id| !second.contains(id)));
        for id in &first {
            let parsed = uuid::Uuid::parse_str(id).unwrap();
            assert_eq!(parsed.get_version_num(), 4);
        }
    }
}
