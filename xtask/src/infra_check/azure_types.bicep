// Members of the resources that infra/ makes, transcribed from Microsoft's published Bicep types
// (Azure/bicep-types-az, generated/**/types.md) without read-only members, and only as deep as
// infra/ goes; `any` is not looked into. A member that is missing here may still exist: look it up
// there and add it. Network types and role assignments are from the template reference.

type resources = {
  'Microsoft.Authorization/roleAssignments@2022-04-01': roleAssignment
  'Microsoft.Insights/actionGroups@2023-01-01': actionGroup
  'Microsoft.Insights/components@2020-02-02': component
  'Microsoft.Insights/scheduledQueryRules@2023-12-01': scheduledQueryRule
  'Microsoft.Kusto/clusters@2025-02-14': any
  'Microsoft.Kusto/clusters/databases@2025-02-14': any
  'Microsoft.Kusto/clusters/databases/principalAssignments@2025-02-14': principalAssignment
  'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30': plain
  'Microsoft.Network/privateDnsZones@2024-06-01': plain
  'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01': virtualNetworkLink
  'Microsoft.Network/privateEndpoints@2025-09-01': privateEndpoint
  'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2025-09-01': privateDnsZoneGroup
  'Microsoft.Network/virtualNetworks@2025-09-01': virtualNetwork
  'Microsoft.OperationalInsights/workspaces@2026-03-01': workspace
  'Microsoft.Resources/resourceGroups@2025-04-01': plain
  'Microsoft.Storage/storageAccounts@2026-04-01': storageAccount
  'Microsoft.Storage/storageAccounts/blobServices@2026-04-01': blobService
  'Microsoft.Storage/storageAccounts/blobServices/containers@2026-04-01': container
  'Microsoft.Storage/storageAccounts/managementPolicies@2026-04-01': managementPolicy
  'Microsoft.Storage/storageAccounts/queueServices@2026-04-01': nameOnly
  'Microsoft.Storage/storageAccounts/queueServices/queues@2026-04-01': nameOnly
  'Microsoft.Storage/storageAccounts/tableServices@2026-04-01': nameOnly
  'Microsoft.Storage/storageAccounts/tableServices/tables@2026-04-01': nameOnly
  'Microsoft.Web/serverfarms@2025-03-01': plan
  'Microsoft.Web/sites@2025-03-01': site
  'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2025-03-01': publishingPolicy
  'Microsoft.Web/sites/config@2025-03-01': any
}

type tags = {
  *: string
}

type nameOnly = {
  name: string
}

type plain = {
  name: string
  location: string
  tags: tags
}

type roleAssignment = {
  name: string
  properties: {
    condition: string
    conditionVersion: '2.0'
    delegatedManagedIdentityResourceId: string
    description: string
    principalId: string
    principalType: 'Device' | 'ForeignGroup' | 'Group' | 'ServicePrincipal' | 'User'
    roleDefinitionId: string
  }
}

type actionGroup = {
  name: string
  location: string
  tags: tags
  properties: {
    armRoleReceivers: any
    automationRunbookReceivers: any
    azureAppPushReceivers: any
    azureFunctionReceivers: any
    emailReceivers: {
      emailAddress: string
      name: string
      useCommonAlertSchema: bool
    }[]
    enabled: bool
    eventHubReceivers: any
    groupShortName: string
    itsmReceivers: any
    logicAppReceivers: any
    smsReceivers: any
    voiceReceivers: any
    webhookReceivers: any
  }
}

type component = {
  name: string
  location: string
  tags: tags
  kind: string
  properties: {
    Application_Type: 'other' | 'web'
    DisableIpMasking: bool
    DisableLocalAuth: bool
    Flow_Type: 'Bluefield'
    ForceCustomerStorageForProfiler: bool
    HockeyAppId: string
    ImmediatePurgeDataOn30Days: bool
    IngestionMode: 'ApplicationInsights' | 'ApplicationInsightsWithDiagnosticSettings' | 'LogAnalytics'
    publicNetworkAccessForIngestion: 'Disabled' | 'Enabled'
    publicNetworkAccessForQuery: 'Disabled' | 'Enabled'
    Request_Source: 'rest'
    RetentionInDays: int
    SamplingPercentage: int
    WorkspaceResourceId: string
  }
}

