//! Outputs besides standard output: files, and the summary of a GitHub step.

use std::io::{self, Write};
use std::path::Path;

use crate::cli::args::{Output, Outputs};
use crate::cli::error::CommandError;
use crate::cli::files::{append, check_writable, is_same_file, length_of, write_whole};
use crate::cli::io::{Io, Redacted};
use crate::cli::settings::Settings;
use crate::render::{Channel, Content, Document, Format, MARKDOWN, PlanDetail, StyledWriter};

/// The hint about an output that would overwrite something else.
pub(in crate::cli) const NAME_ANOTHER_FILE: &str = "Name another file.";

/// The maximum size of the summary of a GitHub step, in bytes.
const SUMMARY: usize = 1024 * 1024;
/// The minimum size of a useful summary, in bytes.
const LEAST_SUMMARY: usize = 2_000;

/// Content to write, with the requested outputs.
pub(in crate::cli) struct OutputWriter<'a> {
    pub(in crate::cli) content: Content<'a>,
    pub(in crate::cli) outputs: Outputs<'a>,
    pub(in crate::cli) settings: &'a Settings,
}

impl OutputWriter<'_> {
    /// Writes to standard output, then the files and the summary.
    pub(in crate::cli) fn write(
        &self,
        detail: PlanDetail,
        io: &mut Io,
    ) -> Result<(), CommandError> {
        self.print(detail, io)?;
        self.write_files(io)?;
        self.add_to_summary(io)
    }

    /// Writes to standard output.
    pub(in crate::cli) fn print(
        &self,
        detail: PlanDetail,
        io: &mut Io,
    ) -> Result<(), CommandError> {
        let Outputs {
            format, max_bytes, ..
        } = self.outputs;
        match format.channel {
            Channel::Text => {
                self.render(format, max_bytes, detail, &mut io.text())?;
            }
            Channel::Commands => io.commands(&self.rendered(format, max_bytes)?)?,
            Channel::Document => self.render_plain(format, max_bytes, io.document())?,
        }
        Ok(())
    }

    /// Writes the files whose format has this kind of content.
    pub(in crate::cli) fn write_files(&self, io: &Io) -> Result<(), CommandError> {
        let subject = self.content.subject();
        let files = self.outputs.files.iter();
        for Output { format, path } in files.filter(|file| file.format.subjects.contains(&subject))
        {
            let written = write_whole(path, |file| {
                // Only this format may contain lines that look like commands.
                let are_commands = format.channel == Channel::Commands;
                let mut file = Redacted::file(file, &io.secrets, are_commands);
                self.render_plain(format, self.outputs.max_bytes, &mut file)?;
                file.flush()
            });
            written.map_err(|error| CommandError::io("write", path, error))?;
        }
        Ok(())
    }

    /// Appends the content to the summary of the step, up to GitHub's limit, if any output is for
    /// GitHub and there is a summary. The text of other commands is kept.
    pub(in crate::cli) fn add_to_summary(&self, io: &mut Io) -> Result<(), CommandError> {
        let summary = self.settings.step_summary.as_ref();
        let Some(path) = summary.filter(|_| self.outputs.is_for_github()) else {
            return Ok(());
        };
        let failed = |error| CommandError::io("write", path, error);
        let room = SUMMARY.saturating_sub(length_of(path).map_err(failed)?);
        if room < LEAST_SUMMARY {
            let warning = "the step's summary is full, and nothing is added to it";
            return Ok(io.warn(warning, Vec::new())?);
        }
        let text = self.rendered(&MARKDOWN, room)?;
        let text = String::from_utf8_lossy(&text);
        append(path, io.secrets.redact(&text).as_bytes()).map_err(failed)
    }

    /// Returns the content as bytes, in full and without styles.
    pub(super) fn rendered(&self, format: &Format, max_bytes: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.render_plain(format, max_bytes, &mut bytes)?;
        Ok(bytes)
    }

    /// Writes the content in full and without styles.
    fn render_plain(
        &self,
        format: &Format,
        max_bytes: usize,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let to = &mut StyledWriter::plain(out);
        self.render(format, max_bytes, PlanDetail::Verbose, to)
    }

    fn render(
        &self,
        format: &Format,
        max_bytes: usize,
        detail: PlanDetail,
        to: &mut StyledWriter<'_>,
    ) -> io::Result<()> {
        let document = Document {
            content: self.content,
            max_bytes,
            abandon: &self.settings.invocation.command("abandon").to_string(),
            folder: &folder_in_repository(self.settings),
            detail,
            styles: to.styles,
            width: to.width,
        };
        (format.write)(&document, to.out)
    }
}

/// Checks output files before anything is read or changed: each can be written, no two are the
/// same, and none is the manifest.
pub(in crate::cli) fn check<'a>(
    paths: impl Iterator<Item = &'a Path>,
    manifest: &Path,
) -> Result<(), CommandError> {
    let mut known: Vec<&Path> = Vec::new();
    for path in paths {
        if is_same_file(path, manifest) {
            let message = format!(
                "the output `{}` is the manifest, which must not be overwritten",
                path.display()
            );
            return Err(CommandError::failed(message).hint(NAME_ANOTHER_FILE));
        }
        if known.contains(&path) {
            let message = format!("two outputs have the same file `{}`", path.display());
            return Err(CommandError::failed(message).hint(NAME_ANOTHER_FILE));
        }
        check_writable(path).map_err(|source| CommandError::io("write", path, source))?;
        known.push(path);
    }
    Ok(())
}

/// Checks that the summary of the step can be written, if there is one.
pub(in crate::cli) fn check_summary(settings: &Settings) -> Result<(), CommandError> {
    match &settings.step_summary {
        Some(path) => append(path, &[]).map_err(|source| CommandError::io("write", path, source)),
        None => Ok(()),
    }
}

/// Returns the folder that paths start from, relative to the root of the repository.
fn folder_in_repository(settings: &Settings) -> String {
    let within = || {
        let root = settings.workspace.as_ref()?.canonicalize().ok()?;
        let here = std::env::current_dir().ok()?;
        Some(here.strip_prefix(root).ok()?.to_owned())
    };
    let folder = within().or_else(|| settings.invocation.chdir().map(Path::to_owned));
    folder.map_or_else(String::new, |folder| folder.display().to_string())
}
