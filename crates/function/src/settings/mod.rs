//! The environment becomes settings: a pure function that finds every problem at once.
//!
//! | module | what it holds |
//! |---|---|
//! | [`names`] | the one list of what is read |
//! | [`host`] | what matters of `host.json` |
//! | `job` | one job of `KUSTO_COPY_JOBS` |
//! | `object` | JSON objects member by member |

#[cfg(test)]
mod documented;
pub mod host;
mod job;
pub mod names;
mod object;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kusto_copy_azure::tokens::Identity;
use kusto_copy_driver::Style;
use kusto_copy_driver::settings::duration;
use kusto_copy_kusto as kusto;
use serde_json::Value;

pub use host::{FunctionTimeout, HostFile};
pub use job::JobSettings;

/// Environment variables by name.
pub type Variables = BTreeMap<String, String>;

/// The budget where functionTimeout leaves room for it.
const BUDGET: Duration = Duration::from_secs(8 * 60);

/// How long answers of what was sent are waited for once the budget is used, at most.
const GRACE: Duration = Duration::from_secs(60);

/// Jobs of one app at most: each costs its lease and heartbeat at every tick.
const MOST_JOBS: usize = 100;

/// What the handler is told.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The jobs that could be read.
    pub jobs: Vec<JobSettings>,
    /// How an execution's time is used.
    pub time: Time,
    /// When a step returns.
    pub style: Style,
    /// Whether executions call for the next one by a queue message.
    pub chain: bool,
    /// What is logged.
    pub log: String,
    /// First part of the paths of HTTP functions, without slashes around it; may be empty.
    pub route_prefix: String,
    /// How clusters and storage are reached.
    pub access: AccessSettings,
    /// Everything that is wrong, each one sentence with its remedy. Nothing is copied while there
    /// is any: half of the settings may be worse than none.
    pub problems: Vec<String>,
}

/// How an execution's time is used: it works for `budget`, waits for answers until `grace` later,
/// and what is still going on at `end` is left behind, as if the process had been killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// How long it works.
    pub budget: Duration,
    /// How long it waits for answers after that.
    pub grace: Duration,
    /// When it returns whatever happens, before the host kills the process.
    pub end: Duration,
}

/// How clusters and storage are reached: by the identity, unless something else is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessSettings {
    /// Who this app is to Entra.
    pub identity: Identity,
    /// A Kusto token that somebody else obtained.
    pub token: Option<kusto::Secret>,
    /// A storage account's key.
    pub storage_key: Option<kusto_copy_azure::Secret>,
    /// A shared access signature.
    pub storage_sas: Option<kusto_copy_azure::Secret>,
}

impl Settings {
    /// Reads them.
    #[must_use]
    pub fn read(variables: &Variables, host: &HostFile) -> Self {
        let mut problems: Vec<String> = host.problem.iter().cloned().collect();
        let get = |name: &str| {
            let text = variables.get(name).map(|text| text.trim());
            text.filter(|text| !text.is_empty())
        };
        let timeout = get(names::FUNCTION_TIMEOUT).or(host.function_timeout.as_deref());
        let prefix = variables
            .get(names::ROUTE_PREFIX)
            .or(host.route_prefix.as_ref());
        let storage_key = get(names::STORAGE_KEY).map(kusto_copy_azure::Secret::new);
        let storage_sas = get(names::STORAGE_SAS)
            .map(|sas| kusto_copy_azure::Secret::new(sas.trim_start_matches('?')));
        if storage_key.is_some() && storage_sas.is_some() {
            problems.push(format!(
                "{} and {} are both set; keep one",
                names::STORAGE_KEY,
                names::STORAGE_SAS
            ));
        }
        Self {
            time: time(get(names::BUDGET), timeout, &mut problems),
            style: style(get(names::STYLE), &mut problems),
            chain: flag(names::CHAIN, get(names::CHAIN), &mut problems),
            log: log(get(names::LOG), &mut problems),
            route_prefix: prefix
                .map_or("api", |text| text.trim().trim_matches('/'))
                .to_owned(),
            access: AccessSettings {
                identity: Identity::choose(|name| variables.get(name).cloned()),
                token: get(names::TOKEN).map(kusto::Secret::new),
                storage_key,
                storage_sas,
            },
            jobs: jobs(get(names::JOBS), &mut problems),
            problems,
        }
    }

    /// The job of this name.
    #[must_use]
    pub fn job(&self, name: &str) -> Option<&JobSettings> {
        self.jobs.iter().find(|job| job.name == name)
    }
}

/// Variables that look like settings of ours and are none: most likely mistyped.
#[must_use]
pub fn unknown(variables: &Variables) -> Vec<&str> {
    let known = |name: &str| names::NAMES.iter().any(|known| known.name == name);
    variables
        .keys()
        .map(String::as_str)
        .filter(|name| name.starts_with("KUSTO_COPY_") && !known(name))
        .collect()
}

