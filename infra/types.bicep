// Types of the parameters. `job` mirrors an object of the app setting KUSTO_COPY_JOBS: the check in
// `cargo xtask infra-check` compares its members with those that the handler reads.

@export()
@description('A database and its copy.')
type databasePair = {
  @description('Name of the database at the source.')
  @minLength(1)
  source: string

  @description('Name of the database at the destination; the same when left out. It must exist.')
  @minLength(1)
  destination: string?
}

@export()
@description('One replication.')
type job = {
  @description('Name in logs, alerts and on the status page. Unless `lake` is given it is also the folder in the lake: then only ASCII letters, digits, - and _.')
  @minLength(1)
  @maxLength(64)
  name: string

  @description('Query endpoint of the source cluster, for example https://mycluster.westeurope.kusto.windows.net.')
  @minLength(10)
  source: string

  @description('Query endpoint of the destination cluster.')
  @minLength(10)
  destination: string

  @description('The databases to copy.')
  @minLength(1)
  databases: databasePair[]

  @description('Copy only these tables; all when left out.')
  tablesInclude: string[]?

  @description('Leave these tables out.')
  tablesExclude: string[]?

  @description('Tables whose rows go first.')
  priority: string[]?

  @description('How old the copy may become, for example 5m, 1h30m. Alerts compare the lag with it.')
  rpo: string?

  @description('Go on with iteration after iteration; true when left out.')
  continuous: bool?

  @description('Container, or folder in one, for staged files and the ledger. When left out: a folder of the container that this deployment makes. One of your own needs the rights that modules/lake-roles.bicep gives.')
  lake: string?

  @description('Further containers for staged files, in any account, used in turn. They need the same rights as the lake.')
  places: string[]?

  @description('Address of the table that keeps the progress. When left out: the table that this deployment makes, or with a lake of your own the table `kustocopy` of the lake\'s account.')
  state: string?

  @description('How the clusters get at staged files: `sas` (short-lived signatures, the default), `managed-identity=system`, `managed-identity=<object id>` or `impersonate`.')
  stagingAccess: string?

  @description('How long a signature for a cluster holds: 3h when left out, at most 6d.')
  sasLifetime: string?

  @description('Leave out rows that were ingested longer ago than this in the first iteration, for example 30d.')
  backfillHorizon: string?

  @description('Queries of this job at once.')
  @minValue(1)
  querySlots: int?

  @description('Exports of this job at once; the cluster\'s capacity when left out.')
  @minValue(1)
  exportSlots: int?

  @description('Ingestions of this job at once; the cluster\'s capacity when left out.')
  @minValue(1)
  ingestionSlots: int?

  @description('Part of the clusters\' capacity to use, above 0 and up to 1, as text since Bicep has no fractions: \'0.5\'.')
  @minLength(1)
  share: string?

  @description('Take over destination tables that are not empty or belong to another job.')
  adoptDestination: bool?

  @description('Copy sources whose reads may lose rows, such as tables with row-level security.')
  force: bool?

  @description('Bounds of the copier by key, such as { block_rows: \'1000000\' }.')
  set: limits?
}

@export()
@description('Bounds of the copier by their key.')
type limits = {
  *: string
}

@export()
@description('Databases of a source cluster that the app may read.')
type sourceCluster = {
  @description('Name of the cluster resource.')
  @minLength(4)
  @maxLength(22)
  name: string

  @description('Its resource group.')
  @minLength(1)
  resourceGroup: string

  @description('Its subscription; that of the deployment when left out.')
  subscriptionId: string?

  @description('The databases.')
  @minLength(1)
  databases: string[]

  @description('Also read tables with a restricted view access policy; false when left out.')
  unrestrictedViewer: bool?
}

@export()
@description('Databases of a destination cluster that the app may write.')
type destinationCluster = {
  @description('Name of the cluster resource.')
  @minLength(4)
  @maxLength(22)
  name: string

  @description('Its resource group.')
  @minLength(1)
  resourceGroup: string

  @description('Its subscription; that of the deployment when left out.')
  subscriptionId: string?

  @description('The databases.')
  @minLength(1)
  databases: string[]
}

@export()
@description('A person, group or program that drives jobs from the command line.')
type operator = {
  @description('Object id in Entra.')
  @minLength(36)
  @maxLength(36)
  principalId: string

  @description('What it is.')
  principalType: 'User' | 'Group' | 'ServicePrincipal'
}

@export()
@description('How one execution behaves: stay and watch running commands up to the budget, or return as soon as nothing is due.')
type style = 'throughput' | 'economy'

@export()
@description('Memory of an instance in MB, the sizes of Flex Consumption.')
type instanceMemory = 512 | 2048 | 4096

@export()
@description('Copies of the lake and the state: in one data centre, in three zones, or also in the paired region.')
type redundancy = 'Standard_LRS' | 'Standard_ZRS' | 'Standard_GRS' | 'Standard_GZRS'
