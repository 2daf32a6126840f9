//! The program: parse the words, run the command, print the error with its hint, set the exit code.

use std::process::ExitCode;

use clap::Parser;
use gpuadvise::cli::Cli;
use gpuadvise::command;

fn main() -> ExitCode {
    command::install_hooks();
    match Cli::try_parse() {
        Ok(cli) => command::run(cli),
        Err(error) => command::usage_error(&error),
    }
}
