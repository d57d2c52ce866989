//! The package of an upload while it is sent: a file on this machine, or on the file system of
//! another environment. It is never in memory as a whole.
//!
//! A read fails at once if the file changes, and a body that is sent as a whole ends before its
//! last byte if its bytes are not the expected ones: so the server never gets a complete file with
//! other bytes.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use bytes::{Bytes, BytesMut};

use super::super::context::{ApplyContext, locked};
use super::super::report::Outcome;
use super::super::source::SourceReader;
use super::super::step_error::StepError;
use crate::api::{FileContent, WriteError};
use crate::file_part::FilePart;
use crate::ident::Digest;
use crate::package::{
    LocalPackage, PackageError, PrefixDigest, READ, RangeSource, SourceError, Unreadable,
    next_part, read_contents,
};
use crate::plan::{Upload, UploadSource};

/// The maximum size of a file that is sent as a whole, in bytes.
pub(super) const WHOLE: u64 = 64 * 1024 * 1024;

/// The package of an upload, whose bytes are the planned ones.
pub(super) struct Package<'a> {
    pub(super) upload: &'a Upload,
    reading: Arc<Reading>,
}

/// The reads of a package.
struct Reading {
    source: OpenSource,
    size: u64,
    /// The digest of the bytes that were read until now.
    digest: Mutex<PrefixDigest>,
    /// The last part that was read.
    last: Mutex<Option<FilePart>>,
    /// The failure of the last body.
    failure: Mutex<BodyFailure>,
}

/// The reason why a body could not be read to its end. Each request has its own: the reads of an
/// earlier one may end later.
type BodyFailure = Arc<Mutex<Option<PackageError>>>;

/// An open source.
enum OpenSource {
    Local(LocalPackage),
    Remote { reader: SourceReader, path: String },
}

impl RangeSource for OpenSource {
    async fn read(&self, range: Range<u64>) -> Result<Option<FilePart>, SourceError> {
        match self {
            Self::Local(file) => file.read(range).await,
            Self::Remote { reader, path } => reader.package(path).read(range).await,
        }
    }
}

impl<'a> Package<'a> {
    /// Opens the source, and checks that it is the planned one.
    pub(super) async fn open(
        context: &ApplyContext<'_>,
        upload: &'a Upload,
    ) -> Result<Self, Outcome> {
        let unreadable = |error: SourceError| {
            let error = Unreadable::Refused(error);
            failed(upload, PackageError::Unreadable(error))
        };
        let source = match &upload.source {
            UploadSource::File { path, .. } => {
                let file = LocalPackage::open(&context.folder.join(path));
                OpenSource::Local(file.map_err(|error| unreadable(error.into()))?)
            }
            UploadSource::Environment {
                environment, path, ..
            } => {
                let reader = context.sources.get(environment).cloned();
                let reader = reader.ok_or_else(|| unreadable("it has no client".into()))?;
                let path = path.clone();
                OpenSource::Remote { reader, path }
            }
        };
        let this = Self {
            upload,
            reading: Arc::new(Reading {
                source,
                size: upload.size,
                digest: Mutex::default(),
                last: Mutex::default(),
                failure: Mutex::default(),
            }),
        };
        if upload.source.environment().is_some() && upload.size <= WHOLE {
            // It is sent under its final name, so that its bytes must be known before.
            this.check_digest().await?;
        }
        this.check_source().await.map_err(|it| failed(upload, it))?;
        Ok(this)
    }

    /// Checks that the source is still the planned one, as far as an inspection shows that.
    pub(super) async fn check_source(&self) -> Result<(), PackageError> {
        match &self.upload.source {
            UploadSource::Environment { fingerprint, .. } => {
                check_fingerprint(&self.reading.source, fingerprint).await
            }
            UploadSource::File { sha256, .. } => {
                let mut digest = PrefixDigest::default();
                let size = self.upload.size;
                digest.read_to(&self.reading.source, size, size).await?;
                let is_same = digest.digest() == *sha256;
                *locked(&self.reading.digest) = digest;
                is_same.then_some(()).ok_or(Unreadable::Changed.into())
            }
        }
    }

