// Who may use the lake and the state: only this container and this table, and nothing of the account
// but the signing of short-lived signatures.

import { operator } from '../types.bicep'

@description('Account of the lake.')
param storageAccountName string

@description('Container of the lake.')
param containerName string

@description('Table of the state.')
param tableName string

@description('Who drives jobs: the app, and whoever uses the command line.')
param writers operator[]

@description('Object ids of the clusters\' managed identities, which export to and ingest from the container by themselves.')
param stagingIdentities string[]

var roles = {
  storageBlobDataContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
  storageBlobDelegator: 'db58b8e5-c6ad-4a2a-8342-4190687cbf4a'
  storageTableDataContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3'
}

resource account 'Microsoft.Storage/storageAccounts@2026-04-01' existing = {
  name: storageAccountName

  resource blobs 'blobServices' existing = {
    name: 'default'

    resource container 'containers' existing = {
      name: containerName
    }
  }

  resource tables 'tableServices' existing = {
    name: 'default'

    resource table 'tables' existing = {
      name: tableName
    }
  }
}

// Writes manifests and the ledger, reads and deletes staged files.
resource blobContributors 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for writer in writers: {
    name: guid(account::blobs::container.id, writer.principalId, roles.storageBlobDataContributor)
    scope: account::blobs::container
    properties: {
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles.storageBlobDataContributor
      )
      principalId: writer.principalId
      principalType: writer.principalType
    }
  }
]

// Asks for the key that signs user-delegation signatures. It can only be given on the account; what
// is signed with it can never do more than its signer, hence nothing outside of the container.
resource delegators 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for writer in writers: {
    name: guid(account.id, writer.principalId, roles.storageBlobDelegator)
    scope: account
    properties: {
      roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roles.storageBlobDelegator)
      principalId: writer.principalId
      principalType: writer.principalType
    }
  }
]

// Reads and writes the progress of jobs.
resource tableContributors 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for writer in writers: {
    name: guid(account::tables::table.id, writer.principalId, roles.storageTableDataContributor)
    scope: account::tables::table
    properties: {
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles.storageTableDataContributor
      )
      principalId: writer.principalId
      principalType: writer.principalType
    }
  }
]

// Clusters that use their own identity instead of a signature.
resource clusters 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principalId in stagingIdentities: {
    name: guid(account::blobs::container.id, principalId, roles.storageBlobDataContributor)
    scope: account::blobs::container
    properties: {
      roleDefinitionId: subscriptionResourceId(
        'Microsoft.Authorization/roleDefinitions',
        roles.storageBlobDataContributor
      )
      principalId: principalId
      principalType: 'ServicePrincipal'
    }
  }
]
