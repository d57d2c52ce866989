//! The planning of plan, apply and destroy: listing, comparison, package inspection.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::FutureExt as _;
use indexmap::IndexSet;

use super::drift::{Drifts, KnownContents};
use super::packages::Packages;
use super::{packages, running_runs, verified_packages};
use crate::api::{ListRequest, Needed, PendingListing, ReadError, few_names};
use crate::apply::ContentsRecorder;
use crate::cli::clock;
use crate::cli::environment::session::Session;
use crate::cli::error::{CommandError, ErrorKind, ExitStatus, with_precedence};
use crate::cli::io::Io;
use crate::ident::{Identity, SolutionName};
use crate::live::{Coverage, LiveState};
use crate::manifest::{self, Code, Manifest, Problem, Problems, Undeclared, entries_of};
use crate::plan::{
    ApplyHistory, Change, DiffError, DiffOptions, JudgementInputs, Mode, NarrowedPlan, Note,
    Overrides, Plan, PlanProgress, Refusal, Rollback, SavedPlan, Selector, Summary, TimeLimits,
    diff, narrow, needs_whole_listing,
};
use crate::render::{Diagnostic, words};
use crate::store::Store;

/// The maximum number of unmanageable records that are named.
const NAMED: usize = 3;

/// Notes on versions.
type Notes = BTreeMap<Identity, Note>;

/// The live state and its comparison.
struct Collected<'a> {
    /// The options with the versions that must be replaced because of their contents.
    options: Cow<'a, DiffOptions>,
    /// The notes on the other versions.
    notes: Notes,
    live: LiveState,
    plan: Plan,
    /// The packages that were read already.
    packages: Packages,
}

/// The inputs of a plan besides the live state.
#[derive(Clone, Copy)]
pub(in crate::cli) struct Planner<'a> {
    pub(in crate::cli) session: &'a Session,
    pub(in crate::cli) history: &'a ApplyHistory,
    pub(in crate::cli) options: &'a DiffOptions,
    /// The store with the contents of deployed versions, if it can be read.
    pub(in crate::cli) store: Option<&'a dyn Store>,
    /// The store that the command line names, for all environments.
    pub(in crate::cli) typed_store: Option<&'a str>,
    /// The recorder that keeps the contents of the packages of an apply.
    pub(in crate::cli) contents: Option<&'a ContentsRecorder>,
}

impl<'a> Planner<'a> {
    /// Collects the live state, from a listing in progress if there is one, compares it, and checks
    /// the packages of the planned deploys.
    pub(in crate::cli) async fn make_plan(
        self,
        look: Option<PendingListing>,
        overrides: &Overrides,
        io: &mut Io,
    ) -> Result<Plan, CommandError> {
        let (live, plan) = self.make_plan_and_live(look, overrides, io).await?;
        drop_in_background(live);
        Ok(plan)
    }

    /// Returns the errors of the selectors that select nothing in this environment, if that is
    /// accepted here.
    pub(in crate::cli) fn unused_selectors(self, live: &LiveState) -> Vec<DiffError> {
        let DiffOptions {
            targets,
            excludes,
            replace,
            ..
        } = self.options;
        if targets.is_empty() && excludes.is_empty() && replace.is_empty() {
            return Vec::new();
        }
        let options = DiffOptions {
            may_select_nothing: false,
            ..self.options.clone()
        };
        let errors = diff(self.manifest(), live, self.history, &options).err();
        let errors = errors.into_iter().flatten();
        errors.filter(DiffError::selects_nothing).collect()
    }

