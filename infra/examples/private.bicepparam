// Private networking: storage answers on private endpoints only, the clusters reach the lake by
// managed private endpoints, and one tick in five minutes keeps an idle job cheap.
using '../main.bicep'

param environmentName = 'kusto-private'
param location = 'germanywestcentral'

param jobs = [
  {
    name: 'sensors'
    source: 'https://plant.germanywestcentral.kusto.windows.net'
    destination: 'https://office.germanywestcentral.kusto.windows.net'
    databases: [{ source: 'Sensors' }]
    rpo: '1h'
    backfillHorizon: '30d'
  }
]

param privateNetworking = true
param privateLake = true
param addressPrefix = '10.90.8.0/23'
param schedule = '0 */5 * * * *'
param executionStyle = 'economy'
param heartbeatAlertWindow = 'PT1H'
param lagAlertWindow = 'PT2H'

param operators = [
  {
    principalId: '33333333-3333-3333-3333-333333333333'
    principalType: 'Group'
  }
]
