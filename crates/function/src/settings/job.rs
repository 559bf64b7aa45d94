//! One job of `KUSTO_COPY_JOBS`.

use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::time::Duration;

use kusto_copy_azure::blobs::StagingAccess;
use kusto_copy_azure::location::{Location, TableLocation};
use kusto_copy_core::limits::Limits;
use kusto_copy_driver::settings::limits;
use kusto_copy_driver::{DatabasePair, JobDefinition, RunOptions};
use kusto_copy_kusto::ClusterUri;
use serde_json::{Map, Value};

use super::object::{Object, clipped};

/// Characters of a job's name at most: it stands in every line of the log.
const NAME_LIMIT: usize = 64;

const CLUSTER: &str =
    "the query endpoint, for example https://mycluster.westeurope.kusto.windows.net";
const LAKE: &str = "a container, for example https://myaccount.blob.core.windows.net/staging";
const TABLES: &str = "an array of table names";

/// A job as the settings give it.
#[derive(Clone)]
pub struct JobSettings {
    /// What it is called in logs, on the page and in control requests.
    pub name: String,
    /// What it copies.
    pub definition: JobDefinition,
    /// How; the budget, the grace and the style are those of the app.
    pub options: RunOptions,
    /// Address of the container or folder for staged data. It may carry access: never print it.
    pub lake: String,
    /// The lake in its one form without access, which tells jobs apart.
    pub(crate) home: String,
    /// Further containers for staged data.
    pub places: Vec<String>,
    /// Address of the table for progress; `None` is the lake's account.
    pub state: Option<String>,
    /// How clusters get at staged files.
    pub staging_access: StagingAccess,
    /// How long a signature for a cluster holds; `None` is the usual time.
    pub sas_lifetime: Option<Duration>,
}

/// Addresses as they were written may carry access.
impl fmt::Debug for JobSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobSettings")
            .field("name", &self.name)
            .field("definition", &self.definition)
            .field("home", &self.home)
            .finish_non_exhaustive()
    }
}

/// Reads one job; `None` when it has problems, which are noted.
pub(super) fn read(value: Value, index: usize, problems: &mut Vec<String>) -> Option<JobSettings> {
    let place = format!("{}, job {}", super::names::JOBS, index + 1);
    let Value::Object(members) = value else {
        problems.push(format!(
            "{place}: it is no object; give an object with name, source, destination, databases \
             and lake"
        ));
        return None;
    };
    let before = problems.len();
    let mut object = Object::new(members, place, problems);
    let name = name(&mut object);
    let source = cluster(&mut object, "source");
    let destination = cluster(&mut object, "destination");
    let databases = databases(&mut object);
    let options = options(&mut object);
    let lake = object.required("lake", LAKE);
    let home = lake.as_deref().and_then(|lake| home(&mut object, lake));
    let places = object.texts("places", "an array of containers' addresses");
    for place in &places {
        refuse(&mut object, "places", Location::parse(place).err());
    }
    let state = object.text("state", "a table's address");
    if let Some(state) = &state {
        refuse(&mut object, "state", TableLocation::parse(state).err());
    }
    let staging_access = staging_access(&mut object);
    let sas_lifetime = object.duration("sasLifetime");
    if source.is_some() && source == destination {
        object.problem("source and destination are the same cluster; give another destination");
    }
    object.end();
    if problems.len() > before {
        return None;
    }
    Some(JobSettings {
        name: name?,
        definition: JobDefinition {
            source: source?,
            destination: destination?,
            databases,
        },
        options,
        lake: lake?,
        home: home?,
        places,
        state,
        staging_access,
        sas_lifetime,
    })
}

fn refuse(object: &mut Object<'_>, key: &str, error: Option<impl Display>) {
    if let Some(error) = error {
        object.problem(format!("`{key}`: {error}"));
    }
}

fn name(object: &mut Object<'_>) -> Option<String> {
    let name = object.required("name", "a short name of your choice")?;
    if name.chars().count() > NAME_LIMIT || name.chars().any(char::is_control) {
        object.problem(format!(
            "`name` is not printable or longer than {NAME_LIMIT} characters; give a shorter one"
        ));
        return None;
    }
    object.at(format!("{}, job '{name}'", super::names::JOBS));
    Some(name)
}

/// A cluster's address in its one form, so that a lake is recognised whatever way it was written.
fn cluster(object: &mut Object<'_>, key: &'static str) -> Option<String> {
    let text = object.required(key, CLUSTER)?;
    match ClusterUri::parse(&text) {
        Ok((uri, None)) => Some(uri.to_string()),
        Ok((_, Some(database))) => {
            object.problem(format!(
                "`{key}` names the database '{database}'; name databases in `databases`"
            ));
            None
        }
        Err(error) => {
            object.problem(format!("`{key}`: {error}; give {CLUSTER}"));
            None
        }
    }
}

