// Rights at a destination cluster, in whatever resource group and subscription it is.
//
// Database admin: the copier creates tables and staging tables, sets and removes policies of the
// staging tables, ingests, and moves extents, which needs table admin on both tables. The right ends
// at the databases named here.

@description('Name of the cluster.')
param clusterName string

@description('The databases.')
@minLength(1)
param databases string[]

@description('Client id of the app\'s identity.')
param clientId string

@description('Tenant of the identity.')
param tenantId string

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
resource admins 'Microsoft.Kusto/clusters/databases/principalAssignments@2025-02-14' = [
  for (name, index) in databases: {
    parent: database[index]
    name: guid(clusterName, name, clientId, 'Admin')
    properties: {
      principalId: clientId
      principalType: 'App'
      role: 'Admin'
      tenantId: tenantId
    }
  }
]