    /// Checks that the bytes of the whole source are the planned ones, as far as the plan knows
    /// them.
    pub(super) async fn check_digest(&self) -> Result<(), Outcome> {
        let found = self.digest(self.upload.size).await;
        let found = found.map_err(|error| self.failed(error))?;
        match self.upload.source.sha256() {
            Some(declared) if *declared != found => Err(Outcome::Failed(StepError::SourceDigest {
                file: self.upload.source.quoted(),
                declared: declared.clone(),
                found,
            })),
            _ => Ok(()),
        }
    }

    /// Checks that a copy of the package is the planned one, as far as the plan knows it. The bytes
    /// of the copy are known to be those that were read.
    pub(super) async fn check_copy(&self, copy: &impl RangeSource) -> Result<(), Outcome> {
        if let UploadSource::Environment { fingerprint, .. } = &self.upload.source {
            let checked = check_fingerprint(copy, fingerprint).await;
            checked.map_err(|error| self.failed(error))?;
        }
        self.check_digest().await
    }

    /// Returns the digest of the first bytes of the source. The bytes that were read are not read
    /// again.
    pub(super) async fn digest(&self, length: u64) -> Result<Digest, PackageError> {
        let Reading {
            source,
            size,
            digest: known,
            ..
        } = &*self.reading;
        let mut digest = locked(known).clone();
        if digest.length() > length {
            digest = PrefixDigest::default();
        }
        digest.read_to(source, length, *size).await?;
        let found = digest.digest();
        let mut known = locked(known);
        if known.length() < length {
            *known = digest;
        }
        Ok(found)
    }

    /// Returns a range as the body of a request.
    pub(super) fn content(&self, range: Range<u64>) -> FileContent {
        let is_whole = range == (0..self.upload.size);
        let reading = Arc::clone(&self.reading);
        FileContent::new(range, move || {
            let reading = Arc::clone(&reading);
            let sent = Arc::new(Mutex::new(PrefixDigest::default()));
            let failure = BodyFailure::default();
            *locked(&reading.failure) = Arc::clone(&failure);
            move |range| {
                let (reading, sent) = (Arc::clone(&reading), Arc::clone(&sent));
                let failure = Arc::clone(&failure);
                Box::pin(async move {
                    let piece = reading.piece(range, is_whole.then_some(&*sent)).await;
                    piece.map_err(|error| {
                        let text = error.to_string();
                        *locked(&failure) = Some(error);
                        text.into()
                    })
                })
            }
        })
    }

    /// Returns the result of a request whose body was a range. If the body could not be read to its
    /// end, the server has not accepted it.
    pub(super) fn of_body<T>(&self, result: Result<T, WriteError>) -> Result<T, WriteError> {
        match result {
            Err(WriteError::Ambiguous(error)) if locked(&self.body_failure()).is_some() => {
                Err(WriteError::Refused(error))
            }
            result => result,
        }
    }

    fn body_failure(&self) -> BodyFailure {
        Arc::clone(&locked(&self.reading.failure))
    }

    /// Returns the outcome of a step whose last body could not be read to its end.
    pub(super) fn failure(&self) -> Option<Outcome> {
        let failure = locked(&self.body_failure()).take()?;
        Some(self.failed(failure))
    }

    /// Returns the outcome of a step whose source could not be read.
    pub(super) fn failed(&self, error: PackageError) -> Outcome {
        failed(self.upload, error)
    }

    /// Returns the path of the parts of the file that is moved to this path.
    pub(super) fn part_path(&self, path: &str) -> String {
        let pin = self.upload.source.pin().as_str();
        format!("{path}.solform-{}.part", &pin[..16])
    }
}

fn failed(upload: &Upload, error: PackageError) -> Outcome {
    let file = upload.source.quoted();
    Outcome::Failed(match error {
        PackageError::Unreadable(Unreadable::Changed) => StepError::SourceChanged { file },
        error => StepError::SourceNotRead {
            file,
            source: Box::new(error),
        },
    })
}

