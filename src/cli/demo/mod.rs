//! `kusto-copy demo`: two embedded clusters, a made-up source, and a proof that its copy is equal.
//!
//! | module | what it holds |
//! |---|---|
//! | [`telemetry`] | the tables and their rows, made up from a seed |
//! | [`producer`] | sends rows to the source as devices and services would |
//! | [`copier`] | runs the copier in this process, or as one that is killed and started again |
//! | [`compare`] | asks both clusters whether they are equal |

mod compare;
mod copier;
mod producer;
mod telemetry;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kusto_copy_kusto::{Cluster, ClusterUri, NoCredentials, Settings as ClientSettings};
use kusto_emulator::{Cluster as Emulator, Settings};
use tempfile::TempDir;
use tokio::sync::watch;

use super::args::DemoArgs;
use super::exit::{Exit, Failure};
use super::output::{self, Screen};
use super::signals;
use copier::Copier;
use producer::Producer;
use telemetry::{DATABASE, Telemetry};

/// Where the lake is, and the folder that goes away at the end unless it is kept.
struct LakeFolder {
    path: PathBuf,
    /// Removes the folder when it is dropped.
    temporary: Option<TempDir>,
}

/// Runs the demonstration.
///
/// # Errors
/// When anything fails, or the copy is not equal to its source.
pub(crate) async fn run(args: DemoArgs, screen: &Screen) -> Result<Exit, Failure> {
    let mut stop = signals::stop("Ended at once.")?;
    let lake = LakeFolder::new(args.keep.as_deref())?;
    let source = start("source").await?;
    let destination = start("destination").await?;
    let stage = Stage {
        source: client(&source)?,
        destination: client(&destination)?,
        lake: &lake.path,
        stop: stop.clone(),
    };
    let played = tokio::select! {
        played = play(&args, &stage, screen) => played,
        () = signals::asked(&mut stop) => Ok(Exit::Stopped),
    };
    source.shutdown().await;
    destination.shutdown().await;
    let closed = lake.close();
    let exit = played?;
    if exit == Exit::Stopped {
        output::say("Stopped. The embedded clusters are gone with all they held.");
    }
    closed.map(|()| exit)
}

/// What the demonstration plays on.
struct Stage<'a> {
    source: Cluster,
    destination: Cluster,
    lake: &'a Path,
    stop: watch::Receiver<bool>,
}

async fn play(args: &DemoArgs, stage: &Stage<'_>, screen: &Screen) -> Result<Exit, Failure> {
    let started = Instant::now();
    output::say(&format!(
        "Source:       {}  (an embedded cluster)",
        stage.source.uri()
    ));
    output::say(&format!(
        "Destination:  {}  (another one)",
        stage.destination.uri()
    ));
    let telemetry = Telemetry::new(args.rows);
    let producer = Producer::new(&stage.source)?;
    producer.create_tables(&telemetry).await?;
    let loaded = producer.send(&telemetry.backfill()).await?;
    output::say(&format!(
        "Loaded {} made-up rows of telemetry into {} tables in {}.\n",
        output::count(loaded),
        telemetry.tables().len(),
        spent(started)
    ));

    let copying = Instant::now();
    let mut copier = Copier::new(stage, args.kill_after, screen);
    let begun = copier.begun();
    let arriving = async {
        copier::wait_for(begun).await;
        producer.send(&telemetry.arrivals(1)).await
    };
    let ((), arrived) = tokio::try_join!(copier.iteration(), arriving)?;
    output::say(&format!(
        "{} rows and a new table arrived meanwhile; one more iteration copies them.\n",
        output::count(arrived)
    ));
    let mut round = 1;
    loop {
        copier.iteration().await?;
        if copier.kills_left() == 0 {
            break;
        }
        // Kills are left: more rows arrive, for one more iteration to be killed in.
        round += 1;
        producer.send(&telemetry.arrivals(round)).await?;
    }
    let copied = copying.elapsed();

    let proofs = compare::all(&stage.source, &stage.destination).await?;
    output::say("");
    output::say(&output::proof(&proofs));
    output::say(&conclusion(args, &proofs, copied)?);
    Ok(Exit::Complete)
}

