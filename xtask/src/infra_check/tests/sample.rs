//! A small repository in which everything agrees.

use crate::infra_check::source::Files;

const MAIN: &str = "\
targetScope = 'subscription'

import { job, size } from 'types.bicep'

@minLength(1)
param jobs job[]

@description('Where.')
param region string

// A comment
param cond bool = true
param memory size = 512

@allowed(['PT5M', 'PT1H'])
param window string = 'PT5M'

var names = map(jobs, (entry) => entry.name)
var upper = [for (name, index) in names: '${name}${index}${memory}${window}${cond}']
var lower = toLower(region)

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: '${lower}${length(upper)}'
  location: lower
}
module part 'modules/part.bicep' = {
  name: 'part'
  scope: group
  params: {
    region: region
    key: 'x'
  }
}

metadata name = 'sample'
output AZURE_NAME string = part.outputs.name
output STATUS_PAGE string = 'https://${part.outputs.hostName}/api/status'
";

const PART: &str = "\
param key string
param region string = 'r'

var ours = {
  KUSTO_COPY_JOBS: key
  KUSTO_COPY_SCHEDULE: '* * * * * *'
}
var hosts = empty(key) ? {} : { AzureWebJobsStorage__credential: 'managedidentity' }
var queue = 'work'
var roles = {
  storageBlobDelegator: 'db58b8e5-c6ad-4a2a-8342-4190687cbf4a'
}

var places = ['advance']
var query = '| where Line.lag_ms > 1 ${queue}'
var jobPrefix = 'j'

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: join(places, query)

  resource blobs 'blobServices' existing = {
    name: 'default'
  }
}

resource site 'Microsoft.Web/sites@2025-03-01' = if (!empty(jobPrefix)) {
  name: guid(roles.storageBlobDelegator)
  tags: { '${region}': account::blobs.id }
  dependsOn: [
    account
  ]
}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: site
  name: 'appsettings'

  // Both
  properties: union(ours, hosts)
}

output name string = site.name
output hostName string = site.properties.defaultHostName
output path string = '${account.name}/${key}'
";

const TYPES: &str = "\
type level = 'high' | 'low'

@export()
type size = 512 | 2048

@export()
@description('One.')
type job = {
  @minLength(1)
  name: string
  level: level?
  @minValue(1)
  slots: int?
  set: bounds?
}

type bounds = {
  *: string
}
";

const PARAMETERS: &str = "\
// Values
using 'main.bicep'

var letter = readEnvironmentVariable('GIVEN', 'a')
param region = 'r'
param jobs = [
  {
    name: 'a'
    level: 'high'
    slots: 2
    set: { rows: '1' }
  }
]
param memory = 512
param window = 'PT5M'
param cond = empty(letter)
";

const NAMES: &str = "\
pub const JOBS: &str = \"KUSTO_COPY_JOBS\";
pub const SCHEDULE: &str = \"KUSTO_COPY_SCHEDULE\";
pub const KEY: &str = \"KUSTO_COPY_KEY\";
pub const NAMES: &[Name] = &[
  Name {
    name: JOBS,
    origin: Origin::App,
    default: \"\",
    meaning: \"what\",
  },
  Name {
    name: SCHEDULE,
    origin: Origin::App,
    default: \"\",
    meaning: \"when\",
  },
  Name {
    name: KEY,
    origin: Origin::Development,
    default: \"\",
    meaning: \"secret\",
  },
];
";

const JOB: &str = "\
let name = object.required(\"name\", NAME);
let slots = object.count(\"slots\");
let set = object
    .object(\"set\", \"an object\");
let level = level(&mut object, \"level\");
object.problem(\"`level` is wrong; give another\");
tracing::info!(event = \"step\", lag_ms = 1);
";

const ADVANCE: &str = "\
{ \"bindings\": [
  { \"type\": \"timerTrigger\", \"name\": \"timer\", \"schedule\": \"%KUSTO_COPY_SCHEDULE%\" }]}
";

const CHAINED: &str = "\
{ \"bindings\": [
  { \"type\": \"timerTrigger\", \"name\": \"timer\", \"schedule\": \"%KUSTO_COPY_SCHEDULE%\" },
  { \"type\": \"queue\", \"direction\": \"out\", \"name\": \"chain\", \"queueName\": \"work\", \"connection\": \"AzureWebJobsStorage\" }]}
";

const STATUS: &str = "{ \"bindings\": [{ \"type\": \"httpTrigger\", \"route\": \"status\" }] }";

const HOST: &str = "\
{ \"version\": \"2.0\",
  \"customHandler\": { \"description\": { \"defaultExecutablePath\": \"handler\" } },
  \"extensions\": { \"http\": { \"routePrefix\": \"api\" } } }
";

const HOST_CHAINED: &str = "\
{ \"version\": \"2.0\", \"extensionBundle\": {},
  \"customHandler\": { \"description\": { \"defaultExecutablePath\": \"handler\" } },
  \"extensions\": { \"http\": { \"routePrefix\": \"api\" }, \"queues\": {} } }
";

const HOOKS: &str = "\
run: deploy --name $AZURE_NAME --as $GIVEN
windows: deploy --name $env:AZURE_NAME
";

/// The files.
pub(super) fn sample() -> Files {
    Files::default().with(&[
        ("azure.yaml", HOOKS),
        (
            "crates/driver/src/effects/names.rs",
            "Prefix::new(&format!(\"j{incarnation}\"))",
        ),
        (
            "crates/function/src/server/mod.rs",
            "match name { \"advance\" | \"status\" => \"chain\" }",
        ),
        ("crates/function/src/settings/job.rs", JOB),
        ("crates/function/src/settings/names.rs", NAMES),
        (
            "function-definitions/advance/function.chained.json",
            CHAINED,
        ),
        ("function-definitions/advance/function.json", ADVANCE),
        ("function-definitions/status/function.json", STATUS),
        ("host.chained.json", HOST_CHAINED),
        ("host.json", HOST),
        ("infra/main.bicep", MAIN),
        ("infra/main.bicepparam", PARAMETERS),
        ("infra/modules/part.bicep", PART),
        ("infra/types.bicep", TYPES),
    ])
}
