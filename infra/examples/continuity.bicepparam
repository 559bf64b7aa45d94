// Business continuity: two databases to a second region, in a subscription of its own, with alerts.
using '../main.bicep'

param environmentName = 'kusto-continuity'
param location = 'westeurope'
param tags = {
  purpose: 'business continuity'
}

param jobs = [
  {
    name: 'telemetry'
    source: 'https://contosoweu.westeurope.kusto.windows.net'
    destination: 'https://contosoneu.northeurope.kusto.windows.net'
    databases: [
      { source: 'Telemetry' }
      { source: 'Billing', destination: 'Billing-replica' }
    ]
    rpo: '5m'
    share: '0.5'
    priority: ['Requests', 'Invoices']
  }
]

param sourceClusters = [
  {
    name: 'contosoweu'
    resourceGroup: 'rg-analytics-weu'
    databases: ['Telemetry', 'Billing']
    unrestrictedViewer: true
  }
]

param destinationClusters = [
  {
    name: 'contosoneu'
    resourceGroup: 'rg-analytics-neu'
    subscriptionId: '00000000-0000-0000-0000-000000000000'
    databases: ['Telemetry', 'Billing-replica']
  }
]

param alertEmails = ['oncall@contoso.example']
param lagAlertWindow = 'PT15M'
