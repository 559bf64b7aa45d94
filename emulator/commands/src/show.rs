//! The `.show` commands.

use crate::error::{CommandError, unsupported};
use crate::mappings::{self, MappingEntity, MappingKind};
use crate::policies::{self, PolicyEntity, PolicyKind};
use crate::properties::{Properties, properties};
use crate::scanner::Scanner;

mod extents;
mod schema;

pub use extents::{ExtentScope, ShowExtents, TagFilter, TagOperator};
pub use schema::SchemaForm;

/// Which columns about databases are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShowDatabaseFlavor {
    /// Name, version, access mode, id.
    Plain,
    /// With policies and sizes.
    Details,
    /// With `CurrentUserIsUnrestrictedViewer`.
    Identity,
    /// With policies.
    Policies,
}

/// A command that reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Show {
    /// `.show version`
    Version,
    /// `.show cluster`
    Cluster,
    /// `.show databases [(…)] [details|identity|policies]`
    Databases {
        /// Only these; empty is all.
        names: Vec<String>,
        /// Which columns.
        flavor: ShowDatabaseFlavor,
    },
    /// `.show database [details|identity|policies]`: the context database.
    Database {
        /// Which columns.
        flavor: ShowDatabaseFlavor,
    },
    /// `.show database [D] schema …` and `cslschema`.
    DatabaseSchema {
        /// The database; none is the context database.
        database: Option<String>,
        /// The answer's form.
        form: SchemaForm,
        /// `if_later_than`: nothing is answered unless the version is later.
        if_later_than: Option<String>,
        /// `Tables`, `Functions`, … of the JSON form.
        properties: Properties,
    },
    /// `.show tables [(…)] [details]`, `.show table T details`
    Tables {
        /// Only these; empty is all.
        names: Vec<String>,
        /// With policies, counts and identity.
        details: bool,
        /// `IncludeHiddenTables`.
        properties: Properties,
        /// Written as `.show table T details`: the table must exist.
        single: bool,
    },
    /// `.show table T`: its columns' statistics.
    TableColumns {
        /// The table.
        table: String,
    },
    /// `.show table T cslschema`
    TableCslSchema {
        /// The table.
        table: String,
    },
    /// `.show table T schema as json`
    TableSchemaAsJson {
        /// The table.
        table: String,
    },
    /// `.show … extents`
    Extents(ShowExtents),
    /// `.show functions`
    Functions,
    /// `.show function F`
    Function {
        /// The function.
        name: String,
    },
    /// `.show capacity [R]`
    Capacity {
        /// Only this resource, as written.
        resource: Option<String>,
    },
    /// `.show operations [id | (id, …)]`
    Operations {
        /// Guids, lower case; empty is the whole log.
        ids: Vec<String>,
    },
    /// `.show operation X details`
    OperationDetails {
        /// The guid, lower case.
        id: String,
    },
    /// `.show queries`
    Queries,
    /// `.show running queries`
    RunningQueries,
    /// `.show commands`
    Commands,
    /// `.show commands-and-queries`
    CommandsAndQueries,
    /// `.show ingestion failures [with (OperationId=X)]`
    IngestionFailures {
        /// Only of this operation.
        operation_id: Option<String>,
    },
    /// `.show materialized-views`
    MaterializedViews,
    /// `.show … policy P`
    Policy {
        /// What it belongs to.
        entity: PolicyEntity,
        /// The policy.
        policy: PolicyKind,
    },
    /// `.show … ingestion [K] mappings`, `… mapping 'N'`
    Mappings {
        /// What they belong to; a database of none is the context database.
        entity: Option<MappingEntity>,
        /// Only of this format.
        kind: Option<MappingKind>,
        /// Only this one, which must exist.
        name: Option<String>,
    },
}

impl Show {
    pub(crate) fn kind(&self) -> String {
        let kind = match self {
            Show::Version => "ShowVersion",
            Show::Cluster => "ShowCluster",
            Show::Databases { flavor, .. } => match flavor {
                ShowDatabaseFlavor::Plain => "ShowClusterDatabases",
                ShowDatabaseFlavor::Details => "ShowClusterDatabasesDetails",
                ShowDatabaseFlavor::Identity => "ShowClusterDatabasesIdentity",
                ShowDatabaseFlavor::Policies => "ShowClusterDatabasesPolicies",
            },
            Show::Database { flavor } => match flavor {
                ShowDatabaseFlavor::Plain => "ShowDatabase",
                ShowDatabaseFlavor::Details => "ShowDatabaseDetails",
                ShowDatabaseFlavor::Identity => "ShowDatabaseIdentity",
                ShowDatabaseFlavor::Policies => "ShowDatabasePolicies",
            },
            Show::DatabaseSchema { form, .. } => form.kind(),
            Show::Tables { details: false, .. } => "ShowTables",
            Show::Tables { single: false, .. } => "ShowTablesDetails",
            Show::Tables { single: true, .. } => "ShowTableDetails",
            Show::TableColumns { .. } => "ShowTable",
            Show::TableCslSchema { .. } => "ShowTableCslSchema",
            Show::TableSchemaAsJson { .. } => "ShowTableSchemaAsJson",
            Show::Extents(show) => show.kind(),
            Show::Functions => "ShowFunctions",
            Show::Function { .. } => "ShowFunction",
            Show::Capacity { .. } => "ShowCapacity",
            Show::Operations { .. } => "ShowOperations",
            Show::OperationDetails { .. } => "ShowOperationDetails",
            Show::Queries => "ShowQueries",
            Show::RunningQueries => "ShowRunningQueries",
            Show::Commands => "ShowCommands",
            Show::CommandsAndQueries => "ShowCommandsAndQueries",
            Show::IngestionFailures { .. } => "ShowIngestionFailures",
            Show::MaterializedViews => "ShowMaterializedViews",
            Show::Policy { entity, policy } => return entity.kind_of("Show", *policy),
            Show::Mappings { entity, name, .. } => match (entity, name) {
                (Some(MappingEntity::Table(_)), None) => "ShowTableIngestionMappings",
                (Some(MappingEntity::Table(_)), Some(_)) => "ShowTableIngestionMapping",
                (Some(MappingEntity::Database(_)) | None, _) => "ShowDatabaseIngestionMappings",
            },
        };
        kind.to_string()
    }
}

