//! The command line: arguments, environment, streams, exit codes, and one file per command.
//!
//! Only this module reads the process environment and owns the streams. Commands collect inputs,
//! call the core and the edges, and pass values to renderers.

mod args;
mod clock;
mod command_line;
mod commands;
mod completion;
mod emulators;
mod environment;
mod error;
mod files;
mod invocation;
mod io;
mod process;
mod program;
mod restrictions;
mod settings;
mod signals;
mod workflow;

pub use program::run;
