//! The loads: the tasks that are measured.

use std::time::Duration;

use crate::estate::{self, FIRST, Item, NEXT};
use crate::package;

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
    pub(crate) profile: &'static str,
    pub(crate) latency: Duration,
    pub(crate) job_time: Duration,
}

/// A task for the program and the baseline client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Task {
    /// A plan in which every live version is declared.
    Plan {
        live: usize,
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

/// Returns the loads of a scale.
pub(crate) fn all(scale: Scale) -> Vec<Load> {
    match scale {
        Scale::Full => loads(
            &[(100, 5), (1_000, 5), (10_000, 5), (100_000, 3)],
            (10, 10_000),
            &[(100, 10), (1_000, 50)],
            &[(300, 5), (300, 50)],
            1_024,
            Duration::from_millis(5),
            Duration::from_millis(500),
        ),
        Scale::Quick => loads(
            &[(100, 3), (1_000, 3), (10_000, 3)],
            (10, 10_000),
            &[(100, 10)],
            &[(300, 50)],
            256,
            Duration::from_millis(5),
            Duration::from_millis(500),
        ),
        Scale::Smoke => loads(
            &[(120, 1)],
            (2, 1_000),
            &[(3, 2)],
            &[(3, 2)],
            2,
            Duration::ZERO,
            Duration::from_millis(20),
        )
        .into_iter()
        .map(|load| Load { runs: 1, ..load })
        .collect(),
    }
}

fn loads(
    plans: &[(usize, usize)],
    few: (usize, usize),
    applies: &[(usize, usize)],
    upgrades: &[(usize, usize)],
    package_mib: u64,
    latency: Duration,
    job_time: Duration,
) -> Vec<Load> {
    let load = |task, profile, runs| Load {
        task,
        setting: Setting {
            profile,
            latency,
            job_time,
        },
        runs,
    };
    let mut loads = Vec::new();
    for profile in ["aihub", "docs"] {
        for (live, runs) in plans {
            loads.push(load(Task::Plan { live: *live }, profile, *runs));
        }
    }
    for profile in ["aihub", "docs"] {
        let (declared, live) = few;
        loads.push(load(Task::PlanFew { declared, live }, profile, 5));
    }
    for (creates, at_once) in applies.iter().copied() {
        loads.push(load(Task::Apply { creates, at_once }, "aihub", 3));
    }
    for (names, at_once) in upgrades.iter().copied() {
        // At the default of five concurrent steps the jobs alone take half a minute.
        let runs = if at_once == 5 { 1 } else { 3 };
        loads.push(load(Task::Upgrade { names, at_once }, "aihub", runs));
    }
    let package = |task, runs| Load {
        task,
        setting: Setting {
            profile: "aihub",
            // A transfer is compared with another program, which sends a single request.
            latency: Duration::ZERO,
            job_time,
        },
        runs,
    };
    loads.push(package(Task::Upload { mib: package_mib }, 5));
    loads.push(package(Task::Inspect { mib: package_mib }, 5));
    loads.push(load(Task::Version, "aihub", 20));
    loads.push(load(Task::Validate { entries: 10 }, "aihub", 20));
    loads
}

impl Load {
    /// Returns the name of the load in the table and in the filter.
    pub(crate) fn name(&self) -> String {
        let profile = self.setting.profile;
        match self.task {
            Task::Plan { live } => format!("plan-{live}-{profile}"),
            Task::PlanFew { declared, live } => format!("plan-{declared}-of-{live}-{profile}"),
            Task::Apply { creates, at_once } => format!("apply-{creates}-at-{at_once}"),
            Task::Upgrade { names, at_once } => format!("upgrade-{names}-at-{at_once}"),
            Task::Upload { mib } => format!("upload-{mib}-mib"),
            Task::Inspect { mib } => format!("inspect-{mib}-mib"),
            Task::Version => "version".to_owned(),
            Task::Validate { entries } => format!("validate-{entries}"),
        }
    }

    /// Returns the seed of the server; `None` if the load needs no server.
    pub(crate) fn seed(&self) -> Option<String> {
        match self.task {
            Task::Plan { live } | Task::PlanFew { live, .. } => {
                Some(estate::seed(0..live, 0..0, FIRST))
            }
            Task::Apply { creates, .. } => Some(estate::seed(0..0, 0..creates, FIRST)),
            Task::Upgrade { names, .. } => Some(estate::seed(0..names, 0..names, NEXT)),
            Task::Upload { .. } | Task::Inspect { .. } => Some(String::new()),
            Task::Version | Task::Validate { .. } => None,
        }
    }

    /// Returns the manifest for a server at this URL.
    pub(crate) fn manifest(&self, url: &str) -> String {
        match self.task {
            Task::Plan { live } => estate::manifest(url, FIRST, (0..live).map(Item)),
            Task::PlanFew { declared, live } => {
                estate::manifest(url, FIRST, estate::few(declared, live))
            }
            Task::Apply { creates: items, .. } | Task::Validate { entries: items } => {
                estate::manifest(url, FIRST, (0..items).map(Item))
            }
            Task::Upgrade { names, .. } => estate::manifest(url, NEXT, (0..names).map(Item)),
            Task::Upload { .. } => package::manifest(url, true),
            Task::Inspect { .. } => package::manifest(url, false),
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
    pub(crate) fn floor_arguments(&self, address: &str) -> Option<Vec<String>> {
        let profile = self.setting.profile;
        let job_ms = self.setting.job_time.as_millis();
        let text = match self.task {
            Task::Plan { live } => format!("plan {address} {profile} {live}"),
            Task::PlanFew { declared, live } => {
                format!("plan-few {address} {profile} {declared} {live}")
            }
            Task::Apply { creates, at_once } => {
                format!("apply {address} {creates} {at_once} {job_ms}")
            }
            Task::Upgrade { names, at_once } => {
                format!("upgrade {address} {names} {at_once} {job_ms}")
            }
            // The baseline of an upload is another program.
            Task::Upload { .. } | Task::Inspect { .. } | Task::Version | Task::Validate { .. } => {
                return None;
            }
        };
        let words = ["--floor"].into_iter().chain(text.split(' '));
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
            Task::Plan { live } => estate::changes((0..live).map(Item)),
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
