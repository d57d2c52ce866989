//! A world together with its store.

use super::clock::Timeline;
use super::options::EmulatorOptions;
use super::persist::{Store, StoreError};
use super::seed::Seed;
use super::server::EmulatorError;
use super::world::{Remembered, Rules, World};

/// A world and its store.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) world: World,
    pub(crate) store: Option<Store>,
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
            seed.turn_knobs(&mut knobs)?;
            knobs
        };
        let rules = Rules {
            knobs,
            page_cap: options.page_cap,
            pace: options.job_pace,
        };
        let (store, remembered) = match &options.data {
            None => (None, None),
            Some(path) => match Store::open(path) {
                Ok((store, remembered)) => (Some(store), remembered),
                Err(StoreError::InUse) => {
                    return Err(EmulatorError::DataInUse { path: path.clone() });
                }
                Err(source) => {
                    return Err(EmulatorError::Data {
                        path: path.clone(),
                        source,
                    });
                }
            },
        };
        let mut ignores_seed = false;
        let world = if let Some(past) = remembered {
            let began_with = past.counters.seed.as_ref();
            ignores_seed =
                options.seed.is_some() && began_with.is_some_and(|digest| *digest != seed.digest());
            let time = Timeline::new(options.clock, past.counters.reached_ms);
            World::new(rules, time, past)
        } else {
            let time = Timeline::new(options.clock, 0);
            let mut world = World::new(rules, time, Remembered::nothing(options.id_seed));
            world.sow(seed, &options.user)?;
            if store.is_some() {
                world.seed = Some(seed.digest());
            }
            world
        };
        let mut engine = Self {
            world,
            store,
            ignores_seed,
        };
        engine.save().map_err(|source| EmulatorError::Data {
            path: options.data.clone().unwrap_or_default(),
            source,
        })?;
        Ok(engine)
    }

    /// Writes the changes to the data folder, if there is one.
    pub(crate) fn save(&mut self) -> Result<(), StoreError> {
        match &mut self.store {
            Some(store) if self.world.has_changes() => store.save(&mut self.world),
            Some(_) => Ok(()),
            None => {
                self.world.settle();
                Ok(())
            }
        }
    }
}
