//! Policies: stored as JSON by table, database and column, shown as Kusto shows them.
//!
//! What a policy *does* is decided where it is read (ingestion, merges, queries); here a value is
//! only made from the forms in which it can be written, checked, and stored.

mod encoding;
mod show;
mod value;

pub(crate) use encoding::max_value_sizes;
pub(crate) use show::show_policy;

use kusto_emulator_commands::{PolicyCommand, PolicyEntity, PolicyKind, PolicyValue};
use kusto_emulator_values::Table;
use serde_json::Value as Json;

use crate::engine::Engine;
use crate::error::KustoError;
use crate::model::{DatabaseHandle, Transaction};

use show::{Shown, policy_rows};

/// Sets or deletes a policy and shows what holds then.
///
/// One commit under the database's lock; running it twice changes nothing more, except that merging
/// an update policy appends its entries again, as in Kusto.
///
/// # Errors
/// A missing database, table or column, a value that is no such policy, and pairs of policies that
/// exclude each other.
pub(crate) fn change_policy(
    engine: &Engine,
    context: &DatabaseHandle,
    command: &PolicyCommand,
) -> Result<Table, KustoError> {
    let (entity, policy) = match command {
        PolicyCommand::Set { entity, policy, .. } | PolicyCommand::Delete { entity, policy } => {
            (entity, *policy)
        }
    };
    let named = show::database_of(engine, context, entity)?;
    let database = named.as_deref().unwrap_or(context);
    let shown = engine.commit(database, |transaction| {
        targets(entity)?
            .into_iter()
            .map(|target| {
                apply(transaction, &target, command)?;
                show::shown(transaction.database(), &target, policy)
            })
            .collect::<Result<Vec<Shown>, KustoError>>()
    })?;
    policy_rows(policy, shown)
}

/// One entity that has a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Table(String),
    Column(String, String),
    Database,
}

fn targets(entity: &PolicyEntity) -> Result<Vec<Target>, KustoError> {
    Ok(match entity {
        PolicyEntity::Table { table, .. } => vec![Target::Table(table.clone())],
        PolicyEntity::Tables(tables) => tables.iter().cloned().map(Target::Table).collect(),
        PolicyEntity::Column { table, column } => {
            vec![Target::Column(table.clone(), column.clone())]
        }
        PolicyEntity::Database(_) => vec![Target::Database],
        PolicyEntity::ColumnsOf(_) => {
            return Err(KustoError::unsupported(
                "A policy of several columns at once",
            ));
        }
        PolicyEntity::AllTables | PolicyEntity::AllDatabases => {
            return Err(KustoError::unsupported("A change of a policy by wildcard"));
        }
        PolicyEntity::Cluster => {
            return Err(KustoError::unsupported(
                "A change of a policy of the cluster",
            ));
        }
    })
}

fn apply(
    transaction: &mut Transaction<'_>,
    target: &Target,
    command: &PolicyCommand,
) -> Result<(), KustoError> {
    match target {
        Target::Column(table, column) => apply_to_column(transaction, table, column, command),
        Target::Table(name) => {
            let table = transaction.database().table(name)?;
            let stored = match command {
                PolicyCommand::Delete { policy, .. } => value::deleted(*policy),
                PolicyCommand::Set {
                    policy,
                    merge,
                    value,
                    ..
                } => {
                    let present = transaction
                        .database()
                        .effective_policy(table, policy.name());
                    value::check_exclusion(table, *policy, value)?;
                    Some(value::stored(
                        *policy,
                        value,
                        *merge,
                        &present,
                        Some(table),
                    )?)
                }
            };
            let policies = &mut transaction.table_mut(name)?.policies;
            put(policies, policy_of(command), stored);
            Ok(())
        }
        Target::Database => {
            let policy = policy_of(command);
            let database = transaction.database_mut();
            let present = database
                .policies
                .get(policy.name())
                .cloned()
                .unwrap_or_else(|| crate::model::policy_defaults(policy.name()));
            let stored = match command {
                PolicyCommand::Delete { .. } => None,
                PolicyCommand::Set { merge, value, .. } => {
                    Some(value::stored(policy, value, *merge, &present, None)?)
                }
            };
            put(&mut database.policies, policy, stored);
            Ok(())
        }
    }
}

fn apply_to_column(
    transaction: &mut Transaction<'_>,
    table: &str,
    column: &str,
    command: &PolicyCommand,
) -> Result<(), KustoError> {
    let policy = policy_of(command);
    if policy != PolicyKind::Encoding {
        return Err(KustoError::unsupported(format!(
            "The policy '{}' of a column",
            policy.name()
        )));
    }
    let profile = match command {
        PolicyCommand::Delete { .. } => None,
        PolicyCommand::Set {
            value: PolicyValue::EncodingType(profile),
            ..
        } => profile.as_deref(),
        PolicyCommand::Set { .. } => {
            return Err(KustoError::unsupported(
                "An encoding policy other than a profile by 'type='",
            ));
        }
    };
    encoding::set_profile(transaction.table_mut(table)?, column, profile)
}

fn policy_of(command: &PolicyCommand) -> PolicyKind {
    match command {
        PolicyCommand::Set { policy, .. } | PolicyCommand::Delete { policy, .. } => *policy,
    }
}

fn put(policies: &mut crate::model::Policies, policy: PolicyKind, stored: Option<Json>) {
    match stored {
        Some(value) => {
            policies.insert(policy.name().to_owned(), value);
        }
        None => {
            policies.remove(policy.name());
        }
    }
}

#[cfg(test)]
mod tests;