type scheduledQueryRule = {
  name: string
  location: string
  tags: tags
  identity: any
  kind: 'LogAlert' | 'LogToMetric'
  properties: {
    actions: {
      actionGroups: string[]
      actionProperties: tags
      customProperties: tags
    }
    autoMitigate: bool
    checkWorkspaceAlertsStorageConfigured: bool
    criteria: {
      allOf: {
        dimensions: {
          name: string
          operator: 'Exclude' | 'Include'
          values: string[]
        }[]
        failingPeriods: {
          minFailingPeriodsToAlert: int
          numberOfEvaluationPeriods: int
        }
        metricMeasureColumn: string
        metricName: string
        operator: 'Equals' | 'GreaterThan' | 'GreaterThanOrEqual' | 'LessThan' | 'LessThanOrEqual'
        query: string
        resourceIdColumn: string
        threshold: int
        timeAggregation: 'Average' | 'Count' | 'Maximum' | 'Minimum' | 'Total'
      }[]
    }
    description: string
    displayName: string
    enabled: bool
    evaluationFrequency: string
    muteActionsDuration: string
    overrideQueryTimeRange: string
    ruleResolveConfiguration: any
    scopes: string[]
    severity: int
    skipQueryValidation: bool
    targetResourceTypes: string[]
    windowSize: string
  }
}

type principalAssignment = {
  name: string
  properties: {
    principalId: string
    principalType: 'App' | 'Group' | 'User'
    role: 'Admin' | 'Ingestor' | 'Monitor' | 'UnrestrictedViewer' | 'User' | 'Viewer'
    tenantId: string
  }
}

type virtualNetworkLink = {
  name: string
  location: string
  tags: tags
  properties: {
    registrationEnabled: bool
    resolutionPolicy: 'Default' | 'NxDomainRedirect'
    virtualNetwork: {
      id: string
    }
  }
}

type privateEndpoint = {
  name: string
  location: string
  tags: tags
  extendedLocation: any
  properties: {
    applicationSecurityGroups: any
    customDnsConfigs: any
    customNetworkInterfaceName: string
    ipConfigurations: any
    manualPrivateLinkServiceConnections: any
    privateLinkServiceConnections: {
      name: string
      properties: {
        groupIds: string[]
        privateLinkServiceConnectionState: any
        privateLinkServiceId: string
        requestMessage: string
      }
    }[]
    subnet: {
      id: string
    }
  }
}

type privateDnsZoneGroup = {
  name: string
  properties: {
    privateDnsZoneConfigs: {
      name: string
      properties: {
        privateDnsZoneId: string
      }
    }[]
  }
}

type virtualNetwork = {
  name: string
  location: string
  tags: tags
  properties: {
    addressSpace: {
      addressPrefixes: string[]
    }
    dhcpOptions: any
    encryption: any
    subnets: {
      name: string
      properties: {
        addressPrefix: string
        delegations: {
          name: string
          properties: {
            serviceName: string
          }
        }[]
        natGateway: any
        networkSecurityGroup: any
        privateEndpointNetworkPolicies: 'Disabled' | 'Enabled' | 'NetworkSecurityGroupEnabled' | 'RouteTableEnabled'
        routeTable: any
        serviceEndpoints: any
      }
    }[]
  }
}

type workspace = {
  name: string
  location: string
  tags: tags
  identity: any
  properties: {
    features: any
    publicNetworkAccessForIngestion: 'Disabled' | 'Enabled'
    publicNetworkAccessForQuery: 'Disabled' | 'Enabled'
    retentionInDays: int
    sku: {
      name: 'CapacityReservation' | 'Free' | 'LACluster' | 'PerGB2018' | 'PerNode' | 'Premium' | 'Standalone' | 'Standard'
    }
    workspaceCapping: any
  }
}

