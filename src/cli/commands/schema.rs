//! `schema`: prints JSON Schemas.

use std::io::Write as _;

use clap::{Args, ValueEnum};

use crate::cli::error::{ExitStatus, Result};
use crate::cli::io::Io;
use crate::manifest;
use crate::render::{
    AbandonDocument, DoctorDocument, DriftDocument, ExplanationsDocument, HistoryDocument,
    JobDocument, ListMatrixDocument, PackageDiffDocument, PackageDocument, PastApplyDocument,
    PlanDocument, PlanMatrixDocument, PromotionDocument, ReportDocument, ReportMatrixDocument,
    ReviewDocument, RevocationDocument, RunsDocument, SolutionsDocument, StreamLine, schema_of,
};

/// Print a JSON Schema
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  solform schema manifest > manifest.schema.json")]
pub(in crate::cli) struct SchemaArgs {
    /// Document whose schema is printed
    #[arg(value_enum)]
    document: SchemaDocument,
}

/// Documents that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SchemaDocument {
    /// The manifest, `solform.yaml`.
    Manifest,
    /// The output of `list --json` and `get --json`.
    Solutions,
    /// The output of `jobs --json`.
    Runs,
    /// The output of `run --json` and `job --json`.
    Job,
    /// The output of `plan --format json` and `show --json`.
    Plan,
    /// The output of `plan --format json` for several environments.
    PlanMatrix,
    /// The output of `list --json` for several environments.
    ListMatrix,
    /// The output of `explain --json`.
    Explanations,
    /// The output of `review --json`.
    Review,
    /// The output of `promote --json`.
    Promotion,
    /// The output of `history --json`.
    History,
    /// The output of `history show --json`.
    ApplyHistory,
    /// The output of `abandon --json`.
    Abandon,
    /// The output of `revoke --json`.
    Revoke,
    /// The output of `doctor --json`.
    Doctor,
    /// The output of `package build --json` and `package inspect --json`.
    Package,
    /// The output of `package diff --json`.
    PackageDiff,
    /// The output of `apply --format json` and `destroy --format json`.
    Report,
    /// The output of `apply --format json` for several environments.
    ReportMatrix,
    /// A line of the output of `plan --json`, `apply --json`, `destroy --json` and `watch --json`.
    Events,
    /// The post of `watch --webhook`.
    Drift,
}

pub(super) fn run(args: &SchemaArgs, io: &mut Io) -> Result<ExitStatus> {
    let schema = match args.document {
        SchemaDocument::Manifest => manifest::schema(),
        SchemaDocument::Solutions => schema_of::<SolutionsDocument<'_>>(),
        SchemaDocument::Runs => schema_of::<RunsDocument>(),
        SchemaDocument::Job => schema_of::<JobDocument>(),
        SchemaDocument::Plan => schema_of::<PlanDocument<'_>>(),
        SchemaDocument::PlanMatrix => schema_of::<PlanMatrixDocument<'_>>(),
        SchemaDocument::ListMatrix => schema_of::<ListMatrixDocument<'_>>(),
        SchemaDocument::Explanations => schema_of::<ExplanationsDocument>(),
        SchemaDocument::Review => schema_of::<ReviewDocument>(),
        SchemaDocument::Promotion => schema_of::<PromotionDocument>(),
        SchemaDocument::History => schema_of::<HistoryDocument>(),
        SchemaDocument::Abandon => schema_of::<AbandonDocument>(),
        SchemaDocument::Revoke => schema_of::<RevocationDocument>(),
        SchemaDocument::Doctor => schema_of::<DoctorDocument>(),
        SchemaDocument::Package => schema_of::<PackageDocument<'_>>(),
        SchemaDocument::PackageDiff => schema_of::<PackageDiffDocument<'_>>(),
        SchemaDocument::Report => schema_of::<ReportDocument>(),
        SchemaDocument::ReportMatrix => schema_of::<ReportMatrixDocument<'_>>(),
        SchemaDocument::Drift => schema_of::<DriftDocument>(),
        SchemaDocument::Events => schema_of::<StreamLine>(),
        SchemaDocument::ApplyHistory => schema_of::<PastApplyDocument>(),
    };
    writeln!(io.document(), "{schema:#}")?;
    Ok(ExitStatus::Success)
}
