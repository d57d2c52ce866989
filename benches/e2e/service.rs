//! The process of the server: the emulator, which is used as a library, and its front.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use solform_emulator::{EmulatorOptions, JobPace, Profile, start};

use crate::Failure;
use crate::estate::Contents;
use crate::front;

/// The options of the process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServiceOptions {
    pub(crate) profile: Profile,
    pub(crate) latency: Duration,
    pub(crate) job_time: Duration,
    pub(crate) contents: Contents,
    /// The file for the certificate of the front; `None` for no front.
    pub(crate) certificate: Option<PathBuf>,
}

/// The addresses of the process, which it prints when it accepts connections.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Addresses {
    pub(crate) emulator: String,
    pub(crate) front: Option<String>,
}

/// Serves until standard input is closed, which it is when the benchmark ends in any way.
pub(crate) fn run(options: &str) -> Result<(), Failure> {
    let options: ServiceOptions = serde_json::from_str(options)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let emulator = start(EmulatorOptions {
            seed: Some(options.contents.seed()),
            job_pace: JobPace::After(options.job_time),
            page_cap: 100,
            latency: options.latency,
            profile: options.profile,
            ..EmulatorOptions::default()
        })
        .await?;
        let front = match &options.certificate {
            Some(file) => Some(front::start(emulator.address(), file).await?),
            None => None,
        };
        let addresses = Addresses {
            emulator: emulator.address().to_string(),
            front: front.map(|(address, _)| address.to_string()),
        };
        println!("{}", serde_json::to_string(&addresses)?);
        std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
        Ok(())
    })
}
