// Parameters for `azd up` and `az deployment sub create`, taken from the environment
// (`azd env set NAME VALUE`), so that one job can be started without editing a file. SOURCE,
// DESTINATION and DATABASES must be set: a deployment to made-up clusters would look like a success.
// For several jobs, or more than this, write your own: see examples/.
using 'main.bicep'

var sourceGroup = readEnvironmentVariable('SOURCE_CLUSTER_GROUP', '')
var destinationGroup = readEnvironmentVariable('DESTINATION_CLUSTER_GROUP', '')
var databases = split(readEnvironmentVariable('DATABASES'), ',')

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'kusto-copy')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')

// The hooks of azure.yaml read the same variable, so that template and package agree.
param chaining = readEnvironmentVariable('CHAINING', 'false') == 'true'

param jobs = [
  {
    name: readEnvironmentVariable('JOB_NAME', 'copy')
    source: readEnvironmentVariable('SOURCE')
    destination: readEnvironmentVariable('DESTINATION')
    databases: map(databases, name => { source: trim(name) })
    rpo: readEnvironmentVariable('RPO', '5m')
  }
]

// Without a group the owner of the cluster grants the rights; README.md has the commands.
param sourceClusters = empty(sourceGroup)
  ? []
  : [
      {
        name: readEnvironmentVariable('SOURCE_CLUSTER', '')
        resourceGroup: sourceGroup
        databases: map(databases, name => trim(name))
      }
    ]

param destinationClusters = empty(destinationGroup)
  ? []
  : [
      {
        name: readEnvironmentVariable('DESTINATION_CLUSTER', '')
        resourceGroup: destinationGroup
        databases: map(databases, name => trim(name))
      }
    ]
