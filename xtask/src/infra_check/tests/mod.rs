//! The repository itself passes, and each class of mistake is found in a small sample.

mod sample;

use super::*;
use sample::sample;

#[test]
fn the_repository_agrees_with_itself() {
    let root = crate::root().expect("the repository's root");
    let files = Files::read(&root).expect("read the repository");
    assert_eq!(lines(&files), "");
}

#[test]
fn the_sample_is_right() {
    assert_eq!(lines(&sample()), "");
}

fn lines(files: &Files) -> String {
    let findings = check(files).expect("check");
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

/// Replaces one text in one file of the sample, and says what is found then.
fn after(path: &str, from: &str, to: &str) -> String {
    let files = sample();
    let text = files.get(path).expect("a file of the sample");
    assert_eq!(text.matches(from).count(), 1, "{path}: `{from}`");
    lines(&files.with(&[(path, &text.replace(from, to))]))
}

const MAIN: &str = "infra/main.bicep";
const PART: &str = "infra/modules/part.bicep";
const TYPES: &str = "infra/types.bicep";
const PARAMETERS: &str = "infra/main.bicepparam";
const DEFINITION: &str = "function-definitions/advance/function.json";
const CHAINED: &str = "function-definitions/advance/function.chained.json";
const NAMES: &str = "crates/function/src/settings/names.rs";
const JOB: &str = "crates/function/src/settings/job.rs";

/// Each change with the whole of what must be found.
fn assert_found(cases: &[(&str, &str, &str, &str)]) {
    let wrong: Vec<String> = cases
        .iter()
        .map(|(path, from, to, expected)| (after(path, from, to), (path, from, to, expected)))
        .filter(|(found, (.., expected))| found != *expected)
        .map(|(found, (path, from, to, expected))| {
            format!("{path}: `{from}` -> `{to}`\n-- found\n{found}\n-- expected\n{expected}\n")
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_is_no_bicep_is_found_and_nothing_else_is_said() {
    let found = after(MAIN, "name: 'part'", "name: ");
    assert!(found.starts_with("infra/main.bicep:"), "{found}");
    assert!(found.contains("syntax error"), "{found}");
    let found = after(PARAMETERS, "param region =", "param region");
    assert!(found.starts_with("infra/main.bicepparam:5:"), "{found}");
    assert_found(&[(
        PART,
        "'${region}': account::blobs.id }",
        "'${region}': account::blobs.id second: [1, 2 3] }",
        "infra/modules/part.bicep:28:42: a comma is missing before this\n\
         infra/modules/part.bicep:28:56: a comma is missing before this",
    )]);
}

#[test]
fn names_that_are_not_declared_are_found() {
    assert_found(&[
        (
            MAIN,
            "region: region",
            "region: regoin",
            "infra/main.bicep:30:13: `regoin` is not declared",
        ),
        (
            MAIN,
            "(entry) => entry.name)",
            "(entry) => entri.name)",
            "infra/main.bicep:18:34: `entri` is not declared",
        ),
        (
            MAIN,
            "param jobs job[]",
            "param jobs jop[]",
            "infra/main.bicep:3:1: `job` is never used\n\
          infra/main.bicep:6:12: `jop` is not declared",
        ),
        (
            MAIN,
            "toLower(",
            "tolower(",
            "infra/main.bicep:20:13: there is no function `tolower`",
        ),
        (
            MAIN,
            "toLower(region)",
            "readEnvironmentVariable(region)",
            "infra/main.bicep:20:13: `readEnvironmentVariable` can only be called in a file of parameters",
        ),
        (
            MAIN,
            "@minLength(1)",
            "@minLenght(1)",
            "infra/main.bicep:5:2: there is no decorator `minLenght`",
        ),
        (
            PART,
            "account::blobs.id",
            "account::blops.id",
            "infra/modules/part.bicep:28:33: there is no nested resource `blops`",
        ),
        (
            PART,
            "'${account.name}/${key}'",
            "'${acount.name}/${key}'",
            "infra/modules/part.bicep:44:25: `acount` is not declared",
        ),
    ]);
}

#[test]
fn names_that_are_not_used_or_declared_twice_are_found() {
    assert_found(&[
        (
            MAIN,
            "metadata name",
            "var spare = 1\nmetadata name",
            "infra/main.bicep:35:1: `spare` is never used",
        ),
        (
            PART,
            "param key string",
            "param key string\nparam spare string = ''",
            "infra/modules/part.bicep:2:1: `spare` is never used",
        ),
        (
            TYPES,
            "@export()\n@description('One.')\ntype job",
            "type job",
            "infra/main.bicep:3:10: `types.bicep` exports no `job`\n\
          infra/types.bicep:6:1: `job` is never used",
        ),
        (
            MAIN,
            "metadata name",
            "var region = 1\nmetadata name",
            "infra/main.bicep:35:1: `region` is declared twice",
        ),
        (
            MAIN,
            "region: region",
            "region: region\n    region: 'x'",
            "infra/main.bicep:31:13: `region` is given twice",
        ),
    ]);
}

#[test]
fn modules_that_do_not_fit_are_found() {
    assert_found(&[
        (
            MAIN,
            "'modules/part.bicep'",
            "'modules/prat.bicep'",
            "infra/main.bicep:26:1: there is no file `modules/prat.bicep`",
        ),
        (
            MAIN,
            "    key: 'x'\n",
            "",
            "infra/main.bicep:26:1: `infra/modules/part.bicep` requires the parameter `key`",
        ),
        (
            MAIN,
            "key: 'x'",
            "key: 'x'\n    kez: 'x'",
            "infra/main.bicep:32:10: `infra/modules/part.bicep` has no parameter `kez`",
        ),
        (
            MAIN,
            "part.outputs.hostName",
            "part.outputs.hostname",
            "infra/main.bicep:37:53: `infra/modules/part.bicep` has no output `hostname`",
        ),
        (
            MAIN,
            "  scope: group\n",
            "",
            "infra/main.bicep:26:1: `modules/part.bicep` is deployed to a resourceGroup, this file to a subscription: give a `scope`",
        ),
        (
            MAIN,
            "scope: group",
            "scpoe: group",
            "infra/main.bicep:26:1: `modules/part.bicep` is deployed to a resourceGroup, this file to a subscription: give a `scope`\n\
          infra/main.bicep:28:10: a module has no `scpoe`",
        ),
        (
            MAIN,
            "from 'types.bicep'",
            "from 'tpyes.bicep'",
            "infra/main.bicep:3:1: there is no file `tpyes.bicep`",
        ),
    ]);
}

#[test]
fn parameters_that_do_not_fit_are_found() {
    assert_found(&[
        (
            PARAMETERS,
            "param region = 'r'",
            "param regoin = 'r'",
            "infra/main.bicepparam:2:1: `infra/main.bicep` requires the parameter `region`\n\
          infra/main.bicepparam:5:1: `infra/main.bicep` has no parameter `regoin`",
        ),
        (
            PARAMETERS,
            "using 'main.bicep'",
            "using 'mian.bicep'",
            "infra/main.bicepparam:2:1: there is no file `mian.bicep`",
        ),
    ]);
}

#[test]
fn values_that_do_not_fit_are_found() {
    assert_found(&[
        (
            PARAMETERS,
            "level: 'high'",
            "level: 'hihg'",
            "infra/main.bicepparam:9:12: expected one of 'high', 'low'",
        ),
        (
            PARAMETERS,
            "    name: 'a'\n",
            "",
            "infra/main.bicepparam:7:3: `name` is missing",
        ),
        (
            PARAMETERS,
            "slots: 2",
            "slost: 2",
            "infra/main.bicepparam:10:12: `slost` is unknown here; there are level, name, set, slots",
        ),
        (
            PARAMETERS,
            "slots: 2",
            "slots: '2'",
            "infra/main.bicepparam:10:12: expected a number",
        ),
        (
            PARAMETERS,
            "{ rows: '1' }",
            "{ rows: 1 }",
            "infra/main.bicepparam:11:18: expected a string",
        ),
        (
            PARAMETERS,
            "param memory = 512",
            "param memory = 513",
            "infra/main.bicepparam:14:16: expected one of 512, 2048",
        ),
        (
            PARAMETERS,
            "param window = 'PT5M'",
            "param window = letter == 'b' ? 'PT5M' : 'PT6M'",
            "infra/main.bicepparam:15:41: expected one of 'PT5M', 'PT1H'",
        ),
        (
            MAIN,
            "param memory size = 512",
            "param memory size = true",
            "infra/main.bicep:13:21: expected one of 512, 2048",
        ),
        (
            MAIN,
            "key: 'x'",
            "key: 1",
            "infra/main.bicep:31:10: expected a string",
        ),
    ]);
}

#[test]
fn app_settings_are_compared_both_ways() {
    assert_found(&[
        (
            PART,
            "KUSTO_COPY_JOBS: key",
            "KUSTO_COPY_JOB: key",
            "crates/function/src/settings/names.rs: no Bicep file sets `KUSTO_COPY_JOBS`, which the program reads\n\
          infra/modules/part.bicep:5:19: neither the program nor the host reads `KUSTO_COPY_JOB`",
        ),
        (
            PART,
            "KUSTO_COPY_SCHEDULE: '* * * * * *'",
            "FUNCTIONS_WORKER_RUNTIME: 'custom'",
            "crates/function/src/settings/names.rs: no Bicep file sets `KUSTO_COPY_SCHEDULE`, which the program reads\n\
          function-definitions/advance/function.chained.json: no Bicep file sets what the schedule `%KUSTO_COPY_SCHEDULE%` names\n\
          function-definitions/advance/function.json: no Bicep file sets what the schedule `%KUSTO_COPY_SCHEDULE%` names\n\
          infra/modules/part.bicep:6:29: neither the program nor the host reads `FUNCTIONS_WORKER_RUNTIME`",
        ),
        (
            NAMES,
            "origin: Origin::App,\n    default: \"\",\n    meaning: \"when\"",
            "origin: Origin::Development,\n    default: \"\",\n    meaning: \"when\"",
            "infra/modules/part.bicep:6:24: `KUSTO_COPY_SCHEDULE` is not for deployed apps",
        ),
        (
            PART,
            "union(ours, hosts)",
            "union(ours, hosts, json('{}'))",
            "infra/modules/part.bicep:39:34: these settings cannot be read",
        ),
        (
            JOB,
            "object.count(\"slots\")",
            "object.count(\"slot\")",
            "infra/types.bicep: the program reads no `slots` of a job\n\
          infra/types.bicep: the type `job` lacks `slot`",
        ),
    ]);
    let gone = lines(&sample().without(NAMES));
    assert_eq!(gone, format!("{NAMES}: the list of settings is not found"));
}

#[test]
fn functions_are_compared_with_their_folders() {
    assert_found(&[
        (
            "crates/function/src/server/mod.rs",
            "\"status\"",
            "\"state\"",
            "function-definitions/status/function.json: the handler knows no function `status`",
        ),
        (
            CHAINED,
            "\"name\": \"chain\"",
            "\"name\": \"chian\"",
            "function-definitions/advance/function.chained.json: the handler writes no output `chian`",
        ),
        (
            MAIN,
            "}/api/status'",
            "}/api/state'",
            "infra/main.bicep:37:29: no function answers at `/api/state`",
        ),
        (
            "host.json",
            "\"api\"",
            "\"app\"",
            "host.chained.json: /extensions/http differs from that of host.json\n\
          infra/main.bicep:37:29: no function answers at `/api/status`",
        ),
        (
            CHAINED,
            "\"queueName\": \"work\"",
            "\"queueName\": \"wrok\"",
            "function-definitions/advance/function.chained.json: no Bicep file makes the queue `wrok`",
        ),
        (
            CHAINED,
            "\"connection\": \"AzureWebJobsStorage\"",
            "\"connection\": \"Storage\"",
            "function-definitions/advance/function.chained.json: no Bicep file sets the connection `Storage`",
        ),
        (
            DEFINITION,
            "\"name\": \"timer\"",
            "\"name\": \"tick\"",
            "function-definitions/advance/function.chained.json: it lacks a binding of function.json, or changes it",
        ),
        (
            DEFINITION,
            "]}",
            "]",
            "function-definitions/advance/function.json: is no JSON: EOF while parsing an object at line 3 column 0",
        ),
        (
            "host.json",
            "\"handler\"",
            "\"handle\"",
            "host.chained.json: /customHandler differs from that of host.json\n\
          host.json: the executable is called `handler`",
        ),
    ]);
    let stray = sample().with(&[("function-definitions/status/functions.json", "{}")]);
    assert_eq!(
        lines(&stray),
        "function-definitions/status/functions.json: the packager takes no file of this name"
    );
}

#[test]
fn members_of_resources_are_compared_with_azures_types() {
    assert_found(&[
        (
            MAIN,
            "  location: lower\n",
            "  locatoin: lower\n",
            "infra/main.bicep:24:13: `locatoin` is unknown here; there are location, name, tags",
        ),
        (
            PART,
            "Microsoft.Web/sites@2025-03-01",
            "Microsoft.Web/sites@2025-03-02",
            "infra/modules/part.bicep:26:1: `Microsoft.Web/sites@2025-03-02` is not in azure_types.bicep of this check",
        ),
        (
            PART,
            "  dependsOn: [",
            "  properties: { httpsOnly: 'yes', siteConfig: { minTlsVersion: '1.4' } }\n  dependsOn: [",
            "infra/modules/part.bicep:29:28: expected true or false\n\
             infra/modules/part.bicep:29:64: expected one of '1.0', '1.1', '1.2', '1.3'",
        ),
        (
            PART,
            "  name: guid(roles.storageBlobDelegator)\n",
            "  scope: guid(roles.storageBlobDelegator)\n",
            "infra/modules/part.bicep:26:1: `name` is missing",
        ),
    ]);
}

#[test]
fn role_ids_are_compared_with_their_names() {
    assert_found(&[
        (
            PART,
            "storageBlobDelegator:",
            "storageBlobDataOwner:",
            "infra/modules/part.bicep:11:25: `db58b8e5-c6ad-4a2a-8342-4190687cbf4a` is the id of `storageBlobDelegator`: give it that name",
        ),
        (
            PART,
            "4190687cbf4a",
            "4190687cbf4b",
            "infra/modules/part.bicep:11:25: `db58b8e5-c6ad-4a2a-8342-4190687cbf4b` is the id of no role that is known here",
        ),
    ]);
}

#[test]
fn what_else_is_shared_with_the_program_is_compared() {
    assert_found(&[
        (
            PART,
            "Line.lag_ms",
            "Line.lag",
            "infra/modules/part.bicep:15:13: the handler's log has no `lag`",
        ),
        (
            PART,
            "var jobPrefix = 'j'",
            "var jobPrefix = 'k'",
            "infra/modules/part.bicep:16:17: the program begins names of a job with j",
        ),
        (
            "azure.yaml",
            "$AZURE_NAME",
            "$AZURE_FUNCTION",
            "azure.yaml: neither infra/main.bicep puts out `AZURE_FUNCTION` nor infra/main.bicepparam reads it",
        ),
        (
            "azure.yaml",
            "$GIVEN",
            "$TAKEN",
            "azure.yaml: neither infra/main.bicep puts out `TAKEN` nor infra/main.bicepparam reads it",
        ),
        (
            "azure.yaml",
            "$env:AZURE_NAME",
            "$env:AZURE_FUNCTION",
            "azure.yaml: neither infra/main.bicep puts out `AZURE_FUNCTION` nor infra/main.bicepparam reads it",
        ),
    ]);
}
