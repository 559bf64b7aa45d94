//! Every environment variable that the handler reads: the one list that the documentation and
//! the check of `infra/` are compared with.

/// Who sets a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Whoever deploys the app, as an app setting.
    App,
    /// Nobody in the cloud: for development, where there is no managed identity.
    Development,
    /// The Functions host or the platform.
    Platform,
}

/// One variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// Its name.
    pub name: &'static str,
    /// Who sets it.
    pub origin: Origin,
    /// What holds without it; empty where nothing does.
    pub default: &'static str,
    /// Whether its value grants access.
    pub secret: bool,
    /// What it means, in one sentence.
    pub meaning: &'static str,
}

/// The jobs, as JSON.
pub const JOBS: &str = "KUSTO_COPY_JOBS";
/// How long one execution works at most.
pub const BUDGET: &str = "KUSTO_COPY_BUDGET";
/// Whether an execution stays while commands run.
pub const STYLE: &str = "KUSTO_COPY_STYLE";
/// Whether executions call for the next one by a queue message.
pub const CHAIN: &str = "KUSTO_COPY_CHAIN";
/// The timer's schedule.
pub const SCHEDULE: &str = "KUSTO_COPY_SCHEDULE";
/// What is logged.
pub const LOG: &str = "KUSTO_COPY_LOG";
/// The user-assigned identity.
pub const CLIENT_ID: &str = "AZURE_CLIENT_ID";
/// Where the platform gives tokens of the managed identity.
pub const IDENTITY_ENDPOINT: &str = "IDENTITY_ENDPOINT";
/// What the platform wants to see with a request for a token.
pub const IDENTITY_HEADER: &str = "IDENTITY_HEADER";
/// The directory of a service principal.
pub const TENANT_ID: &str = "AZURE_TENANT_ID";
/// The secret of a service principal.
pub const CLIENT_SECRET: &str = "AZURE_CLIENT_SECRET";
/// The token of a Kubernetes service account.
pub const FEDERATED_TOKEN: &str = "AZURE_FEDERATED_TOKEN_FILE";
/// A Kusto token that somebody else obtained.
pub const TOKEN: &str = "KUSTO_COPY_TOKEN";
/// A storage account's key.
pub const STORAGE_KEY: &str = "KUSTO_COPY_STORAGE_KEY";
/// A shared access signature for the storage.
pub const STORAGE_SAS: &str = "KUSTO_COPY_STORAGE_SAS";
/// The port to listen on.
pub const PORT: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";
/// The app's folder, with `host.json` in it.
pub const APP_ROOT: &str = "FUNCTIONS_APP_ROOT_PATH";
/// Overrides `functionTimeout` of `host.json`.
pub const FUNCTION_TIMEOUT: &str = "AzureFunctionsJobHost__functionTimeout";
/// Overrides `extensions.http.routePrefix` of `host.json`.
pub const ROUTE_PREFIX: &str = "AzureFunctionsJobHost__extensions__http__routePrefix";

/// All of them, in the order of the documentation.
pub const NAMES: &[Name] = &[
    Name {
        name: JOBS,
        origin: Origin::App,
        default: "",
        secret: false,
        meaning: "The jobs: a JSON array with one object for each.",
    },
    Name {
        name: SCHEDULE,
        origin: Origin::App,
        default: "",
        secret: false,
        meaning: "When executions start: an NCRONTAB expression of six fields, such as `0 * * * * *`. The host reads it, since `advance/function.json` names it.",
    },
    Name {
        name: BUDGET,
        origin: Origin::App,
        default: "8m, or four fifths of a functionTimeout below 10m",
        secret: false,
        meaning: "How long one execution works at most: a duration with a margin below functionTimeout, at which the host kills the handler.",
    },
    Name {
        name: STYLE,
        origin: Origin::App,
        default: "throughput",
        secret: false,
        meaning: "`throughput` stays and watches running commands up to the budget; `economy` returns as soon as nothing is due.",
    },
    Name {
        name: CHAIN,
        origin: Origin::App,
        default: "false",
        secret: false,
        meaning: "`true` starts the next execution by a queue message when work is left; for packages built with `--chaining` only.",
    },
    Name {
        name: LOG,
        origin: Origin::App,
        default: "info",
        secret: false,
        meaning: "What is logged, as a filter such as `info,kusto_copy_driver=debug`.",
    },
    Name {
        name: CLIENT_ID,
        origin: Origin::App,
        default: "the system-assigned identity",
        secret: false,
        meaning: "The client id of the user-assigned managed identity that reaches clusters and storage.",
    },
    Name {
        name: TENANT_ID,
        origin: Origin::Development,
        default: "",
        secret: false,
        meaning: "The directory of a service principal, with its client id and secret, where there is no managed identity.",
    },
    Name {
        name: CLIENT_SECRET,
        origin: Origin::Development,
        default: "",
        secret: true,
        meaning: "The secret of that service principal.",
    },
    Name {
        name: FEDERATED_TOKEN,
        origin: Origin::Development,
        default: "",
        secret: false,
        meaning: "The file with the token of a Kubernetes service account that Entra trusts.",
    },
    Name {
        name: TOKEN,
        origin: Origin::Development,
        default: "",
        secret: true,
        meaning: "A Kusto token obtained elsewhere; it expires and is not renewed.",
    },
    Name {
        name: STORAGE_KEY,
        origin: Origin::Development,
        default: "",
        secret: true,
        meaning: "The storage account's key, where there is no identity.",
    },
    Name {
        name: STORAGE_SAS,
        origin: Origin::Development,
        default: "",
        secret: true,
        meaning: "A shared access signature for the storage account, where there is no identity.",
    },
    Name {
        name: PORT,
        origin: Origin::Platform,
        default: "",
        secret: false,
        meaning: "The port on 127.0.0.1 at which the host expects the handler.",
    },
    Name {
        name: APP_ROOT,
        origin: Origin::Platform,
        default: "the working folder",
        secret: false,
        meaning: "The app's folder, in which `host.json` is found.",
    },
    Name {
        name: IDENTITY_ENDPOINT,
        origin: Origin::Platform,
        default: "",
        secret: false,
        meaning: "Where tokens of the managed identity come from; its presence chooses that identity.",
    },
    Name {
        name: IDENTITY_HEADER,
        origin: Origin::Platform,
        default: "",
        secret: true,
        meaning: "What that place wants to see with each request.",
    },
    Name {
        name: FUNCTION_TIMEOUT,
        origin: Origin::Platform,
        default: "functionTimeout of host.json",
        secret: false,
        meaning: "Overrides `functionTimeout` of `host.json`; the budget is checked against it.",
    },
    Name {
        name: ROUTE_PREFIX,
        origin: Origin::Platform,
        default: "routePrefix of host.json",
        secret: false,
        meaning: "Overrides `extensions.http.routePrefix` of `host.json`.",
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_name_is_listed_once_and_explained() {
        let names: BTreeSet<&str> = NAMES.iter().map(|name| name.name).collect();
        assert_eq!(names.len(), NAMES.len());
        for name in NAMES {
            assert!(name.meaning.ends_with('.'), "{}", name.name);
            assert!(
                !name.secret || name.origin != Origin::App,
                "{}: nothing that an app is deployed with is secret",
                name.name
            );
        }
    }
}
