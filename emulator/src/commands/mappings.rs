//! Ingestion mappings: stored by format and name, on tables and on databases.

use std::collections::BTreeMap;

use kusto_emulator_commands::{MappingCommand, MappingEntity, MappingKind, MappingWrite};
use kusto_emulator_values::{ScalarType, Table, Value};
use serde_json::Value as Json;

use super::rows::rows_table;
use crate::engine::Engine;
use crate::error::KustoError;
use crate::model::{DatabaseHandle, Mapping, Transaction};

type Mappings = BTreeMap<(String, String), Mapping>;

/// One row of an answer.
struct Shown {
    mapping: Mapping,
    database: String,
    table: Option<String>,
}

/// Writes or drops a mapping and shows it.
///
/// One commit; writing the same mapping twice changes only its time.
///
/// # Errors
/// A missing table or database, a mapping that exists (`.create`) or does not (`.alter`, `.drop`),
/// or a text that is no mapping.
pub(crate) fn change_mapping(
    engine: &Engine,
    context: &DatabaseHandle,
    command: &MappingCommand,
) -> Result<Table, KustoError> {
    let (entity, kind, name) = match command {
        MappingCommand::Write {
            entity, kind, name, ..
        }
        | MappingCommand::Drop { entity, kind, name } => (entity, *kind, name),
    };
    let other = other_database(engine, context, entity)?;
    let database = other.as_deref().unwrap_or(context);
    let shown = engine.commit(database, |transaction| {
        let key = key(kind, name);
        let now = transaction.now();
        let database_name = transaction.database().name.clone();
        let table = match entity {
            MappingEntity::Table(table) => Some(table.clone()),
            MappingEntity::Database(_) => None,
        };
        let mappings = mappings_mut(transaction, entity)?;
        let mapping = match command {
            MappingCommand::Drop { .. } => mappings.remove(&key).ok_or_else(|| not_found(name))?,
            MappingCommand::Write { write, mapping, .. } => {
                let text = written(*write, mappings.get(&key), name, mapping)?;
                let mapping = Mapping {
                    name: name.clone(),
                    kind: kind.name().to_lowercase(),
                    text,
                    last_updated_on: now,
                };
                mappings.insert(key, mapping.clone());
                mapping
            }
        };
        Ok(Shown {
            mapping,
            database: database_name,
            table,
        })
    })?;
    shown_rows(entity, vec![shown])
}

/// Shows the mappings of a table or of a database (none is the context database).
///
/// # Errors
/// A missing table or database, or a mapping asked for by name that does not exist.
pub(crate) fn show_mappings(
    engine: &Engine,
    context: &DatabaseHandle,
    entity: Option<&MappingEntity>,
    kind: Option<MappingKind>,
    name: Option<&str>,
) -> Result<Table, KustoError> {
    let context_database = MappingEntity::Database(context.name().to_owned());
    let entity = entity.unwrap_or(&context_database);
    let other = other_database(engine, context, entity)?;
    let database = other.as_deref().unwrap_or(context);
    let rows = database.read(|database| {
        let (mappings, table) = match entity {
            MappingEntity::Table(table) => (&database.table(table)?.mappings, Some(table.clone())),
            MappingEntity::Database(_) => (&database.mappings, None),
        };
        let kind = kind.map(|kind| kind.name().to_lowercase());
        let rows: Vec<Shown> = mappings
            .values()
            .filter(|mapping| kind.as_ref().is_none_or(|kind| mapping.kind == *kind))
            .filter(|mapping| name.is_none_or(|name| mapping.name == name))
            .map(|mapping| Shown {
                mapping: mapping.clone(),
                database: database.name.clone(),
                table: table.clone(),
            })
            .collect();
        match name {
            Some(name) if rows.is_empty() => Err(not_found(name)),
            Some(_) | None => Ok(rows),
        }
    })?;
    shown_rows(entity, rows)
}

/// The text of a mapping that an ingestion refers to: the table's own, else the database's.
///
/// # Errors
/// No mapping of this kind and name.
pub(crate) fn find_mapping(
    database: &crate::model::Database,
    table: &crate::model::Table,
    kind: &str,
    name: &str,
) -> Result<String, KustoError> {
    let key = (kind.to_lowercase(), name.to_owned());
    table
        .mappings
        .get(&key)
        .or_else(|| database.mappings.get(&key))
        .map(|mapping| mapping.text.clone())
        .ok_or_else(|| {
            KustoError::entity_not_found(
                "BadRequest_MappingReferenceWasNotFound",
                &format!("Mapping reference '{name}' of type '{kind}' was not found."),
            )
        })
}

fn key(kind: MappingKind, name: &str) -> (String, String) {
    (kind.name().to_lowercase(), name.to_owned())
}

fn other_database(
    engine: &Engine,
    context: &DatabaseHandle,
    entity: &MappingEntity,
) -> Result<Option<std::sync::Arc<DatabaseHandle>>, KustoError> {
    match entity {
        MappingEntity::Database(name) if !name.eq_ignore_ascii_case(context.name()) => {
            engine.database(name).map(Some)
        }
        MappingEntity::Database(_) | MappingEntity::Table(_) => Ok(None),
    }
}