/// After `.show`.
pub(crate) fn parse(scanner: &mut Scanner<'_>) -> Result<Show, CommandError> {
    let before = scanner.rest();
    let word = scanner.peek_word();
    scanner.advance(word.len());
    match word.to_ascii_lowercase().as_str() {
        "version" => Ok(Show::Version),
        "cluster" => cluster(scanner, before),
        "databases" => databases(scanner),
        "database" => database(scanner, before),
        "tables" => tables(scanner, before),
        "table" => table(scanner, before),
        "column" => {
            scanner.advance_to(before);
            policy(scanner)
        }
        "functions" => Ok(Show::Functions),
        "function" => Ok(Show::Function {
            name: scanner.name("a function name")?,
        }),
        "capacity" => capacity(scanner),
        "operations" => operations(scanner),
        "operation" => {
            let id = scanner.guid()?;
            scanner.expect_word("details")?;
            Ok(Show::OperationDetails { id })
        }
        "queries" => Ok(Show::Queries),
        "running" if scanner.eat_word("queries") => Ok(Show::RunningQueries),
        "commands" => Ok(Show::Commands),
        "commands-and-queries" => Ok(Show::CommandsAndQueries),
        "ingestion" if scanner.eat_word("failures") => ingestion_failures(scanner),
        "materialized-views" => Ok(Show::MaterializedViews),
        _ => Err(unsupported(&["show", word])),
    }
}

fn policy(scanner: &mut Scanner<'_>) -> Result<Show, CommandError> {
    let entity = policies::entity(scanner)?;
    let policy = policies::policy(scanner)?;
    Ok(Show::Policy { entity, policy })
}

fn cluster<'a>(scanner: &mut Scanner<'a>, before: &'a str) -> Result<Show, CommandError> {
    if scanner.sees_word("policy") {
        scanner.advance_to(before);
        return policy(scanner);
    }
    if scanner.sees_word("extents") {
        return extents::parse(scanner, ExtentScope::Cluster).map(Show::Extents);
    }
    if scanner.eat_word("databases") {
        return databases(scanner);
    }
    Ok(Show::Cluster)
}

fn flavor(scanner: &mut Scanner<'_>) -> ShowDatabaseFlavor {
    if scanner.eat_word("details") || scanner.eat_word("verbose") {
        ShowDatabaseFlavor::Details
    } else if scanner.eat_word("identity") {
        ShowDatabaseFlavor::Identity
    } else if scanner.eat_word("policies") {
        ShowDatabaseFlavor::Policies
    } else {
        ShowDatabaseFlavor::Plain
    }
}

fn databases(scanner: &mut Scanner<'_>) -> Result<Show, CommandError> {
    let names = if scanner.sees("(") {
        scanner.names("a database name")?
    } else {
        Vec::new()
    };
    if scanner.sees_word("schema") {
        return Err(unsupported(&["show", "databases", "schema"]));
    }
    let flavor = flavor(scanner);
    properties(scanner)?;
    Ok(Show::Databases { names, flavor })
}

/// Words after `.show database` that are not a database's name.
const DATABASE_PARTS: [&str; 12] = [
    "with",
    "details",
    "verbose",
    "identity",
    "policies",
    "schema",
    "cslschema",
    "kqlschema",
    "extents",
    "policy",
    "ingestion",
    "datastats",
];

fn database<'a>(scanner: &mut Scanner<'a>, before: &'a str) -> Result<Show, CommandError> {
    let word = scanner.peek_word();
    let is_part = DATABASE_PARTS
        .iter()
        .any(|part| part.eq_ignore_ascii_case(word));
    if (word.is_empty() && !scanner.sees("[") && !scanner.sees("*")) || is_part {
        if scanner.sees_word("datastats") {
            return Err(unsupported(&["show", "database", "datastats"]));
        }
        return database_part(scanner, before, None);
    }
    if scanner.sees("*") {
        scanner.advance_to(before);
        return policy(scanner);
    }
    let name = scanner.name("a database name")?;
    database_part(scanner, before, Some(name))
}