fn home(object: &mut Object<'_>, lake: &str) -> Option<String> {
    match Location::parse(lake) {
        Ok(addressed) => Some(addressed.location.address()),
        Err(error) => {
            object.problem(format!("`lake`: {error}"));
            None
        }
    }
}

fn databases(object: &mut Object<'_>) -> Vec<DatabasePair> {
    const WANTED: &str = "an array of names, or of objects with source and destination";
    let items = match object.take("databases") {
        Some(Value::Array(items)) if !items.is_empty() => items,
        Some(_) | None => {
            object.problem(format!("`databases` is missing or empty; give {WANTED}"));
            return Vec::new();
        }
    };
    let pairs: Vec<DatabasePair> = items
        .into_iter()
        .filter_map(|item| {
            let pair = pair(item);
            if pair.is_none() {
                object.problem(format!(
                    "`databases` has a member that is none; give {WANTED}"
                ));
            }
            pair
        })
        .collect();
    let mut ends: [BTreeSet<String>; 2] = Default::default();
    for pair in &pairs {
        for (seen, name) in ends.iter_mut().zip([&pair.source, &pair.destination]) {
            if !seen.insert(name.to_lowercase()) {
                object.problem(format!(
                    "`databases` names '{}' twice; name each once (their names have no case)",
                    clipped(name)
                ));
            }
        }
    }
    pairs
}

fn pair(item: Value) -> Option<DatabasePair> {
    let text = |value: &Value| {
        let text = value.as_str().filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    match &item {
        Value::String(_) => text(&item).map(|name| DatabasePair {
            source: name.clone(),
            destination: name,
        }),
        Value::Object(members) => {
            let source = text(members.get("source")?)?;
            let destination = members
                .get("destination")
                .map_or_else(|| Some(source.clone()), text)?;
            let known = members
                .keys()
                .all(|key| key == "source" || key == "destination");
            known.then_some(DatabasePair {
                source,
                destination,
            })
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

fn options(object: &mut Object<'_>) -> RunOptions {
    let usual = RunOptions::default();
    let options = RunOptions {
        tables_include: object.texts("tablesInclude", TABLES),
        tables_exclude: object.texts("tablesExclude", TABLES),
        priority: object.texts("priority", TABLES),
        continuous: object.flag("continuous", true),
        rpo: object.rpo("rpo").unwrap_or(usual.rpo),
        backfill_horizon: object.duration("backfillHorizon"),
        query_slots: object.count("querySlots"),
        export_slots: object.count("exportSlots"),
        ingestion_slots: object.count("ingestionSlots"),
        share: object.share("share").unwrap_or(usual.share),
        adopt_destination: object.flag("adoptDestination", false),
        force_incomplete_reads: object.flag("force", false),
        // Each tick would try them again: a person asks for it, by the page.
        retry_held: false,
        limits: bounds(object),
        ..usual
    };
    contradictions(object, &options);
    options
}

fn bounds(object: &mut Object<'_>) -> Limits {
    let set: Map<String, Value> = object.object("set", "an object like {\"block_rows\":1000000}");
    let mut bounds = Limits::default();
    for (key, value) in set {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        if let Err(error) = limits::set(&mut bounds, &key, &text) {
            let remedy = error.remedy(&key);
            object.problem(format!("`set.{}`: {error}; {remedy}", clipped(&key)));
        }
    }
    if bounds.poll.min > bounds.poll.max {
        object.problem("`set`: poll.min is above poll.max; lower poll.min or raise poll.max");
    }
    bounds
}

fn contradictions(object: &mut Object<'_>, options: &RunOptions) {
    let excluded = |table: &String| options.tables_exclude.contains(table);
    let included = |table: &String| {
        options.tables_include.is_empty() || options.tables_include.contains(table)
    };
    for table in options
        .tables_include
        .iter()
        .filter(|table| excluded(table))
    {
        object.problem(format!(
            "table '{}' is both included and excluded; take it out of `tablesInclude` or of \
             `tablesExclude`",
            clipped(table)
        ));
    }
    let left_out = |table: &&String| excluded(table) || !included(table);
    for table in options.priority.iter().filter(left_out) {
        object.problem(format!(
            "table '{}' has priority but is not copied; take it out of `priority`, or let it be \
             copied",
            clipped(table)
        ));
    }
}

fn staging_access(object: &mut Object<'_>) -> StagingAccess {
    const WANTED: &str = "`sas`, `impersonate` or `managed-identity=…`";
    let Some(text) = object.text("stagingAccess", WANTED) else {
        return StagingAccess::Sas;
    };
    text.parse().unwrap_or_else(|error| {
        object.problem(format!("`stagingAccess` is `{}`; {error}", clipped(&text)));
        StagingAccess::Sas
    })
}
