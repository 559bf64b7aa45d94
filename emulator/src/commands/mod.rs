//! Management commands: from a request to its result. One file for each family.

mod databases;
mod drop_extents;
mod export;
mod extent_tags;
mod external;
mod functions;
mod ingest;
mod mappings;
mod move_extents;
mod policies;
mod properties;
mod rows;
mod script;
mod selection;
mod show;
mod split;
mod storage_failures;
mod tables;
mod update_policy;

pub(crate) use external::read_external;
pub(crate) use ingest::ingest_body;

use std::sync::Arc;

use kusto_emulator_commands::{Command, CommandError, Parsed, PropertyError};
use kusto_emulator_values::{ScalarType, Table, Value};
use uuid::Uuid;

use crate::capacity::Resource;
use crate::engine::Engine;
use crate::error::KustoError;
use crate::faults::FaultKind;
use crate::model::DatabaseHandle;
use crate::operations::{Work, run_synchronous, start_asynchronous};
use crate::query::{Overrides, run_pipeline, run_query};
use crate::request::Request;
use crate::settings::ServiceTime;

/// A command at work: the cluster, the request that carries it and the operation it runs under.
#[derive(Clone, Debug)]
pub(crate) struct Execution {
    /// The cluster.
    pub(crate) engine: Arc<Engine>,
    /// The request.
    pub(crate) request: Request,
    /// The operation; nil for commands that are none.
    pub(crate) operation_id: Uuid,
}

impl Execution {
    /// The request's database.
    ///
    /// # Errors
    /// It does not exist.
    pub(crate) fn database(&self) -> Result<Arc<DatabaseHandle>, KustoError> {
        self.engine.database(&self.request.database)
    }

    /// The result of a query, or of a `.show` command, as the text after `<|`.
    ///
    /// # Errors
    /// Whatever the text meets; a command that changes something is refused.
    pub(crate) async fn result_of(
        &self,
        text: &str,
        overrides: Overrides,
    ) -> Result<Table, KustoError> {
        if kusto_emulator_commands::is_command(text) {
            let parsed = kusto_emulator_commands::parse(text)?;
            let Command::Show(show) = &parsed.command else {
                return Err(KustoError::bad_request(
                    "General_BadRequest",
                    format!("Command '{}' cannot be read from.", parsed.command.kind()),
                ));
            };
            let shown = show::run(self, show)?;
            return self.piped(shown, parsed.pipeline.as_deref()).await;
        }
        let output = run_query(&self.engine, &self.request, text, overrides, true).await?;
        first_table(output.tables)
    }

    /// A command's result with the query after its first pipe applied.
    async fn piped(&self, result: Table, pipeline: Option<&str>) -> Result<Table, KustoError> {
        match pipeline {
            None => Ok(result),
            Some(pipeline) => {
                let output = run_pipeline(&self.engine, &self.request, result, pipeline).await?;
                first_table(output.tables)
            }
        }
    }
}

fn first_table(tables: Vec<Table>) -> Result<Table, KustoError> {
    tables.into_iter().next().ok_or_else(|| {
        KustoError::bad_request("General_BadRequest", "The query has no result.".to_owned())
    })
}

/// Runs one parsed command of a request and applies its pipeline.
///
/// # Errors
/// Kusto's answer to whatever goes wrong.
pub(crate) async fn run_command(
    engine: &Arc<Engine>,
    request: &Request,
    parsed: Parsed,
) -> Result<Table, KustoError> {
    refuse_writes_of_readers(request, &parsed.command)?;
    let execution = Execution {
        engine: Arc::clone(engine),
        request: request.clone(),
        operation_id: Uuid::nil(),
    };
    let Parsed { command, pipeline } = parsed;
    let result = match operation_of(engine, &command) {
        None => {
            let kind = command.kind();
            let faults = &engine.faults;
            if faults
                .strike(FaultKind::Throttle, &kind, &request.text)
                .is_some()
            {
                return Err(KustoError::throttled(&kind, 0, "Metadata"));
            }
            let base = engine.settings().service_times.command.base_ms;
            if base > 0 {
                tokio::time::sleep(std::time::Duration::from_millis(base)).await;
            }
            execute(execution.clone(), command).await?
        }
        Some(operation) => {
            let is_async = command.is_async();
            let keeps_details = keeps_details(&command)?;
            let work = work(execution.clone(), command, operation, keeps_details);
            if is_async {
                operation_id_table(start_asynchronous(engine, request, work).await?)?
            } else {
                run_synchronous(engine, request, work).await?
            }
        }
    };
    execution.piped(result, pipeline.as_deref()).await
}

fn refuse_writes_of_readers(request: &Request, command: &Command) -> Result<(), KustoError> {
    let readonly = ["request_readonly", "request_readonly_hardline"]
        .into_iter()
        .find(|option| request.is_on(option));
    match readonly {
        Some(option) if !command.is_read_only() => Err(KustoError::forbidden(format!(
            "Command '{}' is not permitted: the request has the option '{option}'.",
            command.kind()
        ))),
        Some(_) | None => Ok(()),
    }
}

fn operation_id_table(id: Uuid) -> Result<Table, KustoError> {
    rows::rows_table(
        &[("OperationId", ScalarType::Guid)],
        [vec![Value::Guid(id.to_string())]],
    )
}

/// How a command stands in the operations' log and which slots it needs.
struct OperationKind {
    name: &'static str,
    resource: Option<Resource>,
    service_time: ServiceTime,
}

