//! The `neurath` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    neurath_runtime::cli::main()
}
