// The lake (staged files, manifests, the ledger) and the state of the jobs.

import { redundancy } from '../types.bicep'

@description('Name of the account.')
@minLength(3)
@maxLength(24)
param name string

@description('Region.')
param location string

@description('Tags.')
param tags { *: string }

@description('Container of the lake.')
param containerName string

@description('Table of the state.')
param tableName string

@description('Folders of the jobs in the container.')
param folders string[]

@description('Staged files older than this are deleted; 0 for never.')
param stagedFilesDays int

@description('How many copies of the data are kept, and where.')
param redundancyLevel redundancy

@description('Whether the public endpoint answers.')
param allowPublicNetwork bool

// A job's staged files begin so, and then with the job's incarnation; its ledger lies elsewhere.
var jobPrefix = 'files/j'

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: {
    name: redundancyLevel
  }
  properties: {
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    publicNetworkAccess: allowPublicNetwork ? 'Enabled' : 'Disabled'
    supportsHttpsTrafficOnly: true
  }
}

// No soft delete: a staged file that was ingested is of no further use, and keeping it would cost as
// much as the copy itself.
resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2026-04-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: {
      enabled: false
    }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01' = {
  parent: blobs
  name: containerName
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2026-04-01' = {
  parent: account
  name: 'default'
}

resource table 'Microsoft.Storage/storageAccounts/tableServices/tables@2026-04-01' = {
  parent: tables
  name: tableName
}

// A safety net: the copier deletes what it staged, but a job that is given up for good cannot. Only
// staged files: the ledger is kept.
resource lifecycle 'Microsoft.Storage/storageAccounts/managementPolicies@2026-04-01' = if (stagedFilesDays > 0 && !empty(folders)) {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        for (folder, index) in folders: {
          name: 'forgottenFiles${index}'
          enabled: true
          type: 'Lifecycle'
          definition: {
            filters: {
              blobTypes: ['blockBlob']
              prefixMatch: ['${container.name}/${folder}/${jobPrefix}']
            }
            actions: {
              baseBlob: {
                delete: {
                  daysAfterModificationGreaterThan: stagedFilesDays
                }
              }
            }
          }
        }
      ]
    }
  }
}

output id string = account.id
output name string = account.name
output blobEndpoint string = account.properties.primaryEndpoints.blob
output tableEndpoint string = account.properties.primaryEndpoints.table
