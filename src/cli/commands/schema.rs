//! `schema`: prints JSON Schemas.

use std::io::Write as _;

use crate::cli::args::{SchemaArgs, SchemaDocument};
use crate::cli::error::{CommandError, ExitStatus};
use crate::cli::io::Io;
use crate::manifest;
use crate::render::{
    AbandonDocument, DoctorDocument, HistoryDocument, JobDocument, PlanDocument, ReportDocument,
    ReviewDocument, RunHistoryDocument, RunsDocument, SolutionsDocument, StreamLine, schema_of,
};

pub(super) fn run(args: &SchemaArgs, io: &mut Io) -> Result<ExitStatus, CommandError> {
    let schema = match args.document {
        SchemaDocument::Manifest => manifest::schema(),
        SchemaDocument::Solutions => schema_of::<SolutionsDocument>(),
        SchemaDocument::Runs => schema_of::<RunsDocument>(),
        SchemaDocument::Job => schema_of::<JobDocument>(),
        SchemaDocument::Plan => schema_of::<PlanDocument>(),
        SchemaDocument::Review => schema_of::<ReviewDocument>(),
        SchemaDocument::History => schema_of::<HistoryDocument>(),
        SchemaDocument::Abandon => schema_of::<AbandonDocument>(),
        SchemaDocument::Doctor => schema_of::<DoctorDocument>(),
        SchemaDocument::Report => schema_of::<ReportDocument>(),
        SchemaDocument::Events => schema_of::<StreamLine>(),
        SchemaDocument::RunHistory => schema_of::<RunHistoryDocument>(),
    };
    writeln!(io.document(), "{schema:#}")?;
    Ok(ExitStatus::Success)
}