fn jobs(text: Option<&str>, problems: &mut Vec<String>) -> Vec<JobSettings> {
    let name = names::JOBS;
    let Some(text) = text else {
        problems.push(format!(
            "{name} is not set; set it to a JSON array with one object per job"
        ));
        return Vec::new();
    };
    let items = match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(items)) if items.len() <= MOST_JOBS => items,
        Ok(Value::Array(_)) => {
            problems.push(format!(
                "{name} has more than {MOST_JOBS} jobs; spread them over several apps"
            ));
            return Vec::new();
        }
        Ok(_) => {
            problems.push(format!("{name} is no array; put the jobs between [ and ]"));
            return Vec::new();
        }
        Err(error) => {
            problems.push(format!("{name} is no JSON: {error}; correct it there"));
            return Vec::new();
        }
    };
    if items.is_empty() {
        problems.push(format!("{name} has no job; add one"));
    }
    let jobs: Vec<JobSettings> = items
        .into_iter()
        .enumerate()
        .filter_map(|(index, item)| job::read(item, index, problems))
        .collect();
    twice(&jobs, problems);
    jobs
}

/// Two jobs must not share a name, or a lake: the state rests with the lake.
fn twice(jobs: &[JobSettings], problems: &mut Vec<String>) {
    let mut names = BTreeSet::new();
    let mut homes: BTreeMap<String, &str> = BTreeMap::new();
    for job in jobs {
        if !names.insert(job.name.to_lowercase()) {
            problems.push(format!(
                "{}: two jobs are named '{}'; give each a name of its own",
                names::JOBS,
                job.name
            ));
        }
        if let Some(other) = homes.insert(job.home.clone(), &job.name) {
            problems.push(format!(
                "{}: jobs '{other}' and '{}' have the same lake; give each a folder of its own",
                names::JOBS,
                job.name
            ));
        }
    }
}

fn style(text: Option<&str>, problems: &mut Vec<String>) -> Style {
    match text {
        None | Some("throughput") => Style::Throughput,
        Some("economy") => Style::Economy,
        Some(other) => {
            problems.push(format!(
                "{} is `{}`; use throughput or economy",
                names::STYLE,
                object::clipped(other)
            ));
            Style::Throughput
        }
    }
}

fn flag(name: &str, text: Option<&str>, problems: &mut Vec<String>) -> bool {
    match text.map(str::to_ascii_lowercase).as_deref() {
        None | Some("false") => false,
        Some("true") => true,
        Some(other) => {
            problems.push(format!(
                "{name} is `{}`; use true or false",
                object::clipped(other)
            ));
            false
        }
    }
}

fn log(text: Option<&str>, problems: &mut Vec<String>) -> String {
    const USUAL: &str = "info";
    let text = text.unwrap_or(USUAL);
    if tracing_subscriber::EnvFilter::try_new(text).is_ok() {
        return text.to_owned();
    }
    problems.push(format!(
        "{} is no filter; write it like `info,kusto_copy_driver=debug`",
        names::LOG
    ));
    USUAL.to_owned()
}

/// The budget and what follows from it. A tenth of functionTimeout, and at least ten seconds,
/// stay free: at functionTimeout the host kills the handler without a word.
fn time(budget: Option<&str>, timeout: Option<&str>, problems: &mut Vec<String>) -> Time {
    let timeout = FunctionTimeout::parse(timeout).unwrap_or_else(|problem| {
        problems.push(problem);
        FunctionTimeout::Unknown
    });
    let given = budget.and_then(|text| match duration::parse(text) {
        Ok(budget) => Some(budget),
        Err(help) => {
            problems.push(format!(
                "{} is `{}`, which is no duration; {help}",
                names::BUDGET,
                object::clipped(text)
            ));
            None
        }
    });
    let FunctionTimeout::After(limit) = timeout else {
        let budget = given.unwrap_or(BUDGET);
        return Time {
            budget,
            grace: GRACE,
            end: budget.saturating_add(GRACE * 2),
        };
    };
    let margin = (limit / 10).max(Duration::from_secs(10)).min(limit / 2);
    let budget = given.unwrap_or_else(|| BUDGET.min(limit / 5 * 4).min(limit - margin));
    let most = limit - margin;
    if budget > most {
        problems.push(format!(
            "{} is {} s, but functionTimeout is {} s, at which the host kills the handler; set the \
             budget to at most {} s or raise functionTimeout",
            names::BUDGET,
            budget.as_secs(),
            limit.as_secs(),
            most.as_secs()
        ));
    }
    let left = limit.saturating_sub(budget);
    Time {
        budget,
        grace: (left / 2).min(GRACE),
        end: budget.saturating_add(left / 4 * 3),
    }
}
