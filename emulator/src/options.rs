//! The options of an emulator: address, token, data, time, pace and behaviour.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::access::Token;
use super::clock::Clock;
use super::faults::Fault;
use super::knobs::Knobs;
use super::pace::JobPace;
use super::profile::Profile;
use super::seed::Seed;

/// The options for [`start`](super::start). The default is an empty world in memory on a free
/// loopback port, which accepts any bearer token.
#[derive(Debug, Clone)]
pub struct EmulatorOptions {
    /// The loopback address to listen on. The default is 127.0.0.1 with port 0, which chooses a
    /// free port.
    pub listen: SocketAddr,
    /// The token of [`user`](Self::user). `None`, the default, gives every token that belongs to no
    /// user of the seed to that user.
    pub token: Option<Token>,
    /// The name of the default caller, who is an administrator; `admin` by default.
    pub user: String,
    /// The accounts that an `IB-Context` header may name. Empty, the default, allows any.
    pub contexts: Vec<String>,
    /// The starting state. Its records, packages and files only apply to a new world, its users,
    /// knobs and faults at every start.
    pub seed: Option<Seed>,
    /// The folder that stores the world across restarts. `None`, the default, keeps the world in
    /// memory.
    pub data: Option<PathBuf>,
    /// The pace of deploy jobs, delete jobs and runs; immediate by default.
    pub job_pace: JobPace,
    /// The maximum page size of a list, 100 by default. A greater `limit` is handled by the knob
    /// `over_limit`.
    pub page_cap: usize,
    /// The delay before the work of each API request; zero by default.
    pub latency: Duration,
    /// The source of time; the system clock by default.
    pub clock: Clock,
    /// The seed for the ids of a new world, 0 by default. Equal seeds and equal requests produce
    /// equal ids.
    pub id_seed: u64,
    /// The form of the answers; [`Profile::Docs`] by default.
    pub profile: Profile,
    /// All knobs. `None`, the default, takes the knobs of the profile with those of the seed on
    /// top.
    pub knobs: Option<Knobs>,
    /// The fault rules, which are tried after those of the seed. Empty by default.
    pub faults: Vec<Fault>,
}

impl Default for EmulatorOptions {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            token: None,
            user: "admin".to_owned(),
            contexts: Vec::new(),
            seed: None,
            data: None,
            job_pace: JobPace::Immediate,
            page_cap: 100,
            latency: Duration::ZERO,
            clock: Clock::System,
            id_seed: 0,
            profile: Profile::Docs,
            knobs: None,
            faults: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_do_not_show_in_debug_output() {
        let options = EmulatorOptions {
            token: Some("sesame".into()),
            ..EmulatorOptions::default()
        };
        assert!(!format!("{options:?}").contains("sesame"));
    }
}
