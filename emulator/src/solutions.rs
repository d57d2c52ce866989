//! The deployed solutions: their records, the read of one, and the patch.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::access::Caller;
use super::files::NodePath;
use super::knobs::{
    OwnerAfterVisibility, PatchStates, PatchUnknownWord, PatchWithoutParameters, Publish,
    RecordDuringJob,
};
use super::listing::Look;
use super::refusal::Refusal;
use super::tracked::Tracked;
use super::world::World;

/// The owner of public solutions in the API.
pub(crate) const PUBLIC_OWNER: &str = "IB_DEPLOYED";

/// The states that PATCH can set and the filter documents.
pub(crate) const STATES: [&str; 2] = ["ACTIVE", "INACTIVE"];

/// The visibilities that PATCH can set and the filter documents.
pub(crate) const VISIBILITIES: [&str; 3] = ["PUBLIC", "PRIVATE", "PENDING_REVIEW"];

/// A deployed solution. State and visibility are text, because a seed may contain any word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags are independent, and stored separately"
)]
pub(crate) struct Solution {
    pub(crate) id: String,
    /// The position in the order of creation, because times are too coarse for an order.
    pub(crate) sequence: u64,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) owner: String,
    pub(crate) author: String,
    pub(crate) created_ms: u64,
    pub(crate) updated_ms: u64,
    pub(crate) summary: String,
    pub(crate) description: String,
    pub(crate) state: String,
    pub(crate) visibility: String,
    /// Serialised JSON, as the API shows it.
    pub(crate) metadata: String,
    /// True while its deploy job is pending.
    pub(crate) deploying: bool,
    /// True while a delete job for it is pending.
    pub(crate) deleting: bool,
    #[serde(default)]
    pub(crate) customizable: bool,
    /// The accounts that it is shared with.
    #[serde(default)]
    pub(crate) shared_accounts: Vec<String>,
    /// True if a deployment refers to it.
    #[serde(default)]
    pub(crate) referenced: bool,
}

impl Solution {
    pub(crate) fn is_visible_to(&self, caller: &Caller) -> bool {
        caller.admin || self.visibility == "PUBLIC" || self.belongs_to(caller)
    }

    fn belongs_to(&self, caller: &Caller) -> bool {
        caller.admin || self.owner == caller.name || self.author == caller.name
    }
}

/// Returns the folder of the server that contains the files of a solution.
pub(crate) fn server_folder(id: &str) -> NodePath {
    let path = format!("system/global/fs/Instabase Drive/Applications/Deployed/All/{id}");
    NodePath::parse(&path).expect("invariant: an id is a path segment; seeds are checked for it")
}

/// All records, in the order of their creation.
#[derive(Debug, Default)]
pub(crate) struct Solutions {
    items: Tracked<u64, Solution>,
    by_id: HashMap<String, u64>,
    /// A number that grows with every change, so that caches of the records can detect it.
    revision: u64,
}

