//! The `solform` program, a thin wrapper of the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    solform::cli::run(std::env::args_os().collect())
}
