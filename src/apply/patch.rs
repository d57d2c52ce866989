//! Patches state and visibility, and proves the effect by reading.

use tokio::time::Instant;

use super::executor::Run;
use super::release::not_read;
use super::report::{Done, Outcome, StepError};
use super::send::Sent;
use super::step::{Step, refused};
use super::wait::{Pauses, Stopped, pause};
use crate::api::{self, PatchStyle, WriteError};
use crate::attribute::{LiveVisibilityWord, State, Visibility};
use crate::live::LiveVersion;
use crate::outcome::WriteKind;
use crate::plan::{LiveImage, Patch, PreconditionResult, check_update};
use crate::store::RecordPatch;

/// The number of reads that must complete before the other form of PATCH is tried.
const IMPATIENT_LOOKS: u32 = 4;

impl Step<'_, '_> {
    pub(super) async fn update(
        &mut self,
        before: &LiveImage,
        patch: Patch,
    ) -> Result<Done, Outcome> {
        let run = self.run;
        let deadline = Instant::now() + run.settings.deploy;
        match recheck_update(self.run, before, patch).await? {
            PreconditionResult::Done => return Ok(Done::already(Some(before.id.clone()))),
            PreconditionResult::Moved(differences) => return Err(Outcome::Refused(differences)),
            PreconditionResult::Ready => {}
        }
        run.check_successors(self.change).await?;
        self.patch(before, patch, deadline).await
    }

    /// Patches a record and confirms the effect. Uses the form of PATCH that worked last, and tries
    /// the other form once if nothing changed (docs/platform.md, 8.7).
    pub(super) async fn patch(
        &mut self,
        before: &LiveImage,
        patch: Patch,
        deadline: Instant,
    ) -> Result<Done, Outcome> {
        let run = self.run;
        self.patching = Some(RecordPatch {
            id: before.id.clone(),
            set: patch,
        });
        let first = *run
            .patch_style
            .lock()
            .expect("invariant: no thread panics while it holds the patch style");
        let second = match first {
            PatchStyle::Query => PatchStyle::Body,
            PatchStyle::Body => PatchStyle::Query,
        };
        for (style, is_last) in [(first, false), (second, true)] {
            if is_last {
                check_again(run, before, patch).await?;
            }
            let sent = self
                .send(
                    WriteKind::Patch,
                    deadline,
                    async || {
                        run.writer
                            .patch(&before.id, wire_patch(patch), style)
                            .await
                            .map(drop)
                    },
                    async || {
                        let Some(now) = run.fetch(&before.id, &before.identity.name).await? else {
                            return Ok(None);
                        };
                        let now = run.seen(patch.visibility().is_some(), now).await?;
                        Ok(shows(patch, &now).then_some(()))
                    },
                    async || check_again(run, before, patch).await,
                )
                .await?;
            match sent {
                Sent::Refused(error) if !is_last && may_be_form(&error) => continue,
                Sent::Refused(error) => return Err(refused(WriteKind::Patch, error)),
                Sent::Taken(()) | Sent::Found(()) => {}
            }
            if let Some(done) = self.confirm_patch(before, patch, is_last).await? {
                *run.patch_style
                    .lock()
                    .expect("invariant: no thread panics while it holds the patch style") = style;
                return Ok(done);
            }
        }
        Err(Outcome::Failed(StepError::NoEffect {
            fields: words_of(patch),
        }))
    }

