// The function app on Flex Consumption.

import { instanceMemory, job, style } from '../types.bicep'

@description('Name of the app.')
param name string

@description('Name of its plan; Flex Consumption has one app a plan.')
param planName string

@description('Region.')
param location string

@description('Tags.')
param tags { *: string }

@description('Resource id of the identity.')
param identityId string

@description('Client id of the identity.')
param identityClientId string

@description('Storage account of the host.')
param hostStorageName string

@description('Container of the package.')
param packageContainer string

@description('Where telemetry goes. Without an identity that may send, it opens nothing.')
param applicationInsightsConnectionString string

@description('Subnet for outgoing traffic; empty without private networking.')
param subnetId string

@description('The jobs.')
@minLength(1)
param jobs job[]

@description('Container of the lake, for jobs that name none.')
param lakeAddress string

@description('Table of the state of those jobs.')
param stateAddress string

@description('When executions start.')
param schedule string

@description('How long one execution works at most.')
param budget string

@description('What an execution does while commands run.')
param executionStyle style

@description('Whether executions call for the next one by a queue message.')
param chaining bool

@description('What is logged.')
param logFilter string

@description('Memory of an instance.')
param instanceMemoryMB instanceMemory

@description('Instances at most.')
param maximumInstanceCount int

// What Bicep cannot type as the handler wants it is converted: a fraction, and the name of a
// destination that is left out.
var jobSettings = map(
  jobs,
  entry =>
    union(
      contains(entry, 'lake')
        ? {}
        : {
            lake: '${lakeAddress}/${entry.name}'
            state: stateAddress
          },
      entry,
      contains(entry, 'share') ? { share: json(entry.?share ?? '1') } : {},
      {
        databases: map(entry.databases, pair => {
          source: pair.source
          destination: pair.?destination ?? pair.source
        })
      }
    )
)

// The names are compared with those that the handler reads by `cargo xtask infra-check`.
var handlerSettings = {
  KUSTO_COPY_JOBS: string(jobSettings)
  KUSTO_COPY_SCHEDULE: schedule
  KUSTO_COPY_BUDGET: budget
  KUSTO_COPY_STYLE: executionStyle
  KUSTO_COPY_CHAIN: chaining ? 'true' : 'false'
  KUSTO_COPY_LOG: logFilter
  AZURE_CLIENT_ID: identityClientId
}

var hostSettings = {
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__blobServiceUri: hostStorage.properties.primaryEndpoints.blob
  APPLICATIONINSIGHTS_CONNECTION_STRING: applicationInsightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
}

var queueSettings = chaining
  ? {
      AzureWebJobsStorage__queueServiceUri: hostStorage.properties.primaryEndpoints.queue
    }
  : {}

resource hostStorage 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: hostStorageName
}

resource plan 'Microsoft.Web/serverfarms@2025-03-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource site 'Microsoft.Web/sites@2025-03-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identityId}': {}
    }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      minTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: '${hostStorage.properties.primaryEndpoints.blob}${packageContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: {
        name: 'custom'
        version: '1.0'
      }
      scaleAndConcurrency: {
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
    }
  }
}

resource settings 'Microsoft.Web/sites/config@2025-03-01' = {
  parent: site
  name: 'appsettings'
  properties: union(handlerSettings, hostSettings, queueSettings)
}

// Packages are deployed with an Entra token, never with a password.
resource ftpPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: site
  name: 'ftp'
  properties: {
    allow: false
  }
}

resource scmPublishing 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01' = {
  parent: site
  name: 'scm'
  properties: {
    allow: false
  }
}

output name string = site.name
output hostName string = site.properties.defaultHostName
