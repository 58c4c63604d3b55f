//! The program `rhttp`: an error becomes one line and an exit status.

use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    match rhttp::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where it cannot be written, the status has to do.
            let _ = writeln!(io::stderr(), "rhttp: {error:#}");
            ExitCode::FAILURE
        }
    }
}
