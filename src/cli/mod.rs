//! The command line: arguments in, one job or one embedded cluster run, exit code out.
//!
//! | module | what it holds |
//! |---|---|
//! | [`args`], [`settings`] | what may be written on the command line |
//! | [`copy`], [`status`], [`control`], [`function`], `emulator`, `demo` | what it does |
//! | [`lake`] | the lake and the progress in it |
//! | [`output`] | the only place that prints |
//! | [`exit`], [`trouble`] | exit codes, and errors in one sentence with the remedy |
//! | [`logging`], [`signals`] | logs to stderr; Ctrl-C and SIGTERM |

mod args;
mod control;
mod copy;
#[cfg(feature = "emulator")]
mod demo;
#[cfg(feature = "emulator")]
mod emulator;
mod exit;
mod function;
mod lake;
mod logging;
mod output;
mod settings;
mod signals;
mod status;
mod trouble;

use std::process::ExitCode;

use args::{Cli, Command};
use exit::{Exit, Failure};
use kusto_copy_driver::Request;
use output::Screen;

/// Reads the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return output::usage(&error).code(),
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            let failure = Failure::new("the system gives this program no threads")
                .because(&error)
                .remedy("close other programs or raise the limit of processes, then start again");
            return output::failure(&failure).code();
        }
    };
    let exit = runtime.block_on(run(cli));
    // Work on the disk that is still under way must not hold the exit back.
    runtime.shutdown_background();
    exit.code()
}

async fn run(cli: Cli) -> Exit {
    let screen = Screen::new();
    if let Some(log) = cli.log() {
        logging::start(log, &screen);
    }
    let done = match cli {
        Cli::Copy(args) => copy::run(*args, &screen).await,
        Cli::Other(other) => match *other {
            Command::Status(args) => status::run(args).await,
            Command::Pause(args) => control::run(args, Request::Pause).await,
            Command::Resume(args) => control::run(args, Request::Resume).await,
            Command::Retry(args) => control::run(args, Request::RetryHeld).await,
            Command::Start(args) => control::run(args, Request::StartNow).await,
            Command::Function => function::run().await,
            #[cfg(feature = "emulator")]
            Command::Emulator(args) => emulator::run(args).await,
            #[cfg(feature = "emulator")]
            Command::Demo(args) => demo::run(args, &screen).await,
        },
    };
    done.unwrap_or_else(|failure| output::failure(&failure))
}
