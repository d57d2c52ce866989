//! What a plan without the lock knows of earlier applies.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::apply_session;
use super::plan::Planner;
use crate::cli::environment::session::Session;
use crate::cli::error::CommandError;
use crate::cli::io::Io;
use crate::ident::Identity;
use crate::plan::{ApplyHistory, DiffOptions};
use crate::store::{PastApply, Store, history_of};

/// What a plan without the lock knows of earlier applies.
pub(in crate::cli) struct KnownApplies {
    pub(in crate::cli) applies: Vec<PastApply>,
    pub(in crate::cli) history: ApplyHistory,
    pub(in crate::cli) held_back: BTreeMap<Identity, u64>,
    /// The store, if it can be read.
    store: Option<Arc<dyn Store>>,
    /// The store that the command line names.
    typed_store: Option<String>,
}

impl KnownApplies {
    /// Reads the earlier applies; a store that cannot be read is a warning.
    pub(in crate::cli) async fn read(
        session: &Session,
        store: Option<&str>,
        io: &mut Io,
    ) -> Result<Self, CommandError> {
        let (applies, opened) = apply_session::read_applies(session, store, io).await?;
        Ok(Self::of(session, applies, opened, store))
    }

    /// Returns what these applies of a store let a plan know.
    pub(in crate::cli) fn of(
        session: &Session,
        applies: Vec<PastApply>,
        store: Option<Arc<dyn Store>>,
        typed_store: Option<&str>,
    ) -> Self {
        let history = history_of(&applies);
        let held_back = apply_session::held_back(&history, session);
        Self {
            applies,
            history,
            held_back,
            store,
            typed_store: typed_store.map(str::to_owned),
        }
    }

    /// Returns the planner with this knowledge.
    pub(in crate::cli) fn planner<'a>(
        &'a self,
        session: &'a Session,
        options: &'a DiffOptions,
    ) -> Planner<'a> {
        Planner {
            session,
            history: &self.history,
            options,
            store: self.store.as_deref(),
            typed_store: self.typed_store.as_deref(),
            contents: None,
        }
    }
}
