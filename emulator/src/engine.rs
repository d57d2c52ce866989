//! A world together with its store.

use std::path::Path;
use std::sync::Arc;

use super::error::EmulatorError;
use super::options::EmulatorOptions;
use super::persist::{Store, StoreError};
use super::seed::Seed;
use super::state::disk::DiskSpace;
use super::state::world::World;

/// A world and its store.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) world: World,
    pub(crate) store: Option<Store>,
    /// The disk space of large files.
    pub(crate) space: Arc<DiskSpace>,
    /// True if the world began with another seed than the one in the options.
    pub(crate) ignores_seed: bool,
}

impl Engine {
    pub(crate) fn new(options: &EmulatorOptions) -> Result<Self, EmulatorError> {
        let nothing = Seed::default();
        let seed = options.seed.as_ref().unwrap_or(&nothing);
        seed.check()?;
        let knobs = if let Some(knobs) = &options.knobs {
            knobs.clone()
        } else {
            let mut knobs = options.profile.knobs();
            seed.change_knobs(&mut knobs)?;
            knobs
        };
        let path = options.data.as_deref().unwrap_or(Path::new(""));
        let data_error = |error| EmulatorError::data(path, error);
        let mut world = World::new(options, knobs);
        let space = DiskSpace::new(options.data.clone());
        let (store, is_new) = match &options.data {
            None => (None, true),
            Some(path) => {
                let mut store = Store::open(path).map_err(data_error)?;
                let is_new = !store.read(&mut world, &space).map_err(data_error)?;
                (Some(store), is_new)
            }
        };
        let began_with = world.counters.seed.as_ref();
        let ignores_seed =
            options.seed.is_some() && began_with.is_some_and(|digest| *digest != seed.digest());
        if is_new {
            world.load(seed, &options.user)?;
            world.counters.seed = store.is_some().then(|| seed.digest());
        }
        let mut engine = Self {
            world,
            store,
            space,
            ignores_seed,
        };
        engine.save().map_err(data_error)?;
        Ok(engine)
    }

    /// Writes the changes to the data folder, if there is one.
    pub(crate) fn save(&mut self) -> Result<(), StoreError> {
        match &mut self.store {
            Some(store) if self.world.has_changes() => store.save(&mut self.world),
            Some(_) => Ok(()),
            None => {
                self.world.clear_changes();
                Ok(())
            }
        }
    }
}
