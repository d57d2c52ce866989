//! The loads: the tasks that are measured.

use std::time::Duration;

use solform_emulator::Profile;

use crate::estate::{self, Contents, FIRST, Item, NEXT};
use crate::package;
use crate::server::Endpoint;

/// The amount of work of the benchmark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    Full,
    /// Only the loads that take seconds.
    Quick,
    /// Every load once, and very small.
    Smoke,
}

/// The settings of the server for a load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) profile: Profile,
    /// The delay that is added to each answer.
    pub(crate) latency: Duration,
    pub(crate) job_time: Duration,
    /// True if the emulator is behind a front with TLS, HTTP/2 and gzip.
    pub(crate) tls: bool,
}

/// A task for the program and the baseline client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// A plan that declares every `every`-th live version.
    Plan {
        live: usize,
        every: usize,
    },
    /// A plan in which a few of many live names are declared.
    PlanFew {
        declared: usize,
        live: usize,
    },
    /// An apply on an empty server.
    Apply {
        creates: usize,
        at_once: usize,
    },
    /// An apply that deploys a new version of each name and deactivates the old one.
    Upgrade {
        names: usize,
        at_once: usize,
    },
    /// An apply that uploads one package of this size to an empty server.
    Upload {
        mib: u64,
    },
    /// A plan that inspects one package of this size on the server.
    Inspect {
        mib: u64,
    },
    Version,
    Validate {
        entries: usize,
    },
}

/// A load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) task: Task,
    pub(crate) setting: Setting,
    /// The default number of rounds.
    pub(crate) runs: usize,
}

/// The sizes of the loads of a scale.
struct Sizes {
    /// The number of live versions of each plan, the step from one declared version to the next,
    /// and the number of rounds.
    plans: &'static [(usize, usize, usize)],
    /// The plans that are executed in the profile `aihub` only.
    aihub_plans: &'static [(usize, usize, usize)],
    tls_plans: &'static [(usize, usize, usize)],
    few: (usize, usize),
    applies: &'static [(usize, usize)],
    upgrades: &'static [(usize, usize)],
    package_mib: u64,
    latency: Duration,
    tls_latency: Duration,
    job_time: Duration,
}

const FULL: Sizes = Sizes {
    plans: &[(100, 1, 5), (1_000, 1, 5), (10_000, 1, 5), (100_000, 1, 3)],
    // A manifest has at most 1.5 million values.
    aihub_plans: &[(1_000_000, 11, 1)],
    tls_plans: &[(1_000, 1, 5), (10_000, 1, 5), (100_000, 1, 3)],
    few: (10, 10_000),
    applies: &[(100, 10), (1_000, 50)],
    upgrades: &[(300, 5), (300, 50)],
    package_mib: 1_024,
    latency: Duration::from_millis(5),
    tls_latency: Duration::from_millis(50),
    job_time: Duration::from_millis(500),
};

const QUICK: Sizes = Sizes {
    plans: &[(100, 1, 3), (1_000, 1, 3), (10_000, 1, 3)],
    aihub_plans: &[],
    tls_plans: &[(1_000, 1, 3), (10_000, 1, 3)],
    applies: &[(100, 10)],
    upgrades: &[(300, 50)],
    package_mib: 256,
    ..FULL
};

const SMOKE: Sizes = Sizes {
    plans: &[(120, 1, 1)],
    aihub_plans: &[(130, 11, 1)],
    tls_plans: &[(120, 1, 1)],
    few: (2, 1_000),
    applies: &[(3, 2)],
    upgrades: &[(3, 2)],
    package_mib: 2,
    latency: Duration::ZERO,
    tls_latency: Duration::from_millis(1),
    job_time: Duration::from_millis(20),
};

