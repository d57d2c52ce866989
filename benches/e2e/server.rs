//! The emulator, in a separate process that ends with its handle.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use crate::Failure;
use crate::load::Setting;

/// A running emulator. Dropping it kills the process.
pub(crate) struct Server {
    process: Child,
    address: String,
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
    /// Starts an emulator with this seed.
    pub(crate) fn start(program: &Path, setting: &Setting, seed: &Path) -> Result<Self, Failure> {
        let process = Command::new(program)
            .args(["emulator", "--page-cap", "100"])
            .args(["--profile", setting.profile])
            .args(["--latency", &format!("{}ms", setting.latency.as_millis())])
            .args(["--job-time", &format!("{}ms", setting.job_time.as_millis())])
            .arg("--seed")
            .arg(seed)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut server = Self {
            process,
            address: String::new(),
        };
        let stdout = server.process.stdout.as_mut().ok_or("no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().strip_prefix("http://");
        address
            .ok_or("the emulator did not start")?
            .clone_into(&mut server.address);
        Ok(server)
    }

    /// Returns host and port.
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

    /// Returns the CPU time that the emulator has used so far, if the system reports it.
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
