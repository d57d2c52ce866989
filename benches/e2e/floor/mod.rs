//! The floor: an idealised baseline client. It knows the number of pages, their records, the paths
//! of the packages and the duration of a job. It parses only the fields that matter, and does not
//! prove the completeness of a list.

mod client;
mod concurrency;
mod plan;
mod release;

use std::time::Duration;

use client::Client;

use crate::Failure;
use crate::estate::{self, Item};

/// Executes the task in `words`, and prints the number of changes that it found or made.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let [url, certificate, task @ ..] = &*words else {
        return Err("the floor needs a server".into());
    };
    let client = Client::new(url, certificate)?;
    let changes = runtime.block_on(async {
        match *task {
            ["plan", profile, live, every] => {
                let (live, every) = (live.parse()?, every.parse()?);
                let is_declared = |item| estate::is_part(item, every);
                plan::fetch(&client, &plan::whole(live, profile), is_declared).await
            }
            ["plan-few", profile, declared, live] => {
                let items = estate::few(declared.parse()?, live.parse()?);
                plan::fetch(&client, &plan::by_names(items, profile), |_| true).await
            }
            ["apply", creates, at_once, job_ms] => {
                let job_time = Duration::from_millis(job_ms.parse()?);
                let items = (0..creates.parse()?).map(Item);
                release::deploy(&client, items, at_once.parse()?, job_time).await
            }
            ["upgrade", names, at_once, job_ms] => {
                let job_time = Duration::from_millis(job_ms.parse()?);
                let items = (0..names.parse()?).map(Item);
                release::upgrade(&client, items, at_once.parse()?, job_time).await
            }
            _ => Err(Failure::from("unknown task of the floor")),
        }
    })?;
    println!("{changes} changes");
    Ok(())
}