impl Solutions {
    /// Creates the records from the contents of a data folder.
    pub(crate) fn restored(items: BTreeMap<u64, Solution>) -> Self {
        let by_id = items
            .values()
            .map(|solution| (solution.id.clone(), solution.sequence))
            .collect();
        Self {
            items: Tracked::restored(items),
            by_id,
            revision: 0,
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Solution> {
        self.items.get(self.by_id.get(id)?)
    }

    /// Returns the record at a position in the order of creation.
    pub(crate) fn at(&self, sequence: u64) -> Option<&Solution> {
        self.items.get(&sequence)
    }

    pub(crate) fn revision(&self) -> u64 {
        self.revision
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Solution> {
        self.revision += 1;
        self.items.get_mut(self.by_id.get(id)?)
    }

    pub(crate) fn insert(&mut self, solution: Solution) {
        self.revision += 1;
        self.by_id.insert(solution.id.clone(), solution.sequence);
        self.items.insert(solution.sequence, solution);
    }

    pub(crate) fn remove(&mut self, id: &str) -> Option<Solution> {
        self.revision += 1;
        self.items.remove(&self.by_id.remove(id)?)
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Solution> {
        self.items.iter().map(|(_, solution)| solution)
    }

    /// Returns the changes since the last [`settle`](Self::settle).
    pub(crate) fn changes(&self) -> impl Iterator<Item = (&u64, Option<&Solution>)> {
        self.items.changes()
    }

    pub(crate) fn settle(&mut self) {
        self.items.settle();
    }
}

/// The parameters of a patch as sent, not checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patch {
    pub(crate) state: Option<String>,
    pub(crate) visibility: Option<String>,
    pub(crate) customizable: Option<bool>,
}

impl World {
    /// `GET /api/v2/solutions/deployed/<id>`, with the lag of the knob `read_lag`.
    pub(crate) fn read_solution(&mut self, caller: &Caller, id: &str) -> Result<Solution, Refusal> {
        let missing = || Refusal::NoSuchSolution { id: id.to_owned() };
        let solution = match self.read_lag.look(id, self.time.now_ms()) {
            Look::Present => self.solution(caller, id).ok().cloned(),
            Look::Past(past) => Some(*past).filter(|solution| solution.is_visible_to(caller)),
            Look::Nothing => None,
        };
        let mut solution = solution.ok_or_else(missing)?;
        self.unmake(&mut solution);
        Ok(solution)
    }

    /// Changes the view of a record whose deploy job is pending, as the knob `record_during_job`
    /// asks for.
    pub(crate) fn unmake(&self, solution: &mut Solution) {
        if solution.deploying && self.knobs.record_during_job == RecordDuringJob::HalfMade {
            "INACTIVE".clone_into(&mut solution.state);
            solution.summary.clear();
            solution.description.clear();
        }
    }

    /// Returns the record, if the caller may see it.
    pub(crate) fn solution(&self, caller: &Caller, id: &str) -> Result<&Solution, Refusal> {
        let hidden = self.knobs.record_during_job == RecordDuringJob::Hidden;
        self.solutions
            .get(id)
            .filter(|solution| solution.is_visible_to(caller) && !(hidden && solution.deploying))
            .ok_or_else(|| Refusal::NoSuchSolution { id: id.to_owned() })
    }

    /// Returns the record, if the caller may change it.
    pub(crate) fn own_solution(
        &self,
        caller: &Caller,
        id: &str,
        action: &'static str,
    ) -> Result<&Solution, Refusal> {
        let solution = self.solution(caller, id)?;
        if solution.belongs_to(caller) {
            Ok(solution)
        } else {
            Err(Refusal::NotAllowed { action })
        }
    }

    /// `PATCH /api/v2/solutions/deployed/<id>`.
    pub(crate) fn patch_solution(
        &mut self,
        caller: &Caller,
        id: &str,
        patch: &Patch,
    ) -> Result<Solution, Refusal> {
        let before = self
            .own_solution(caller, id, "changing a solution")?
            .clone();
        let (state, visibility) = self.patch_words(patch)?;
        if state.is_none()
            && visibility.is_none()
            && patch.customizable.is_none()
            && self.knobs.patch_without_parameters == PatchWithoutParameters::Refused
        {
            return Err(Refusal::NothingToChange);
        }
        let mut after = before.clone();
        if let Some(state) = state {
            state.clone_into(&mut after.state);
        }
        if let Some(visibility) = visibility {
            self.change_visibility(&mut after, visibility)?;
        }
        after.customizable = patch.customizable.unwrap_or(after.customizable);
        if after != before && self.knobs.patch_touches_updated {
            after.updated_ms = self.stamp();
        }
        if after != before {
            self.change_solution(id, |solution| solution.clone_from(&after));
        }
        Ok(after)
    }

    /// Returns the state and the visibility of a patch. Unknown words are handled by the knob
    /// `patch_unknown_word`.
    pub(crate) fn patch_words<'a>(
        &self,
        patch: &'a Patch,
    ) -> Result<(Option<&'a str>, Option<&'a str>), Refusal> {
        let states = match self.knobs.patch_states {
            PatchStates::Documented => &STATES[..],
            PatchStates::Production => &["ACTIVE", "INACTIVE", "PRODUCTION"],
        };
        let state = self.known_word("state", patch.state.as_deref(), states)?;
        let visibility = patch.visibility.as_deref();
        let visibility = self.known_word("visibility", visibility, &VISIBILITIES)?;
        Ok((state, visibility))
    }

    /// `PATCH /api/v2/solutions/deployed/<id>/sharing/orgs`.
    pub(crate) fn share_solution(
        &mut self,
        caller: &Caller,
        id: &str,
        accounts: Vec<String>,
    ) -> Result<Solution, Refusal> {
        self.own_solution(caller, id, "sharing a solution")?;
        let now_ms = self.stamp();
        self.change_solution(id, |solution| {
            solution.shared_accounts = accounts;
            solution.updated_ms = now_ms;
        });
        self.solution(caller, id).cloned()
    }

    fn known_word<'a>(
        &self,
        field: &'static str,
        word: Option<&'a str>,
        known: &[&str],
    ) -> Result<Option<&'a str>, Refusal> {
        match word {
            Some(word) if !known.contains(&word) => match self.knobs.patch_unknown_word {
                PatchUnknownWord::Ignored => Ok(None),
                PatchUnknownWord::Refused => Err(unknown_word(field)),
            },
            word => Ok(word),
        }
    }

    fn change_visibility(&self, after: &mut Solution, wanted: &str) -> Result<(), Refusal> {
        let visibility = match (wanted, self.knobs.publish) {
            ("PUBLIC", Publish::PendingReview) if after.visibility != "PUBLIC" => "PENDING_REVIEW",
            ("PUBLIC", Publish::Unchanged) => return Ok(()),
            ("PUBLIC", Publish::Unauthorized) => {
                return Err(Refusal::NotAllowed {
                    action: "making a solution PUBLIC",
                });
            }
            ("PUBLIC", Publish::Forbidden) => {
                return Err(Refusal::Forbidden {
                    action: "making a solution PUBLIC",
                });
            }
            (wanted, _) => wanted,
        };
        let rule = self.knobs.owner_after_visibility;
        let gives_away = matches!(
            rule,
            OwnerAfterVisibility::IbDeployed | OwnerAfterVisibility::Follows
        );
        let gives_back = matches!(
            rule,
            OwnerAfterVisibility::Username | OwnerAfterVisibility::Follows
        );
        match visibility {
            "PUBLIC" if gives_away => PUBLIC_OWNER.clone_into(&mut after.owner),
            "PRIVATE" if gives_back => after.owner = after.author.clone(),
            _ => {}
        }
        visibility.clone_into(&mut after.visibility);
        Ok(())
    }
}

pub(crate) fn unknown_word(field: &'static str) -> Refusal {
    Refusal::BadField {
        field,
        expected: match field {
            "state" => "ACTIVE or INACTIVE",
            _ => "PUBLIC, PRIVATE or PENDING_REVIEW",
        },
    }
}
