//! The floor: an idealised baseline client. It knows the number of pages, their records, the paths
//! of the packages and the duration of a job. It uses as many connections as the program, parses
//! only the fields that matter, and does not prove the completeness of a list.

mod connection;
mod plan;
mod release;

use std::time::Duration;

use crate::Failure;
use crate::estate::{self, Item};

/// The number of concurrent reads, which is the default of the program.
const READS_AT_ONCE: usize = 10;

/// Executes the task in `words`, and prints the number of changes that it found or made.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let changes = runtime.block_on(async {
        match *words {
            ["plan", address, profile, live] => {
                let pages = plan::whole(live.parse()?, profile);
                plan::fetch(address, pages).await
            }
            ["plan-few", address, profile, declared, live] => {
                let items = estate::few(declared.parse()?, live.parse()?);
                plan::fetch(address, plan::by_names(items, profile)).await
            }
            ["apply", address, creates, at_once, job_ms] => {
                let job_time = Duration::from_millis(job_ms.parse()?);
                let items = (0..creates.parse()?).map(Item);
                release::deploy(address, items, at_once.parse()?, job_time).await
            }
            ["upgrade", address, names, at_once, job_ms] => {
                let job_time = Duration::from_millis(job_ms.parse()?);
                let items = (0..names.parse()?).map(Item);
                release::upgrade(address, items, at_once.parse()?, job_time).await
            }
            _ => Err(Failure::from("unknown task of the floor")),
        }
    })?;
    println!("{changes} changes");
    Ok(())
}