    /// Reads a patched record until it shows the patch. Uses only a few reads before the other form
    /// is tried.
    async fn confirm_patch(
        &self,
        before: &LiveImage,
        patch: Patch,
        is_patient: bool,
    ) -> Result<Option<Done>, Outcome> {
        let run = self.run;
        let id = &before.id;
        let name = &before.identity.name;
        let most_looks = if is_patient {
            u32::MAX
        } else {
            IMPATIENT_LOOKS
        };
        let mut looks = 0;
        let look = async |looks: u32, now: LiveVersion| {
            let is_needed = patch.visibility().is_some();
            let now = run.seen(is_needed, now).await.map_err(not_read)?;
            let state_shows = patch.state().is_none_or(|state| now.state.satisfies(state));
            match (patch.visibility(), &now.visibility) {
                _ if !state_shows => Ok(None),
                (None, _) => Ok(Some(Done::now(Some(id.clone())))),
                // A list may lag. If no list shows the visibility, more reads do not help.
                (Some(_), None) if looks < IMPATIENT_LOOKS => Ok(None),
                (Some(_), None) => Ok(Some(Done {
                    visibility_not_known: true,
                    ..Done::now(Some(id.clone()))
                })),
                (Some(declared), Some(word)) if word.satisfies(declared) => {
                    Ok(Some(Done::now(Some(id.clone()))))
                }
                (Some(Visibility::Public), Some(LiveVisibilityWord::PendingReview)) => {
                    Err(Outcome::Failed(StepError::WaitsForReview {
                        id: id.clone(),
                    }))
                }
                (Some(_), Some(_)) => Ok(None),
            }
        };
        let mut pauses = Pauses::new(run.propagation_pauses(), &run.random);
        let deadline = Instant::now() + run.settings.propagation;
        loop {
            let is_last_look = Instant::now() >= deadline;
            match run.fetch(id, name).await.map_err(not_read)? {
                Some(now) => {
                    looks += 1;
                    if let Some(done) = look(looks, now).await? {
                        return Ok(Some(done));
                    }
                    if is_last_look || looks == most_looks {
                        return Ok(None);
                    }
                }
                // A read by id may lag behind the list that named a new record (docs/platform.md,
                // U10).
                None if is_last_look => {
                    return Err(Outcome::Failed(StepError::Vanished { id: id.clone() }));
                }
                None => {}
            }
            if pause(pauses.next(), deadline, &run.interrupt).await == Err(Stopped::Interrupted) {
                return Err(Outcome::Unknown {
                    job: None,
                    said: None,
                });
            }
        }
    }
}

/// Judges an update by the record as it is now.
async fn recheck_update(
    run: &Run<'_>,
    before: &LiveImage,
    patch: Patch,
) -> Result<PreconditionResult, Outcome> {
    let now = match run.current(before).await? {
        Some(live) if patch.visibility().is_some() => {
            Some(run.seen(true, live).await.map_err(not_read)?)
        }
        now => now,
    };
    let planned = run.rebase(before, now.as_ref());
    Ok(check_update(&planned, patch, now.as_ref()))
}

/// Checks the precondition before a second send. A patch that took effect in part is not a
/// conflict.
async fn check_again(run: &Run<'_>, before: &LiveImage, patch: Patch) -> Result<(), Outcome> {
    match recheck_update(run, before, patch).await? {
        PreconditionResult::Ready | PreconditionResult::Done => Ok(()),
        PreconditionResult::Moved(differences) => Err(Outcome::Refused(differences)),
    }
}

fn wire_patch(patch: Patch) -> api::Patch<'static> {
    api::Patch {
        state: patch.state().map(State::as_str),
        visibility: patch.visibility().map(Visibility::as_str),
    }
}

/// Returns whether the refusal may be caused by the form of the request, not by its content.
fn may_be_form(error: &WriteError) -> bool {
    matches!(error, WriteError::Refused(api) if matches!(api.status(), Some(400 | 415 | 422)))
}

/// Returns whether a record shows the patch, as far as its fields are known.
fn shows(patch: Patch, now: &LiveVersion) -> bool {
    let state = patch.state().is_none_or(|state| now.state.satisfies(state));
    let visibility = patch.visibility().is_none_or(|declared| {
        now.visibility
            .as_ref()
            .is_some_and(|word| word.satisfies(declared))
    });
    state && visibility
}

fn words_of(patch: Patch) -> String {
    let state = patch.state().map(|state| format!("state to {state}"));
    let visibility = patch
        .visibility()
        .map(|visibility| format!("visibility to {visibility}"));
    let words: Vec<String> = state.into_iter().chain(visibility).collect();
    words.join(" and ")
}
