//! Commands that create, alter, rename, clear and drop tables and their columns.

use kusto_emulator_values::{Column, ScalarType};

use crate::Command;
use crate::error::{CommandError, unsupported};
use crate::mappings::{self, MappingEntity, MappingWrite};
use crate::names::{NameKind, validate_name};
use crate::properties::{Properties, properties};
use crate::scanner::Scanner;

/// A table's name and columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDefinition {
    /// The table.
    pub name: String,
    /// Its columns in order; at least one, no name twice.
    pub columns: Vec<Column>,
}

/// What becomes of a table's columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableSchemaVerb {
    /// Create; an existing table stays as it is.
    Create,
    /// Create, or add the columns that are new.
    CreateMerge,
    /// Replace the columns of an existing table.
    Alter,
    /// Add the columns that are new to an existing table.
    AlterMerge,
}

/// A change of tables or columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableCommand {
    /// `.create`, `.create-merge`, `.alter`, `.alter-merge` with columns.
    Schema {
        /// What happens to existing columns.
        verb: TableSchemaVerb,
        /// The tables; one unless `plural`.
        tables: Vec<TableDefinition>,
        /// Written as `.create tables`: the answer has another form.
        plural: bool,
        /// `folder`, `docstring`, `hidden`.
        properties: Properties,
    },
    /// `.create table N based-on T`.
    CreateBasedOn {
        /// The new table.
        name: String,
        /// The table whose columns and policies are copied.
        based_on: String,
        /// An existing table of this name is no error.
        if_not_exists: bool,
        /// `folder`, `docstring`.
        properties: Properties,
    },
    /// `.alter table T folder '…'`.
    SetFolder {
        /// The table.
        table: String,
        /// The folder.
        folder: String,
    },
    /// `.alter table T docstring '…'`.
    SetDocString {
        /// The table.
        table: String,
        /// The text.
        text: String,
    },
    /// `.alter[-merge] table T column-docstrings (C:'…', …)`.
    ColumnDocStrings {
        /// The table.
        table: String,
        /// Column and text.
        columns: Vec<(String, String)>,
        /// Texts of columns that are not listed stay.
        merge: bool,
    },
    /// `.drop table(s)`.
    Drop {
        /// The tables.
        tables: Vec<String>,
        /// A missing table is no error.
        if_exists: bool,
        /// Written as `.drop tables`.
        plural: bool,
    },
    /// `.rename table(s)`: all at once, so that names can be exchanged.
    Rename {
        /// Old and new name.
        pairs: Vec<(String, String)>,
        /// Written as `.rename tables`.
        plural: bool,
    },
    /// `.clear table T data`.
    Clear {
        /// The table.
        table: String,
        /// Whether to run as an operation.
        is_async: bool,
    },
    /// `.drop column T.C`, `.drop table T columns (…)`.
    DropColumns {
        /// The table.
        table: String,
        /// The columns.
        columns: Vec<String>,
    },
    /// `.rename column T.C to N`.
    RenameColumn {
        /// The table.
        table: String,
        /// Its present name.
        column: String,
        /// Its new name.
        to: String,
    },
    /// `.alter column T.C type=X`: loses the column's data in Kusto.
    AlterColumnType {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The new type.
        ty: ScalarType,
    },
}

impl TableCommand {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            TableCommand::Schema { verb, plural, .. } => match (verb, plural) {
                (TableSchemaVerb::Create, false) => "CreateTable",
                (TableSchemaVerb::Create, true) => "CreateTables",
                (TableSchemaVerb::CreateMerge, false) => "CreateMergeTable",
                (TableSchemaVerb::CreateMerge, true) => "CreateMergeTables",
                (TableSchemaVerb::Alter, _) => "AlterTable",
                (TableSchemaVerb::AlterMerge, _) => "AlterMergeTable",
            },
            TableCommand::CreateBasedOn { .. } => "CreateTableBasedOnAnother",
            TableCommand::SetFolder { .. } => "AlterTableFolder",
            TableCommand::SetDocString { .. } => "AlterTableDocString",
            TableCommand::ColumnDocStrings { merge: false, .. } => "AlterTableColumnDocStrings",
            TableCommand::ColumnDocStrings { merge: true, .. } => "AlterMergeTableColumnDocStrings",
            TableCommand::Drop { plural: false, .. } => "DropTable",
            TableCommand::Drop { plural: true, .. } => "DropTables",
            TableCommand::Rename { plural: false, .. } => "RenameTable",
            TableCommand::Rename { plural: true, .. } => "RenameTables",
            TableCommand::Clear { .. } => "ClearTableData",
            TableCommand::DropColumns { .. } => "DropTableColumns",
            TableCommand::RenameColumn { .. } => "RenameColumn",
            TableCommand::AlterColumnType { .. } => "AlterColumnType",
        }
    }
}

