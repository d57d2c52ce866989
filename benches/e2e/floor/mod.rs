//! The floor: an idealised client. It knows how many pages there are, what stands on them, where
//! the packages lie and how long a job takes; it keeps as many connections as the program does,
//! reads only the fields that matter, and proves nothing.

mod connection;
mod plan;
mod release;

use std::time::Duration;

use crate::Failure;
use crate::estate::{self, Item};

/// As many reads at once as the program makes unless it is told otherwise.
const READS_AT_ONCE: usize = 10;

/// Does what the words ask for, and prints how many changes it found or made.
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
            _ => Err(Failure::from("the floor knows no such task")),
        }
    })?;
    println!("{changes} changes");
    Ok(())
}
