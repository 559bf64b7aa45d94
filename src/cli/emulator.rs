//! `kusto-copy emulator`: one embedded cluster as a process.

use kusto_copy_driver::complaint::Complaint;
use kusto_emulator::{Settings, StartError};
use serde::Serialize;
use serde_json::Value;

use super::args::EmulatorArgs;
use super::exit::{Exit, Failure};
use super::settings::Assignment;
use super::{output, signals};

/// The first line of stdout: whoever started the process waits for it.
#[derive(Serialize)]
struct Ready<'a> {
    event: &'static str,
    uri: &'a str,
    admin_uri: &'a str,
}

/// Runs a cluster until it is asked to end. The first line of stdout says where it listens.
///
/// # Errors
/// Settings that do not exist, addresses that cannot be listened on.
pub(crate) async fn run(args: EmulatorArgs) -> Result<Exit, Failure> {
    let mut stop = signals::stop("Ended at once.")?;
    let cluster = kusto_emulator::start(settings(&args)?).await?;
    output::record(&Ready {
        event: "ready",
        uri: cluster.uri(),
        admin_uri: cluster.admin_uri(),
    });
    signals::asked(&mut stop).await;
    cluster.shutdown().await;
    Ok(Exit::Complete)
}

/// Defaults, then `--settings`, then each `--setting`, then what has a flag of its own.
fn settings(args: &EmulatorArgs) -> Result<Settings, Failure> {
    let mut settings = Settings::default();
    if let Some(patch) = &args.settings {
        settings = patched(&settings, &patch.0, "--settings")?;
    }
    for Assignment { key, value } in &args.setting {
        let flag = format!("--setting {key}={value}");
        settings = patched(&settings, &nested(key, value), &flag)?;
    }
    settings.listen = args.listen;
    settings.admin = args.admin;
    if !args.database.is_empty() {
        settings.databases.clone_from(&args.database);
    }
    Ok(settings)
}

fn patched(settings: &Settings, patch: &Value, flag: &str) -> Result<Settings, Failure> {
    settings.patched(patch).map_err(|error| {
        Failure::usage(format!("`{flag}` is no setting of the embedded cluster"))
            .because(&error)
            .remedy("write it like `--setting capacity.data_export=4`")
    })
}

/// `a.b` and a text as `{"a": {"b": …}}`; a text that is no JSON is a string.
fn nested(key: &str, value: &str) -> Value {
    let innermost = serde_json::from_str(value).unwrap_or_else(|_| value.into());
    key.rsplit('.').fold(innermost, |inner, part| {
        Value::Object([(part.to_owned(), inner)].into_iter().collect())
    })
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let failure = Self::from(Complaint::with_remedy_inside(&error));
        match error {
            StartError::Listen { .. } => failure,
            StartError::Database { .. } => Self {
                exit: Exit::Usage,
                ..failure
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::args::{Cli, Command};
    use super::*;

    fn read(line: &str) -> Result<Settings, Failure> {
        let words = ["kusto-copy", "emulator"]
            .into_iter()
            .chain(line.split(' '));
        let cli = Cli::read(words).expect("the command line is right");
        let Cli::Other(other) = cli else {
            panic!("not an emulator: {line}");
        };
        let Command::Emulator(args) = *other else {
            panic!("not an emulator: {line}");
        };
        settings(&args)
    }

    #[test]
    fn dots_nest_and_plain_words_are_strings() {
        assert_eq!(nested("a.b", "3"), json!({"a": {"b": 3}}));
        assert_eq!(nested("name", "my cluster"), json!({"name": "my cluster"}));
    }

    #[test]
    fn later_settings_win_and_databases_replace() {
        let settings = read(
            "--database A --database B --setting capacity.data_export=3 \
             --settings {\"capacity\":{\"data_export\":9,\"ingestions\":5}}",
        )
        .expect("all are settings");
        assert_eq!(settings.databases, ["A", "B"]);
        assert_eq!(settings.capacity.data_export, 3);
        assert_eq!(settings.capacity.ingestions, 5);
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_told_once() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let listen = taken.local_addr().expect("it has an address");
        let started = kusto_emulator::start(Settings {
            listen,
            ..Settings::default()
        });
        let failure = Failure::from(started.await.expect_err("somebody listens there"));
        assert!(failure.message.contains(&listen.to_string()), "{failure:?}");
        let remedy = failure.remedy.expect("there is something to do");
        assert!(remedy.contains("port 0"), "{remedy}");
        assert!(!failure.message.contains(&remedy), "{}", failure.message);
    }

    #[tokio::test]
    async fn a_database_that_kusto_would_refuse_is_a_wrong_command_line() {
        let settings = read("--database a/b").expect("all are settings");
        let started = kusto_emulator::start(settings).await;
        let failure = Failure::from(started.expect_err("it has a slash"));
        assert_eq!(failure.exit, Exit::Usage);
        assert!(
            failure.message.contains("'a/b': only letters"),
            "{failure:?}"
        );
        assert_eq!(failure.remedy.as_deref(), Some("choose another name"));
    }

    #[test]
    fn an_unknown_setting_is_a_wrong_command_line() {
        let failure = read("--setting capacity.exports=3").expect_err("there is no such setting");
        assert_eq!(failure.exit, Exit::Usage);
        assert!(
            failure.message.contains("capacity.exports=3"),
            "{failure:?}"
        );
    }
}
