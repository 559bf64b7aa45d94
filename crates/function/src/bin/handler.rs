//! The executable of the Functions package.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

/// Steps wait for answers most of the time; the second thread keeps the host's questions
/// answered while one of them computes.
const THREADS: usize = 2;

/// How long work on the disk that is still under way may hold the exit back.
const LAST: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    let served = runtime.block_on(kusto_copy_function::serve(
        kusto_copy_function::environment(),
    ));
    runtime.shutdown_timeout(LAST);
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error),
    }
}

/// One line on stderr, which the host shows as an error, and an exit code that makes it start the
/// handler again.
fn fail(error: &(dyn std::error::Error + 'static)) -> ExitCode {
    let text = kusto_copy_driver::complaint::chain(error);
    // Without stderr the exit code says it.
    let _ = writeln!(std::io::stderr(), "error: {text}");
    ExitCode::FAILURE
}
