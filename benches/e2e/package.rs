//! The package of the loads that transfer one: its file, its manifest, and the upload by `curl -T`,
//! with which that of the program is compared.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;
use zip::write::FileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::server::Endpoint;
use crate::{Failure, estate};

/// The name of the file, in the folder of the program.
pub(crate) const FILE: &str = "Large-1.0.0.ibsolution";

/// The folder on the server, as in an address.
const ENCODED_FOLDER: &str = "acme/releases/fs/Instabase%20Drive";

const DESCRIPTION: &str = r#"{"name": "Large", "version": "1.0.0", "owner": "svc-release",
"visibility": "PRIVATE", "solution_type": "ibflowbin"}"#;

/// Writes the package. Its `package.json` is in the middle of bytes that do not compress, where a
/// reader of ranges does not come across it.
pub(crate) fn write(path: &Path, mib: u64) -> Result<(), Failure> {
    let mut zip = ZipWriter::new(BufWriter::new(File::create(path)?));
    let stored = FileOptions::<()>::default()
        .large_file(true)
        .compression_method(CompressionMethod::Stored);
    let mut noise = vec![0; 1 << 20];
    let mut random = fastrand::Rng::with_seed(11);
    let mut pad = |zip: &mut ZipWriter<_>, name: &str, count: u64| -> Result<(), Failure> {
        zip.start_file(name, stored)?;
        for _ in 0..count {
            random.fill(&mut noise);
            zip.write_all(&noise)?;
        }
        Ok(())
    };
    pad(&mut zip, "first.bin", mib / 2)?;
    zip.start_file("package.json", stored)?;
    zip.write_all(DESCRIPTION.as_bytes())?;
    pad(&mut zip, "second.bin", mib - mib / 2)?;
    zip.finish()?.flush()?;
    Ok(())
}

/// Returns the manifest that declares the package, with its file on this machine or without.
pub(crate) fn manifest(server: &Endpoint, has_source: bool) -> String {
    let source = if has_source {
        format!("    source: {FILE}\n")
    } else {
        String::new()
    };
    let environment = estate::environment(server);
    format!(
        "{environment}solutions:\n  Large:\n    version: 1.0.0\n    owner: svc-release\n    path: \
         acme/releases/fs/Instabase Drive/{FILE}\n{source}"
    )
}

/// Returns the program and the arguments that upload the file by `curl -T`; `None` if there is no
/// curl on this machine.
pub(crate) fn curl(file: &Path, address: &str) -> Option<(PathBuf, Vec<String>)> {
    let folders = std::env::var_os("PATH")?;
    let program = std::env::split_paths(&folders)
        .map(|folder| folder.join("curl"))
        .find(|program| program.is_file())?;
    let url = format!("http://{address}/api/v2/files/{ENCODED_FOLDER}/{FILE}");
    let file = file.to_string_lossy();
    let arguments = ["-sS", "-f", "-H", "Authorization: Bearer bench", "-T"];
    let arguments = arguments.into_iter().chain([&*file, &url]);
    Some((program, arguments.map(str::to_owned).collect()))
}

/// Returns the time that the bytes of the upload take, in milliseconds, from the events that the
/// program printed. The last event comes after reading back, so that the time of the last part is
/// computed from that of the others.
pub(crate) fn sending_ms(events: &str) -> Result<f64, Failure> {
    let mut times = Vec::new();
    for line in events.lines() {
        let event: Value = serde_json::from_str(line)?;
        let upload = &event["x_solution"];
        if upload["event"] == "uploading" {
            let time: Timestamp = event["@timestamp"].as_str().ok_or("no time")?.parse()?;
            let bytes = |key: &str| upload[key].as_f64().ok_or("no number of bytes");
            times.push((time, bytes("done")? / bytes("total")?));
        }
    }
    let ([(start, _), .., (end, share), (_, 1.0)] | [(start, _), (end, share @ 1.0)]) = times[..]
    else {
        return Err("the upload was not complete".into());
    };
    Ok(end.duration_since(start).as_secs_f64() * 1e3 / share)
}
