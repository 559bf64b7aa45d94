//! The commands, and the way from a text to one of them.

use crate::databases::{self, DatabaseCommand};
use crate::error::{CommandError, unsupported};
use crate::export::{self, Export};
use crate::extents::{self, DropExtents, MoveExtents, ReplaceExtents};
use crate::functions::{self, FunctionCommand};
use crate::ingest::{self, Ingest, IngestFromQuery, IngestInline, TableWrite};
use crate::mappings::{self, MappingCommand, MappingEntity, MappingWrite};
use crate::operations::{self, CancelOperation};
use crate::policies::{self, PolicyCommand, PolicyVerb};
use crate::scanner::Scanner;
use crate::script::{self, Script};
use crate::show::{self, Show};
use crate::tables::{self, TableCommand, TableSchemaVerb};
use crate::tags::{self, TagCommand};

/// A command and the query over its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The command.
    pub command: Command,
    /// What follows the first pipe after the command, without that pipe; not empty.
    pub pipeline: Option<String>,
}

/// One management command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `.show …`: reads and changes nothing.
    Show(Show),
    /// Creates, drops or renames a database.
    Database(DatabaseCommand),
    /// Creates, alters, renames, clears or drops tables and columns.
    Table(TableCommand),
    /// Creates, alters or drops stored functions.
    Function(FunctionCommand),
    /// Sets or deletes a policy.
    Policy(PolicyCommand),
    /// Writes or drops an ingestion mapping.
    Mapping(MappingCommand),
    /// `.ingest inline`.
    IngestInline(IngestInline),
    /// `.ingest into` from storage.
    Ingest(Ingest),
    /// `.set`, `.append`, `.set-or-append`, `.set-or-replace`.
    IngestFromQuery(IngestFromQuery),
    /// `.export … to` storage.
    Export(Export),
    /// `.move extents`.
    MoveExtents(MoveExtents),
    /// `.replace extents`.
    ReplaceExtents(ReplaceExtents),
    /// `.drop extents`.
    DropExtents(DropExtents),
    /// `.alter`, `.alter-merge` and `.drop … extent tags`.
    Tags(TagCommand),
    /// `.execute database script`.
    Script(Script),
    /// `.cancel operation`.
    CancelOperation(CancelOperation),
}

impl Command {
    /// The command's kind by the name that Microsoft's grammar gives it, for example
    /// `ExportToStorage`.
    pub fn kind(&self) -> String {
        match self {
            Command::Show(show) => show.kind(),
            Command::Database(command) => command.kind().to_string(),
            Command::Table(command) => command.kind().to_string(),
            Command::Function(command) => command.kind().to_string(),
            Command::Policy(command) => command.kind(),
            Command::Mapping(command) => command.kind(),
            Command::IngestInline(_) => "IngestInlineIntoTable".to_string(),
            Command::Ingest(_) => "IngestIntoTable".to_string(),
            Command::IngestFromQuery(command) => command.kind().to_string(),
            Command::Export(_) => "ExportToStorage".to_string(),
            Command::MoveExtents(command) => command.kind().to_string(),
            Command::ReplaceExtents(_) => "ReplaceExtents".to_string(),
            Command::DropExtents(command) => command.kind().to_string(),
            Command::Tags(command) => command.kind().to_string(),
            Command::Script(_) => "ExecuteDatabaseScript".to_string(),
            Command::CancelOperation(_) => "CancelOperation".to_string(),
        }
    }

    /// Whether the command asks to run as an operation and to answer its id at once.
    pub fn is_async(&self) -> bool {
        match self {
            Command::Ingest(command) => command.is_async,
            Command::IngestFromQuery(command) => command.is_async,
            Command::Export(command) => command.is_async,
            Command::MoveExtents(command) => command.is_async,
            Command::ReplaceExtents(command) => command.is_async,
            Command::Tags(command) => command.is_async,
            Command::Table(command) => {
                matches!(command, TableCommand::Clear { is_async: true, .. })
            }
            Command::Show(_)
            | Command::Database(_)
            | Command::Function(_)
            | Command::Policy(_)
            | Command::Mapping(_)
            | Command::IngestInline(_)
            | Command::DropExtents(_)
            | Command::Script(_)
            | Command::CancelOperation(_) => false,
        }
    }

    /// Whether the command only reads, so that `request_readonly` permits it.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Command::Show(_))
    }
}

/// Whether a text is a management command: its first character that is not blank is a dot.
pub fn is_command(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.sees(".")
}

/// Reads one command.
///
/// # Errors
/// [`CommandError::Syntax`] for a text outside the grammar, [`CommandError::Unsupported`] for a
/// command that this cluster does not know, [`CommandError::InvalidName`] and
/// [`CommandError::InvalidValue`] where the grammar is right and a name or a value is not.
pub fn parse(text: &str) -> Result<Parsed, CommandError> {
    let mut scanner = Scanner::new(text);
    scanner.expect(".")?;
    let command = parse_command(&mut scanner)?;
    let pipeline = if scanner.at_end() {
        None
    } else if !scanner.sees("||") && scanner.eat("|") {
        let pipeline = scanner.rest().trim();
        if pipeline.is_empty() {
            return Err(scanner.error("a query after '|'"));
        }
        Some(pipeline.to_string())
    } else {
        return Err(scanner.error("the end of the command or '|'"));
    };
    Ok(Parsed { command, pipeline })
}

