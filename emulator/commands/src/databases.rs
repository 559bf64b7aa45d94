//! Commands that create, drop and label databases.

use crate::Command;
use crate::error::CommandError;
use crate::names::{NameKind, validate_name};
use crate::properties::properties;
use crate::scanner::Scanner;

/// A change of the set of databases, or of a database's label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DatabaseCommand {
    /// `.create database D volatile | persist ('…', …)`.
    Create {
        /// The new database.
        name: String,
        /// Paths after `persist`; none for a volatile database.
        persist: Vec<String>,
        /// An existing database of this name is no error.
        if_not_exists: bool,
    },
    /// `.drop database D`, `.detach database D`.
    Drop {
        /// The database.
        name: String,
        /// A missing database is no error.
        if_exists: bool,
    },
    /// `.alter database D prettyname '…'`, `.drop database D prettyname`.
    PrettyName {
        /// The database; none is the context database.
        name: Option<String>,
        /// The label; none removes it.
        pretty_name: Option<String>,
    },
}

impl DatabaseCommand {
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            DatabaseCommand::Create { .. } => "CreateDatabase",
            DatabaseCommand::Drop { .. } => "DetachDatabase",
            DatabaseCommand::PrettyName {
                pretty_name: Some(_),
                ..
            } => "AlterDatabasePrettyName",
            DatabaseCommand::PrettyName {
                pretty_name: None, ..
            } => "DropDatabasePrettyName",
        }
    }
}

/// After `.create database D`.
pub(crate) fn create(scanner: &mut Scanner<'_>, name: String) -> Result<Command, CommandError> {
    validate_name(NameKind::Database, &name)?;
    let persist = if scanner.eat_word("persist") {
        scanner.list(Scanner::string)?
    } else {
        scanner.eat_word("volatile");
        Vec::new()
    };
    let if_not_exists = scanner.eat_word("ifnotexists");
    properties(scanner)?;
    Ok(Command::Database(DatabaseCommand::Create {
        name,
        persist,
        if_not_exists,
    }))
}

/// After `.drop database` or `.detach database`.
pub(crate) fn drop(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    let name = scanner.name("a database name")?;
    let command = if scanner.eat_word("prettyname") {
        DatabaseCommand::PrettyName {
            name: Some(name),
            pretty_name: None,
        }
    } else {
        let if_exists = scanner.eat_word("ifexists");
        scanner.eat_word("skip-seal");
        DatabaseCommand::Drop { name, if_exists }
    };
    Ok(Command::Database(command))
}

/// Whether `[D] prettyname` follows.
pub(crate) fn sees_pretty_name(scanner: &mut Scanner<'_>) -> bool {
    let before = scanner.rest();
    let found = scanner.sees_word("prettyname")
        || (scanner.name("a database name").is_ok() && scanner.sees_word("prettyname"));
    scanner.advance_to(before);
    found
}

/// After `.alter database`, where [`sees_pretty_name`].
pub(crate) fn pretty_name(scanner: &mut Scanner<'_>) -> Result<Command, CommandError> {
    let name = if scanner.sees_word("prettyname") {
        None
    } else {
        Some(scanner.name("a database name")?)
    };
    scanner.expect_word("prettyname")?;
    let pretty_name = Some(scanner.string()?);
    Ok(Command::Database(DatabaseCommand::PrettyName {
        name,
        pretty_name,
    }))
}