/// The operation that a command runs as; `None` for commands of metadata only.
fn operation_of(engine: &Engine, command: &Command) -> Option<OperationKind> {
    let times = engine.settings().service_times.clone();
    let kind = |name, resource, service_time| {
        Some(OperationKind {
            name,
            resource,
            service_time,
        })
    };
    let ingestion = Some(Resource::Ingestions);
    match command {
        Command::Export(_) => kind("DataExport", Some(Resource::DataExport), times.export),
        Command::Ingest(_) => kind("DataIngestPull", ingestion, times.ingest),
        Command::IngestInline(_) => kind("DataIngestInline", None, times.ingest),
        Command::IngestFromQuery(write) => {
            kind(kusto_operation(write.write), ingestion, times.ingest)
        }
        Command::MoveExtents(_) => kind("ExtentsMove", None, times.move_extents),
        Command::ReplaceExtents(_) => kind("ExtentsReplace", None, times.move_extents),
        Command::DropExtents(_) => kind("ExtentsDrop", None, times.command),
        Command::Tags(_) => kind("ExtentTagsChange", None, times.command),
        Command::Table(_) if command.is_async() => kind("TableDataClear", None, times.command),
        Command::Table(_)
        | Command::Show(_)
        | Command::Database(_)
        | Command::Function(_)
        | Command::Policy(_)
        | Command::Mapping(_)
        | Command::Script(_)
        | Command::CancelOperation(_) => None,
    }
}

fn kusto_operation(write: kusto_emulator_commands::TableWrite) -> &'static str {
    use kusto_emulator_commands::TableWrite;
    match write {
        TableWrite::Set => "TableSet",
        TableWrite::Append => "TableAppend",
        TableWrite::SetOrAppend => "TableSetOrAppend",
        TableWrite::SetOrReplace => "TableSetOrReplace",
    }
}

/// Whether `.show operation … details` can tell the result: exports and ingestions say so by
/// `persistDetails` (an asynchronous export by default too), others when they are asynchronous.
fn keeps_details(command: &Command) -> Result<bool, PropertyError> {
    let (properties, default) = match command {
        Command::Export(export) => (&export.properties, export.is_async),
        Command::Ingest(ingest) => (&ingest.properties, false),
        Command::IngestFromQuery(ingest) => (&ingest.properties, false),
        Command::IngestInline(ingest) => (&ingest.properties, false),
        Command::Show(_)
        | Command::Database(_)
        | Command::Table(_)
        | Command::Function(_)
        | Command::Policy(_)
        | Command::Mapping(_)
        | Command::MoveExtents(_)
        | Command::ReplaceExtents(_)
        | Command::DropExtents(_)
        | Command::Tags(_)
        | Command::Script(_)
        | Command::CancelOperation(_) => return Ok(command.is_async()),
    };
    Ok(properties.boolean("persistDetails")?.unwrap_or(default))
}

fn work(
    execution: Execution,
    command: Command,
    operation: OperationKind,
    keeps_details: bool,
) -> Work {
    Work {
        command: command.kind(),
        operation: operation.name.to_owned(),
        resource: operation.resource,
        service_time: operation.service_time,
        keeps_details,
        task: Box::new(move |operation_id| {
            let execution = Execution {
                operation_id,
                ..execution
            };
            Box::pin(execute(execution, command))
        }),
    }
}

/// Runs a command in the caller's time.
///
/// # Errors
/// Kusto's answer to whatever goes wrong.
async fn execute(execution: Execution, command: Command) -> Result<Table, KustoError> {
    let context = &execution;
    match command {
        Command::Show(show) => show::run(context, &show),
        Command::Database(command) => databases::run(context, &command),
        Command::Table(command) => tables::run(context, &command),
        Command::Function(command) => functions::run(context, &command),
        Command::Policy(command) => {
            policies::change_policy(&context.engine, &*context.database()?, &command)
        }
        Command::Mapping(command) => {
            mappings::change_mapping(&context.engine, &*context.database()?, &command)
        }
        Command::Script(command) => Box::pin(script::run(context, &command)).await,
        Command::CancelOperation(command) => show::cancel_operation(context, &command),
        Command::MoveExtents(command) => move_extents::move_extents(context, &command).await,
        Command::ReplaceExtents(command) => move_extents::replace_extents(context, &command).await,
        Command::DropExtents(command) => drop_extents::drop_extents(context, &command).await,
        Command::Tags(command) => extent_tags::change_tags(context, &command).await,
        Command::IngestFromQuery(command) => ingest::ingest_from_query(context, &command).await,
        Command::IngestInline(command) => ingest::ingest_inline(context, &command).await,
        Command::Ingest(command) => ingest::ingest(context, &command).await,
        Command::Export(command) => export::export(context, &command).await,
    }
}

impl From<CommandError> for KustoError {
    fn from(error: CommandError) -> Self {
        let bad = KustoError::bad_request("General_BadRequest", error.to_string());
        match &error {
            CommandError::Syntax { .. } | CommandError::Unsupported { .. } => Self {
                exception: "SyntaxException",
                inner: Some(error.code().to_owned()),
                ..bad
            },
            CommandError::InvalidName { .. } | CommandError::InvalidValue { .. } => Self {
                code: error.code().to_owned().into(),
                ..bad
            },
        }
    }
}

impl From<PropertyError> for KustoError {
    fn from(error: PropertyError) -> Self {
        KustoError::bad_request("BadRequest_InvalidProperty", error.to_string())
    }
}

#[cfg(test)]
mod tests;