/// Returns the loads of a scale, with another latency if it is given.
pub(crate) fn all(scale: Scale, latency: Option<Duration>) -> Vec<Load> {
    let sizes = match scale {
        Scale::Full => &FULL,
        Scale::Quick => &QUICK,
        Scale::Smoke => &SMOKE,
    };
    let plain = Setting {
        profile: Profile::Aihub,
        latency: latency.unwrap_or(sizes.latency),
        job_time: sizes.job_time,
        tls: false,
    };
    let docs = Setting {
        profile: Profile::Docs,
        ..plain
    };
    let tls = Setting {
        latency: latency.unwrap_or(sizes.tls_latency),
        tls: true,
        ..plain
    };
    let mut loads = Vec::new();
    let mut add = |task, setting, runs| {
        let runs = if scale == Scale::Smoke { 1 } else { runs };
        loads.push(Load {
            task,
            setting,
            runs,
        });
    };
    for (setting, plans) in [
        (plain, sizes.plans),
        (plain, sizes.aihub_plans),
        (docs, sizes.plans),
        (tls, sizes.tls_plans),
    ] {
        for &(live, every, runs) in plans {
            add(Task::Plan { live, every }, setting, runs);
        }
    }
    for setting in [plain, docs] {
        let (declared, live) = sizes.few;
        add(Task::PlanFew { declared, live }, setting, 5);
    }
    for &(creates, at_once) in sizes.applies {
        add(Task::Apply { creates, at_once }, plain, 3);
    }
    for &(names, at_once) in sizes.upgrades {
        // At the default of five concurrent steps the jobs alone take half a minute.
        let runs = if at_once == 5 { 1 } else { 3 };
        add(Task::Upgrade { names, at_once }, plain, runs);
    }
    let package = Setting {
        // A transfer is compared with another program, which sends a single request.
        latency: Duration::ZERO,
        ..plain
    };
    let mib = sizes.package_mib;
    add(Task::Upload { mib }, package, 5);
    add(Task::Inspect { mib }, package, 5);
    add(Task::Version, plain, 20);
    add(Task::Validate { entries: 10 }, plain, 20);
    loads
}

impl Load {
    /// Returns the name of the load in the table and in the filter.
    pub(crate) fn name(&self) -> String {
        let Setting { profile, tls, .. } = self.setting;
        let tls = if tls { "-tls" } else { "" };
        match self.task {
            Task::Plan { live, .. } => format!("plan-{live}-{profile}{tls}"),
            Task::PlanFew { declared, live } => format!("plan-{declared}-of-{live}-{profile}"),
            Task::Apply { creates, at_once } => format!("apply-{creates}-at-{at_once}"),
            Task::Upgrade { names, at_once } => format!("upgrade-{names}-at-{at_once}"),
            Task::Upload { mib } => format!("upload-{mib}-mib"),
            Task::Inspect { mib } => format!("inspect-{mib}-mib"),
            Task::Version => "version".to_owned(),
            Task::Validate { entries } => format!("validate-{entries}"),
        }
    }

    /// Returns true for the loads whose duration is given in latencies.
    pub(crate) fn is_plan(&self) -> bool {
        matches!(self.task, Task::Plan { .. } | Task::PlanFew { .. })
    }

    /// Returns the contents of the server; `None` if the load needs no server.
    pub(crate) fn contents(&self) -> Option<Contents> {
        let (live, packages, version) = match self.task {
            Task::Plan { live, .. } | Task::PlanFew { live, .. } => (live, 0, FIRST),
            Task::Apply { creates, .. } => (0, creates, FIRST),
            Task::Upgrade { names, .. } => (names, names, NEXT),
            Task::Upload { .. } | Task::Inspect { .. } => (0, 0, FIRST),
            Task::Version | Task::Validate { .. } => return None,
        };
        Some(Contents {
            live,
            packages,
            version: version.to_owned(),
        })
    }

    /// Returns the manifest for this server.
    pub(crate) fn manifest(&self, server: &Endpoint) -> String {
        match self.task {
            Task::Plan { live, every } => {
                estate::manifest(server, FIRST, estate::part(live, every))
            }
            Task::PlanFew { declared, live } => {
                estate::manifest(server, FIRST, estate::few(declared, live))
            }
            Task::Apply { creates: items, .. } | Task::Validate { entries: items } => {
                estate::manifest(server, FIRST, (0..items).map(Item))
            }
            Task::Upgrade { names, .. } => estate::manifest(server, NEXT, (0..names).map(Item)),
            Task::Upload { .. } => package::manifest(server, true),
            Task::Inspect { .. } => package::manifest(server, false),
            Task::Version => String::new(),
        }
    }

