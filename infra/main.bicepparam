// Parameters for `azd up` and `az deployment sub create`, taken from the environment
// (`azd env set NAME VALUE`), so that one job can be started without editing a file. For several
// jobs, or more than this, write your own: see examples/.
using 'main.bicep'

var sourceGroup = readEnvironmentVariable('SOURCE_CLUSTER_GROUP', '')
var destinationGroup = readEnvironmentVariable('DESTINATION_CLUSTER_GROUP', '')
var databases = split(readEnvironmentVariable('DATABASES', 'Samples'), ',')

param environmentName = readEnvironmentVariable('AZURE_ENV_NAME', 'kusto-copy')
param location = readEnvironmentVariable('AZURE_LOCATION', 'westeurope')

param jobs = [
  {
    name: readEnvironmentVariable('JOB_NAME', 'copy')
    source: readEnvironmentVariable('SOURCE', 'https://source.westeurope.kusto.windows.net')
    destination: readEnvironmentVariable('DESTINATION', 'https://destination.northeurope.kusto.windows.net')
    databases: map(databases, name => { source: trim(name) })
    rpo: readEnvironmentVariable('RPO', '5m')
  }
]

// Without a group the owner of the cluster grants the rights; README.md has the commands.
param sourceClusters = empty(sourceGroup)
  ? []
  : [
      {
        name: readEnvironmentVariable('SOURCE_CLUSTER', 'source')
        resourceGroup: sourceGroup
        databases: map(databases, name => trim(name))
      }
    ]

param destinationClusters = empty(destinationGroup)
  ? []
  : [
      {
        name: readEnvironmentVariable('DESTINATION_CLUSTER', 'destination')
        resourceGroup: destinationGroup
        databases: map(databases, name => trim(name))
      }
    ]