/// What the comparison comes to, in words.
///
/// # Errors
/// When a table is not equal, or there is none.
fn conclusion(
    args: &DemoArgs,
    proofs: &[output::Proof],
    copied: Duration,
) -> Result<String, Failure> {
    let different = proofs.iter().filter(|proof| !proof.equal).count();
    if different > 0 || proofs.is_empty() {
        return Err(Failure::new(format!(
            "{different} of {} tables are not equal: this is a defect of kusto-copy",
            proofs.len()
        ))
        .remedy("run it again with --keep and -vv, and report it with what it logged"));
    }
    let rows: u64 = proofs.iter().map(|proof| proof.source_rows).sum();
    let kills = match args.kill_after {
        0 => String::new(),
        1 => ", the copier killed once on the way".to_owned(),
        kills => format!(", the copier killed {kills} times on the way"),
    };
    Ok(format!(
        "\nBoth databases are equal: {} tables, {} rows, copied in {}{kills}.",
        proofs.len(),
        output::count(rows),
        output::span(copied),
    ))
}

fn spent(started: Instant) -> String {
    output::span(started.elapsed())
}

async fn start(name: &str) -> Result<Emulator, Failure> {
    let settings = Settings {
        databases: vec![DATABASE.to_owned()],
        cluster_name: name.to_owned(),
        ..Settings::default()
    };
    Ok(kusto_emulator::start(settings).await?)
}

fn client(cluster: &Emulator) -> Result<Cluster, Failure> {
    let failed = || Failure::new("the embedded cluster cannot be addressed");
    let (uri, _) = ClusterUri::parse(cluster.uri()).map_err(|error| failed().because(&error))?;
    Cluster::connect(
        uri,
        std::sync::Arc::new(NoCredentials),
        ClientSettings::default(),
    )
    .map_err(|error| failed().because(&error))
}

impl LakeFolder {
    fn new(keep: Option<&Path>) -> Result<Self, Failure> {
        match keep {
            None => {
                let temporary = tempfile::Builder::new()
                    .prefix("kusto-copy-demo-")
                    .tempdir()
                    .map_err(|error| {
                        Failure::new("no temporary folder can be made")
                            .because(&error)
                            .remedy("give a folder with --keep, or set TMPDIR")
                    })?;
                Ok(Self {
                    path: temporary.path().to_owned(),
                    temporary: Some(temporary),
                })
            }
            Some(path) => {
                let refused = |what: &str| {
                    Failure::usage(format!("--keep {}: {what}", path.display()))
                        .remedy("give a folder that is empty or does not exist")
                };
                match std::fs::read_dir(path).map(|mut entries| entries.next().is_some()) {
                    Ok(true) => return Err(refused("the folder is not empty")),
                    Ok(false) => {}
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => return Err(refused("it cannot be read").because(&error)),
                }
                Ok(Self {
                    path: path.to_owned(),
                    temporary: None,
                })
            }
        }
    }

    /// Removes what is temporary and says where the rest is.
    fn close(self) -> Result<(), Failure> {
        match self.temporary {
            None => {
                output::say(&format!("The lake is kept in {}.", self.path.display()));
                Ok(())
            }
            Some(temporary) => temporary.close().map_err(|error| {
                Failure::new(format!("{} cannot be removed", self.path.display()))
                    .because(&error)
                    .remedy("remove it by hand")
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_never_taken() {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        assert!(LakeFolder::new(Some(&dir.path().join("new"))).is_ok());
        assert!(LakeFolder::new(Some(dir.path())).is_ok());
        std::fs::write(dir.path().join("mine"), "x").expect("a file can be written");
        let failure = LakeFolder::new(Some(dir.path()))
            .err()
            .expect("it is refused");
        assert_eq!(failure.exit, Exit::Usage);
        assert!(dir.path().join("mine").exists());
    }

    #[test]
    fn a_difference_is_a_failure() {
        let args = DemoArgs {
            rows: 1_000,
            kill_after: 0,
            keep: None,
            log: super::super::args::LogArgs::default(),
        };
        let mut proofs = vec![output::Proof {
            table: "T".to_owned(),
            source_rows: 1,
            destination_rows: 1,
            fingerprints: (1, 1),
            equal: true,
        }];
        let told = conclusion(&args, &proofs, Duration::ZERO).expect("all are equal");
        assert!(told.contains("equal: 1 tables, 1 rows"), "{told}");
        proofs[0].equal = false;
        assert!(conclusion(&args, &proofs, Duration::ZERO).is_err());
        assert!(conclusion(&args, &[], Duration::ZERO).is_err());
    }
}
