// Everything that a serverless replication needs, in one resource group: a Flex Consumption app with
// a user-assigned identity, storage without keys, telemetry with Entra authentication, alerts, and
// the rights on the clusters. No secret is made, stored or put out anywhere.
targetScope = 'subscription'

import { destinationCluster, instanceMemory, job, operator, redundancy, sourceCluster, style } from 'types.bicep'

metadata name = 'kusto-copy'
metadata description = 'Serverless replication of Azure Data Explorer databases'

@description('Name of this deployment; names of resources are derived from it.')
@minLength(1)
@maxLength(32)
param environmentName string

@description('Region of all resources: close to the source cluster, since exports cross it first.')
@minLength(1)
param location string

@description('Resource group to create or use.')
@minLength(1)
@maxLength(90)
param resourceGroupName string = 'rg-${environmentName}'

@description('Tags of every resource.')
param tags { *: string } = {}

@description('The replications.')
@minLength(1)
param jobs job[]

@description('Source clusters on which the identity becomes database user. Leave out those whose owners grant it themselves, and Fabric.')
param sourceClusters sourceCluster[] = []

@description('Destination clusters on which the identity becomes database admin. Leave out those whose owners grant it themselves.')
param destinationClusters destinationCluster[] = []

@description('Object ids of managed identities of the clusters, for jobs whose stagingAccess is `managed-identity=…`: they get read and write on the lake\'s container.')
param stagingIdentities string[] = []

@description('Who else may drive the jobs, with the command line against the same lake.')
param operators operator[] = []

@description('When executions start: NCRONTAB with six fields, in UTC.')
@minLength(11)
param schedule string = '0 * * * * *'

@description('How long one execution works at most: below functionTimeout of host.json, with a margin.')
@minLength(2)
param budget string = '8m'

@description('What an execution does while commands run at the clusters.')
param executionStyle style = 'throughput'

@description('Executions call for the next one by a queue message; for packages built with `cargo xtask package --chaining`.')
param chaining bool = false

@description('What is logged, as a filter.')
@minLength(1)
param logFilter string = 'info'

@description('Memory of an instance; 512 MB is ample, since the clusters move the data.')
param instanceMemoryMB instanceMemory = 512

@description('Instances at most. Each function scales by itself, and overlapping executions are fenced by the job\'s lease, so this bounds cost and not correctness.')
@minValue(1)
@maxValue(1000)
param maximumInstanceCount int = 5

@description('Redundancy of the lake and the state. Nothing in them is the only copy of a row, but without the state a job starts over.')
param lakeRedundancy redundancy = 'Standard_LRS'

@description('Staged files older than this are deleted even if the copier forgot them; 0 for never. Longer than any table stays held. The ledger, the record of finished blocks, is kept.')
@minValue(0)
@maxValue(3650)
param stagedFilesDays int = 90

@description('How long telemetry is kept.')
@minValue(30)
@maxValue(730)
param telemetryRetentionDays int = 30

@description('Whom alerts tell by mail.')
param alertEmails string[] = []

@description('Existing action groups that alerts call.')
param alertActionGroupIds string[] = []

@description('Alert when the lag of a job stayed above its RPO for this long.')
@allowed(['PT15M', 'PT30M', 'PT1H', 'PT2H', 'PT6H'])
param lagAlertWindow string = 'PT30M'

@description('Alert when no execution of a job ended for this long: longer than the schedule and the budget together.')
@allowed(['PT15M', 'PT30M', 'PT1H', 'PT2H', 'PT6H'])
param heartbeatAlertWindow string = 'PT30M'

@description('Reach the storage accounts through private endpoints, and close that of the host to the public.')
param privateNetworking bool = false

@description('With private networking, close the lake to the public too. The clusters then need managed private endpoints to it.')
param privateLake bool = false

@description('Address space of the virtual network.')
param addressPrefix string = '10.42.0.0/23'

var token = toLower(uniqueString(subscription().id, environmentName, location))
var allTags = union(tags, { 'azd-env-name': environmentName })
var functionAppName = 'func-${token}'
var lakeContainer = 'lake'
var stateTable = 'kustocopy'
var chainQueue = 'kusto-copy-advance'

// Jobs without a lake of their own get a folder each in the container made here.
var lakeFolders = map(filter(jobs, entry => !contains(entry, 'lake')), entry => entry.name)

resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: resourceGroupName
  location: location
  tags: allTags
}

