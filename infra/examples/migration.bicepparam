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
    set: {
      block_rows: '4000000'
      'poll.max': '10000'
    }
  }
]

param chaining = true
param executionStyle = 'throughput'
param stagedFilesDays = 30
