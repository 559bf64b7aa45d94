//! What may be written on the command line.

use std::ffi::OsString;
#[cfg(feature = "emulator")]
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, FromArgMatches, Subcommand, ValueEnum};
use kusto_copy_azure::blobs::StagingAccess;
use kusto_copy_driver::settings::duration;

#[cfg(feature = "emulator")]
use super::settings::Document;
use super::settings::{Assignment, Filter};

/// What the whole command line asks for.
///
/// Put together by hand: the copy needs its arguments only when no subcommand is given, which
/// the derived form of two alternatives cannot say.
#[derive(Debug)]
pub(crate) enum Cli {
    /// The copy, which needs no subcommand.
    Copy(Box<CopyArgs>),
    /// Everything else.
    Other(Box<Command>),
}

impl Cli {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    /// What is wrong with it, or the help or version that was asked for.
    pub(crate) fn read<T>(words: impl IntoIterator<Item = T>) -> Result<Self, clap::Error>
    where
        T: Into<OsString> + Clone,
    {
        let mut command = Self::command();
        let matches = command.try_get_matches_from_mut(words)?;
        let read = if matches.subcommand_name().is_some() {
            Command::from_arg_matches(&matches).map(|other| Self::Other(Box::new(other)))
        } else {
            CopyArgs::from_arg_matches(&matches).map(|args| Self::Copy(Box::new(args)))
        };
        read.map_err(|error| error.format(&mut command))
    }

    /// How much is to be logged; `None` for what logs in its own way.
    pub(crate) fn log(&self) -> Option<&LogArgs> {
        match self {
            Self::Copy(args) => Some(&args.log),
            Self::Other(other) => match other.as_ref() {
                Command::Status(args) => Some(&args.log),
                Command::Pause(args)
                | Command::Resume(args)
                | Command::Retry(args)
                | Command::Start(args) => Some(&args.log),
                Command::Function => None,
                #[cfg(feature = "emulator")]
                Command::Emulator(args) => Some(&args.log),
                #[cfg(feature = "emulator")]
                Command::Demo(args) => Some(&args.log),
            },
        }
    }

    fn command() -> clap::Command {
        let command = clap::Command::new("kusto-copy")
            .version(env!("CARGO_PKG_VERSION"))
            .arg_required_else_help(true);
        Command::augment_subcommands(CopyArgs::augment_args(command))
            .about("Copies Azure Data Explorer (Kusto) databases exactly and resumably.")
            .long_about(LONG_ABOUT)
            .after_help(AFTER_HELP)
            .subcommand_required(false)
            .args_conflicts_with_subcommands(true)
            .subcommand_negates_reqs(true)
    }
}

const LONG_ABOUT: &str = "Copies Azure Data Explorer (Kusto) databases exactly and resumably.

Without a subcommand it copies: give a lake, a source, a destination and a database. Started again \
with the same lake it goes on where it stopped.";

const AFTER_HELP: &str = "Clusters and storage in Azure are reached by the identity of the \
environment: a managed identity, a workload identity, AZURE_CLIENT_SECRET, or whoever is signed in \
with `az login`. For development KUSTO_COPY_TOKEN, KUSTO_COPY_STORAGE_KEY and \
KUSTO_COPY_STORAGE_SAS stand in for it.

Exit codes: 0 complete, 1 failed, 2 wrong usage, 3 stopped and resumable.";

/// Everything but the copy.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show how far the job of a lake is, table by table.
    Status(StatusArgs),
    /// Let the job of a lake begin nothing new; what runs at the clusters is watched to its end.
    Pause(ControlArgs),
    /// Let a paused job go on.
    Resume(ControlArgs),
    /// Let whoever drives the job try held tables and blocks once more.
    Retry(ControlArgs),
    /// Let whoever drives the job start its next iteration now.
    Start(ControlArgs),
    /// Serve an Azure Functions host as its custom handler; all settings come from the environment.
    Function,
    /// Run one embedded Kusto-compatible cluster; all its data is in memory.
    #[cfg(feature = "emulator")]
    Emulator(EmulatorArgs),
    /// See it work: replicate a made-up database between two embedded clusters.
    #[cfg(feature = "emulator")]
    Demo(DemoArgs),
}

