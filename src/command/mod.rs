//! The shell around the pure stages: files, clock, environment, progress, exit codes.
//!
//! Each command reads, calls the stages in the order of the data flow, and writes. All talk goes to
//! stderr, all data to stdout or to files that are complete before they get their name.

mod advise;
mod ahead;
mod analyze;
mod arguments;
mod collect;
mod decide;
mod describe;
mod diff;
mod email;
mod explain;
mod failure;
mod generate;
mod ingest;
mod init;
mod inputs;
mod launch;
mod output;
mod past_report;
mod pasted;
mod preflight;
mod prices;
mod progress;
mod remote;
mod rollup;
pub mod sample;
mod simulate;
mod size;
mod size_source;
mod talk;
mod topo;
mod verify;
mod what_if;

use std::io::Write as _;
use std::process::ExitCode;

use crate::cli::{Cli, Command};

pub use failure::ExitStatus;
use failure::Failure;
use talk::Talk;

/// Sets what happens on a bug and on Ctrl-C.
pub fn install_hooks() {
    failure::install_panic_hook();
    output::install_interrupt_handler();
}

/// Runs a command; prints the error, its cause and one hint.
pub fn run(cli: Cli) -> ExitCode {
    let talk = Talk::new(&cli.global);
    if let Some(threads) = cli.global.threads {
        // Fails only when a pool exists already, and nothing has started one before this line.
        let pool = rayon::ThreadPoolBuilder::new().num_threads(usize::from(threads));
        let _ = pool.build_global();
    }
    let hidden = cli.global.redact.then(|| names_of_files(&cli));
    if let Err(failure) = output::check_max_length(&cli) {
        return talk.failure(&failure).into();
    }
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| match cli.command {
        Command::Analyze(args) => analyze::run(&args, &cli.global, talk),
        Command::Ingest(args) => ingest::run(&args, &cli.global, talk),
        Command::Rollup(args) => rollup::run(&args, &cli.global, talk),
        Command::Init(args) => init::run(&args, &cli.global, talk),
        Command::Describe(args) => describe::run(&args, &cli.global, talk),
        Command::Size(args) => size::run(&args, &cli.global, talk),
        Command::Simulate(args) => simulate::run(&args, &cli.global, talk),
        Command::Decide(args) => decide::run(&args, &cli.global, talk),
        Command::Diff(args) => diff::run(&args, &cli.global, talk),
        Command::Launch(args) => launch::run(&args, &cli.global, talk),
        Command::Topo(args) => topo::run(&args, &cli.global, talk),
        Command::Verify(args) => verify::run(&args, &cli.global, talk),
        Command::Preflight(args) => preflight::run(&args, &cli.global, talk),
        Command::Email(args) => email::run(&args, &cli.global, talk),
        Command::Explain(args) => explain::run(&args, &cli.global, talk),
        Command::Prices(args) => prices::run(&args, &cli.global, talk),
        Command::Collect(args) => collect::run(&args, &cli.global, talk),
        Command::Sample(_) => generate::run(&cli.global, talk),
    }));
    remote::clean();
    match result {
        Ok(Ok(status)) => status.into(),
        // After Ctrl-C its handler has the one last word, and ends the process.
        Ok(Err(_)) if output::is_interrupted() => loop {
            std::thread::park();
        },
        Ok(Err(failure)) => {
            let failure = match hidden {
                Some(files) => failure.without_names(&[files, remote::names()].concat()),
                None => failure,
            };
            talk.failure(&failure).into()
        }
        // The hook has said what happened.
        Err(_) => ExitStatus::Bug.into(),
    }
}

/// What the inputs of a command are called: its words, and the files they mean.
fn names_of_files(cli: &Cli) -> Vec<String> {
    let words = match &cli.command {
        Command::Analyze(args) => &args.input.files,
        Command::Ingest(args) => &args.input.files,
        Command::Describe(args) => &args.input.files,
        Command::Rollup(args) => &args.files,
        Command::Simulate(args) => &args.files,
        _ => return Vec::new(),
    };
    let sources = crate::ingest::expand(&remote::split(words).0).unwrap_or_default();
    let named = sources.iter().map(|it| it.name().to_owned());
    let config = cli.global.config.iter().map(|it| it.display().to_string());
    words.iter().cloned().chain(named).chain(config).collect()
}

/// Prints what clap has to say: help on stdout, mistakes on stderr.
pub fn usage_error(error: &clap::Error) -> ExitCode {
    if error.use_stderr() && talk::json_is_asked(std::env::args_os()) {
        return talk::usage_in_json(&error.to_string()).into();
    }
    let _ = error.print();
    if let Some(examples) = simulate::examples(error) {
        // As above: an error that cannot be printed is lost, its exit code is not.
        let _ = write!(std::io::stderr(), "{examples}");
    }
    if error.use_stderr() { ExitStatus::Usage.into() } else { ExitStatus::Done.into() }
}

/// A command's answer.
type CommandResult = Result<ExitStatus, Failure>;

/// Fails with exit code 6 where the parts of the account are not the whole.
fn reconciled(is_closed: bool, difference: Option<crate::units::Money>) -> Result<(), Failure> {
    if is_closed {
        return Ok(());
    }
    let difference = difference.map(|it| it.to_string()).unwrap_or_default();
    let message = format!(
        "the parts of the account do not add up to the files: {difference} is unexplained in total, or more in a \
         currency or charge category"
    );
    Err(Failure::new(ExitStatus::NotReconciled, anyhow::Error::msg(message))
        .with_hint("please report this with the reconciliation of report.json"))
}
