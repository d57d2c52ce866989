//! The commands, one file for each: its arguments, its help and its code.

#![expect(
    clippy::doc_markdown,
    reason = "clap shows these comments as help, where backticks are noise"
)]

mod abandon;
mod apply;
mod command;
mod completions;
mod decision;
mod destroy;
mod doctor;
mod emulator;
mod explain;
mod export;
mod fmt;
mod force_unlock;
mod get;
mod history;
mod init;
mod job;
mod jobs;
mod list;
mod man;
mod package;
mod plan;
mod promote;
mod review;
mod revoke;
mod rollback;
mod run;
mod schema;
mod show;
mod validate;
mod watch;

pub(super) use command::Cli;
