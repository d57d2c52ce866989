//! A map that tracks its changed keys, so that only those are written to the data folder after an
//! operation.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;

/// An ordered map with the set of keys that changed since they were last written. Reads use the map
/// itself.
#[derive(Debug)]
pub(crate) struct Tracked<K, V> {
    items: BTreeMap<K, V>,
    changed_keys: BTreeSet<K>,
}

impl<K, V> Deref for Tracked<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.items
    }
}

impl<K: Ord + Clone, V> Tracked<K, V> {
    /// Creates the map from the contents of a data folder, without changes.
    pub(crate) fn restored(items: BTreeMap<K, V>) -> Self {
        Self {
            items,
            changed_keys: BTreeSet::new(),
        }
    }

    /// Returns the value for a change; the key counts as changed from now on.
    pub(crate) fn get_mut<Q>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
        Q: Ord + ToOwned<Owned = K> + ?Sized,
    {
        let item = self.items.get_mut(key)?;
        self.changed_keys.insert(key.to_owned());
        Some(item)
    }

    pub(crate) fn insert(&mut self, key: K, item: V) {
        self.changed_keys.insert(key.clone());
        self.items.insert(key, item);
    }

    pub(crate) fn remove<Q>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let (key, item) = self.items.remove_entry(key)?;
        self.changed_keys.insert(key);
        Some(item)
    }

    /// Returns the changed keys, each with its current value, or `None` if it was removed.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&K, Option<&V>)> {
        self.changed_keys
            .iter()
            .map(|key| (key, self.items.get(key)))
    }

    /// Clears the set of changed keys, once they are written.
    pub(crate) fn clear_changes(&mut self) {
        self.changed_keys.clear();
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
        map.clear_changes();
        assert_eq!(map.changes().count(), 0);
    }
}