    /// Does the same as [`make_plan`](Self::make_plan), and also returns the live state.
    pub(in crate::cli) async fn make_plan_and_live(
        self,
        look: Option<PendingListing>,
        overrides: &Overrides,
        io: &mut Io,
    ) -> Result<(LiveState, Plan), CommandError> {
        let Collected {
            options,
            notes,
            live,
            plan,
            packages,
        } = self.collect_with_drift(look, io).await?;
        let planner = Planner {
            options: &options,
            ..self
        };
        let (live, mut plan) = planner.collect_for_limits(live, plan, overrides).await?;
        for record in live.unmanageable().iter().take(NAMED) {
            let warning = format!(
                "the live record {} of {} cannot be managed, and is left alone: {}",
                record.id, record.label, record.reason
            );
            io.warn(&warning, Vec::new())?;
        }
        let more = live.unmanageable().len().saturating_sub(NAMED);
        if more > 0 {
            let records = words::count(more, "more live record");
            let warning = io.invocation.complete(&format!(
                "{records} cannot be managed; `solform list` shows all of them"
            ));
            io.warn(&warning, Vec::new())?;
        }
        // A record that is not listed cannot be similar to a declared name.
        if matches!(live.coverage(), Coverage::Whole) {
            let versions = live.versions().iter();
            let names = versions.map(|version| version.identity.name.as_str());
            let records = live.unmanageable().iter();
            let records = records.map(|record| record.texts.name.as_str());
            let similar = manifest::similar_to_live(self.manifest(), names.chain(records));
            let source = &self.session.context.source;
            let warnings: Vec<_> = similar.iter().map(|name| name.warning(source)).collect();
            io.warn_of(&warnings)?;
            plan = plan.with_similar_names(&similar);
        }
        plan = plan.with_notes(&notes);
        refuse_secrets(&plan, io)?;
        let plan = packages::inspect(self.session, self.contents, plan, packages, io).await?;
        let plan = plan.with_verifications(self.history, self.options);
        let plan = plan.with_expected(&self.history.durations, self.options.parallelism);
        for short in plan.short_timeouts(&self.time_limits()) {
            let hint = "as earlier applies show; raise it in the manifest";
            io.warn(&format!("{short}, {hint}"), Vec::new())?;
        }
        let plan = running_runs::count(self.session, plan, io).await?;
        let policies = &self.manifest().policies;
        let plan = plan.judged(policies, &self.judgement_inputs(io).await?);
        Ok((live, plan))
    }

    /// Makes a new plan, inspects the packages again, and narrows the plan to the approved changes.
    pub(in crate::cli) async fn make_narrowed(
        self,
        saved: &SavedPlan,
        progress: &PlanProgress,
        io: &mut Io,
    ) -> Result<NarrowedPlan, CommandError> {
        let allow = &saved.options.allow;
        let Collected {
            options,
            notes,
            live,
            plan,
            ..
        } = self.collect_with_drift(None, io).await?;
        let planner = Planner {
            options: &options,
            ..self
        };
        let mut collected = planner.collect_for_limits(live, plan, allow).await?;
        loop {
            let (live, fresh) = collected;
            let fresh = fresh.with_notes(&notes);
            let known = Packages::new();
            let fresh = packages::inspect(self.session, self.contents, fresh, known, io).await?;
            let fresh = fresh.with_verifications(self.history, &options);
            let fresh = running_runs::count(self.session, fresh, io).await?;
            let narrowed = narrow(self.manifest(), &live, fresh, &saved.plan, progress);
            // Changes that earlier applies of the plan made also count.
            let limits = &self.manifest().environment.limits;
            let needs_whole =
                needs_whole_listing(&narrowed.to_execute(), narrowed.spent, limits, allow);
            if !(needs_whole && matches!(live.coverage(), Coverage::Names(_))) {
                drop_in_background(live);
                let policies = &self.manifest().policies;
                return Ok(narrowed.judged(policies, &self.judgement_inputs(io).await?));
            }
            collected = planner.collect_whole().await?;
        }
    }

