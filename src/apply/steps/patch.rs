//! Patches state and visibility, and proves the effect by reading.

use tokio::time::Instant;

use super::super::context::ApplyContext;
use super::super::report::{Done, Outcome};
use super::super::step::{Step, refused};
use super::super::step_error::StepError;
use crate::api::{self, PatchStyle, WriteError};
use crate::attribute::{LiveVisibilityWord, State, Visibility};
use crate::delivery::{Sent, Stopped};
use crate::live::LiveVersion;
use crate::outcome::WriteKind;
use crate::plan::{AfterImage, LiveImage, Patch, check_update};
use crate::store::RecordPatch;

/// The number of reads that must complete before the other form of PATCH is tried.
const IMPATIENT_READS: u32 = 4;

impl Step<'_> {
    pub(in crate::apply) async fn update(
        &mut self,
        before: &LiveImage,
        patch: Patch,
        after: &AfterImage,
    ) -> Result<Done, Outcome> {
        let context = self.context;
        let was_patched = is_patched(context, before, patch).await?;
        if was_patched && after.verification.is_none() {
            return Ok(Done::already(Some(before.id.clone())));
        }
        context.check_successors(self.change).await?;
        if after.verification.is_some() {
            let found = context.fetch(&before.id, &before.identity.name).await?;
            let Some(live) = found else {
                let id = before.id.clone();
                return Err(Outcome::Failed(StepError::Vanished { id }));
            };
            self.verify(&live, after).await?;
            if was_patched {
                return Ok(Done::now(Some(before.id.clone())));
            }
        }
        while self.drain(before, WriteKind::Patch).await? {
            if is_patched(context, before, patch).await? {
                return Ok(Done::already(Some(before.id.clone())));
            }
            context.check_successors(self.change).await?;
        }
        let deadline = Instant::now() + context.settings.deploy;
        self.patch(before, patch, deadline).await
    }

    /// Patches a record and confirms the effect. Uses the form of PATCH that worked last, and tries
    /// the other form once if nothing changed (docs/platform.md, 8.7).
    pub(in crate::apply) async fn patch(
        &mut self,
        before: &LiveImage,
        patch: Patch,
        deadline: Instant,
    ) -> Result<Done, Outcome> {
        let (context, change) = (self.context, self.change);
        self.patching = Some(RecordPatch {
            id: before.id.clone(),
            set: patch,
        });
        let first = context.patch_style();
        let second = match first {
            PatchStyle::Query => PatchStyle::Body,
            PatchStyle::Body => PatchStyle::Query,
        };
        for (style, is_last) in [(first, false), (second, true)] {
            if is_last {
                is_patched(context, before, patch).await?;
            }
            let sent = self
                .send(
                    WriteKind::Patch,
                    deadline,
                    async || {
                        let writer = context.writer();
                        let sent = writer.patch(&before.id, wire_patch(patch), style);
                        sent.await.map(drop)
                    },
                    async || {
                        let found = context.fetch(&before.id, &before.identity.name).await?;
                        let Some(now) = found else { return Ok(None) };
                        let now = context.seen(patch.visibility(), now).await?;
                        Ok(shows(patch, &now).then_some(()))
                    },
                    async || {
                        is_patched(context, before, patch).await?;
                        if patch.state() != Some(State::Inactive) {
                            return Ok(());
                        }
                        context
                            .check_drained(change, before, WriteKind::Patch)
                            .await
                    },
                )
                .await?;
            match sent {
                Sent::Refused(error) if !is_last && may_be_form(&error) => continue,
                Sent::Refused(error) => return Err(refused(WriteKind::Patch, error)),
                Sent::Accepted(()) | Sent::Found(()) => {}
            }
            if let Some(done) = self.confirm_patch(before, patch, is_last).await? {
                context.set_patch_style(style);
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
        let context = self.context;
        let id = &before.id;
        let name = &before.identity.name;
        let max_reads = if is_patient {
            u32::MAX
        } else {
            IMPATIENT_READS
        };
        let mut reads = 0;
        let look = async |reads: u32, now: LiveVersion| {
            let now = context.seen(patch.visibility(), now).await?;
            let state_shows = patch.state().is_none_or(|state| now.state.satisfies(state));
            match (patch.visibility(), &now.visibility) {
                _ if !state_shows => Ok(None),
                (None, _) => Ok(Some(Done::now(Some(id.clone())))),
                // A list may lag. If no list shows the visibility, more reads do not help.
                (Some(_), None) if reads < IMPATIENT_READS => Ok(None),
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
        let mut wait = context.propagation_wait();
        loop {
            let is_last = wait.is_over();
            match context.fetch(id, name).await? {
                Some(now) => {
                    reads += 1;
                    if let Some(done) = look(reads, now).await? {
                        return Ok(Some(done));
                    }
                    if is_last || reads == max_reads {
                        return Ok(None);
                    }
                }
                // A read by id may lag behind the list that named a new record (docs/platform.md,
                // U10).
                None if is_last => {
                    return Err(Outcome::Failed(StepError::Vanished { id: id.clone() }));
                }
                None => {}
            }
            if wait.pause().await == Err(Stopped::Interrupted) {
                return Err(Outcome::unknown(None));
            }
        }
    }
}

/// Checks an update against the current record. Returns whether the patch is already done. A patch
/// that took effect in part is not a conflict.
async fn is_patched(
    context: &ApplyContext<'_>,
    before: &LiveImage,
    patch: Patch,
) -> Result<bool, Outcome> {
    let now = match context.current(before).await? {
        Some(live) => Some(context.seen(patch.visibility(), live).await?),
        None => None,
    };
    let planned = context.rebase(before, now.as_ref());
    Outcome::is_done(check_update(&planned, patch, now.as_ref()))
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
    patch
        .missing_in(&now.state, now.visibility.as_ref())
        .is_none()
}

fn words_of(patch: Patch) -> String {
    let state = patch.state().map(|state| format!("state to {state}"));
    let visibility = patch
        .visibility()
        .map(|visibility| format!("visibility to {visibility}"));
    let words: Vec<String> = state.into_iter().chain(visibility).collect();
    words.join(" and ")
}