/// How much is logged.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LogArgs {
    /// Log more to stderr (-vv: everything of this program, -vvv: of its libraries too).
    #[arg(short, long, action = clap::ArgAction::Count, conflicts_with = "log")]
    pub(crate) verbose: u8,
    /// Log what this filter lets through, for example `info,kusto_copy_driver=debug`.
    #[arg(long, value_name = "FILTER", env = "KUSTO_COPY_LOG", value_parser = Filter::parse)]
    pub(crate) log: Option<Filter>,
}

/// In which form results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people: live on a terminal, plain lines elsewhere.
    #[default]
    Text,
    /// One JSON document on stdout, at the end.
    Json,
}

/// How far values are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum VerifyArg {
    /// Row counts.
    Counts,
    /// Row counts, and no value that cannot survive (the default).
    Values,
    /// As values, and a fingerprint of the content on both sides of each block.
    Fingerprint,
}

/// Which rows of a table come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrderArg {
    /// From the oldest rows up (the default).
    Oldest,
    /// From the newest rows down, so that the replica is useful early.
    Newest,
}

/// A copy.
#[derive(Debug, Clone, Args)]
pub(crate) struct CopyArgs {
    /// Where staged data and progress rest: https://ACCOUNT.blob.core.windows.net/CONTAINER[/FOLDER],
    /// or, for clusters on this machine, a folder as a path or file:// address.
    #[arg(short, long, value_name = "LAKE", required = true, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) lake: String,
    /// Source cluster, for example https://mycluster.westeurope.kusto.windows.net.
    #[arg(short, long, value_name = "CLUSTER", required = true)]
    pub(crate) source: String,
    /// Destination cluster.
    #[arg(short, long, value_name = "CLUSTER", required = true)]
    pub(crate) destination: String,
    /// Databases to copy; each must exist on both clusters.
    #[arg(long, value_name = "NAME", num_args = 1.., required = true, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) db: Vec<String>,
    /// Copy only these tables.
    #[arg(long, value_name = "TABLE", num_args = 1.., help_heading = "Tables", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) tables_include: Vec<String>,
    /// Copy all tables but these.
    #[arg(long, value_name = "TABLE", num_args = 1.., help_heading = "Tables", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) tables_exclude: Vec<String>,
    /// Copy these tables first, in this order; a new job needs them to exist.
    #[arg(long, value_name = "TABLE", num_args = 1.., help_heading = "Tables", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) priority: Vec<String>,
    /// Which rows of a table come first.
    #[arg(long, value_name = "END", help_heading = "Tables")]
    pub(crate) order: Option<OrderArg>,
    /// Go on with iteration after iteration until stopped, instead of ending after one.
    #[arg(long, help_heading = "Iterations")]
    pub(crate) continuous: bool,
    /// Time between two iterations' ends (recovery point objective), with --continuous.
    #[arg(short, long, value_name = "DURATION", default_value = "5m", value_parser = duration::rpo, allow_hyphen_values = true, help_heading = "Iterations")]
    pub(crate) rpo: Duration,
    /// In the first iteration, leave out rows ingested longer ago than this.
    #[arg(short, long, alias = "backfillHorizon", value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true, help_heading = "Iterations")]
    pub(crate) backfill_horizon: Option<Duration>,
    /// Stop after this time; starting again goes on.
    #[arg(long, value_name = "DURATION", value_parser = duration::parse, allow_hyphen_values = true, help_heading = "Iterations")]
    pub(crate) budget: Option<Duration>,
    /// Queries at the same time, at most.
    #[arg(long, value_name = "N", value_parser = at_least_one::<u32>, allow_hyphen_values = true, help_heading = "Load")]
    pub(crate) query_slots: Option<u32>,
    /// Exports at the same time, at most.
    #[arg(long, value_name = "N", value_parser = at_least_one::<u32>, allow_hyphen_values = true, help_heading = "Load")]
    pub(crate) export_slots: Option<u32>,
    /// Ingestions at the same time, at most.
    #[arg(long, value_name = "N", value_parser = at_least_one::<u32>, allow_hyphen_values = true, help_heading = "Load")]
    pub(crate) ingestion_slots: Option<u32>,
    /// Share of the clusters' export and ingestion capacity to take, above 0 and up to 1.
    #[arg(long, value_name = "SHARE", default_value = "1", value_parser = share, allow_hyphen_values = true, help_heading = "Load")]
    pub(crate) share: f64,
    /// Rows of a block, at most.
    #[arg(long, value_name = "ROWS", value_parser = at_least_one::<u64>, allow_hyphen_values = true, help_heading = "Load")]
    pub(crate) block_rows: Option<u64>,
    /// Bytes of a block, at most.
    #[arg(long, value_name = "BYTES", value_parser = at_least_one::<u64>, allow_hyphen_values = true, help_heading = "Load")]
    pub(crate) block_bytes: Option<u64>,
    /// Blocks up to this size go by the synchronous commands.
    #[arg(long, value_name = "ROWS", value_parser = rows, allow_hyphen_values = true, help_heading = "Load")]
    pub(crate) small_rows: Option<u64>,
    /// Unfinished blocks at the same time, at most.
    #[arg(long, value_name = "N", value_parser = at_least_one::<u32>, allow_hyphen_values = true, help_heading = "Load")]
    pub(crate) active_blocks: Option<u32>,
    /// How far each block's values are checked before it is moved.
    #[arg(long, value_name = "HOW", help_heading = "Safety")]
    pub(crate) verify: Option<VerifyArg>,
    /// Copy into destination tables that hold rows or that another job owned.
    #[arg(long, help_heading = "Safety")]
    pub(crate) adopt_destination: bool,
    /// Copy although reads of the source may be incomplete (row-level security, a follower).
    #[arg(long, help_heading = "Safety")]
    pub(crate) force: bool,
    /// Leave tables and blocks that are held as they are, instead of trying them again.
    #[arg(long, help_heading = "Safety")]
    pub(crate) keep_held: bool,
    /// Keep the progress elsewhere: in the table https://ACCOUNT.table.core.windows.net/TABLE
    /// instead of `kustocopy` in the lake's account, or in a file instead of the lake's folder.
    #[arg(long, value_name = "TABLE|FILE", help_heading = "Storage", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) state: Option<String>,
    /// Further containers for staged data, of any accounts: exports are spread over the lake and
    /// these, which raises the limit of what storage takes.
    #[arg(long, value_name = "ADDRESS", num_args = 1.., help_heading = "Storage", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) places: Vec<String>,
    /// How the clusters reach staged data: `sas` (a short-lived signature in each command, the
    /// default), `managed-identity=system`, `managed-identity=<object id>` or `impersonate`.
    #[arg(long, value_name = "HOW", help_heading = "Storage")]
    pub(crate) staging_access: Option<StagingAccess>,
    /// Print progress for people, or one JSON document at the end.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Format,
    /// Bounds without a flag of their own.
    #[arg(long, value_name = "KEY=VALUE", hide = true)]
    pub(crate) set: Vec<Assignment>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// `pause`, `resume`, `retry`, `start`.
#[derive(Debug, Clone, Args)]
pub(crate) struct ControlArgs {
    /// The lake of the job.
    #[arg(short, long, value_name = "LAKE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) lake: String,
    /// The progress is in this table or file instead of the lake's own.
    #[arg(long, value_name = "TABLE|FILE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) state: Option<String>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// `status`.
#[derive(Debug, Clone, Args)]
pub(crate) struct StatusArgs {
    /// The lake of the job.
    #[arg(short, long, value_name = "LAKE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) lake: String,
    /// The progress is in this table or file instead of the lake's own.
    #[arg(long, value_name = "TABLE|FILE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) state: Option<String>,
    /// Print a table for people, or one JSON document.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(crate) output: Format,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// `emulator`.
#[cfg(feature = "emulator")]
#[derive(Debug, Clone, Args)]
pub(crate) struct EmulatorArgs {
    /// Address of Kusto's REST API; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Address of the admin API (faults, settings).
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) admin: SocketAddr,
    /// A database to start with; may be given several times.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) database: Vec<String>,
    /// One setting, for example capacity.data_export=4; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) setting: Vec<Assignment>,
    /// Settings as a JSON object.
    #[arg(long, value_name = "JSON")]
    pub(crate) settings: Option<Document>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// `demo`.
#[cfg(feature = "emulator")]
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    /// Rows of the made-up source, all tables together.
    #[arg(long, value_name = "N", default_value_t = 300_000, value_parser = clap::value_parser!(u64).range(1_000..=50_000_000))]
    pub(crate) rows: u64,
    /// Kill the copier in the middle of its work this many times and start it again.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=1_000))]
    pub(crate) kill_after: u32,
    /// Keep the lake in this folder, which must be empty or not exist.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keep: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) log: LogArgs,
}

/// A number of things of which there must be one at least.
fn at_least_one<T: FromStr + From<u8> + PartialOrd>(text: &str) -> Result<T, String> {
    let number = text.parse().ok();
    number
        .filter(|number| *number >= T::from(1))
        .ok_or_else(|| "write a whole number from 1 on".to_owned())
}

fn rows(text: &str) -> Result<u64, String> {
    let number = text.parse();
    number.map_err(|_| "write a whole number from 0 on".to_owned())
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        Ok(_) | Err(_) => Err("write a number above 0 and up to 1".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::error::ErrorKind;

    use super::*;

    const COPY: &str = "-l lake -s http://a -d http://b --db Samples";

    fn read(line: &str) -> Result<Cli, clap::Error> {
        Cli::read(std::iter::once("kusto-copy").chain(line.split_whitespace()))
    }

    fn copy(extra: &str) -> CopyArgs {
        match read(&format!("{COPY} {extra}")).expect("the command line is right") {
            Cli::Copy(args) => *args,
            Cli::Other(other) => panic!("not a copy: {other:?}"),
        }
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_seed_tools_command_line_works_as_written() {
        let args = copy("--tables-include StormEvents US_States");
        assert_eq!(args.lake, "lake");
        assert_eq!(args.db, ["Samples"]);
        assert_eq!(args.tables_include, ["StormEvents", "US_States"]);
        assert!(!args.continuous);
        assert_eq!(args.rpo, Duration::from_secs(300));
        let args = copy(
            "-v --tables-exclude A --continuous --query-slots 1 --export-slots 2 \
             --ingestion-slots 3 -r 10m -b 7d",
        );
        assert_eq!(args.log.verbose, 1);
        assert_eq!(
            (args.query_slots, args.export_slots, args.ingestion_slots),
            (Some(1), Some(2), Some(3))
        );
        assert_eq!(args.rpo, Duration::from_secs(600));
        assert_eq!(args.backfill_horizon, Some(Duration::from_secs(7 * 86_400)));
    }

    #[test]
    fn the_horizon_has_its_old_name_too() {
        let horizon = Some(Duration::from_secs(3_600));
        for name in ["--backfill-horizon", "--backfillHorizon", "-b"] {
            assert_eq!(
                copy(&format!("{name} 1h")).backfill_horizon,
                horizon,
                "{name}"
            );
        }
    }

    #[test]
    fn a_copy_needs_its_four_arguments_and_a_subcommand_none_of_them() {
        for line in ["-l lake", "-l lake -s http://a --db X", "--continuous"] {
            let error = read(line).expect_err("arguments are missing");
            assert_eq!(error.kind(), ErrorKind::MissingRequiredArgument, "{line}");
        }
        let cli = read("status -l lake --output json").expect("status needs a lake alone");
        let Cli::Other(other) = cli else {
            panic!("not a status: {cli:?}");
        };
        let Command::Status(args) = *other else {
            panic!("not a status: {other:?}");
        };
        assert_eq!(args.output, Format::Json);
        assert!(read(&format!("{COPY} status -l lake")).is_err());
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for extra in [
            "--share 0",
            "--share 1.5",
            "--share NaN",
            "--export-slots 0",
            "--rpo 5",
            "--block-rows 0",
            "--output yaml",
            "--verify all",
            "-v --log info",
        ] {
            assert!(read(&format!("{COPY} {extra}")).is_err(), "{extra}");
        }
        assert_eq!(copy("--small-rows 0 --rpo 1s").small_rows, Some(0));
    }

    #[test]
    fn numbers_out_of_range_are_told_with_what_to_write() {
        for (extra, what) in [
            ("--export-slots -1", "write a whole number from 1 on"),
            ("--block-rows 0", "write a whole number from 1 on"),
            ("--active-blocks many", "write a whole number from 1 on"),
            ("--small-rows -1", "write a whole number from 0 on"),
            ("--share -0.5", "write a number above 0"),
            ("--rpo -5m", "write a duration like"),
            ("--rpo 0s", "write 1s or more"),
            ("--continuous --rpo 999ms", "write 1s or more"),
            ("--budget -1s", "write a duration like"),
            ("-b -1d", "write a duration like"),
        ] {
            let error = read(&format!("{COPY} {extra}")).expect_err(extra);
            assert_eq!(error.kind(), ErrorKind::ValueValidation, "{extra}");
            assert!(error.to_string().contains(what), "{error}");
        }
    }
}
