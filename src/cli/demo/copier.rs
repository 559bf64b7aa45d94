//! Runs the copier: in this process, or as a process of its own that is killed and started again.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use kusto_copy_driver::{Control, JobState, Report};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;

use super::Stage;
use super::telemetry::DATABASE;
use crate::cli::args::{Cli, CopyArgs, Format};
use crate::cli::copy;
use crate::cli::exit::{Exit, Failure};
use crate::cli::lake;
use crate::cli::output::{self, Progress, Screen};
use crate::cli::trouble;

/// Small blocks, so that a few hundred thousand rows show what many millions do.
const BOUNDS: [&str; 4] = ["--block-rows", "20000", "--small-rows", "4000"];

/// Milliseconds that a copier lives before it is killed, at least.
const LEAST_LIFE: u64 = 60;

/// The same at most, at first; shorter when one has ended before it could be killed.
const MOST_LIFE: u64 = 1_500;

/// A copier that runs one iteration at a time.
pub(super) struct Copier {
    words: Vec<String>,
    screen: Screen,
    stop: watch::Receiver<bool>,
    begun: watch::Sender<bool>,
    mode: Mode,
}

enum Mode {
    /// Here, until each iteration is complete.
    InProcess,
    /// In processes of its own, so many of which are killed.
    Killed { left: u32, most_life: u64 },
}

impl Copier {
    /// A copier between the stage's clusters, killed so many times.
    pub(super) fn new(stage: &Stage<'_>, kills: u32, screen: &Screen) -> Self {
        let mut words: Vec<String> = ["kusto-copy", "--lake"].map(str::to_owned).to_vec();
        words.push(stage.lake.display().to_string());
        words.extend(["--source".to_owned(), stage.source.uri().to_string()]);
        words.extend([
            "--destination".to_owned(),
            stage.destination.uri().to_string(),
        ]);
        words.extend(
            ["--db", DATABASE]
                .into_iter()
                .chain(BOUNDS)
                .map(str::to_owned),
        );
        Self {
            words,
            screen: screen.clone(),
            stop: stage.stop.clone(),
            begun: watch::Sender::new(false),
            mode: match kills {
                0 => Mode::InProcess,
                left => Mode::Killed {
                    left,
                    most_life: MOST_LIFE,
                },
            },
        }
    }

    /// Becomes true when the first iteration has begun: rows that arrive from then on are the
    /// next one's.
    pub(super) fn begun(&self) -> watch::Receiver<bool> {
        self.begun.subscribe()
    }

    /// How many kills are still to come.
    pub(super) const fn kills_left(&self) -> u32 {
        match self.mode {
            Mode::InProcess => 0,
            Mode::Killed { left, .. } => left,
        }
    }

    /// Runs one iteration to its end.
    ///
    /// # Errors
    /// When it cannot be completed.
    pub(super) async fn iteration(&mut self) -> Result<(), Failure> {
        let done = match self.mode {
            Mode::InProcess => self.in_process().await,
            Mode::Killed { .. } => self.with_kills().await,
        };
        // Whoever waits for the beginning must not wait for ever when it was not seen.
        self.begun.send_replace(true);
        done
    }

    async fn in_process(&self) -> Result<(), Failure> {
        let args = self.args()?;
        let job = copy::job(&args)?;
        let home = lake::open((&args).into()).await?;
        let (send, receive) = watch::channel(Report::default());
        let control = Control {
            progress: send,
            stop: self.stop.clone(),
        };
        let run = kusto_copy_driver::run(job, home.store, home.lake, control);
        let progress = Progress::new(Format::Text, &self.screen);
        let (begun, mut reports) = (self.begun.clone(), receive.clone());
        tokio::spawn(async move {
            // An error means that the run has ended, and then its end tells of its beginning.
            if reports
                .wait_for(|report| report.iteration > 0)
                .await
                .is_ok()
            {
                begun.send_replace(true);
            }
        });
        let ended = copy::until_stopped(run, receive, self.stop.clone(), progress).await;
        if let Some(failure) = ended.failure {
            output::failed(Format::Text, &ended.report, &failure);
            return Err(failure);
        }
        output::outcome(Format::Text, &ended.report);
        output::say("");
        match ended.report.state {
            JobState::Complete => Ok(()),
            JobState::New | JobState::Running | JobState::Failed | JobState::Stopped => {
                Err(trouble::told(&ended.report, None))
            }
        }
    }

    fn args(&self) -> Result<CopyArgs, Failure> {
        match Cli::read(&self.words) {
            Ok(Cli::Copy(args)) => Ok(*args),
            Ok(Cli::Other(_)) | Err(_) => Err(Failure::new(
                "the demonstration's own command line is not understood",
            )),
        }
    }