    /// Returns the facts that the policies of the manifest need besides the plan.
    async fn judgement_inputs(self, io: &mut Io) -> Result<JudgementInputs<'a>, CommandError> {
        let mut policies = self.manifest().policies.list.iter();
        let verified = if policies.any(|policy| policy.expression.reads_verified()) {
            verified_packages::of_all(&self.session.context, self.history, self.typed_store, io)
                .await?
        } else {
            BTreeSet::new()
        };
        Ok(JudgementInputs {
            now_ms: clock::now_ms(),
            verified,
            history: self.history,
        })
    }

    /// Lists the live state once, and compares it once.
    pub(in crate::cli) async fn collect_and_diff(
        self,
        is_whole: bool,
    ) -> Result<(LiveState, Plan), CommandError> {
        let mut live = self.collect(is_whole).await?;
        let mut compared = self.diff(&live);
        // Similar names may be among those that were not listed.
        if let Err(errors) = &compared
            && matches!(live.coverage(), Coverage::Names(_))
            && errors.iter().any(lacks_suggestion)
        {
            live = self.collect(true).await?;
            compared = self.diff(&live);
        }
        let plan = compared.map_err(|errors| self.diff_error(&live, &errors))?;
        Ok((live, plan))
    }

    fn time_limits(self) -> TimeLimits {
        let timeouts = &self.manifest().environment.timeouts;
        TimeLimits {
            deploy: timeouts.deploy,
            delete: timeouts.delete,
            apply: timeouts.apply,
        }
    }

    fn manifest(&self) -> &Manifest {
        self.session.manifest()
    }

    /// Collects the live state and compares it, also with the contents of the declared sources.
    async fn collect_with_drift(
        self,
        look: Option<PendingListing>,
        io: &mut Io,
    ) -> Result<Collected<'a>, CommandError> {
        let (live, plan, packages) = if let Some(look) = look {
            self.diff_early(look, io).await?
        } else {
            let (live, plan) = self.collect_and_diff(false).await?;
            (live, plan, Packages::new())
        };
        if let Some(rollback) = &self.options.rollback {
            return self.without_lost(rollback, live, plan, io).await;
        }
        let collected = |options, notes, live, plan| Collected {
            options,
            notes,
            live,
            plan,
            packages,
        };
        let known = KnownContents {
            session: self.session,
            store: self.store,
            history: self.history,
            options: self.options,
        };
        let Drifts { redeploy, notes } = known.compare_all(&plan, io).await?;
        if redeploy.is_empty() {
            return Ok(collected(Cow::Borrowed(self.options), notes, live, plan));
        }
        let options = DiffOptions {
            redeploy,
            ..self.options.clone()
        };
        let planner = Planner {
            options: &options,
            ..self
        };
        let plan = planner.compare(&live)?;
        Ok(collected(Cow::Owned(options), notes, live, plan))
    }

    /// Compares again without the versions whose package cannot be deployed again, if the plan of a
    /// roll-back deploys any.
    async fn without_lost(
        self,
        rollback: &Rollback,
        live: LiveState,
        plan: Plan,
        io: &mut Io,
    ) -> Result<Collected<'a>, CommandError> {
        let mut collected = Collected {
            options: Cow::Borrowed(self.options),
            notes: Notes::new(),
            live,
            plan,
            packages: Packages::new(),
        };
        // The plan without them is inspected again, with warnings.
        let name = &self.manifest().environment.name;
        let mut silent = io.branch(name, &io.invocation);
        let (plan, known) = (collected.plan.clone(), Packages::new());
        let inspected = packages::inspect(self.session, None, plan, known, &mut silent).await?;
        let lost = rollback.undeployable(&inspected);
        if lost.is_empty() {
            return Ok(collected);
        }
        let rollback = Rollback {
            lost,
            ..rollback.clone()
        };
        let options = DiffOptions {
            rollback: Some(Arc::new(rollback)),
            ..self.options.clone()
        };
        let planner = Planner {
            options: &options,
            ..self
        };
        collected.plan = planner.compare(&collected.live)?;
        collected.options = Cow::Owned(options);
        Ok(collected)
    }

    /// Collects the rest that the plan and its limits need, and compares it.
    async fn collect_for_limits(
        self,
        live: LiveState,
        plan: Plan,
        overrides: &Overrides,
    ) -> Result<(LiveState, Plan), CommandError> {
        // A percentage limit needs the number of live versions.
        let limits = &self.manifest().environment.limits;
        let needs_whole = needs_whole_listing(&plan, None, limits, overrides);
        if needs_whole && matches!(live.coverage(), Coverage::Names(_)) {
            return self.collect_whole().await;
        }
        self.read_visibility(live, plan).await
    }

    async fn collect_whole(self) -> Result<(LiveState, Plan), CommandError> {
        let (live, plan) = self.collect_and_diff(true).await?;
        self.read_visibility(live, plan).await
    }

    /// Reads the visibility of the versions that the plan changes, if records do not contain it:
    /// every write checks the visibility that the plan shows.
    async fn read_visibility(
        self,
        live: LiveState,
        plan: Plan,
    ) -> Result<(LiveState, Plan), CommandError> {
        if matches!(live.coverage(), Coverage::Unproven(_)) {
            return Ok((live, plan));
        }
        let needs = self.needs();
        let names: BTreeSet<SolutionName> = plan
            .changes
            .iter()
            .filter(|change| change.lacks_visibility())
            .filter_map(|change| Some(&change.action.before()?.identity.name))
            .filter(|name| needs(name) != Needed::Visibility)
            .cloned()
            .collect();
        if names.is_empty() {
            return Ok((live, plan));
        }
        let reader = self.session.reader();
        let live = self
            .session
            .read(reader.with_visibility(live, names))
            .await?;
        let plan = self.compare(&live)?;
        Ok((live, plan))
    }

    /// Does the same as [`collect_and_diff`](Self::collect_and_diff), with a listing in progress.
    /// The comparison starts before the listing is confirmed, and so does the reading of the
    /// packages. If the confirmation fails, the state is listed again.
    async fn diff_early(
        self,
        look: PendingListing,
        io: &Io,
    ) -> Result<(LiveState, Plan, Packages), CommandError> {
        let (session, request) = (self.session, self.request(false));
        let reader = session.reader();
        let early = session.read(reader.collect_from(look, &request)).await?;
        let compared = self.compare(early.unconfirmed());
        let read_packages = async {
            match &compared {
                Ok(plan) if refuse_secrets(plan, io).is_ok() => {
                    packages::read(session, self.contents, plan, Packages::new()).await
                }
                _ => Packages::new(),
            }
        };
        // A failed confirmation waits for no package.
        let confirmed = async { session.read(early.confirmed()).await };
        let (confirmed, packages) = tokio::try_join!(confirmed, read_packages.map(Ok))?;
        let (live, plan) = if let Some(live) = confirmed {
            (live, compared?)
        } else {
            self.collect_and_diff(false).await?
        };
        Ok((live, plan, packages))
    }

    async fn collect(self, is_whole: bool) -> Result<LiveState, CommandError> {
        let request = self.request(is_whole);
        let reader = self.session.reader();
        self.session.read(reader.collect(&request)).await
    }

    /// Returns the request for the part of the live state that this manifest needs.
    fn request(self, is_whole: bool) -> ListRequest<'a> {
        let options = self.options;
        let undeclared = self.manifest().scope.undeclared;
        let needs_whole =
            is_whole || (undeclared != Undeclared::Ignore && options.mode == Mode::Converge);
        let names = || {
            // An orphaned record is reported until it is deleted, even if its name is no longer
            // declared. A selector may name a live version that is not declared.
            let orphaned = self.history.orphaned.values();
            let orphaned = orphaned.map(|record| &record.identity.name);
            let selectors = options.targets.iter().chain(&options.excludes);
            let selected = selectors.flat_map(Selector::names);
            let known = self.planned_names().chain(orphaned);
            few_names(known.cloned().chain(selected))
        };
        ListRequest {
            names: if needs_whole { None } else { names() },
            needs: Box::new(self.needs()),
            // Most declared versions are live already.
            expected: Some(self.session.count_names() as u64),
        }
    }

    /// Returns the names of the versions that a plan may change, some of them repeatedly.
    fn planned_names(self) -> Box<dyn Iterator<Item = &'a SolutionName> + 'a> {
        if let Some(rollback) = &self.options.rollback {
            return Box::new(rollback.names());
        }
        let declared = self.session.manifest().desired.iter();
        Box::new(declared.map(|entry| &entry.identity.name))
    }

    /// Returns what a plan needs of the versions of each name.
    fn needs(self) -> impl Fn(&SolutionName) -> Needed + Send + Sync + 'a {
        let desired = &self.session.manifest().desired;
        let is_rollback = self.options.rollback.is_some();
        let rolled_back = is_rollback.then(|| self.planned_names().collect::<BTreeSet<_>>());
        move |name| match &rolled_back {
            Some(names) if names.contains(name) => Needed::Visibility,
            Some(_) => Needed::Nothing,
            None => match entries_of(desired, name) {
                [] => Needed::Nothing,
                entries if entries.iter().any(|entry| entry.visibility.is_some()) => {
                    Needed::Visibility
                }
                _ => Needed::Records,
            },
        }
    }

    fn diff(self, live: &LiveState) -> Result<Plan, Vec<DiffError>> {
        diff(self.manifest(), live, self.history, self.options)
    }

    fn compare(self, live: &LiveState) -> Result<Plan, CommandError> {
        self.diff(live)
            .map_err(|errors| self.diff_error(live, &errors))
    }

    /// Returns the error of a comparison. Problems of manifest entries are shown at their location;
    /// the others are about the options.
    fn diff_error(self, live: &LiveState, errors: &[DiffError]) -> CommandError {
        // A missing record may just not have been listed.
        if let Coverage::Unproven(reason) = live.coverage() {
            let error = ReadError::UnprovenWhole(reason.clone());
            return self.session.read_error(error);
        }
        let source = &self.session.context.source;
        let problems: Vec<Problem> = errors
            .iter()
            .filter_map(|error| match error {
                DiffError::NoPath { position, .. } => Some(
                    Problem::remote(source, position, Code::PathNeeded, error.to_string())
                        .help(error.help()),
                ),
                _ => None,
            })
            .collect();
        match Problems::from_errors(problems) {
            Some(problems) if problems.errors() == errors.len() => problems.into(),
            Some(_) | None => option_error(errors),
        }
    }
}

