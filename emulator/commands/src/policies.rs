//! Commands that set and delete policies.

use crate::Command;
use crate::error::CommandError;
use crate::properties::{Properties, properties};
use crate::scanner::Scanner;
use crate::tables::column_reference;

mod kinds;
mod values;

pub use kinds::PolicyKind;
pub use values::PolicyValue;

/// What a policy belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyEntity {
    /// A table, perhaps of another database.
    Table {
        /// The database; none is the context database.
        database: Option<String>,
        /// The table.
        table: String,
    },
    /// Several tables of the context database.
    Tables(Vec<String>),
    /// Every table of the context database.
    AllTables,
    /// A column.
    Column {
        /// The table.
        table: String,
        /// The column.
        column: String,
    },
    /// Several columns of one table, whose value names them.
    ColumnsOf(String),
    /// A database; none is the context database.
    Database(Option<String>),
    /// Every database.
    AllDatabases,
    /// The cluster.
    Cluster,
}

/// What happens to a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyVerb {
    /// The value replaces the policy.
    Alter,
    /// The value's fields replace those of the policy.
    AlterMerge,
    /// The policy is removed.
    Delete,
}

/// `.alter`, `.alter-merge` or `.delete … policy X`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyCommand {
    /// Sets it, or merges into it.
    Set {
        /// What it belongs to.
        entity: PolicyEntity,
        /// The policy.
        policy: PolicyKind,
        /// Whether the value's fields join those of the policy.
        merge: bool,
        /// The value.
        value: PolicyValue,
        /// Properties after or before the value.
        properties: Properties,
    },
    /// Removes it.
    Delete {
        /// What it belongs to.
        entity: PolicyEntity,
        /// The policy.
        policy: PolicyKind,
    },
}

impl PolicyCommand {
    pub(crate) fn kind(&self) -> String {
        match self {
            PolicyCommand::Set {
                entity,
                policy,
                merge,
                ..
            } => {
                let verb = if *merge { "AlterMerge" } else { "Alter" };
                entity.kind_of(verb, *policy)
            }
            PolicyCommand::Delete { entity, policy } => entity.kind_of("Delete", *policy),
        }
    }
}

impl PolicyEntity {
    pub(crate) fn kind_of(&self, verb: &str, policy: PolicyKind) -> String {
        let entity = match self {
            PolicyEntity::Table { .. } => "Table",
            PolicyEntity::Tables(_) => "Tables",
            PolicyEntity::AllTables => "TableStar",
            PolicyEntity::Column { .. } => "Column",
            PolicyEntity::ColumnsOf(_) => "TableColumns",
            PolicyEntity::Database(_) | PolicyEntity::AllDatabases => "Database",
            PolicyEntity::Cluster => "Cluster",
        };
        format!("{verb}{entity}Policy{}", policy.grammar_name())
    }
}

/// What a policy belongs to, and the word `policy`.
pub(crate) fn entity(scanner: &mut Scanner<'_>) -> Result<PolicyEntity, CommandError> {
    let entity = if scanner.eat_word("tables") {
        PolicyEntity::Tables(scanner.names("a table name")?)
    } else if scanner.eat_word("table") {
        table(scanner)?
    } else if scanner.eat_word("column") {
        let (table, column) = column_reference(scanner)?;
        PolicyEntity::Column { table, column }
    } else if scanner.eat_word("database") {
        if scanner.eat("*") {
            PolicyEntity::AllDatabases
        } else if scanner.sees_word("policy") {
            PolicyEntity::Database(None)
        } else {
            PolicyEntity::Database(Some(scanner.name("a database name")?))
        }
    } else if scanner.eat_word("cluster") {
        PolicyEntity::Cluster
    } else {
        return Err(scanner.error("'table', 'tables', 'column', 'database' or 'cluster'"));
    };
    scanner.expect_word("policy")?;
    Ok(entity)
}

fn table(scanner: &mut Scanner<'_>) -> Result<PolicyEntity, CommandError> {
    if scanner.eat("*") {
        return Ok(PolicyEntity::AllTables);
    }
    let first = scanner.name("a table name")?;
    if scanner.eat(".") {
        let table = scanner.name("a table name")?;
        return Ok(PolicyEntity::Table {
            database: Some(first),
            table,
        });
    }
    if scanner.eat_word("columns") {
        return Ok(PolicyEntity::ColumnsOf(first));
    }
    Ok(PolicyEntity::Table {
        database: None,
        table: first,
    })
}

/// A policy's name.
pub(crate) fn policy(scanner: &mut Scanner<'_>) -> Result<PolicyKind, CommandError> {
    let word = scanner.peek_word();
    if word.is_empty() {
        return Err(scanner.error("a policy name"));
    }
    let Some(policy) = PolicyKind::parse(word) else {
        return Err(CommandError::Unsupported {
            what: format!("The policy '{word}'"),
        });
    };
    scanner.advance(word.len());
    Ok(policy)
}

/// After the verb.
pub(crate) fn parse(scanner: &mut Scanner<'_>, verb: PolicyVerb) -> Result<Command, CommandError> {
    let entity = entity(scanner)?;
    if entity == PolicyEntity::AllTables || entity == PolicyEntity::AllDatabases {
        return Err(scanner.error("one table or database instead of '*'"));
    }
    let policy = policy(scanner)?;
    let merge = match verb {
        PolicyVerb::Delete => {
            return Ok(Command::Policy(PolicyCommand::Delete { entity, policy }));
        }
        PolicyVerb::AlterMerge => true,
        PolicyVerb::Alter => false,
    };
    let (value, inner) = values::parse(scanner, policy, merge)?;
    let outer = properties(scanner)?;
    Ok(Command::Policy(PolicyCommand::Set {
        entity,
        policy,
        merge,
        value,
        properties: if inner.is_empty() { outer } else { inner },
    }))
}
