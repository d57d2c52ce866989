//! The `solform` program. Everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    solform::cli::run(std::env::args_os().collect())
}
