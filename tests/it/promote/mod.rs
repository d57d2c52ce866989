//! The command `promote`: what it shows, what it writes, and what it refuses. Most tests have two
//! emulators with tokens of their own.

mod command;
mod files;
mod formats;
mod packages;
mod random;
mod verified;

use solform_emulator::{self as emulator, Emulator, EmulatorOptions};

use crate::support::TestEnv;
use crate::support::worlds::{TOKEN, Version, options, seed};

/// The token of the target.
const OTHER: &str = "tok-other-77-secret";

const ARGUMENTS: [&str; 5] = ["promote", "--from", "uat", "--to", "prod"];

/// Two environments, and the folder with their manifest.
struct World {
    uat: Emulator,
    prod: Emulator,
    env: TestEnv,
}

async fn world(uat: &[Version<'_>], prod: &[Version<'_>], overlay: &str, base: &str) -> World {
    let uat = emulator::start(options(seed(uat, &[]), &[])).await.unwrap();
    let prod = emulator::start(EmulatorOptions {
        token: Some(OTHER.into()),
        ..options(seed(prod, &[]), &[])
    });
    let prod = prod.await.unwrap();
    let mut env = TestEnv::new();
    env.set("UAT_TOKEN", TOKEN).set("PROD_TOKEN", OTHER);
    env.write(
        "solform.yaml",
        &format!(
            "solform: 1\nenvironments:\n  uat:\n    url: {}\n    token: {{ env: UAT_TOKEN }}\n  \
             prod: # the real one\n    url: {}\n    token: {{ env: PROD_TOKEN }}\n{overlay}\
             defaults: {{ owner: svc, path: '${{name}}-${{version}}.ibsolution' \
             }}\nsolutions:\n{base}",
            uat.url(),
            prod.url()
        ),
    );
    World { uat, prod, env }
}

async fn usual() -> World {
    let uat = [
        Version::active("Form W-2", "0.0.3"),
        Version::inactive("Form W-2", "0.0.2"),
        Version::active("Paystub", "2.1.0"),
        Version::active("Foreign", "9").owner("ann"),
    ];
    let prod = [Version::active("Form W-2", "0.0.1")];
    let overlay = "    solutions:\n      # kept back\n      Form W-2: { version: 0.0.1 } # one\n";
    let base = "  Form W-2: { version: 0.0.3 } # two\n  Paystub: { version: 2.1.0 }\n  Lone: { \
        version: 1 }\n";
    world(&uat, &prod, overlay, base).await
}

impl World {
    fn text(&self) -> String {
        self.env.read("solform.yaml")
    }

    /// Asserts that each environment was asked with its own token only, and nothing was written.
    fn assert_reads_only(&self) {
        for emulator in [&self.uat, &self.prod] {
            for request in emulator.requests() {
                assert_eq!(request.method, "GET", "{request:?}");
                assert_ne!(request.status, Some(401), "{request:?}");
            }
        }
    }
}
