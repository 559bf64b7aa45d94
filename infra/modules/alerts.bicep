// Alerts on the JSON line that ends each step of a job (event `step`) and on failed executions.
//
// The handler writes the line to its standard output; the host forwards it as a trace whose message
// is the line. `lag_ms` is absent until the first iteration is committed, so a backfill never alerts.

@description('Name of the function app: the role name of its telemetry.')
param functionAppName string

@description('Workspace that keeps the telemetry.')
param workspaceId string

@description('Region.')
param location string

@description('Tags.')
param tags { *: string }

@description('Names of the jobs that must be seen.')
param jobNames string[]

@description('Whom to tell by mail.')
param emails string[]

@description('Existing action groups to call.')
param actionGroupIds string[]

@description('How long a lag stays above the RPO before it alerts.')
param lagWindow string

@description('How long a job may be silent.')
param heartbeatWindow string

// Compared with the folders of function-definitions/ by `cargo xtask infra-check`.
var functionNames = ['advance', 'advance-now']

var expectedJobs = string(jobNames)
var executions = join(map(functionNames, name => '"${name}"'), ', ')

var steps = [
  'AppTraces'
  '| where AppRoleName =~ "${functionAppName}"'
  '| where Message has "step" and Message startswith "{"'
  '| extend Line = parse_json(Message)'
  '| where tostring(Line.event) == "step"'
  '| extend Job = tostring(Line.job)'
]

// The smallest lag of the window: only a lag that never came below the RPO counts.
var lagQuery = concat(steps, [
  '| extend Ratio = todouble(Line.lag_ms) / todouble(Line.rpo_ms)'
  '| where isfinite(Ratio)'
  '| summarize Ratio = min(Ratio) by Job'
  '| where Ratio > 1'
])

// A job that was never seen is missed too, since the set is made even of no rows.
var heartbeatQuery = concat(steps, [
  '| summarize Seen = make_set(Job, 10000)'
  '| extend Job = set_difference(dynamic(${expectedJobs}), Seen)'
  '| mv-expand Job to typeof(string)'
  '| where isnotempty(Job)'
])

// Held: something waits for a person, and nothing of it goes on by itself.
var heldQuery = concat(steps, [
  '| where tostring(Line.outcome) =~ "held"'
  '| summarize Steps = count() by Job'
])

var failureQuery = [
  'AppRequests'
  '| where AppRoleName =~ "${functionAppName}"'
  '| where Name in (${executions})'
  '| where not(Success)'
]

var rules = [
  {
    name: 'lag'
    title: 'kusto-copy: the copy is older than its RPO'
    description: 'A job\'s lag did not come below its RPO in the whole window. A paused job alerts as well.'
    query: lagQuery
    window: lagWindow
    severity: 2
    threshold: 0
    byJob: true
  }
  {
    name: 'heartbeat'
    title: 'kusto-copy: a job is not being advanced'
    description: 'No step of a job ended in the window: the app does not run, or every execution is killed before its end.'
    query: heartbeatQuery
    window: heartbeatWindow
    severity: 1
    threshold: 0
    byJob: true
  }
  {
    name: 'held'
    title: 'kusto-copy: a job waits for a person'
    description: 'Something is held. The status page names the reason and the remedy.'
    query: heldQuery
    window: 'PT15M'
    severity: 2
    threshold: 0
    byJob: true
  }
  {
    name: 'failures'
    title: 'kusto-copy: executions fail'
    description: 'More than two executions failed in the window. One alone is retried by the next tick.'
    query: failureQuery
    window: 'PT15M'
    severity: 2
    threshold: 2
    byJob: false
  }
]

resource mails 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(emails)) {
  name: 'kusto-copy-${functionAppName}'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'kusto-copy'
    emailReceivers: [
      for (address, index) in emails: {
        name: 'mail-${index}'
        emailAddress: address
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alerts 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${functionAppName}-${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: rule.title
      description: rule.description
      enabled: true
      severity: rule.severity
      scopes: [workspaceId]
      evaluationFrequency: 'PT5M'
      windowSize: rule.window
      autoMitigate: true
      criteria: {
        allOf: [
          {
            query: join(rule.query, '\n')
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: rule.threshold
            dimensions: rule.byJob
              ? [
                  {
                    name: 'Job'
                    operator: 'Include'
                    values: ['*']
                  }
                ]
              : []
            failingPeriods: {
              numberOfEvaluationPeriods: 1
              minFailingPeriodsToAlert: 1
            }
          }
        ]
      }
      actions: {
        actionGroups: concat(actionGroupIds, empty(emails) ? [] : [mails.id])
      }
    }
  }
]
