// Rights at a source cluster, in whatever resource group and subscription it is.
//
// Database user: reads and exports every table, and reads the capacity (`.show capacity`), for which
// viewer is not enough. Unrestricted viewer only on request: it opens tables with a restricted view
// access policy. Nothing here can change data, schema or policies of the source.

@description('Name of the cluster.')
param clusterName string

@description('The databases.')
@minLength(1)
param databases string[]

@description('Client id of the app\'s identity.')
param clientId string

@description('Tenant of the identity.')
param tenantId string

@description('Whether to read tables with a restricted view access policy too.')
param unrestrictedViewer bool

resource cluster 'Microsoft.Kusto/clusters@2025-02-14' existing = {
  name: clusterName
}

resource database 'Microsoft.Kusto/clusters/databases@2025-02-14' existing = [
  for name in databases: {
    parent: cluster
    name: name
  }
]

// One after the other: a cluster takes one change of this kind at a time.
@batchSize(1)
resource users 'Microsoft.Kusto/clusters/databases/principalAssignments@2025-02-14' = [
  for (name, index) in databases: {
    parent: database[index]
    name: guid(clusterName, name, clientId, 'User')
    properties: {
      principalId: clientId
      principalType: 'App'
      role: 'User'
      tenantId: tenantId
    }
  }
]

@batchSize(1)
resource unrestrictedViewers 'Microsoft.Kusto/clusters/databases/principalAssignments@2025-02-14' = [
  for (name, index) in databases: if (unrestrictedViewer) {
    parent: database[index]
    name: guid(clusterName, name, clientId, 'UnrestrictedViewer')
    properties: {
      principalId: clientId
      principalType: 'App'
      role: 'UnrestrictedViewer'
      tenantId: tenantId
    }
    dependsOn: [
      users
    ]
  }
]