async fn check_fingerprint(
    source: &impl RangeSource,
    planned: &Digest,
) -> Result<(), PackageError> {
    let found = read_contents(source).await?.info.fingerprint;
    (found == *planned)
        .then_some(())
        .ok_or(Unreadable::Changed.into())
}

impl Reading {
    /// Reads a piece of a body. `sent` is the digest of the pieces before, if the body is the whole
    /// file: the last piece is an error if its bytes are not those that were read before.
    async fn piece(
        &self,
        range: Range<u64>,
        sent: Option<&Mutex<PrefixDigest>>,
    ) -> Result<Bytes, PackageError> {
        let piece = self.bytes(range.clone()).await?;
        let mut known = locked(&self.digest);
        known.push(range.start, &piece);
        if let Some(sent) = sent {
            let mut sent = locked(sent);
            sent.push(range.start, &piece);
            if sent.length() == self.size && sent.digest() != known.digest() {
                return Err(Unreadable::Changed.into());
            }
        }
        Ok(piece)
    }

    /// Reads a range, in larger parts than the pieces of a body.
    async fn bytes(&self, range: Range<u64>) -> Result<Bytes, PackageError> {
        let mut bytes = BytesMut::new();
        let mut rest = range;
        loop {
            let known = locked(&self.last).as_ref().map(|part| part.slice(&rest));
            let known = known.unwrap_or_default();
            rest.start += known.len() as u64;
            if rest.is_empty() && bytes.is_empty() {
                return Ok(known);
            }
            bytes.extend_from_slice(&known);
            if rest.is_empty() {
                return Ok(bytes.freeze());
            }
            let next = rest.start..(rest.start + READ).min(self.size);
            let part = next_part(&self.source, next, self.size).await?;
            *locked(&self.last) = Some(part);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Seek as _, SeekFrom, Write as _};

    use super::*;

    /// The size of a file of three pieces.
    const SIZE: u64 = 3 << 20;

    async fn reading(file: &std::fs::File) -> Reading {
        let reading = Reading {
            source: OpenSource::Local(LocalPackage::of(file.try_clone().unwrap())),
            size: SIZE,
            digest: Mutex::default(),
            last: Mutex::default(),
            failure: Mutex::default(),
        };
        let mut digest = PrefixDigest::default();
        digest.read_to(&reading.source, SIZE, SIZE).await.unwrap();
        *locked(&reading.digest) = digest;
        reading
    }

    /// Returns the number of pieces that a body of the whole file has.
    async fn pieces(reading: &Reading) -> Result<u64, PackageError> {
        let sent = Mutex::default();
        let mut pieces = 0;
        for start in (0..SIZE).step_by(1 << 20) {
            let piece = reading.piece(start..start + (1 << 20), Some(&sent)).await?;
            assert_eq!(piece.len(), 1 << 20);
            pieces += 1;
        }
        Ok(pieces)
    }

    /// A file that changes between the check of its bytes and their sending: the body ends before
    /// its last piece.
    #[tokio::test]
    async fn a_file_that_changes_is_not_sent_whole() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![7; usize::try_from(SIZE).unwrap()])
            .unwrap();
        let whole = reading(&file).await;
        assert_eq!(pieces(&whole).await.unwrap(), 3);
        // The same bytes are sent again.
        assert_eq!(pieces(&whole).await.unwrap(), 3);
        for change in ["first byte", "last byte", "longer", "shorter"] {
            let changed = reading(&file).await;
            match change {
                "first byte" => assert_eq!(file.seek(SeekFrom::Start(0)).unwrap(), 0),
                "last byte" => assert_eq!(file.seek(SeekFrom::End(-1)).unwrap(), SIZE - 1),
                "longer" => assert_eq!(file.seek(SeekFrom::End(0)).unwrap(), SIZE),
                _ => file.set_len(SIZE - 1).unwrap(),
            }
            if change != "shorter" {
                file.write_all(&[8]).unwrap();
            }
            let error = pieces(&changed).await.unwrap_err();
            let is_changed = matches!(error, PackageError::Unreadable(Unreadable::Changed));
            assert!(is_changed, "{change}: {error:?}");
            file.set_len(SIZE).unwrap();
        }
    }
}