/// After `.create` or `.create-merge`: one table, several, a copy, or a mapping.
pub(crate) fn schema(
    scanner: &mut Scanner<'_>,
    verb: TableSchemaVerb,
) -> Result<Command, CommandError> {
    let written = match verb {
        TableSchemaVerb::Create => "create",
        TableSchemaVerb::CreateMerge => "create-merge",
        TableSchemaVerb::Alter => "alter",
        TableSchemaVerb::AlterMerge => "alter-merge",
    };
    if scanner.eat_word("tables") {
        let mut tables = vec![definition(scanner)?];
        while scanner.eat(",") {
            tables.push(definition(scanner)?);
        }
        return Ok(Command::Table(TableCommand::Schema {
            verb,
            tables,
            plural: true,
            properties: properties(scanner)?,
        }));
    }
    if !scanner.eat_word("table") {
        return Err(unsupported(&[written, scanner.peek_word()]));
    }
    let name = scanner.name("a table name")?;
    if verb == TableSchemaVerb::Create {
        if scanner.sees_word("ingestion") {
            return mappings::write(scanner, MappingWrite::Create, MappingEntity::Table(name));
        }
        if scanner.eat_word("based-on") {
            return based_on(scanner, name);
        }
    }
    validate_name(NameKind::Table, &name)?;
    let columns = columns(scanner)?;
    Ok(Command::Table(TableCommand::Schema {
        verb,
        tables: vec![TableDefinition { name, columns }],
        plural: false,
        properties: properties(scanner)?,
    }))
}

fn definition(scanner: &mut Scanner<'_>) -> Result<TableDefinition, CommandError> {
    let name = scanner.name("a table name")?;
    validate_name(NameKind::Table, &name)?;
    let columns = columns(scanner)?;
    Ok(TableDefinition { name, columns })
}

fn based_on(scanner: &mut Scanner<'_>, name: String) -> Result<Command, CommandError> {
    validate_name(NameKind::Table, &name)?;
    Ok(Command::Table(TableCommand::CreateBasedOn {
        name,
        based_on: scanner.name("a table name")?,
        if_not_exists: scanner.eat_word("ifnotexists"),
        properties: properties(scanner)?,
    }))
}

/// `(name:type, …)`.
fn columns(scanner: &mut Scanner<'_>) -> Result<Vec<Column>, CommandError> {
    let columns = scanner.list(|scanner| {
        let name = scanner.name("a column name")?;
        validate_name(NameKind::Column, &name)?;
        scanner.expect(":")?;
        let ty = scalar_type(scanner)?;
        Ok(Column { name, ty })
    })?;
    let mut seen = std::collections::HashSet::new();
    match columns.iter().find(|column| !seen.insert(&column.name)) {
        None => Ok(columns),
        Some(column) => Err(CommandError::InvalidValue {
            what: format!("the column '{}'", column.name),
            reason: "it is defined twice".to_string(),
        }),
    }
}

fn scalar_type(scanner: &mut Scanner<'_>) -> Result<ScalarType, CommandError> {
    let word = scanner.peek_word();
    match ScalarType::parse(word) {
        Some(ty) => {
            scanner.advance(word.len());
            Ok(ty)
        }
        None => Err(scanner.error("a scalar type")),
    }
}

