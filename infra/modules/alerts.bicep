// Alerts on the JSON line that ends each step of a job (event `step`).
//
// The handler writes the line to its standard output; the host forwards it as a trace whose message
// is the line. `lag_ms` is absent until the first iteration is committed, so a backfill never alerts.
// A test runs the queries over the lines of a real handler: tests/it/serverless/alerts.rs, which
// reads the arrays below, one string a line.

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

@description('Names of the jobs that go on for ever. The lag of others grows once they have ended.')
param continuousJobNames string[]

@description('Whom to tell by mail.')
param emails string[]

@description('Existing action groups to call.')
param actionGroupIds string[]

@description('How long a lag stays above the RPO before it alerts.')
param lagWindow string

@description('How long a job may be silent.')
param heartbeatWindow string

var expectedJobs = string(jobNames)
var continuousJobs = string(continuousJobNames)

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
  '| where Job in (dynamic(${continuousJobs}))'
  '| extend Ratio = todouble(Line.lag_ms) / todouble(Line.rpo_ms)'
  '| where isfinite(Ratio)'
  '| summarize Ratio = min(Ratio) by Job'
  '| where Ratio > 1'
])

// A job that was never seen is missed too, since the set is made even of no rows.
var heartbeatQuery = concat(steps, [
  '| summarize Seen = make_set(Job, 10000)'
  '| extend Job = dynamic(${expectedJobs})'
  '| mv-expand Job to typeof(string)'
  '| where array_index_of(Seen, Job) < 0'
])

// Held: something waits for a person, and nothing of it goes on by itself. A step that failed is
// tried again by the next execution, so failures count when no step of the window went well.
var failureQuery = concat(steps, [
  '| extend Outcome = tostring(Line.outcome)'
  '| summarize Held = countif(Outcome == "held"), Failed = countif(Outcome == "failed"), Steps = count() by Job'
  '| where Held > 0 or Failed == Steps'
])

var rules = [
  {
    name: 'lag'
    title: 'kusto-copy: the copy is older than its RPO'
    description: 'A job\'s lag did not come below its RPO in the whole window. A paused job alerts as well.'
    query: lagQuery
    window: lagWindow
    severity: 2
  }
  {
    name: 'heartbeat'
    title: 'kusto-copy: a job is not being advanced'
    description: 'No step of a job ended in the window: the app does not run, its settings are refused, or every execution is killed before its end.'
    query: heartbeatQuery
    window: heartbeatWindow
    severity: 1
  }
  {
    name: 'failures'
    title: 'kusto-copy: a job fails or waits for a person'
    description: 'Something is held, or every step of the window failed. The status page names the reason and the remedy.'
    query: failureQuery
    window: heartbeatWindow
    severity: 2
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
      // A new workspace does not know its tables yet.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: join(rule.query, '\n')
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            dimensions: [
              {
                name: 'Job'
                operator: 'Include'
                values: ['*']
              }
            ]
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
