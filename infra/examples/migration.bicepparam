// Migration: a large backfill as fast as the clusters go, chained executions, then the end: the job
// copies what there is (`continuous: false`) and stops.
using '../main.bicep'

param environmentName = 'kusto-migration'
param location = 'westus2'

param jobs = [
  {
    name: 'history'
    source: 'https://old.westus2.kusto.windows.net'
    destination: 'https://new.westus2.kusto.windows.net'
    databases: [{ source: 'History' }]
    tablesExclude: ['Scratch']
    continuous: false
    stagingAccess: 'managed-identity=system'
    set: {
      block_rows: '4000000'
      'poll.max': '10000'
    }
  }
]

// The object ids of the clusters' own identities, which read and write the lake by themselves.
param stagingIdentities = [
  '11111111-1111-1111-1111-111111111111'
  '22222222-2222-2222-2222-222222222222'
]

param chaining = true
param executionStyle = 'throughput'
param stagedFilesDays = 30
