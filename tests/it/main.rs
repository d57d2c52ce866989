//! The integration tests, in one binary. They send signals, and make links and pipes.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that cannot be set up has failed; tests are an edge"
)]

mod ahead;
mod api;
mod apply;
mod bad_input;
mod cli;
mod completion;
mod doctor;
mod durable;
mod embedded;
mod emulator;
mod examples;
mod explain;
mod export;
mod fmt;
mod fuzz;
mod layering;
mod listing;
mod manifest;
mod output;
mod package_command;
mod pages;
mod platform;
mod promote;
mod review;
mod rollback;
mod runs;
mod signals;
mod source_text;
mod standard_input;
mod support;
mod terminal;
mod untrusted;
mod watch;