type storageAccount = {
  name: string
  location: string
  tags: tags
  identity: any
  kind: 'BlobStorage' | 'BlockBlobStorage' | 'FileStorage' | 'Storage' | 'StorageV2'
  sku: {
    name: string
  }
  properties: {
    accessTier: 'Cold' | 'Cool' | 'Hot' | 'Premium' | 'Smart'
    allowBlobPublicAccess: bool
    allowCrossTenantReplication: bool
    allowedCopyScope: 'AAD' | 'All' | 'PrivateLink'
    allowSharedKeyAccess: bool
    defaultToOAuthAuthentication: bool
    dnsEndpointType: 'AzureDnsZone' | 'Standard'
    encryption: any
    isHnsEnabled: bool
    isLocalUserEnabled: bool
    isSftpEnabled: bool
    keyPolicy: any
    minimumTlsVersion: 'TLS1_0' | 'TLS1_1' | 'TLS1_2' | 'TLS1_3'
    networkAcls: any
    publicNetworkAccess: 'Disabled' | 'Enabled' | 'SecuredByPerimeter'
    sasPolicy: any
    supportsHttpsTrafficOnly: bool
  }
}

type blobService = {
  name: 'default'
  properties: {
    changeFeed: any
    containerDeleteRetentionPolicy: deleteRetentionPolicy
    cors: any
    defaultServiceVersion: string
    deleteRetentionPolicy: deleteRetentionPolicy
    isVersioningEnabled: bool
    lastAccessTimeTrackingPolicy: any
    restorePolicy: any
  }
}

type deleteRetentionPolicy = {
  allowPermanentDelete: bool
  days: int
  enabled: bool
}

type container = {
  name: string
  properties: {
    defaultEncryptionScope: string
    denyEncryptionScopeOverride: bool
    immutableStorageWithVersioning: any
    metadata: tags
    publicAccess: 'Blob' | 'Container' | 'None'
  }
}

type managementPolicy = {
  name: 'default'
  properties: {
    policy: {
      rules: {
        definition: {
          actions: {
            baseBlob: {
              delete: {
                daysAfterCreationGreaterThan: int
                daysAfterLastAccessTimeGreaterThan: int
                daysAfterLastTierChangeGreaterThan: int
                daysAfterModificationGreaterThan: int
              }
              enableAutoTierToHotFromCool: bool
              tierToArchive: any
              tierToCold: any
              tierToCool: any
              tierToHot: any
            }
            snapshot: any
            version: any
          }
          filters: {
            blobIndexMatch: any
            blobTypes: string[]
            prefixMatch: string[]
          }
        }
        enabled: bool
        name: string
        type: 'Lifecycle'
      }[]
    }
  }
}

type plan = {
  name: string
  location: string
  tags: tags
  kind: string
  sku: {
    name: string
    tier: string
  }
  properties: {
    reserved: bool
    zoneRedundant: bool
  }
}

type site = {
  name: string
  location: string
  tags: tags
  kind: string
  identity: {
    type: 'None' | 'SystemAssigned' | 'SystemAssigned, UserAssigned' | 'UserAssigned'
    userAssignedIdentities: any
  }
  properties: {
    clientAffinityEnabled: bool
    clientCertEnabled: bool
    clientCertMode: 'Optional' | 'OptionalInteractiveUser' | 'Required'
    enabled: bool
    endToEndEncryptionEnabled: bool
    functionAppConfig: {
      deployment: {
        storage: {
          authentication: {
            storageAccountConnectionStringName: string
            type: 'StorageAccountConnectionString' | 'SystemAssignedIdentity' | 'UserAssignedIdentity'
            userAssignedIdentityResourceId: string
          }
          type: 'blobContainer'
          value: string
        }
      }
      runtime: {
        name: 'custom' | 'dotnet-isolated' | 'java' | 'node' | 'powershell' | 'python'
        version: string
      }
      scaleAndConcurrency: {
        alwaysReady: any
        instanceMemoryMB: int
        maximumInstanceCount: int
        triggers: any
      }
    }
    httpsOnly: bool
    keyVaultReferenceIdentity: string
    outboundVnetRouting: any
    publicNetworkAccess: 'Disabled' | 'Enabled'
    serverFarmId: string
    siteConfig: {
      cors: any
      ipSecurityRestrictions: any
      minTlsVersion: '1.0' | '1.1' | '1.2' | '1.3'
      scmIpSecurityRestrictions: any
    }
    sshEnabled: bool
    virtualNetworkSubnetId: string
  }
}

type publishingPolicy = {
  name: 'ftp' | 'scm'
  properties: {
    allow: bool
  }
}
