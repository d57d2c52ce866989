//! The command `rollback`: what it restores, what it names, what it saves, and what it writes.

mod interrupted;
mod losses;
mod manifest;
mod repeated;
mod saved;
mod undo;

use solform_emulator::{Emulator, Operation};

use crate::support::worlds::{TOKEN, Version, env_with, manifest, seed, start};
use crate::support::{CommandOutput, TestEnv, http_client};

/// Every version of a test has its package at the usual path.
const PATH: &str = "path: '${drive}/${name}-${version}.ibsolution'";

/// An emulator, and the folder of a manifest for it.
struct World {
    emulator: Emulator,
    env: TestEnv,
}

impl World {
    /// Starts with these live versions, and packages for those and the others.
    async fn new(live: &[Version<'_>], others: &[Version<'_>], solutions: &str) -> Self {
        let packages = [live, others].concat();
        let knobs = ["visibility_in_records=true"];
        let emulator = start(seed(live, &packages), &knobs).await;
        let env = env_with(&manifest(&emulator.url(), &with_paths(solutions)));
        Self { emulator, env }
    }

    /// Declares other solutions.
    fn declare(&self, solutions: &str) {
        let text = manifest(&self.emulator.url(), &with_paths(solutions));
        self.env.write("solform.yaml", &text);
    }

    async fn run(&self, arguments: &[&str]) -> CommandOutput {
        let arguments = [arguments, &["--detailed-exitcode"]].concat();
        self.env.solform_beside(&arguments).await
    }

    /// Applies the manifest, which changes something.
    async fn apply(&self) -> CommandOutput {
        let output = self.run(&["apply", "--auto-approve"]).await;
        output.exits_with(2)
    }

    async fn roll_back(&self, arguments: &[&str]) -> CommandOutput {
        let arguments = [&["rollback", "--auto-approve"], arguments].concat();
        self.run(&arguments).await
    }

    /// Returns the live versions as `Name@version STATE VISIBILITY`.
    async fn live(&self) -> Vec<String> {
        live(&self.emulator).await
    }

    /// Returns the ids of all applies, the oldest first.
    async fn applies(&self) -> Vec<String> {
        let history = self.env.solform_beside(&["history", "--json"]).await;
        let history: serde_json::Value = serde_json::from_str(&history.stdout).unwrap();
        let applies = history["applies"].as_array().unwrap();
        let id = |apply: &serde_json::Value| apply["id"].as_str().unwrap().to_owned();
        applies.iter().map(id).collect()
    }

    /// Returns the writes in their order.
    fn writes(&self) -> Vec<Operation> {
        let requests = self.emulator.requests();
        let writes = requests.iter().filter(|request| request.method != "GET");
        writes.filter_map(|request| request.operation).collect()
    }
}

/// Adds the path of the package to each entry.
fn with_paths(solutions: &str) -> String {
    solutions.replace("{ ", &format!("{{ {PATH}, "))
}

async fn live(emulator: &Emulator) -> Vec<String> {
    let url = format!("{}/api/v2/solutions/deployed?limit=100", emulator.url());
    let answer = http_client().get(url).bearer_auth(TOKEN).send().await;
    let body: serde_json::Value = answer.unwrap().json().await.unwrap();
    let records = body["solutions"].as_array().unwrap().iter();
    let text = |record: &serde_json::Value, key: &str| record[key].as_str().unwrap().to_owned();
    let mut live: Vec<String> = records
        .map(|record| {
            let [name, version, state, visibility] =
                ["name", "version", "state", "visibility"].map(|key| text(record, key));
            format!("{name}@{version} {state} {visibility}")
        })
        .collect();
    live.sort();
    live
}