module identity 'modules/identity.bicep' = {
  name: 'identity'
  scope: group
  params: {
    name: 'id-${token}'
    location: location
    tags: allTags
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: 'monitoring'
  scope: group
  params: {
    workspaceName: 'log-${token}'
    componentName: 'appi-${token}'
    location: location
    tags: allTags
    retentionDays: telemetryRetentionDays
    publisherPrincipalId: identity.outputs.principalId
  }
}

module hostStorage 'modules/host-storage.bicep' = {
  name: 'host-storage'
  scope: group
  params: {
    name: 'sthost${token}'
    location: location
    tags: allTags
    queueName: chaining ? chainQueue : ''
    allowPublicNetwork: !privateNetworking
    principalId: identity.outputs.principalId
  }
}

module lakeStorage 'modules/lake-storage.bicep' = {
  name: 'lake-storage'
  scope: group
  params: {
    name: 'stlake${token}'
    location: location
    tags: allTags
    containerName: lakeContainer
    tableName: stateTable
    folders: lakeFolders
    stagedFilesDays: stagedFilesDays
    redundancyLevel: lakeRedundancy
    allowPublicNetwork: !(privateNetworking && privateLake)
  }
}

module lakeRoles 'modules/lake-roles.bicep' = {
  name: 'lake-roles'
  scope: group
  params: {
    storageAccountName: lakeStorage.outputs.name
    containerName: lakeContainer
    tableName: stateTable
    writers: concat(operators, [
      {
        principalId: identity.outputs.principalId
        principalType: 'ServicePrincipal'
      }
    ])
    stagingIdentities: stagingIdentities
  }
}

module network 'modules/network.bicep' = if (privateNetworking) {
  name: 'network'
  scope: group
  params: {
    name: 'vnet-${token}'
    location: location
    tags: allTags
    addressPrefix: addressPrefix
    hostStorageId: hostStorage.outputs.id
    lakeStorageId: lakeStorage.outputs.id
    withQueue: chaining
  }
}

module app 'modules/app.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: functionAppName
    planName: 'plan-${token}'
    location: location
    tags: allTags
    identityId: identity.outputs.id
    identityClientId: identity.outputs.clientId
    hostStorageName: hostStorage.outputs.name
    packageContainer: hostStorage.outputs.packageContainer
    applicationInsightsConnectionString: monitoring.outputs.connectionString
    subnetId: privateNetworking ? network!.outputs.appSubnetId : ''
    jobs: jobs
    lakeAddress: '${lakeStorage.outputs.blobEndpoint}${lakeContainer}'
    stateAddress: '${lakeStorage.outputs.tableEndpoint}${stateTable}'
    schedule: schedule
    budget: budget
    executionStyle: executionStyle
    chaining: chaining
    logFilter: logFilter
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
  }
  dependsOn: [
    lakeRoles
  ]
}

module alerts 'modules/alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    functionAppName: functionAppName
    workspaceId: monitoring.outputs.workspaceId
    location: location
    tags: allTags
    jobNames: map(jobs, entry => entry.name)
    continuousJobNames: map(filter(jobs, entry => entry.?continuous ?? true), entry => entry.name)
    emails: alertEmails
    actionGroupIds: alertActionGroupIds
    lagWindow: lagAlertWindow
    heartbeatWindow: heartbeatAlertWindow
  }
}

// A cluster takes one change of its principals at a time, and may be the source of one job and the
// destination of another: so one cluster after the other, and destinations after sources.
@batchSize(1)
module sources 'modules/kusto-source.bicep' = [
  for (cluster, index) in sourceClusters: {
    name: 'kusto-source-${index}'
    scope: resourceGroup(cluster.?subscriptionId ?? subscription().subscriptionId, cluster.resourceGroup)
    params: {
      clusterName: cluster.name
      databases: cluster.databases
      clientId: identity.outputs.clientId
      tenantId: subscription().tenantId
      unrestrictedViewer: cluster.?unrestrictedViewer ?? false
    }
  }
]

@batchSize(1)
module destinations 'modules/kusto-destination.bicep' = [
  for (cluster, index) in destinationClusters: {
    name: 'kusto-destination-${index}'
    scope: resourceGroup(cluster.?subscriptionId ?? subscription().subscriptionId, cluster.resourceGroup)
    params: {
      clusterName: cluster.name
      databases: cluster.databases
      clientId: identity.outputs.clientId
      tenantId: subscription().tenantId
    }
    dependsOn: [
      sources
    ]
  }
]

@description('Resource group of everything above.')
output AZURE_RESOURCE_GROUP string = group.name

@description('Name of the function app, for deploying the package.')
output AZURE_FUNCTION_NAME string = app.outputs.name

@description('The status page; it asks for a function key.')
output STATUS_PAGE string = 'https://${app.outputs.hostName}/api/status'

@description('Client id of the identity, for grants at clusters that others own.')
output IDENTITY_CLIENT_ID string = identity.outputs.clientId

@description('Object id of the identity.')
output IDENTITY_OBJECT_ID string = identity.outputs.principalId

@description('Container of the lake; the job\'s folder follows.')
output LAKE_ADDRESS string = '${lakeStorage.outputs.blobEndpoint}${lakeContainer}'

@description('Table of the state.')
output STATE_ADDRESS string = '${lakeStorage.outputs.tableEndpoint}${stateTable}'