/// Returns the error of options that do not fit the manifest and the live state.
pub(in crate::cli) fn option_error(errors: &[DiffError]) -> CommandError {
    let messages: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let helps: IndexSet<String> = errors.iter().map(DiffError::help).collect();
    let helps: Vec<String> = helps.into_iter().collect();
    CommandError::failed(messages.join("; ")).hint(helps.join(" "))
}

fn lacks_suggestion(error: &DiffError) -> bool {
    matches!(error, DiffError::SelectsNothing { near, .. } if near.is_empty())
}

/// Returns the error of `--replace` with a plan that destroys.
pub(in crate::cli) fn replace_with_destroy() -> CommandError {
    CommandError::failed("--replace cannot be combined with a plan that destroys")
        .hint("Use --target to destroy some of the declared versions only.")
}

/// Refuses a plan whose deploys contain a secret: plan files and journals record them.
fn refuse_secrets(plan: &Plan, io: &Io) -> Result<(), CommandError> {
    let has_secret = |change: &&Change| {
        change.package_path().is_some_and(|path| {
            let text = format!("{path}\n{}", change.identity.full_address());
            io.secrets.redact(&text) != text
        })
    };
    match plan.changes.iter().find(has_secret) {
        Some(change) => Err(CommandError::failed(format!(
            "the path or the name of `{}` holds a token, and plan files and journals would record \
             it",
            change.address
        ))
        .hint("Remove the token from the manifest.")),
        None => Ok(()),
    }
}