fn database_part<'a>(
    scanner: &mut Scanner<'a>,
    before: &'a str,
    database: Option<String>,
) -> Result<Show, CommandError> {
    if scanner.sees_word("policy") {
        scanner.advance_to(before);
        return policy(scanner);
    }
    if scanner.sees_word("extents") {
        return extents::parse(scanner, ExtentScope::Database(database)).map(Show::Extents);
    }
    if scanner.eat_word("ingestion") {
        return mappings(scanner, database.map(MappingEntity::Database));
    }
    if let Some(show) = schema::parse(scanner, database.as_deref())? {
        return Ok(show);
    }
    if database.is_some() {
        return Err(scanner.error("'schema', 'cslschema', 'extents', 'policy' or 'ingestion'"));
    }
    let flavor = flavor(scanner);
    properties(scanner)?;
    Ok(Show::Database { flavor })
}

fn tables<'a>(scanner: &mut Scanner<'a>, before: &'a str) -> Result<Show, CommandError> {
    let names = if scanner.sees("(") {
        scanner.names("a table name")?
    } else {
        Vec::new()
    };
    if scanner.sees_word("extents") && !names.is_empty() {
        return extents::parse(scanner, ExtentScope::Tables(names)).map(Show::Extents);
    }
    if scanner.sees_word("policy") {
        scanner.advance_to(before);
        return policy(scanner);
    }
    Ok(Show::Tables {
        names,
        details: scanner.eat_word("details"),
        properties: properties(scanner)?,
        single: false,
    })
}

fn table<'a>(scanner: &mut Scanner<'a>, before: &'a str) -> Result<Show, CommandError> {
    if scanner.sees("*") {
        scanner.advance_to(before);
        return policy(scanner);
    }
    let table = scanner.name("a table name")?;
    if scanner.sees(".") || scanner.sees_word("policy") || scanner.sees_word("columns") {
        scanner.advance_to(before);
        return policy(scanner);
    }
    if scanner.sees_word("extents") {
        return extents::parse(scanner, ExtentScope::Tables(vec![table])).map(Show::Extents);
    }
    if scanner.eat_word("ingestion") {
        return mappings(scanner, Some(MappingEntity::Table(table)));
    }
    if scanner.eat_word("cslschema") || scanner.eat_word("kqlschema") {
        return Ok(Show::TableCslSchema { table });
    }
    if scanner.eat_words(&["schema", "as", "json"]) {
        return Ok(Show::TableSchemaAsJson { table });
    }
    if scanner.eat_words(&["schema", "as", "csl"]) {
        return Ok(Show::TableCslSchema { table });
    }
    if scanner.eat_word("details") {
        return Ok(Show::Tables {
            names: vec![table],
            details: true,
            properties: properties(scanner)?,
            single: true,
        });
    }
    let word = scanner.peek_word();
    if !word.is_empty() {
        return Err(unsupported(&["show", "table", word]));
    }
    Ok(Show::TableColumns { table })
}

/// After `ingestion`: `[K] mappings` or `[K] mapping 'N'`.
fn mappings(
    scanner: &mut Scanner<'_>,
    entity: Option<MappingEntity>,
) -> Result<Show, CommandError> {
    let named =
        |scanner: &mut Scanner<'_>| scanner.sees_word("mappings") || scanner.sees_word("mapping");
    let kind = if named(scanner) {
        None
    } else {
        Some(mappings::kind(scanner)?)
    };
    let name = if scanner.eat_word("mapping") {
        Some(scanner.string()?)
    } else {
        scanner.expect_word("mappings")?;
        if scanner.sees_string() {
            Some(scanner.string()?)
        } else {
            None
        }
    };
    properties(scanner)?;
    Ok(Show::Mappings { entity, kind, name })
}

fn capacity(scanner: &mut Scanner<'_>) -> Result<Show, CommandError> {
    let word = scanner.peek_word();
    let resource = (!word.is_empty() && !word.eq_ignore_ascii_case("with")).then(|| {
        scanner.advance(word.len());
        word.to_string()
    });
    properties(scanner)?;
    Ok(Show::Capacity { resource })
}

fn operations(scanner: &mut Scanner<'_>) -> Result<Show, CommandError> {
    let ids = if scanner.sees("(") {
        scanner.list(Scanner::guid)?
    } else if scanner.peek_word().is_empty() {
        Vec::new()
    } else {
        vec![scanner.guid()?]
    };
    Ok(Show::Operations { ids })
}

fn ingestion_failures(scanner: &mut Scanner<'_>) -> Result<Show, CommandError> {
    let properties = properties(scanner)?;
    let operation_id = properties
        .text("OperationId")
        .map(|text| Scanner::new(text).guid())
        .transpose()?;
    Ok(Show::IngestionFailures { operation_id })
}
