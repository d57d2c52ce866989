//! A map that remembers which of its keys were touched, so that only those are written to the data
//! folder after an operation.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeBounds;

/// An ordered map with a list of the keys that changed since they were last written.
#[derive(Debug)]
pub(crate) struct Tracked<K, V> {
    items: BTreeMap<K, V>,
    touched: BTreeSet<K>,
}

impl<K: Ord, V> Default for Tracked<K, V> {
    fn default() -> Self {
        Self {
            items: BTreeMap::new(),
            touched: BTreeSet::new(),
        }
    }
}

impl<K: Ord + Clone, V> Tracked<K, V> {
    /// Takes over what was read from a data folder: nothing of it is new.
    pub(crate) fn restored(items: BTreeMap<K, V>) -> Self {
        Self {
            items,
            touched: BTreeSet::new(),
        }
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.items.get(key)
    }

    /// Gives the value for a change; the key counts as touched from here on.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let item = self.items.get_mut(key)?;
        self.touched.insert(key.clone());
        Some(item)
    }

    pub(crate) fn insert(&mut self, key: K, item: V) {
        self.touched.insert(key.clone());
        self.items.insert(key, item);
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let item = self.items.remove(key)?;
        self.touched.insert(key.clone());
        Some(item)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.items.iter()
    }

    pub(crate) fn range<R: RangeBounds<K>>(
        &self,
        range: R,
    ) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.items.range(range)
    }

    /// The touched keys, each with its present value, or none if it is gone.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&K, Option<&V>)> {
        self.touched.iter().map(|key| (key, self.items.get(key)))
    }

    /// Forgets what was touched, once it is written.
    pub(crate) fn settle(&mut self) {
        self.touched.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_name_each_touched_key_once_with_its_last_value() {
        let mut map = Tracked::restored(BTreeMap::from([("a", 1), ("b", 2), ("c", 3)]));
        assert_eq!(map.changes().count(), 0);
        map.insert("d", 4);
        *map.get_mut(&"a").unwrap() = 9;
        map.remove(&"b");
        map.remove(&"unknown");
        let changes: Vec<_> = map.changes().collect();
        assert_eq!(changes, [(&"a", Some(&9)), (&"b", None), (&"d", Some(&4))]);
        map.settle();
        assert_eq!(map.changes().count(), 0);
    }
}