    async fn with_kills(&mut self) -> Result<(), Failure> {
        loop {
            let (mut child, lines) = self.spawn()?;
            let relay = relay(lines, self.begun.clone());
            let ended = match self.life() {
                None => Some(ended(&mut child).await?),
                Some(life) => tokio::time::timeout(life, ended(&mut child))
                    .await
                    .ok()
                    .transpose()?,
            };
            match ended {
                None => {
                    // SIGKILL: no handler runs, nothing is finished or written after it.
                    child.kill().await.map_err(|error| unmanageable(&error))?;
                    self.killed();
                    // What it printed before its end belongs before what comes next.
                    let _ = relay.await;
                    output::say(&format!(
                        "  -- killed (to come: {}), started again",
                        self.kills_left()
                    ));
                }
                Some(status) => {
                    let _ = relay.await;
                    self.missed();
                    return finished(status);
                }
            }
        }
    }

    fn spawn(&self) -> Result<(Child, ChildStdout), Failure> {
        let program = std::env::current_exe().map_err(|error| unmanageable(&error))?;
        let mut child = Command::new(program)
            .args(self.words.iter().skip(1))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| unmanageable(&error))?;
        let lines = child.stdout.take();
        let lines = lines.ok_or_else(|| Failure::new("the copier's output cannot be read"))?;
        Ok((child, lines))
    }

    /// How long the next copier lives; `None` when it is not to be killed.
    fn life(&self) -> Option<Duration> {
        match self.mode {
            Mode::InProcess | Mode::Killed { left: 0, .. } => None,
            Mode::Killed { most_life, .. } => {
                Some(Duration::from_millis(fastrand::u64(LEAST_LIFE..=most_life)))
            }
        }
    }

    fn killed(&mut self) {
        if let Mode::Killed { left, .. } = &mut self.mode {
            *left -= 1;
        }
    }

    /// One ended before its time came: the next ones are killed sooner.
    fn missed(&mut self) {
        if let Mode::Killed { most_life, .. } = &mut self.mode {
            *most_life = (*most_life / 2).max(LEAST_LIFE);
        }
    }
}

async fn ended(child: &mut Child) -> Result<ExitStatus, Failure> {
    child.wait().await.map_err(|error| unmanageable(&error))
}

fn unmanageable(error: &std::io::Error) -> Failure {
    Failure::new("the copier cannot be run as a process of its own").because(error)
}

fn finished(status: ExitStatus) -> Result<(), Failure> {
    match status.code().and_then(|code| u8::try_from(code).ok()) {
        Some(code) if code == Exit::Complete.number() => Ok(()),
        Some(_) | None => Err(Failure::new(format!("the copier ended with {status}"))
            .remedy("see what it said above")),
    }
}

/// Shows what a copier prints, and tells when an iteration has begun.
fn relay(lines: ChildStdout, begun: watch::Sender<bool>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut lines = BufReader::new(lines).lines();
        // An error is the end too: the process was killed in the middle of a line.
        while let Ok(Some(line)) = lines.next_line().await {
            if line.ends_with(&output::iteration_started(1)) {
                begun.send_replace(true);
            }
            output::say(&format!("  | {line}"));
        }
    })
}

/// Waits until an iteration has begun.
pub(super) async fn wait_for(mut begun: watch::Receiver<bool>) {
    // An error means that the copier is gone, and then nothing is left to wait for.
    let _ = begun.wait_for(|begun| *begun).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn copier(left: u32) -> Copier {
        let words = "kusto-copy -l lake -s http://127.0.0.1:1 -d http://127.0.0.1:2 --db Telemetry";
        let words = words.split(' ').chain(BOUNDS).map(str::to_owned).collect();
        Copier {
            words,
            screen: Screen::new(),
            stop: watch::Sender::new(false).subscribe(),
            begun: watch::Sender::new(false),
            mode: Mode::Killed {
                left,
                most_life: MOST_LIFE,
            },
        }
    }

    #[test]
    fn its_own_command_line_is_right() {
        let args = copier(0).args().expect("clap takes the words");
        let options = copy::job(&args).expect("the job is right").options;
        assert_eq!(options.limits.block_rows, 20_000);
    }

    #[test]
    fn kills_are_counted_and_come_sooner_after_a_miss() {
        let mut copier = copier(2);
        for _ in 0..100 {
            let life = copier.life().expect("kills are left").as_millis();
            assert!((u128::from(LEAST_LIFE)..=u128::from(MOST_LIFE)).contains(&life));
        }
        for _ in 0..20 {
            copier.missed();
        }
        assert_eq!(copier.life(), Some(Duration::from_millis(LEAST_LIFE)));
        copier.killed();
        copier.killed();
        assert_eq!((copier.kills_left(), copier.life()), (0, None));
    }
}
