//! The handle of the server process, which ends with it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use crate::Failure;
use crate::estate::Contents;
use crate::load::Setting;
use crate::service::{Addresses, ServiceOptions};

/// The address of a server for clients.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    /// The file of the certificate, for https.
    pub(crate) certificate: Option<PathBuf>,
}

/// A running emulator. Dropping it kills the process.
pub(crate) struct Server {
    process: Child,
    /// The host and port of the emulator itself.
    address: String,
    endpoint: Endpoint,
}

/// The request log of the emulator.
#[derive(Deserialize)]
struct Requests {
    requests: Vec<Request>,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    query: String,
    status: Option<u16>,
}

impl Request {
    /// Returns true if the request found out that there is no file at a path.
    fn is_look(&self) -> bool {
        let is_file = self.path.starts_with("/api/v2/files/");
        self.method == "GET" && self.status == Some(404) && is_file
    }
}

impl Server {
    /// Starts a server for a load. The folder is for its certificate.
    pub(crate) fn start(
        setting: &Setting,
        contents: Contents,
        folder: &Path,
    ) -> Result<Self, Failure> {
        let options = ServiceOptions {
            profile: setting.profile,
            latency: setting.latency,
            job_time: setting.job_time,
            contents,
            certificate: setting.tls.then(|| folder.join("ca.pem")),
        };
        let mut process = Command::new(std::env::current_exe()?)
            .arg("--service")
            .arg(serde_json::to_string(&options)?)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        let stdout = process.stdout.as_mut().ok_or("no output")?;
        BufReader::new(stdout).read_line(&mut line)?;
        let Ok(Addresses { emulator, front }) = serde_json::from_str(&line) else {
            process.wait()?;
            return Err("the emulator did not start".into());
        };
        let url = match front {
            Some(front) => format!("https://{front}"),
            None => format!("http://{emulator}"),
        };
        Ok(Self {
            process,
            address: emulator,
            endpoint: Endpoint {
                url,
                certificate: options.certificate,
            },
        })
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Returns host and port of the emulator itself.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Clears the request log.
    pub(crate) fn forget_requests(&self) -> Result<(), Failure> {
        self.control("DELETE", "/__emulator/requests").map(drop)
    }

    /// Returns the number of requests since the log was cleared. A request with an error status
    /// stops the benchmark, because a round with retries measures something else. That there is no
    /// file is an answer.
    pub(crate) fn requests(&self) -> Result<usize, Failure> {
        let Requests { requests } =
            serde_json::from_slice(&self.control("GET", "/__emulator/requests")?)?;
        let refused = requests.iter().find(|request| {
            request.status.is_some_and(|status| status >= 400) && !request.is_look()
        });
        match refused {
            Some(Request {
                method,
                path,
                query,
                status,
            }) => Err(format!("{method} {path}?{query} was answered with {status:?}").into()),
            None => Ok(requests.len()),
        }
    }

    /// Returns the number of deploy jobs. Fails if a job is pending or has failed.
    pub(crate) fn jobs(&self) -> Result<usize, Failure> {
        let answer: Value = serde_json::from_slice(&self.control("GET", "/__emulator/jobs")?)?;
        let jobs = answer["jobs"].as_array().ok_or("there are no jobs")?;
        let is_bad = |job: &&Value| job["pending"] != false || !job["message"].is_null();
        match jobs.iter().find(is_bad) {
            Some(job) => Err(format!("a job is pending or has failed: {job}").into()),
            None => Ok(jobs.iter().filter(|job| job["kind"] == "deploy").count()),
        }
    }

    /// Returns the CPU time that the process has used so far, if the system reports it.
    pub(crate) fn cpu_ms(&self) -> Option<f64> {
        let text = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).ok()?;
        // The fields after the name, which may contain any character: user and system time in ticks
        // of 10 ms.
        let (_, fields) = text.rsplit_once(')')?;
        let mut times = fields.split_whitespace().skip(11);
        let mut next = || times.next()?.parse::<u32>().ok().map(f64::from);
        Some((next()? + next()?) * 10.0)
    }

    /// Calls a control route and returns the body.
    fn control(&self, method: &str, path: &str) -> Result<Vec<u8>, Failure> {
        let mut stream = TcpStream::connect(&self.address)?;
        let address = &self.address;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n");
        match head {
            Some(head) if answer.starts_with(b"HTTP/1.1 200") => Ok(answer.split_off(head + 4)),
            _ => Err(format!("{method} {path} failed").into()),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The process may have ended already; the result is the same.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