/// After `.alter[-merge] table T`, where neither tags nor a policy follow.
pub(crate) fn alter(
    scanner: &mut Scanner<'_>,
    merge: bool,
    table: String,
) -> Result<Command, CommandError> {
    if scanner.sees("(") {
        let columns = columns(scanner)?;
        return Ok(Command::Table(TableCommand::Schema {
            verb: if merge {
                TableSchemaVerb::AlterMerge
            } else {
                TableSchemaVerb::Alter
            },
            tables: vec![TableDefinition {
                name: table,
                columns,
            }],
            plural: false,
            properties: properties(scanner)?,
        }));
    }
    if scanner.eat_word("column-docstrings") {
        let columns = scanner.list(|scanner| {
            let column = scanner.name("a column name")?;
            scanner.expect(":")?;
            Ok((column, scanner.string()?))
        })?;
        return Ok(Command::Table(TableCommand::ColumnDocStrings {
            table,
            columns,
            merge,
        }));
    }
    let command = if scanner.eat_word("folder") {
        let folder = scanner.string()?;
        TableCommand::SetFolder { table, folder }
    } else if scanner.eat_word("docstring") {
        let text = scanner.string()?;
        TableCommand::SetDocString { table, text }
    } else {
        return Err(scanner.error("columns, 'policy', 'folder', 'docstring' or 'extent tags'"));
    };
    Ok(Command::Table(command))
}

/// After `.alter column`: nothing if it is about a policy.
pub(crate) fn alter_column_type(
    scanner: &mut Scanner<'_>,
) -> Result<Option<Command>, CommandError> {
    if scanner.sees("*") {
        return Ok(None);
    }
    let (table, column) = column_reference(scanner)?;
    if !scanner.eat_word("type") {
        return Ok(None);
    }
    scanner.expect("=")?;
    let ty = scalar_type(scanner)?;
    Ok(Some(Command::Table(TableCommand::AlterColumnType {
        table,
        column,
        ty,
    })))
}

/// `T.C`.
pub(crate) fn column_reference(
    scanner: &mut Scanner<'_>,
) -> Result<(String, String), CommandError> {
    let table = scanner.name("a table name")?;
    scanner.expect(".")?;
    Ok((table, scanner.name("a column name")?))
}

/// After `.drop column`.
pub(crate) fn drop_column(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    let (table, column) = column_reference(scanner)?;
    Ok(Command::Table(TableCommand::DropColumns {
        table,
        columns: vec![column],
    }))
}

/// After `.drop tables`.
pub(crate) fn drop_many(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    Ok(Command::Table(TableCommand::Drop {
        tables: scanner.names("a table name")?,
        if_exists: scanner.eat_word("ifexists"),
        plural: true,
    }))
}

/// After `.drop table T`: the table, or some of its columns.
pub(crate) fn drop_one(scanner: &mut Scanner<'_>, table: String) -> Result<Command, CommandError> {
    let command = if scanner.eat_word("columns") {
        let columns = scanner.names("a column name")?;
        TableCommand::DropColumns { table, columns }
    } else {
        TableCommand::Drop {
            tables: vec![table],
            if_exists: scanner.eat_word("ifexists"),
            plural: false,
        }
    };
    Ok(Command::Table(command))
}

/// After `.rename`.
pub(crate) fn rename(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    if scanner.eat_word("tables") {
        let mut pairs = vec![rename_pair(scanner)?];
        while scanner.eat(",") {
            pairs.push(rename_pair(scanner)?);
        }
        return Ok(Command::Table(TableCommand::Rename {
            pairs,
            plural: true,
        }));
    }
    let command = if scanner.eat_word("table") {
        let from = scanner.name("a table name")?;
        scanner.expect_word("to")?;
        let to = scanner.name("a table name")?;
        validate_name(NameKind::Table, &to)?;
        TableCommand::Rename {
            pairs: vec![(from, to)],
            plural: false,
        }
    } else if scanner.eat_word("column") {
        let (table, column) = column_reference(scanner)?;
        scanner.expect_word("to")?;
        let to = scanner.name("a column name")?;
        validate_name(NameKind::Column, &to)?;
        TableCommand::RenameColumn { table, column, to }
    } else {
        return Err(unsupported(&["rename", scanner.peek_word()]));
    };
    Ok(Command::Table(command))
}

/// `New = Old`.
fn rename_pair(scanner: &mut Scanner<'_>) -> Result<(String, String), CommandError> {
    let to = scanner.name("a table name")?;
    validate_name(NameKind::Table, &to)?;
    scanner.expect("=")?;
    Ok((scanner.name("a table name")?, to))
}

/// After `.clear`.
pub(crate) fn clear(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    let is_async = scanner.eat_word("async");
    if !scanner.eat_word("table") {
        return Err(unsupported(&["clear", scanner.peek_word()]));
    }
    let table = scanner.name("a table name")?;
    scanner.expect_word("data")?;
    Ok(Command::Table(TableCommand::Clear { table, is_async }))
}