    /// Returns the arguments of the program.
    pub(crate) fn program_arguments(&self) -> Vec<String> {
        let text = match self.task {
            Task::Plan { .. } | Task::PlanFew { .. } | Task::Inspect { .. } => {
                "plan --detailed-exitcode".to_owned()
            }
            Task::Upload { .. } => "apply --auto-approve --json".to_owned(),
            Task::Apply { at_once, .. } | Task::Upgrade { at_once, .. } => {
                format!("apply --auto-approve --parallelism {at_once}")
            }
            Task::Version => "--version".to_owned(),
            Task::Validate { .. } => "validate".to_owned(),
        };
        text.split(' ').map(str::to_owned).collect()
    }

    /// Returns the arguments of the baseline client; `None` if the load has none.
    pub(crate) fn floor_arguments(&self, server: &Endpoint) -> Option<Vec<String>> {
        let profile = self.setting.profile;
        let job_ms = self.setting.job_time.as_millis();
        let text = match self.task {
            Task::Plan { live, every } => format!("plan {profile} {live} {every}"),
            Task::PlanFew { declared, live } => format!("plan-few {profile} {declared} {live}"),
            Task::Apply { creates, at_once } => format!("apply {creates} {at_once} {job_ms}"),
            Task::Upgrade { names, at_once } => format!("upgrade {names} {at_once} {job_ms}"),
            // The baseline of an upload is another program.
            Task::Upload { .. } | Task::Inspect { .. } | Task::Version | Task::Validate { .. } => {
                return None;
            }
        };
        let Endpoint { url, certificate } = server;
        let certificate = certificate.as_ref().map(|file| file.display().to_string());
        let words = ["--floor", url, certificate.as_deref().unwrap_or_default()];
        let words = words.into_iter().chain(text.split(' '));
        Some(words.map(str::to_owned).collect())
    }

    /// Returns true if the load changes the server, so that the next round needs a new server.
    pub(crate) fn writes(&self) -> bool {
        self.creates() > 0
    }

    /// Returns the size of the package of the load in MiB, if it has one.
    pub(crate) fn package_mib(&self) -> Option<u64> {
        match self.task {
            Task::Upload { mib } | Task::Inspect { mib } => Some(mib),
            _ => None,
        }
    }

    /// Returns the number of versions that the load deploys.
    pub(crate) fn creates(&self) -> usize {
        match self.task {
            Task::Apply { creates, .. } => creates,
            Task::Upgrade { names, .. } => names,
            Task::Upload { .. } => 1,
            Task::Plan { .. }
            | Task::PlanFew { .. }
            | Task::Inspect { .. }
            | Task::Version
            | Task::Validate { .. } => 0,
        }
    }

    /// Returns the number of changes that the load finds or makes, without deploys.
    pub(crate) fn changes(&self) -> usize {
        match self.task {
            Task::Plan { live, every } => estate::changes(estate::part(live, every)),
            Task::PlanFew { declared, live } => estate::changes(estate::few(declared, live)),
            Task::Upgrade { names, .. } => names - estate::changes((0..names).map(Item)),
            Task::Apply { .. }
            | Task::Upload { .. }
            | Task::Inspect { .. }
            | Task::Version
            | Task::Validate { .. } => 0,
        }
    }

    /// Returns the exit code and the text of a successful round of the program.
    pub(crate) fn expected(&self) -> (i32, String) {
        let (creates, changes) = (self.creates(), self.changes());
        match self.task {
            Task::Plan { .. } | Task::PlanFew { .. } => (
                2,
                format!("Plan: 0 to add, {changes} to change, 0 to destroy."),
            ),
            Task::Inspect { .. } => (2, "Plan: 1 to add, 0 to change, 0 to destroy.".to_owned()),
            Task::Apply { .. } | Task::Upgrade { .. } | Task::Upload { .. } => (
                0,
                format!(
                    "Apply complete! Resources: {creates} added, {changes} changed, 0 destroyed."
                ),
            ),
            Task::Version => (0, "solform ".to_owned()),
            Task::Validate { .. } => (0, "Success! The manifest is valid.".to_owned()),
        }
    }
}
