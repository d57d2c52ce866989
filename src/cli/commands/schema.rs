//! `schema`: the JSON Schemas.

use std::io::Write as _;

use crate::cli::args::{SchemaArgs, SchemaDocument};
use crate::cli::error::CommandError;
use crate::cli::exit::ExitStatus;
use crate::cli::io::Io;
use crate::manifest;

pub(super) fn run(args: &SchemaArgs, io: &mut Io) -> Result<ExitStatus, CommandError> {
    let schema = match args.document {
        SchemaDocument::Manifest => manifest::schema(),
    };
    writeln!(io.out, "{schema:#}")?;
    Ok(ExitStatus::Success)
}