/// Reads the command after its dot, up to its own end.
fn parse_command(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    let word = scanner.peek_word();
    let verb = word.to_ascii_lowercase();
    if verb.is_empty() {
        return Err(scanner.error("a command"));
    }
    scanner.advance(word.len());
    match verb.as_str() {
        "show" => show::parse(scanner).map(Command::Show),
        "create" => create(scanner),
        "create-merge" => tables::schema(scanner, TableSchemaVerb::CreateMerge),
        "create-or-alter" => create_or_alter(scanner),
        "alter" => alter(scanner, PolicyVerb::Alter),
        "alter-merge" => alter(scanner, PolicyVerb::AlterMerge),
        "delete" => policies::parse(scanner, PolicyVerb::Delete),
        "drop" => drop(scanner),
        "rename" => tables::rename(scanner),
        "clear" => tables::clear(scanner),
        "detach" => {
            scanner.expect_word("database")?;
            databases::drop(scanner)
        }
        "ingest" => ingest::parse(scanner),
        "set" => ingest::from_query(scanner, TableWrite::Set),
        "append" => ingest::from_query(scanner, TableWrite::Append),
        "set-or-append" => ingest::from_query(scanner, TableWrite::SetOrAppend),
        "set-or-replace" => ingest::from_query(scanner, TableWrite::SetOrReplace),
        "export" => export::parse(scanner),
        "move" => extents::parse_move(scanner),
        "replace" => extents::parse_replace(scanner),
        "execute" => script::parse(scanner),
        "cancel" => operations::parse_cancel(scanner),
        _ => Err(unsupported(&[&verb])),
    }
}

fn create(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    if scanner.eat_word("database") {
        let name = scanner.name("a database name")?;
        if scanner.sees_word("ingestion") {
            return mappings::write(scanner, MappingWrite::Create, MappingEntity::Database(name));
        }
        return databases::create(scanner, name);
    }
    if scanner.eat_word("function") {
        return functions::create(scanner);
    }
    tables::schema(scanner, TableSchemaVerb::Create)
}

fn create_or_alter(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    if scanner.eat_word("function") {
        return functions::create_or_alter(scanner);
    }
    let entity = if scanner.eat_word("table") {
        MappingEntity::Table(scanner.name("a table name")?)
    } else if scanner.eat_word("database") {
        MappingEntity::Database(scanner.name("a database name")?)
    } else {
        return Err(unsupported(&["create-or-alter", scanner.peek_word()]));
    };
    mappings::write(scanner, MappingWrite::CreateOrAlter, entity)
}

/// `.alter` and `.alter-merge`: tables, columns, functions, mappings, tags, policies.
fn alter(scanner: &mut Scanner<'_>, verb: PolicyVerb) -> Result<Command, CommandError> {
    let merge = verb == PolicyVerb::AlterMerge;
    if scanner.eat_word("function") && !merge {
        return functions::alter(scanner);
    }
    if scanner.eat_words(&["async", "table"]) {
        let table = scanner.name("a table name")?;
        return tags::alter(scanner, merge, true, table);
    }
    let before = scanner.rest();
    if scanner.eat_word("database") && !merge && databases::sees_pretty_name(scanner) {
        return databases::pretty_name(scanner);
    }
    scanner.advance_to(before);
    if scanner.eat_word("table") && !scanner.sees("*") {
        let table = scanner.name("a table name")?;
        if scanner.sees_word("extent") {
            return tags::alter(scanner, merge, false, table);
        }
        if scanner.sees_word("ingestion") {
            let write = if merge {
                MappingWrite::AlterMerge
            } else {
                MappingWrite::Alter
            };
            return mappings::write(scanner, write, MappingEntity::Table(table));
        }
        if !scanner.sees_word("policy") && !scanner.sees_word("columns") && !scanner.sees(".") {
            return tables::alter(scanner, merge, table);
        }
    }
    scanner.advance_to(before);
    if !merge && scanner.eat_word("column") {
        if let Some(command) = tables::alter_column_type(scanner)? {
            return Ok(command);
        }
        scanner.advance_to(before);
    }
    policies::parse(scanner, verb)
}

fn drop(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    if scanner.eat_word("database") {
        let before = scanner.rest();
        let name = scanner.name("a database name")?;
        if scanner.sees_word("ingestion") {
            return mappings::drop(scanner, MappingEntity::Database(name));
        }
        scanner.advance_to(before);
        return databases::drop(scanner);
    }
    if scanner.eat_word("function") || scanner.sees_word("functions") {
        return functions::drop(scanner);
    }
    if scanner.eat_word("extents") {
        return extents::parse_drop(scanner);
    }
    if scanner.eat_word("extent") {
        return extents::parse_drop_one(scanner);
    }
    if scanner.eat_words(&["async", "table"]) {
        let table = scanner.name("a table name")?;
        return tags::drop(scanner, true, table);
    }
    if scanner.eat_word("column") {
        return tables::drop_column(scanner);
    }
    if scanner.eat_word("tables") {
        return tables::drop_many(scanner);
    }
    if scanner.eat_word("table") {
        let table = scanner.name("a table name")?;
        if scanner.sees_word("extent") {
            return tags::drop(scanner, false, table);
        }
        if scanner.sees_word("ingestion") {
            return mappings::drop(scanner, MappingEntity::Table(table));
        }
        return tables::drop_one(scanner, table);
    }
    Err(unsupported(&["drop", scanner.peek_word()]))
}