fn mappings_mut<'a>(
    transaction: &'a mut Transaction<'_>,
    entity: &MappingEntity,
) -> Result<&'a mut Mappings, KustoError> {
    Ok(match entity {
        MappingEntity::Table(table) => &mut transaction.table_mut(table)?.mappings,
        MappingEntity::Database(_) => &mut transaction.database_mut().mappings,
    })
}

/// The text to store: compact JSON, as Kusto normalises mappings.
fn written(
    write: MappingWrite,
    held: Option<&Mapping>,
    name: &str,
    text: &str,
) -> Result<String, KustoError> {
    let entries = match serde_json::from_str(text) {
        Ok(Json::Array(entries)) if entries.iter().all(Json::is_object) => entries,
        _ => {
            return Err(KustoError::bad_request(
                "BadRequest_InvalidMapping",
                format!("The mapping '{name}' is not a JSON array of column mappings."),
            ));
        }
    };
    let entries = match (write, held) {
        (MappingWrite::Create, Some(_)) => {
            return Err(KustoError::already_exists("Mapping", name));
        }
        (MappingWrite::Alter | MappingWrite::AlterMerge, None) => return Err(not_found(name)),
        (MappingWrite::AlterMerge, Some(held)) => {
            let mut joined: Vec<Json> = serde_json::from_str(&held.text).unwrap_or_default();
            joined.extend(entries);
            joined
        }
        (MappingWrite::Create, None)
        | (MappingWrite::Alter, Some(_))
        | (MappingWrite::CreateOrAlter, _) => entries,
    };
    Ok(Json::Array(entries).to_string())
}

fn not_found(name: &str) -> KustoError {
    KustoError::entity_not_found(
        "BadRequest_MappingNotExist",
        &format!("Mapping '{name}' was not found."),
    )
}

fn shown_rows(entity: &MappingEntity, rows: Vec<Shown>) -> Result<Table, KustoError> {
    let mut columns = vec![
        ("Name", ScalarType::String),
        ("Kind", ScalarType::String),
        ("Mapping", ScalarType::String),
        ("LastUpdatedOn", ScalarType::DateTime),
        ("Database", ScalarType::String),
    ];
    if matches!(entity, MappingEntity::Table(_)) {
        columns.push(("Table", ScalarType::String));
    }
    let rows = rows.into_iter().map(|shown| {
        let kind = MappingKind::parse(&shown.mapping.kind).map_or("", MappingKind::name);
        let mut row = vec![
            Value::string(shown.mapping.name),
            Value::string(kind),
            Value::string(shown.mapping.text),
            Value::DateTime(shown.mapping.last_updated_on),
            Value::string(shown.database),
        ];
        row.extend(shown.table.map(Value::string));
        row
    });
    rows_table(&columns, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use kusto_emulator_commands::{Command, Show, parse};
    use kusto_emulator_values::Column;

    fn run(engine: &Engine, text: &str) -> Result<Vec<Vec<Value>>, KustoError> {
        let database = engine.database("D")?;
        let parsed = parse(text).expect("the command is well formed");
        let table = if let Command::Mapping(command) = &parsed.command {
            change_mapping(engine, &database, command)?
        } else if let Command::Show(Show::Mappings { entity, kind, name }) = &parsed.command {
            show_mappings(engine, &database, entity.as_ref(), *kind, name.as_deref())?
        } else {
            panic!("not about mappings: {text}")
        };
        Ok(table.rows().expect("the result is well formed"))
    }

    #[test]
    fn mappings_are_written_shown_and_dropped() {
        let engine = Engine::new(Settings {
            databases: vec!["D".to_owned()],
            ..Settings::default()
        });
        let database = engine.database("D").expect("it exists");
        engine
            .commit(&database, |transaction| {
                let columns = [Column::new("a", ScalarType::Long)];
                transaction.put_table(crate::model::Table::new("T", &columns));
                Ok(())
            })
            .expect("a table can be put");
        let text = "[ {\"Column\":\"a\", \"Properties\":{\"Ordinal\":\"1\"}} ]";
        let create = format!(".create table T ingestion csv mapping 'm' '{text}'");
        let rows = run(&engine, &create).expect("it is new");
        assert_eq!(rows[0][1], Value::string("Csv"));
        assert_eq!(
            rows[0][2],
            Value::string("[{\"Column\":\"a\",\"Properties\":{\"Ordinal\":\"1\"}}]")
        );
        assert_eq!(rows[0][5], Value::string("T"));
        assert!(run(&engine, &create).is_err());
        run(&engine, &create.replace(".create", ".create-or-alter")).expect("it is replaced");
        let shown = run(&engine, ".show table T ingestion csv mappings").expect("it succeeds");
        assert_eq!(shown.len(), 1);
        let none = run(&engine, ".show table T ingestion json mappings").expect("it succeeds");
        assert!(none.is_empty());
        let held = database.read(|database| {
            let table = database.table("T").expect("it exists");
            find_mapping(database, table, "csv", "m")
        });
        assert!(held.is_ok());
        run(&engine, ".drop table T ingestion csv mapping 'm'").expect("it exists");
        assert!(run(&engine, ".drop table T ingestion csv mapping 'm'").is_err());
        assert!(run(&engine, ".create table T ingestion csv mapping 'm' '{}'").is_err());
    }
}
