//! The read of one solution, the patch and the sharing.

use crate::access::Caller;
use crate::knobs::{
    OwnerAfterVisibility, PatchStates, PatchUnknownWord, PatchWithoutParameters, Publish,
    RecordDuringJob,
};
use crate::package::VISIBILITIES;
use crate::refusal::Refusal;
use crate::state::solutions::{PUBLIC_OWNER, STATES, Solution};
use crate::state::world::World;

/// The action that the knob `publish` may refuse.
const PUBLISHING: &str = "making a solution PUBLIC";

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
        let stale = self.read_lag.count_read(&id.to_owned(), self.time.now_ms());
        let stale = stale.map(|stale| stale.before.clone());
        let mut solution = match stale {
            None => self.solution(caller, id)?.clone(),
            Some(before) => before
                .filter(|solution| solution.is_visible_to(caller))
                .ok_or_else(|| Refusal::NoSuchSolution(id.to_owned()))?,
        };
        self.hide_unfinished(&mut solution);
        Ok(solution)
    }

    /// Changes the view of a record whose deploy job is pending, as the knob `record_during_job`
    /// asks for.
    pub(crate) fn hide_unfinished(&self, solution: &mut Solution) {
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
            .ok_or_else(|| Refusal::NoSuchSolution(id.to_owned()))
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
            Err(Refusal::NotAllowed(action))
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
        if after != before {
            if self.knobs.patch_touches_updated {
                after.updated_ms = self.stamp();
            }
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
        match (
            check_word(field, word, known),
            self.knobs.patch_unknown_word,
        ) {
            (Ok(()), _) => Ok(word),
            (Err(_), PatchUnknownWord::Ignored) => Ok(None),
            (Err(refusal), PatchUnknownWord::Refused) => Err(refusal),
        }
    }

    fn change_visibility(&self, after: &mut Solution, wanted: &str) -> Result<(), Refusal> {
        let visibility = match (wanted, self.knobs.publish) {
            ("PUBLIC", Publish::PendingReview) if after.visibility != "PUBLIC" => "PENDING_REVIEW",
            ("PUBLIC", Publish::Unchanged) => return Ok(()),
            ("PUBLIC", Publish::Unauthorized) => return Err(Refusal::NotAllowed(PUBLISHING)),
            ("PUBLIC", Publish::Forbidden) => return Err(Refusal::Forbidden(PUBLISHING)),
            (wanted, _) => wanted,
        };
        match (visibility, self.knobs.owner_after_visibility) {
            ("PUBLIC", OwnerAfterVisibility::IbDeployed | OwnerAfterVisibility::Follows) => {
                PUBLIC_OWNER.clone_into(&mut after.owner);
            }
            ("PRIVATE", OwnerAfterVisibility::Username | OwnerAfterVisibility::Follows) => {
                after.owner.clone_from(&after.author);
            }
            _ => {}
        }
        visibility.clone_into(&mut after.visibility);
        Ok(())
    }
}

/// Fails if the word of a field is not one of the known ones.
pub(crate) fn check_word(
    field: &'static str,
    word: Option<&str>,
    known: &[&str],
) -> Result<(), Refusal> {
    if word.is_none_or(|word| known.contains(&word)) {
        return Ok(());
    }
    let expected = match field {
        "state" => "ACTIVE or INACTIVE",
        _ => "PUBLIC, PRIVATE or PENDING_REVIEW",
    };
    Err(Refusal::BadField(field, expected))
}