/// Frees the memory of a big value on another thread. If the program ends first, the system frees
/// all memory at once, which is faster.
pub(in crate::cli) fn drop_in_background(big: impl Send + 'static) {
    drop(tokio::task::spawn_blocking(move || drop(big)));
}

/// Returns the exit status of a command that shows this plan without refusals. Orphaned records are
/// no error: only the detailed exit code reports them. What a roll-back does not restore is.
pub(in crate::cli) fn status_of(plan: &Plan, is_detailed: bool) -> ExitStatus {
    let summary = Summary::of(plan);
    if !is_detailed && summary.unrestored == 0 {
        return ExitStatus::Success;
    }
    with_precedence(&[
        (summary.in_flight > 0, ExitStatus::InFlight),
        (summary.is_partial(), ExitStatus::Partial),
        (summary.has_changes(), ExitStatus::Changes),
    ])
}

/// Returns the error for a plan whose refusals were shown.
///
/// With a session, problems of the manifest are shown with their location.
pub(in crate::cli) fn blocked(
    session: Option<&Session>,
    refusals: &[Refusal],
    plan: &Plan,
) -> CommandError {
    let is_unproven = refusals
        .iter()
        .any(|refusal| matches!(refusal, Refusal::Unproven(_)));
    let diagnostics: Vec<Diagnostic> = refusals
        .iter()
        .map(|refusal| {
            let diagnostic = Diagnostic::of_refusal(refusal, plan);
            match session.and_then(|session| packages::problem_of(session, refusal)) {
                Some(problem) => Diagnostic {
                    address: diagnostic.address,
                    ..Diagnostic::of_problem(&problem)
                },
                None => diagnostic,
            }
        })
        .collect();
    let kind = if is_unproven {
        ErrorKind::Unproven(diagnostics)
    } else {
        ErrorKind::Blocked(diagnostics)
    };
    CommandError::new(kind, "the plan cannot be applied")
}
